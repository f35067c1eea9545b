package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/checkpoint/checkpointtest"
	"github.com/mesokit/mesokit/agent/checkpoint/file"
)

func open(t testing.TB, path string) *file.Store {
	s, err := file.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	checkpointtest.Run(t, func(t *testing.T) func() checkpoint.Store {
		path := filepath.Join(t.TempDir(), "meta", "checkpoint")
		var last *file.Store
		return func() checkpoint.Store {
			if last != nil {
				require.NoError(t, last.Close())
			}
			last = open(t, path)
			return last
		}
	})
}

func keys(t testing.TB, s checkpoint.Store) (out []string) {
	entries, err := s.Load()
	require.NoError(t, err)
	for _, e := range entries {
		out = append(out, e.Key)
	}
	return out
}

// A machine can die at any byte of the log: whatever is left, the batches before it are whole and the
// batch at the end is there or not.
func TestALogCutAnywhereKeepsItsWholeBatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	s, err := file.Open(path)
	require.NoError(t, err)
	var ends []int64
	for i := range 5 {
		require.NoError(t, s.Append([]checkpoint.Entry{{Key: fmt.Sprintf("%da", i), Value: []byte("x")}, {Key: fmt.Sprintf("%db", i), Value: []byte("y")}}, false))
		info, err := os.Stat(path)
		require.NoError(t, err)
		ends = append(ends, info.Size())
	}
	require.NoError(t, s.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := range len(whole) {
		require.NoError(t, os.WriteFile(path, whole[:cut], 0o600))
		s, err := file.Open(path)
		require.NoError(t, err, cut)
		batches := 0
		for _, end := range ends {
			if int64(cut) >= end {
				batches++
			}
		}
		require.Len(t, keys(t, s), 2*batches, "cut at %d", cut)
		require.NoError(t, s.Append([]checkpoint.Entry{{Key: "after", Value: []byte("z")}}, true))
		require.NoError(t, s.Close())
		again, err := file.Open(path)
		require.NoError(t, err)
		require.Len(t, keys(t, again), 2*batches+1, "cut at %d", cut)
		require.Zero(t, again.Dropped)
		require.NoError(t, again.Close())
	}
}

func TestADamagedByteEndsTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	s, err := file.Open(path)
	require.NoError(t, err)
	for _, key := range []string{"a", "b"} {
		require.NoError(t, s.Append([]checkpoint.Entry{{Key: key, Value: []byte("value")}}, true))
	}
	require.NoError(t, s.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[len(b)-14] ^= 1 // in the last batch
	require.NoError(t, os.WriteFile(path, b, 0o600))
	s = open(t, path)
	require.Equal(t, []string{"a"}, keys(t, s))
	require.Positive(t, s.Dropped)
}

func TestTwoAgentsCanNotShareAWorkDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	open(t, path)
	_, err := file.Open(path)
	require.ErrorContains(t, err, "in use by another process")
	require.ErrorContains(t, err, path)
}

func TestAFileOfAnotherFormatIsNotTouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	const other = "mesokit checkpoint 2\nsomething newer"
	require.NoError(t, os.WriteFile(path, []byte(other), 0o600))
	_, err := file.Open(path)
	require.ErrorContains(t, err, `"mesokit checkpoint 2"`)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, other, string(b))
}

func TestAStaleLogIsRewritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	s := open(t, path)
	value := []byte(strings.Repeat("x", 1<<20))
	for i := range 20 {
		require.NoError(t, s.Append([]checkpoint.Entry{{Key: "a", Value: value}, {Key: fmt.Sprint(i), Value: []byte("1")}}, false))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(6<<20))
	before := keys(t, s)
	require.NoError(t, s.Close())
	require.Equal(t, before, keys(t, open(t, path)))
	require.Len(t, before, 21)
}

func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed")
	s, err := file.Open(path)
	require.NoError(f, err)
	require.NoError(f, s.Append([]checkpoint.Entry{{Key: "a", Value: []byte("1")}, {Key: "b"}}, false))
	require.NoError(f, s.Close())
	seed, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "checkpoint")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		s, err := file.Open(path)
		if err != nil {
			return
		}
		first := keys(t, s)
		require.NoError(t, s.Close())
		require.Equal(t, first, keys(t, open(t, path)))
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "checkpoint"))
			entry := []checkpoint.Entry{{Key: "task/framework/executor/task", Value: make([]byte, 500)}}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Append(entry, sync); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
