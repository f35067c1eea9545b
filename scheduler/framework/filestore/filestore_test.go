package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	require.NoError(t, err)
	return s
}

func load(t *testing.T, s *Store) map[string][]byte {
	t.Helper()
	m, err := s.Load()
	require.NoError(t, err)
	return m
}

func TestWhatIsSavedIsThereAfterAReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	rapid.Check(t, func(r *rapid.T) {
		os.Remove(path)
		s := open(t, path)
		model := map[string][]byte{}
		for range rapid.IntRange(0, 20).Draw(r, "saves") {
			changes := map[string][]byte{}
			for range rapid.IntRange(0, 3).Draw(r, "changes") {
				key := rapid.SampledFrom([]string{"a", "b", "c", "d\n"}).Draw(r, "key")
				if rapid.Bool().Draw(r, "delete") {
					changes[key] = nil
					delete(model, key)
				} else {
					changes[key] = []byte(rapid.String().Draw(r, "value"))
					model[key] = changes[key]
				}
			}
			require.NoError(t, s.Save(changes))
			require.Equal(t, model, load(t, s))
		}
		require.NoError(t, s.Close())
		s = open(t, path)
		defer s.Close()
		require.Equal(t, model, load(t, s))
	})
}

func TestALineCutOffByACrashIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	require.NoError(t, s.Save(map[string][]byte{"a": []byte("1")}))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, s.Save(map[string][]byte{"a": []byte("2"), "b": []byte("3")}))
	require.NoError(t, s.Close())
	log, err := os.ReadFile(path)
	require.NoError(t, err)
	for n := len(whole); n < len(log); n++ {
		require.NoError(t, os.WriteFile(path, log[:n], 0o600))
		s := open(t, path)
		require.Equal(t, map[string][]byte{"a": []byte("1")}, load(t, s), "%d bytes", n)
		require.NoError(t, s.Save(map[string][]byte{"c": []byte("4")}))
		require.NoError(t, s.Close())
		s = open(t, path)
		require.Equal(t, map[string][]byte{"a": []byte("1"), "c": []byte("4")}, load(t, s), "%d bytes", n)
		require.NoError(t, s.Close())
	}
}

func TestDamageIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	require.NoError(t, s.Save(map[string][]byte{"a": []byte("1")}))
	require.NoError(t, s.Close())
	log, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range len(log) - 1 {
		bad := bytes.Clone(log)
		bad[i] ^= 1
		if bad[i] == '\n' {
			continue
		}
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		_, err := Open(path)
		require.Equal(t, codes.DataLoss, status.Code(err), "byte %d: %v", i, err)
	}
}

func TestAFailedWriteIsTriedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	require.NoError(t, s.Save(map[string][]byte{"a": []byte("1")}))
	good := s.file
	readOnly, err := os.Open(path)
	require.NoError(t, err)
	s.file = readOnly
	require.Error(t, s.Save(map[string][]byte{"a": []byte("2")}))
	require.Equal(t, "1", string(load(t, s)["a"]))
	s.file = good
	_, err = good.WriteAt([]byte("half a li"), s.size) // what the failed write may have left
	require.NoError(t, err)
	require.NoError(t, s.Save(map[string][]byte{"a": []byte("2"), "b": []byte("3")}))
	require.NoError(t, s.Close())
	readOnly.Close()
	s = open(t, path)
	defer s.Close()
	require.Equal(t, map[string][]byte{"a": []byte("2"), "b": []byte("3")}, load(t, s))
}

func TestTheLogDoesNotGrowForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	value := bytes.Repeat([]byte("x"), 10_000)
	for i := range 300 {
		require.NoError(t, s.Save(map[string][]byte{fmt.Sprint(i % 3): value, "last": fmt.Append(nil, i)}))
	}
	require.Less(t, s.size, int64(compactAt)+20_000)
	require.NoError(t, s.Close())
	s = open(t, path)
	defer s.Close()
	require.Equal(t, "299", string(load(t, s)["last"]))
	require.Len(t, load(t, s), 4)
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	_, err := Open(path)
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "%v", err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Wait(ctx, path, nil)
	require.ErrorIs(t, err, context.Canceled)
	got, told := make(chan *Store), make(chan error, 9)
	go func() {
		w, err := Wait(t.Context(), path, func(err error) { told <- err })
		if err != nil {
			t.Error(err)
		}
		got <- w
	}()
	require.Equal(t, codes.FailedPrecondition, status.Code(<-told))
	require.NoError(t, s.Close())
	require.NoError(t, (<-got).Close())
	require.Empty(t, told, "it is told once")
}

func TestAFolderMustExist(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "no", "state"))
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.False(t, errors.Is(err, errLocked))
}

func FuzzReplay(f *testing.F) {
	line, _, err := format(map[string][]byte{"a": []byte("1"), "b": nil})
	require.NoError(f, err)
	f.Add(line)
	f.Add(append(line, "half"...))
	f.Add([]byte("00000000 {}\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		entries, good, err := replay(log)
		if err != nil {
			return
		}
		again, whole, err := replay(log[:good])
		require.NoError(t, err)
		require.Equal(t, good, whole)
		require.Equal(t, entries, again)
	})
}
