package recordio_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto/recordio"
)

// feed gives the pieces to a Decoder and returns copies of the records and the final verdict.
func feed(cfg recordio.Config, pieces ...string) (records []string, err error) {
	d := recordio.NewDecoder(cfg)
	for _, piece := range pieces {
		err = d.Feed([]byte(piece), func(record []byte) error {
			records = append(records, string(record))
			return nil
		})
		if err != nil {
			return records, err
		}
	}
	return records, d.Close()
}

func TestDecoderFindsRecordsInAnyChunking(t *testing.T) {
	const stream = "5\nhello0\n12\n{\"a\":\"1\\n2\"}00003\nend"
	want := []string{"hello", "", `{"a":"1\n2"}`, "end"}
	for size := 1; size <= len(stream); size++ {
		var pieces []string
		for rest := stream; rest != ""; {
			n := min(size, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		got, err := feed(recordio.Config{}, pieces...)
		require.NoError(t, err, "pieces of %d bytes", size)
		require.Equal(t, want, got, "pieces of %d bytes", size)
	}
}

func TestDecoderHeaders(t *testing.T) {
	tests := []struct {
		name, stream string
		max          int
		want         []string
		err          error
	}{
		{name: "empty stream", stream: ""},
		{name: "empty record", stream: "0\n", want: []string{""}},
		{name: "leading zeros", stream: "007\n1234567", want: []string{"1234567"}},
		{name: "twenty digits", stream: "00000000000000000001\nx", want: []string{"x"}},
		{name: "as large as allowed", stream: "4\nabcd", max: 4, want: []string{"abcd"}},

		{name: "one byte too large", stream: "5\nabcde", max: 4, err: recordio.ErrTooLarge},
		{name: "too large after a good one", stream: "1\na9\n", max: 4, want: []string{"a"}, err: recordio.ErrTooLarge},
		{name: "limit is exact in the last digit", stream: "19\n", max: 18, err: recordio.ErrTooLarge},
		{name: "limit below ten", stream: "9\n", max: 8, err: recordio.ErrTooLarge},
		{name: "default limit", stream: "67108865\n", err: recordio.ErrTooLarge},
		{name: "largest uint64", stream: "18446744073709551615\n", err: recordio.ErrTooLarge},
		{name: "does not wrap around", stream: "18446744073709551620\nabcd", err: recordio.ErrTooLarge},

		{name: "no digits", stream: "\nabc", err: recordio.ErrHeader},
		{name: "negative", stream: "-1\n", err: recordio.ErrHeader},
		{name: "sign", stream: "+1\na", err: recordio.ErrHeader},
		{name: "leading space", stream: " 1\na", err: recordio.ErrHeader},
		{name: "trailing space", stream: "1 \na", err: recordio.ErrHeader},
		{name: "carriage return", stream: "1\r\na", err: recordio.ErrHeader},
		{name: "hexadecimal", stream: "0x1\na", err: recordio.ErrHeader},
		{name: "line feed after a record", stream: "1\na\n1\nb", want: []string{"a"}, err: recordio.ErrHeader},
		{name: "twenty-one digits", stream: "000000000000000000001\nx", err: recordio.ErrHeader},
		{name: "endless header", stream: strings.Repeat("0", 1000), err: recordio.ErrHeader},

		{name: "ends in the header", stream: "1\na12", want: []string{"a"}, err: io.ErrUnexpectedEOF},
		{name: "ends after the header", stream: "3\n", err: io.ErrUnexpectedEOF},
		{name: "ends in the payload", stream: "3\nab", err: io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := recordio.Config{MaxRecordSize: tt.max}
			whole, err := feed(cfg, tt.stream)
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, whole)

			bytewise, err := feed(cfg, strings.Split(tt.stream, "")...)
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, bytewise)
		})
	}
}

func TestDecoderErrorsName(t *testing.T) {
	_, err := feed(recordio.Config{MaxRecordSize: 100}, "101\n")
	require.EqualError(t, err, "RecordIO record too large: more than the limit of 100 bytes announced")
	_, err = feed(recordio.Config{}, "12<html>")
	require.EqualError(t, err, "malformed RecordIO header: byte '<' after 2 digits, expecting decimal digits and a line feed")
}

func TestDecoderStaysBroken(t *testing.T) {
	d := recordio.NewDecoder(recordio.Config{})
	first := d.Feed([]byte("x"), nil)
	require.ErrorIs(t, first, recordio.ErrHeader)
	require.Equal(t, first, d.Feed([]byte("1\na"), nil))
	require.Equal(t, first, d.Close())

	refused := errors.New("refused")
	d = recordio.NewDecoder(recordio.Config{})
	require.Equal(t, refused, d.Feed([]byte("1\na1\nb"), func([]byte) error { return refused }))
	_, _, err := d.Next([]byte("1\nb"))
	require.Equal(t, refused, err)
}

func TestDecoderTakesNoMemoryForAnAnnouncement(t *testing.T) {
	const streams = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range streams {
		d := recordio.NewDecoder(recordio.Config{})
		require.NoError(t, d.Feed([]byte("60000000\n"), nil))
		require.NoError(t, d.Feed([]byte("x"), nil))
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(streams*4096))
}

// An event stream captured from a Mesos 1.12 master comes apart into the chunks it was sent in,
// whatever the chunking is here.
func TestDecoderReadsTheReferencesStream(t *testing.T) {
	for _, name := range []string{"scheduler-json", "scheduler-protobuf"} {
		t.Run(name, func(t *testing.T) {
			stream, err := os.ReadFile("testdata/" + name + ".recordio")
			require.NoError(t, err)
			chunks, err := os.ReadFile("testdata/" + name + ".chunks")
			require.NoError(t, err)

			var want []string
			for size := range strings.FieldsSeq(string(chunks)) {
				n, err := strconv.Atoi(size)
				require.NoError(t, err)
				end := 0
				for _, r := range want {
					end += len(r)
				}
				want = append(want, string(stream[end:end+n]))
			}
			for _, size := range []int{1, 7, 100, len(stream)} {
				var got []string
				d := recordio.NewDecoder(recordio.Config{})
				for rest := stream; len(rest) > 0; {
					n := min(size, len(rest))
					err := d.Feed(rest[:n], func(record []byte) error {
						got = append(got, string(recordio.AppendRecord(nil, record)))
						return nil
					})
					require.NoError(t, err)
					rest = rest[n:]
				}
				require.NoError(t, d.Close())
				require.Equal(t, want, got, "pieces of %d bytes", size)
			}
		})
	}
}

// naive is the framing in its plainest form: it returns the records before the first flaw, and
// whether the stream ends between two records.
func naive(stream []byte, limit int) (records [][]byte, clean bool) {
	for len(stream) > 0 {
		header, rest, found := bytes.Cut(stream, []byte("\n"))
		if !found || len(header) == 0 || len(header) > 20 || len(bytes.Trim(header, "0123456789")) > 0 {
			return records, false
		}
		size, err := strconv.ParseUint(string(header), 10, 64)
		if err != nil || size > uint64(limit) || size > uint64(len(rest)) {
			return records, false
		}
		records, stream = append(records, rest[:size]), rest[size:]
	}
	return records, true
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("5\nhello0\n3\nend"), uint8(3))
	f.Add([]byte("0005\nhello99999999999999999999\n"), uint8(1))
	f.Add([]byte("1\na\n"), uint8(0))
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		const limit = 300
		want, clean := naive(stream, limit)

		var got [][]byte
		var err error
		d := recordio.NewDecoder(recordio.Config{MaxRecordSize: limit})
		for rest := stream; len(rest) > 0 && err == nil; {
			n := min(int(step)+1, len(rest))
			err = d.Feed(rest[:n], func(record []byte) error {
				got = append(got, bytes.Clone(record))
				return nil
			})
			rest = rest[n:]
		}
		if err == nil {
			err = d.Close()
		}
		require.Equal(t, clean, err == nil, "error: %v", err)
		require.Equal(t, len(want), len(got))
		for i := range want {
			require.True(t, bytes.Equal(want[i], got[i]), "record %d: want %q, got %q", i, want[i], got[i])
		}
	})
}
