package recordio_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/mesosproto/recordio"
)

func TestAppendRecord(t *testing.T) {
	b := recordio.AppendRecord([]byte("before "), []byte("hello"))
	b = recordio.AppendRecord(b, nil)
	b = recordio.AppendRecord(b, []byte(strings.Repeat("x", 12)))
	require.Equal(t, "before 5\nhello0\n12\nxxxxxxxxxxxx", string(b))
	require.Panics(t, func() { recordio.AppendHeader(nil, -1) })
}

func TestAppendRecordAllocatesNothing(t *testing.T) {
	dst, payload := make([]byte, 0, 2048), make([]byte, 1024)
	require.Zero(t, testing.AllocsPerRun(100, func() { dst = recordio.AppendRecord(dst[:0], payload) }))
}

// writes records each call of Write, or fails it.
type writes struct {
	calls []string
	short bool
	err   error
}

func (w *writes) Write(p []byte) (int, error) {
	w.calls = append(w.calls, string(p))
	if w.short {
		return len(p) - 1, nil
	}
	return len(p), w.err
}

func TestWriterWritesARecordAtOnce(t *testing.T) {
	var dst writes
	w := recordio.NewWriter(&dst)
	require.NoError(t, w.WriteRecord([]byte("one")))
	require.NoError(t, w.WriteRecord(nil))
	require.NoError(t, w.WriteRecord([]byte("three")))
	require.Equal(t, []string{"3\none", "0\n", "5\nthree"}, dst.calls)

	broken := errors.New("broken pipe")
	require.Equal(t, broken, recordio.NewWriter(&writes{err: broken}).WriteRecord([]byte("x")))
	require.Equal(t, io.ErrShortWrite, recordio.NewWriter(&writes{short: true}).WriteRecord([]byte("x")))
}

func TestReaderReadsWhatWriterWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 200)).Draw(t, "records")
		var stream bytes.Buffer
		w := recordio.NewWriter(&stream)
		for _, record := range records {
			require.NoError(t, w.WriteRecord(record))
		}
		r := recordio.NewReader(&stream, recordio.Config{MaxRecordSize: 200})
		for _, want := range records {
			got, err := r.Next()
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got))
		}
		_, err := r.Next()
		require.Equal(t, io.EOF, err)
	})
}
