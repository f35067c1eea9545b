package containerizer

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpenOutputAppends(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "stdout"), []byte("fetched\n"), 0o600))
	stdout, stderr, err := OpenOutput(dir, -1, -1)
	require.NoError(t, err)
	for _, f := range []*os.File{stdout, stderr} {
		_, err = f.WriteString("more\n")
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	for name, want := range map[string]string{"stdout": "fetched\nmore\n", "stderr": "more\n"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(got), name)
	}
}

// A fetched archive may hold anything under the names stdout and stderr.
func TestOpenOutputTouchesNothingOutsideTheSandbox(t *testing.T) {
	for name, plant := range map[string]func(path, outside string) error{
		"symlink":          func(path, outside string) error { return os.Symlink(outside, path) },
		"dangling symlink": func(path, outside string) error { return os.Symlink(outside+".new", path) },
		"FIFO":             func(path, _ string) error { return syscall.Mkfifo(path, 0o644) },
		"directory":        func(path, _ string) error { return os.Mkdir(path, 0o755) },
	} {
		for _, file := range []string{"stdout", "stderr"} {
			dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "passwd")
			require.NoError(t, os.WriteFile(outside, []byte("root"), 0o600))
			require.NoError(t, plant(filepath.Join(dir, file), outside), name)
			_, _, err := OpenOutput(dir, -1, -1)
			require.ErrorContains(t, err, file, name)
			got, err := os.ReadFile(outside)
			require.NoError(t, err)
			require.Equal(t, "root", string(got), name)
			require.NoFileExists(t, outside+".new", name)
		}
	}
}

func TestOpenOutputWithoutASandbox(t *testing.T) {
	_, _, err := OpenOutput(filepath.Join(t.TempDir(), "gone"), -1, -1)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "sandbox must exist")
}
