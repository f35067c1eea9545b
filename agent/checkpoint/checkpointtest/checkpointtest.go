// Package checkpointtest holds every checkpoint.Store to the same contract.
package checkpointtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/checkpoint"
)

// Run runs the suite. fresh prepares an empty place and returns a function that opens it: called
// again, it opens the same place anew, as a restarted agent would.
func Run(t *testing.T, fresh func(t *testing.T) (open func() checkpoint.Store)) {
	put := func(key, value string) checkpoint.Entry {
		return checkpoint.Entry{Key: key, Value: []byte(value)}
	}
	t.Run("a new store is empty", func(t *testing.T) {
		require.Empty(t, text(t, fresh(t)()))
	})
	for _, sync := range []bool{false, true} {
		t.Run(fmt.Sprintf("what was appended is there after a restart, sync %v", sync), func(t *testing.T) {
			open := fresh(t)
			s := open()
			require.NoError(t, s.Append([]checkpoint.Entry{put("b", "2"), put("a", "1")}, sync))
			require.NoError(t, s.Append([]checkpoint.Entry{put("c", ""), put("a", "3")}, sync))
			require.NoError(t, s.Append([]checkpoint.Entry{{Key: "b"}, {Key: "never there"}}, sync))
			require.Equal(t, []string{"a=3", "c="}, text(t, open()))
		})
	}
	t.Run("changes of one batch apply in order", func(t *testing.T) {
		open := fresh(t)
		require.NoError(t, open().Append([]checkpoint.Entry{put("a", "1"), {Key: "a"}, put("a", "2"), put("b", "1"), {Key: "b"}}, false))
		require.Equal(t, []string{"a=2"}, text(t, open()))
	})
	t.Run("a batch that is refused leaves nothing", func(t *testing.T) {
		open := fresh(t)
		s := open()
		require.NoError(t, s.Append([]checkpoint.Entry{put("a", "1")}, false))
		require.ErrorContains(t, s.Append([]checkpoint.Entry{put("b", "1"), put("", "2")}, false), "no key")
		require.ErrorContains(t, s.Append([]checkpoint.Entry{put("b", "1"), put(strings.Repeat("k", checkpoint.MaxKey+1), "2")}, false), "bytes")
		require.NoError(t, s.Append([]checkpoint.Entry{put("c", "1")}, true))
		require.Equal(t, []string{"a=1", "c=1"}, text(t, open()))
	})
	t.Run("the caller keeps its slice of changes, and what it loaded", func(t *testing.T) {
		open := fresh(t)
		s, changes := open(), []checkpoint.Entry{put("a", "1")}
		require.NoError(t, s.Append(changes, false))
		changes[0] = put("b", "2")
		loaded, err := s.Load()
		require.NoError(t, err)
		loaded[0].Value[0] = 'x'
		require.Equal(t, []string{"a=1"}, text(t, open()))
	})
	t.Run("Close may be called twice", func(t *testing.T) {
		s := fresh(t)()
		require.NoError(t, s.Close())
		require.NoError(t, s.Close())
	})
}

func text(t *testing.T, s checkpoint.Store) []string {
	entries, err := s.Load()
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, fmt.Sprintf("%s=%s", e.Key, e.Value))
	}
	return out
}
