package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// While the folder can't be synced after the log was written anew, a machine that dies comes back with the
// old log: it has what was saved, and what it has not was not saved.
func TestNothingIsSavedInALogThatTheFolderMayNotHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, s.Save(map[string][]byte{"a": []byte("1")}))
	s.syncFolder = func(string) error { return errors.New("no") }
	old := path + ".old"
	require.NoError(t, os.Link(path, old))

	large := []byte(strings.Repeat("x", compactAt/3))
	for s.placed {
		require.NoError(t, s.Save(map[string][]byte{"large": large}), "it is in both logs")
	}
	require.ErrorContains(t, s.Save(map[string][]byte{"b": []byte("1")}), "syncing the folder")
	require.Equal(t, map[string]string{"a": "1", "large": string(large)}, in(t, path))
	require.Equal(t, in(t, path), in(t, old))

	s.syncFolder = syncFolder
	require.NoError(t, s.Save(map[string][]byte{"b": []byte("1")}))
	require.NoError(t, s.Close())
	require.Equal(t, map[string]string{"a": "1", "b": "1", "large": string(large)}, in(t, path))
}

// A log that can't be written anew only grows.
func TestALogThatCanNotBeWrittenAnewGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, err := Open(path)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, os.Mkdir(path+".new", 0o700)) // in its way
	large := []byte(strings.Repeat("x", compactAt))
	for range 6 {
		require.NoError(t, s.Save(map[string][]byte{"large": large}))
	}
	require.Greater(t, s.size, int64(6*compactAt))
	require.NoError(t, os.Remove(path+".new"))
	require.NoError(t, s.Save(map[string][]byte{"large": large}))
	require.Less(t, s.size, int64(2*compactAt))
}

// in is what a log holds.
func in(t *testing.T, path string) map[string]string {
	log, err := os.ReadFile(path)
	require.NoError(t, err)
	entries, good, err := replay(log)
	require.NoError(t, err)
	require.Equal(t, len(log), good)
	out := map[string]string{}
	for key, value := range entries {
		out[key] = string(value)
	}
	return out
}
