package containerizer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

func id(values ...string) *mesosproto.ContainerID {
	var p *mesosproto.ContainerID
	for _, v := range values {
		p = &mesosproto.ContainerID{Value: proto.String(v), Parent: p}
	}
	return p
}

func TestKeyJoinsParentsOutermostFirst(t *testing.T) {
	require.Equal(t, "a", Key(id("a")))
	require.Equal(t, "a.b.c", Key(id("a", "b", "c")))
	require.Empty(t, Key(nil))
}

// Container ids are file names, so what a peer sends must not escape a directory.
func TestCheckID(t *testing.T) {
	for _, ok := range []*mesosproto.ContainerID{
		id("a"), id("4cfa6e5b-7ad5-4ac7-9d43-1c1d5c9ae6ff"), id("a", "b"), id(strings.Repeat("a", 242)),
	} {
		require.NoError(t, CheckID(ok), Key(ok))
	}
	for name, bad := range map[string]*mesosproto.ContainerID{
		"nil": nil, "empty": id(""), "empty parent": id("", "a"), "dot": id("a.b"), "up": id(".."), "slash": id("a/b"),
		"backslash": id(`a\b`), "space": id("a b"), "newline": id("a\n"), "nul": id("a\x00"), "delete": id("\x7f"),
		"long": id(strings.Repeat("a", 243)), "long together": id(strings.Repeat("a", 121), strings.Repeat("b", 121)),
	} {
		require.Error(t, CheckID(bad), name)
	}
}
