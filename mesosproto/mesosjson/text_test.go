package mesosjson

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlainPrefixFindsEveryByteAtEveryPlace(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			for after := range 20 {
				s := bytes.Repeat([]byte{'~'}, at+1+after)
				s[at] = byte(c)
				want := len(s)
				if !plain[c] {
					want = at
				}
				require.Equal(t, want, plainPrefix(s), "byte %#x at %d of %d", c, at, len(s))
			}
		}
	}
	require.Equal(t, 2, plainPrefix([]byte(" !\"#\\\x1f \xff\xff\xff")), "the first of several")
}
