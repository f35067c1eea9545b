package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/checkpoint"
)

// number is a small entry.
func number(n int) []checkpoint.Entry {
	return []checkpoint.Entry{{Key: fmt.Sprint(n), Value: []byte("1")}}
}

// While the directory can't be synced after a rewrite, a machine that dies comes back with the old log.
// What was said to be durable is in it; what could not be made durable is an error, and is there once
// when it is tried again.
func TestNothingIsDurableInALogThatTheDirectoryMayNotHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	s, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, s.Append(number(0), true))
	s.syncDir = func(string) error { return errors.New("no") }
	old := path + ".old"
	require.NoError(t, os.Link(path, old))

	value := make([]byte, 1<<20)
	for s.placed {
		require.NoError(t, s.Append([]checkpoint.Entry{{Key: "large", Value: value}}, true), "it is in both logs")
	}
	require.ErrorContains(t, s.Append(number(1), true), "sync the checkpoint's directory: no")
	require.NoError(t, s.Append(number(2), false), "which is safe from a crash of the process")
	require.Equal(t, map[string]bool{"0": true, "large": true, "2": true}, keysIn(t, path))
	require.Equal(t, map[string]bool{"0": true, "large": true}, keysIn(t, old), "all that was durable")

	s.syncDir = syncDir
	require.NoError(t, s.Append(number(1), true))
	require.NoError(t, s.Close())
	require.Equal(t, map[string]bool{"0": true, "large": true, "1": true, "2": true}, keysIn(t, path))
}

// A new log has to be in its directory, too.
func TestTheFirstDurableBatchSyncsTheDirectory(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "meta", "checkpoint"))
	require.NoError(t, err)
	defer s.Close()
	s.syncDir = func(string) error { return errors.New("no") }
	require.NoError(t, s.Append(number(0), false))
	require.Error(t, s.Append(number(1), true))
	synced := 0
	s.syncDir = func(string) error { synced++; return nil }
	require.NoError(t, s.Append(number(1), true))
	require.NoError(t, s.Append(number(2), true))
	require.Equal(t, 1, synced)
}

// After a sync has failed nobody knows what of the log is on the disk, whatever the next sync says.
func TestALogThatCouldNotBeSyncedIsWrittenAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	s, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, s.Append(number(0), false))
	old, err := os.Stat(path)
	require.NoError(t, err)
	s.sync = func(*os.File) error { return errors.New("no") }
	require.ErrorContains(t, s.Append(number(1), true), "no")
	require.ErrorContains(t, s.Append(number(1), true), "after it could not be synced: no")
	require.NoError(t, s.Append(number(2), false))
	now, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(old, now))

	s.sync = syncFile
	require.NoError(t, s.Append(number(3), true))
	now, err = os.Stat(path)
	require.NoError(t, err)
	require.False(t, os.SameFile(old, now))
	require.NoError(t, s.Close())
	require.Equal(t, map[string]bool{"0": true, "2": true, "3": true}, keysIn(t, path))
}

// keysIn are the keys in a log.
func keysIn(t *testing.T, path string) map[string]bool {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	values, keys := map[string][]byte{}, map[string]bool{}
	require.Equal(t, len(b)-len(magic), replay(b[len(magic):], values))
	for k := range values {
		keys[k] = true
	}
	return keys
}
