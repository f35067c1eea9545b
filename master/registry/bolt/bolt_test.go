package bolt_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/registry/bolt"
	"github.com/mesokit/mesokit/master/registry/registrytest"
)

func TestStorage(t *testing.T) {
	registrytest.Run(t, func(t *testing.T) func() registry.Storage {
		path := filepath.Join(t.TempDir(), "work", "registry.db")
		var last *bolt.Storage
		return func() registry.Storage {
			if last != nil {
				require.NoError(t, last.Close())
			}
			s, err := bolt.Open(path)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			last = s
			return s
		}
	})
}

func TestTwoMastersCanNotShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	s, err := bolt.Open(path)
	require.NoError(t, err)
	_, err = bolt.Open(path)
	require.ErrorContains(t, err, "in use by another process")
	require.ErrorContains(t, err, path)
	require.NoError(t, s.Close())
}

func TestADamagedFileIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	require.NoError(t, os.WriteFile(path, []byte("not a database, but long enough to be read as one"), 0o600))
	_, err := bolt.Open(path)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "move it away")
}
