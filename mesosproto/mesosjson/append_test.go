package mesosjson

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is written beside messages looks as what is written in them, and costs no copy.
func TestAppend(t *testing.T) {
	require.Equal(t, `x"a\"\\\b\f\n\r\t\u001Fé`+"\uFFFD\"", string(AppendString([]byte("x"), "a\"\\\b\f\n\r\t\x1fé\xff")))
	require.Equal(t, "x1795248359.4378918", string(AppendDouble([]byte("x"), 1795248359.4378917)))
	long := string(make([]byte, 100))
	dst := make([]byte, 0, 1000)
	require.Zero(t, testing.AllocsPerRun(100, func() { dst = AppendString(dst[:0], long) }))
}
