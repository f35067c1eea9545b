// Package registrytest holds every registry.Storage to the same contract.
package registrytest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/master/registry"
)

// Run runs the suite. fresh prepares an empty place and returns a function that opens it: called
// again, it opens the same place anew, as a restarted master would.
func Run(t *testing.T, fresh func(t *testing.T) (open func() registry.Storage)) {
	t.Run("a new storage is empty", func(t *testing.T) {
		entries, err := fresh(t)().Load(t.Context())
		require.NoError(t, err)
		require.Empty(t, entries)
	})
	t.Run("what was written is there after a restart, in the order of keys", func(t *testing.T) {
		open := fresh(t)
		s := open()
		require.NoError(t, s.Write(t.Context(), []registry.Entry{{Key: "b", Value: []byte("2")}, {Key: "a", Value: []byte("1")}}))
		require.NoError(t, s.Write(t.Context(), []registry.Entry{{Key: "c", Value: []byte{}}}))
		entries, err := open().Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"a=1", "b=2", "c="}, text(entries))
	})
	t.Run("a write replaces and deletes", func(t *testing.T) {
		open := fresh(t)
		s := open()
		require.NoError(t, s.Write(t.Context(), []registry.Entry{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}}))
		require.NoError(t, s.Write(t.Context(), []registry.Entry{{Key: "a", Value: []byte("3")}, {Key: "b"}, {Key: "never there"}}))
		entries, err := open().Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"a=3"}, text(entries))
	})
	t.Run("a write is all or nothing", func(t *testing.T) {
		open := fresh(t)
		s := open()
		// No storage takes an empty key, or it takes it for what it is; either way nothing is half done.
		err := s.Write(t.Context(), []registry.Entry{{Key: "a", Value: []byte("1")}, {Key: "", Value: []byte("2")}})
		entries, loadErr := open().Load(t.Context())
		require.NoError(t, loadErr)
		if err != nil {
			require.Empty(t, entries)
		} else {
			require.Len(t, entries, 2)
		}
	})
	t.Run("the caller keeps its slices", func(t *testing.T) {
		s := fresh(t)()
		value := []byte("1")
		require.NoError(t, s.Write(t.Context(), []registry.Entry{{Key: "a", Value: value}}))
		value[0] = 'x'
		entries, err := s.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"a=1"}, text(entries))
		entries[0].Value[0] = 'x'
		entries, err = s.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"a=1"}, text(entries))
	})
	t.Run("Close may be called twice", func(t *testing.T) {
		s := fresh(t)()
		require.NoError(t, s.Close())
		require.NoError(t, s.Close())
	})
}

func text(entries []registry.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = fmt.Sprintf("%s=%s", e.Key, e.Value)
	}
	return out
}
