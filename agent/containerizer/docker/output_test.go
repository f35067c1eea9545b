package docker

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"
)

// frame is one of the engine's frames.
func frame(s byte, text string) []byte {
	b := []byte{s, 0, 0, 0}
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

func TestDemultiplex(t *testing.T) {
	long := strings.Repeat("long", bufferSize)
	all := bytes.Join([][]byte{frame(1, "out"), frame(2, "err"), frame(0, " more"), frame(1, ""), frame(2, long)}, nil)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(all), "byte by byte": iotest.OneByteReader(bytes.NewReader(all)), "end with data": iotest.DataErrReader(bytes.NewReader(all)),
	} {
		var got [2]bytes.Buffer
		require.NoError(t, demultiplex(r, false, func(s stream, _ bool, p []byte) { got[s].Write(p) }), name)
		require.Equal(t, "out more", got[stdout].String(), name)
		require.Equal(t, "err"+long, got[stderr].String(), name)
	}

	var raw bytes.Buffer
	require.NoError(t, demultiplex(bytes.NewReader(all), true, func(s stream, _ bool, p []byte) { raw.Write(p) }))
	require.Equal(t, all, raw.Bytes(), "a terminal has no frames")

	for want, sent := range map[string][]byte{
		"unexpected EOF": frame(1, "cut off")[:10],
		"output of stream 7, which does not exis": frame(7, "x"),
		"stopped sending output: broken pipe":     frame(3, "broken pipe"),
	} {
		require.ErrorContains(t, demultiplex(bytes.NewReader(sent), false, func(stream, bool, []byte) {}), want)
	}
}

func FuzzDemultiplex(f *testing.F) {
	f.Add(append(frame(1, "out"), frame(2, "err")...))
	f.Add(frame(3, "error"))
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		_ = demultiplex(bytes.NewReader(b), false, func(s stream, _ bool, p []byte) {
			require.Contains(t, []stream{stdout, stderr}, s)
			require.LessOrEqual(t, len(p), bufferSize)
			total += len(p)
		})
		require.LessOrEqual(t, total, len(b))
	})
}

// logged is what the engine's json-file log makes of output: pieces of at most 16 KiB, a JSON string each.
// Docker: daemon/logger/copier.go, daemon/logger/jsonfilelog.
func logged(output []byte) string {
	var b strings.Builder
	for len(output) > 0 {
		n := bytes.IndexByte(output, '\n') + 1
		if n == 0 {
			n = len(output)
		}
		if n > logChunk && !(n == logChunk+1 && output[n-1] == '\n') {
			n = logChunk
		}
		quoted, _ := json.Marshal(string(output[:n]))
		var piece string
		_ = json.Unmarshal(quoted, &piece)
		b.WriteString(piece)
		output = output[n:]
	}
	return b.String()
}

func TestLogSize(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		"a", "line\n", "\n", "ä", "€", "🙂", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x99", "\x80", "\xed\xa0\x80", strings.Repeat("x", 16000), strings.Repeat("é", 8200), strings.Repeat("y", 383),
	})
	rapid.Check(t, func(t *rapid.T) {
		output := []byte(strings.Join(rapid.SliceOfN(pieces, 0, 30).Draw(t, "pieces"), ""))
		var size logSize
		for rest := output; len(rest) > 0; {
			n := rapid.IntRange(1, min(len(rest), 20000)).Draw(t, "n")
			_, _ = size.Write(rest[:n])
			rest = rest[n:]
		}
		size.flush()
		require.Equal(t, len(logged(output)), int(size.n))
	})
}

// newOutput has empty files in a sandbox.
func newOutput(t *testing.T) *output {
	o, err := openOutput(t.TempDir(), "", zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(o.Close)
	return o
}

func TestPositionIsTheSizeOfTheFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "stdout"), []byte("fetched\n"), 0o644))
	o, err := openOutput(dir, "", zap.NewNop())
	require.NoError(t, err)
	defer o.Close()
	require.Equal(t, "8,0", o.label())
	o.Write(stdout, []byte("a\xffb"))
	again, err := openOutput(dir, "", zap.NewNop())
	require.NoError(t, err)
	defer again.Close()
	again.since(o.label())
	n, err := again.logged(stdout)
	require.NoError(t, err)
	require.EqualValues(t, 2+utf8.RuneLen(utf8.RuneError), n)
	n, err = again.logged(stderr)
	require.NoError(t, err)
	require.Zero(t, n)

	require.NoError(t, os.Remove(filepath.Join(dir, "stdout")))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "stdout")))
	_, err = again.logged(stdout)
	require.Error(t, err)
	for _, label := range []string{"", "1", "1,x", "-1,0", "99999999999999999999,0"} {
		again.since(label)
		require.Equal(t, [2]int64{-1, -1}, again.base, label)
	}
}

// A log with times that is read again and again adds what is new, also when times are equal.
func TestMessagesAreWrittenOnce(t *testing.T) {
	o := newOutput(t)
	start := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	log := []struct {
		s    stream
		at   time.Duration
		text string
	}{{stdout, 0, "a"}, {stdout, 0, "b"}, {stderr, 0, "x"}, {stdout, 1, "c"}, {stdout, 1, strings.Repeat("d", bufferSize)}, {stderr, 2, "y"}, {stdout, 3, ""}, {stdout, 3, "e"}}
	for n := range len(log) + 1 {
		for range 2 {
			write := o.messages()
			var b bytes.Buffer
			for _, m := range log[:n] {
				b.Write(frame(byte(m.s)+1, start.Add(m.at).Format(timestampForm)+" "+m.text))
			}
			require.NoError(t, demultiplex(iotest.OneByteReader(&b), false, write))
		}
	}
	for s, want := range map[stream]string{stdout: "abc" + strings.Repeat("d", bufferSize) + "e", stderr: "xy"} {
		b, err := os.ReadFile(o.files[s].Name())
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
	require.Equal(t, start.Add(3-time.Second), o.from())
}

func TestAFullDiskLosesOutputNotTheContainer(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	core, logs := observer.New(zap.WarnLevel)
	o := &output{log: zap.New(core)}
	o.files[stdout] = full
	o.Write(stdout, []byte("a"))
	o.Write(stdout, []byte("b"))
	o.Write(stderr, []byte("no file"))
	require.Equal(t, 1, logs.Len(), "it is said once")
}
