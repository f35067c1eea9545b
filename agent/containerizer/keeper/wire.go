package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
)

// The protocol: frames in both directions over a unix socket.
//
//	frame   = length (4 bytes, big endian, of what follows) kind (1 byte) id (uvarint) body
//	string  = length (uvarint) bytes
//	list    = count (uvarint) string…
//	number  = uvarint; flag = number 0 or 1
//
// A request has an id above 0; its answers carry the same. What the keeper says unasked has id 0.
// A start request carries the descriptors of stdout and stderr. Readers ignore what follows the fields
// that they know, so fields can be added at the end; anything else needs another version.
const version = 1

type kind byte

const (
	kindHello  kind = 1 // magic, version → hello
	kindStart  kind = 2 // command → state
	kindSignal kind = 3 // key, signal → ok
	kindKill   kind = 4 // key → ok
	kindRemove kind = 5 // key → ok
	kindList   kind = 6 // → state… ok

	kindOK    kind = 16
	kindError kind = 17 // code, errno, text
	kindState kind = 18 // state; with id 0: it has ended
)

const (
	magic    = "mesokit keeper"
	maxFrame = 4 << 20 // above the kernel's limit for arguments and environment with the usual stack
)

// Codes of kindError.
const (
	codeOther = iota
	codeExists
	codeUnknown
)

var errMalformed = errors.New("malformed message")

// message is any frame; which fields count depends on its kind.
type message struct {
	kind    kind
	id      uint64
	version uint64
	pid     int // of the keeper, in an answer to hello
	command Command
	key     string
	signal  syscall.Signal
	state   State
	err     error
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendList(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func appendFlag(b []byte, flag bool) []byte {
	if flag {
		return append(b, 1)
	}
	return append(b, 0)
}

// encode writes a frame.
func (m *message) encode() ([]byte, error) {
	b := append(make([]byte, 4, 256), byte(m.kind))
	b = binary.AppendUvarint(b, m.id)
	switch m.kind {
	case kindHello:
		b = appendString(b, magic)
		b = binary.AppendUvarint(b, m.version)
		b = binary.AppendUvarint(b, uint64(m.pid))
	case kindStart:
		b = m.command.append(b)
	case kindSignal:
		b = appendString(b, m.key)
		b = binary.AppendUvarint(b, uint64(m.signal))
	case kindKill, kindRemove:
		b = appendString(b, m.key)
	case kindError:
		b = appendError(b, m.err)
	case kindState:
		b = m.state.append(b)
	}
	if len(b)-4 > maxFrame {
		return nil, fmt.Errorf("arguments and environment have %d bytes: %w", len(b)-4, syscall.E2BIG)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b, nil
}

func (c *Command) append(b []byte) []byte {
	b = appendString(b, c.Key)
	b = appendString(b, c.Path)
	b = appendList(b, c.Args)
	b = appendList(b, c.Env)
	b = appendString(b, c.Dir)
	b = appendString(b, c.Mark)
	b = appendFlag(b, c.Transient)
	b = appendFlag(b, c.Credential != nil)
	if c.Credential != nil {
		b = binary.AppendUvarint(b, uint64(c.Credential.UID))
		b = binary.AppendUvarint(b, uint64(c.Credential.GID))
		b = binary.AppendUvarint(b, uint64(len(c.Credential.Groups)))
		for _, g := range c.Credential.Groups {
			b = binary.AppendUvarint(b, uint64(g))
		}
	}
	return b
}

func (s *State) append(b []byte) []byte {
	b = appendString(b, s.Key)
	b = binary.AppendUvarint(b, uint64(s.Pid))
	b = binary.AppendUvarint(b, s.Start)
	b = appendFlag(b, s.Ended)
	b = appendFlag(b, s.Exit.Known)
	b = binary.AppendUvarint(b, uint64(s.Exit.Status))
	return appendString(b, s.Exit.Message)
}

func appendError(b []byte, err error) []byte {
	code := codeOther
	switch {
	case errors.Is(err, ErrExists):
		code = codeExists
	case errors.Is(err, ErrUnknown):
		code = codeUnknown
	}
	var errno syscall.Errno
	errors.As(err, &errno)
	b = binary.AppendUvarint(b, uint64(code))
	b = binary.AppendUvarint(b, uint64(errno))
	return appendString(b, err.Error())
}

// reader takes fields off a frame; after the first that is not there it is bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

// below reads a number that must be at most limit.
func (r *reader) atMost(limit uint64) uint64 {
	n := r.number()
	if n > limit {
		r.bad = true
		return 0
	}
	return n
}

func (r *reader) flag() bool { return r.atMost(1) == 1 }

func (r *reader) string() string {
	n := r.atMost(uint64(len(r.b)))
	if r.bad || n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) list() []string {
	n := r.atMost(min(maxStrings, uint64(len(r.b)))) // each takes a byte at least
	list := make([]string, 0, n)
	for range n {
		list = append(list, r.string())
	}
	return list
}

// decode reads a frame without its length.
func decode(b []byte) (*message, error) {
	if len(b) == 0 || len(b) > maxFrame {
		return nil, errMalformed
	}
	r := &reader{b: b[1:]}
	m := &message{kind: kind(b[0]), id: r.number()}
	switch m.kind {
	case kindHello:
		if r.string() != magic {
			return nil, errMalformed
		}
		m.version, m.pid = r.number(), int(r.atMost(1<<31-1))
	case kindStart:
		m.command = r.command()
	case kindSignal:
		m.key, m.signal = r.string(), syscall.Signal(r.atMost(64))
	case kindKill, kindRemove:
		m.key = r.string()
	case kindList, kindOK:
	case kindError:
		m.err = r.error()
	case kindState:
		m.state = r.state()
	default:
		return nil, fmt.Errorf("%w: kind %d is not of version %d", errMalformed, m.kind, version)
	}
	if r.bad {
		return nil, errMalformed
	}
	return m, nil
}

func (r *reader) command() Command {
	c := Command{Key: r.string(), Path: r.string(), Args: r.list(), Env: r.list(), Dir: r.string(), Mark: r.string(), Transient: r.flag()}
	if r.flag() {
		const maxID = 1<<32 - 1
		c.Credential = &Credential{UID: uint32(r.atMost(maxID)), GID: uint32(r.atMost(maxID))}
		for range r.atMost(min(maxStrings, uint64(len(r.b)))) {
			c.Credential.Groups = append(c.Credential.Groups, uint32(r.atMost(maxID)))
		}
	}
	return c
}

func (r *reader) state() State {
	s := State{Key: r.string(), Pid: int(r.atMost(1<<31 - 1)), Start: r.number(), Ended: r.flag()}
	s.Exit = Exit{Known: r.flag(), Status: syscall.WaitStatus(r.atMost(1<<16 - 1)), Message: r.string()}
	return s
}

// remoteError is an error of the other side: its text, and what it is.
type remoteError struct {
	text string
	is   error // a sentinel or a syscall.Errno; nil: neither
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }

func (r *reader) error() error {
	code, errno, text := r.number(), r.atMost(4095), r.string()
	e := &remoteError{text: text}
	switch {
	case code == codeExists:
		e.is = ErrExists
	case code == codeUnknown:
		e.is = ErrUnknown
	case errno != 0:
		e.is = syscall.Errno(errno)
	}
	return e
}
