package recordio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto/recordio"
)

func readAll(r *recordio.Reader) (records []string, err error) {
	for {
		record, err := r.Next()
		if err != nil {
			return records, err
		}
		records = append(records, string(record))
	}
}

func TestReaderReturnsRecordsThenEOF(t *testing.T) {
	large := strings.Repeat("0123456789", 200_000) // more than any buffer
	var stream []byte
	want := []string{"first", "", large, "x", large[:40_000], "last"}
	for _, r := range want {
		stream = recordio.AppendRecord(stream, []byte(r))
	}
	sources := map[string]func(io.Reader) io.Reader{
		"whole":         func(r io.Reader) io.Reader { return r },
		"half":          iotest.HalfReader,
		"data with EOF": iotest.DataErrReader,
		"byte by byte":  iotest.OneByteReader,
	}
	for name, wrap := range sources {
		t.Run(name, func(t *testing.T) {
			r := recordio.NewReader(wrap(bytes.NewReader(stream)), recordio.Config{})
			got, err := readAll(r)
			require.Equal(t, io.EOF, err)
			require.Equal(t, want, got)
			_, err = r.Next()
			require.Equal(t, io.EOF, err, "EOF repeats")
		})
	}
}

func TestReaderTruncatedStream(t *testing.T) {
	for _, stream := range []string{"5", "5\n", "5\nhell", "1\na5\nhell"} {
		for _, wrap := range []func(io.Reader) io.Reader{iotest.HalfReader, iotest.DataErrReader} {
			r := recordio.NewReader(wrap(strings.NewReader(stream)), recordio.Config{})
			_, err := readAll(r)
			require.Equal(t, io.ErrUnexpectedEOF, err, stream)
			_, err = r.Next()
			require.Equal(t, io.ErrUnexpectedEOF, err, "repeats")
		}
	}
}

func TestReaderPassesOnErrorsOfItsSource(t *testing.T) {
	reset := errors.New("connection reset")
	r := recordio.NewReader(io.MultiReader(strings.NewReader("1\na3\nb"), iotest.ErrReader(reset)), recordio.Config{})
	got, err := readAll(r)
	require.Equal(t, reset, err)
	require.Equal(t, []string{"a"}, got)

	r = recordio.NewReader(strings.NewReader("3\nabcd\n"), recordio.Config{MaxRecordSize: 8})
	got, err = readAll(r)
	require.ErrorIs(t, err, recordio.ErrHeader)
	require.Equal(t, []string{"abc"}, got)
	_, again := r.Next()
	require.Equal(t, err, again)

	_, err = recordio.NewReader(lazyReader{}, recordio.Config{}).Next()
	require.Equal(t, io.ErrNoProgress, err)
}

// lazyReader never reads anything and never fails.
type lazyReader struct{}

func (lazyReader) Read([]byte) (int, error) { return 0, nil }

// A record must reach the scheduler when it is complete, not when the next one begins.
func TestReaderReturnsARecordWithItsLastByte(t *testing.T) {
	src, dst := io.Pipe()
	records := make(chan string)
	go func() {
		defer close(records)
		r := recordio.NewReader(src, recordio.Config{})
		for {
			record, err := r.Next()
			if err != nil {
				return
			}
			records <- string(record)
		}
	}()
	w := recordio.NewWriter(dst)
	for i := range 3 {
		want := fmt.Sprintf("event %d", i)
		require.NoError(t, w.WriteRecord([]byte(want)))
		require.Equal(t, want, <-records)
	}
	require.NoError(t, dst.Close())
	_, open := <-records
	require.False(t, open)
}

func ExampleReader() {
	body := strings.NewReader("20\n{\"type\":\"HEARTBEAT\"}20\n{\"type\":\"HEARTBEAT\"}")
	r := recordio.NewReader(body, recordio.Config{})
	for {
		record, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println("stream broke:", err)
			break
		}
		fmt.Printf("%s\n", record)
	}
	// Output:
	// {"type":"HEARTBEAT"}
	// {"type":"HEARTBEAT"}
}
