package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

var examples = []*message{
	{kind: kindHello, id: 1, version: version, pid: 4711},
	{kind: kindStart, id: 2, command: Command{
		Key: "c.d", Path: "/bin/sh", Args: []string{"sh", "-c", ""}, Env: []string{"A=\xff"}, Dir: "/d", Mark: "A=\xff", Transient: true,
		Credential: &Credential{UID: 1<<32 - 1, GID: 7, Groups: []uint32{1, 2, 3}},
	}},
	{kind: kindStart, id: 3, command: Command{Args: []string{}, Env: []string{}}},
	{kind: kindSignal, id: 1 << 63, key: "c", signal: 64},
	{kind: kindKill, id: 5, key: "c"},
	{kind: kindRemove, id: 6, key: "c"},
	{kind: kindList, id: 7},
	{kind: kindOK, id: 8},
	{kind: kindState, state: State{Key: "c", Pid: 1<<31 - 1, Start: 1 << 60, Ended: true, Exit: Exit{Known: true, Status: 0xffff, Message: "m"}}},
}

func TestMessagesSurviveTheWire(t *testing.T) {
	for _, m := range examples {
		frame, err := m.encode()
		require.NoError(t, err)
		require.Equal(t, uint32(len(frame)-4), binary.BigEndian.Uint32(frame))
		got, err := decode(frame[4:])
		require.NoError(t, err)
		require.Equal(t, m, got)

		later, err := decode(append(frame[4:len(frame):len(frame)], "a field of a later version"...))
		require.NoError(t, err)
		require.Equal(t, m, later)
		for cut := 4; cut < len(frame); cut++ { // no prefix is a message
			_, err := decode(frame[4:cut])
			require.ErrorIs(t, err, errMalformed, "%d of %d bytes of kind %d", cut-4, len(frame)-4, m.kind)
		}
	}
}

func TestErrorsKeepWhatTheyAre(t *testing.T) {
	for _, want := range []error{ErrExists, ErrUnknown, syscall.ENOENT, syscall.E2BIG} {
		m := &message{kind: kindError, id: 1, err: fmt.Errorf("start c: %w", want)}
		frame, err := m.encode()
		require.NoError(t, err)
		got, err := decode(frame[4:])
		require.NoError(t, err)
		require.ErrorIs(t, got.err, want)
		require.EqualError(t, got.err, m.err.Error())
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range append(examples, &message{kind: kindError, id: 9, err: syscall.ENOENT}) {
		frame, err := m.encode()
		require.NoError(f, err)
		f.Add(frame[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(m.command.Args)+len(m.command.Env), 2*len(b), "a count is not believed beyond its bytes")
		frame, err := m.encode()
		if len(b) <= maxFrame/2 {
			require.NoError(t, err)
			again, err := decode(frame[4:])
			require.NoError(t, err)
			if m.err != nil {
				require.EqualError(t, again.err, m.err.Error())
				m.err, again.err = nil, nil
			}
			require.Equal(t, m, again)
		}
	})
}

// Nothing that a peer sends ends the keeper, or keeps others from it.
func TestMalformedPeers(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, dir)
	hello, err := (&message{kind: kindHello, id: 1, version: version}).encode()
	require.NoError(t, err)
	answer, err := (&message{kind: kindOK, id: 2}).encode()
	require.NoError(t, err)
	for name, sent := range map[string]string{
		"not hello":      string(answer),
		"zero length":    "\x00\x00\x00\x00",
		"huge length":    "\xff\xff\xff\xff",
		"unknown kind":   string(hello) + "\x00\x00\x00\x02\x63\x01",
		"half a frame":   string(hello) + "\x00\x00\x01\x00half",
		"HTTP":           "GET / HTTP/1.1\r\n\r\n",
		"nothing at all": "",
	} {
		raw, err := dial(dir)
		require.NoError(t, err)
		_, err = raw.Write([]byte(sent))
		require.NoError(t, err, name)
		require.NoError(t, raw.CloseWrite())
		for buf := make([]byte, 64); err == nil; { // until the keeper has had enough
			_, err = raw.Read(buf)
		}
		raw.Close()
		_, err = c.Start(t.Context(), sh("/", strings.ReplaceAll(name, " ", "-"), "exit 0"))
		require.NoError(t, err, name)
	}
	// An answer is no request; the connection stays.
	for range 2 {
		_, err = c.session.do(t.Context(), &message{kind: kindOK}, false)
		require.ErrorContains(t, err, "no request")
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, dir) // one
	var all []*net.UnixConn
	for range maxConns {
		raw, err := dial(dir)
		require.NoError(t, err)
		defer raw.Close()
		all = append(all, raw)
	}
	_, err := all[maxConns-1].Read(make([]byte, 1))
	require.ErrorContains(t, err, "EOF", "one too many is closed at once")
	_, err = c.Start(t.Context(), sh("/", "c", "exit 0"))
	require.NoError(t, err)
}

func TestDescriptorsAreNotLeaked(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, dir)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer out.Close()
	count := func() int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.Pid()))
		require.NoError(t, err)
		return len(entries)
	}
	start := func(key, path string) {
		cmd := sh("/", key, "exit 0")
		cmd.Path, cmd.Stdout, cmd.Stderr = path, out, out
		if _, err := c.Start(t.Context(), cmd); err == nil {
			wait(t, c, key)
		} else {
			require.ErrorIs(t, err, syscall.ENOENT)
		}
	}
	start("first", "/bin/sh")
	before := count()
	for i := range 20 {
		start(fmt.Sprint("c", i), "/bin/sh")
		start(fmt.Sprint("missing", i), "/no/such/program")
		// Descriptors with a message that has no use for them are closed too.
		kill := &message{kind: kindStart, command: Command{Key: "/", Path: "x", Stdout: out, Stderr: out}}
		_, err := c.session.do(t.Context(), kill, false)
		require.Error(t, err)
	}
	require.Equal(t, before, count())
}

func TestFramesAreBounded(t *testing.T) {
	_, err := (&message{kind: kindKill, key: strings.Repeat("x", maxFrame)}).encode()
	require.ErrorIs(t, err, syscall.E2BIG)
	_, err = decode(make([]byte, maxFrame+1))
	require.ErrorIs(t, err, errMalformed)
	require.False(t, errors.Is(err, syscall.E2BIG))
}
