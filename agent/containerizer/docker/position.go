package docker

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
)

// The engine's log of a container is read when output may have been missed; what the sandbox has
// already is skipped. This file knows what that is.

// logChunk is where the engine cuts long lines. Mesos does not know it; moby daemon/logger/copier.go.
const logChunk = 16 << 10

// logSize counts the bytes that output has after it went through the engine's json-file log. They are
// the same bytes, but for those that are not UTF-8: each of them comes back as U+FFFD, which is three.
// A character is also broken where the engine cuts a line.
type logSize struct {
	n       int64
	column  int    // bytes since the start of the line or the last cut
	partial []byte // the beginning of a character; at most three bytes
}

var replacement = int64(utf8.RuneLen(utf8.RuneError))

func (s *logSize) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		// Up to the next place where the engine cuts, a newline counting to the line that it ends.
		n := min(len(rest), logChunk-s.column)
		i := bytes.IndexByte(rest[:n], '\n')
		if i >= 0 {
			n = i
		}
		s.text(rest[:n])
		s.column += n
		rest = rest[n:]
		switch {
		case i >= 0:
			s.flush()
			s.n++
			s.column = 0
			rest = rest[1:]
		case s.column == logChunk:
			s.flush()
			s.column = 0
		}
	}
	return len(p), nil
}

// text counts bytes of one piece of a line.
func (s *logSize) text(p []byte) {
	for len(s.partial) > 0 && len(p) > 0 {
		s.partial = append(s.partial, p[0])
		p = p[1:]
		if utf8.FullRune(s.partial) {
			whole := s.partial
			s.partial = nil
			s.runes(whole)
		}
	}
	s.runes(p)
}

// runes counts whole characters; an incomplete one at the end waits for its rest.
func (s *logSize) runes(p []byte) {
	if utf8.Valid(p) {
		s.n += int64(len(p))
		return
	}
	for len(p) > 0 {
		if !utf8.FullRune(p) {
			s.partial = bytes.Clone(p)
			return
		}
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && size == 1 {
			s.n += replacement
		} else {
			s.n += int64(size)
		}
		p = p[size:]
	}
}

// flush counts a character that will not be completed.
func (s *logSize) flush() {
	s.n += replacement * int64(len(s.partial))
	s.partial = nil
}

// logged is how many bytes of the engine's log a file has; 0 if there is no file.
func (o *output) logged(s stream) (int64, error) {
	f := o.files[s]
	if f == nil {
		return 0, nil
	}
	// The container can put anything in the place of the file.
	r, err := os.OpenFile(f.Name(), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	was, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if is, err := r.Stat(); err != nil || !os.SameFile(was, is) {
		return 0, fmt.Errorf("%s was replaced", f.Name())
	}
	if _, err := r.Seek(o.base[s], io.SeekStart); err != nil {
		return 0, err
	}
	var size logSize
	if _, err := io.Copy(&size, r); err != nil {
		return 0, err
	}
	// The engine cuts nothing here: a character may be continued by what comes next, which has to be
	// skipped as far as it is here.
	return size.n + int64(len(size.partial)), nil
}

// lastWrite is when any of the files was last written to.
func (o *output) lastWrite() time.Time {
	var last time.Time
	for _, f := range o.files {
		if f == nil {
			continue
		}
		if info, err := f.Stat(); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// timestampSize is what the engine puts before each message of a log if asked: a time and a space.
const timestampSize = len(timestampForm) + 1

const timestampForm = "2006-01-02T15:04:05.000000000Z"

// mark is the last message of a stream that was written.
type mark struct {
	at time.Time
	n  int // how many messages there were of that time
}

// messages writes what comes after the marks, moving them: messages with a timestamp each, of a log that
// is read again from a time before them.
func (o *output) messages() func(s stream, start bool, p []byte) {
	again := [2]int{} // messages of the mark's time that were read again
	var skip [2]bool
	return func(s stream, start bool, p []byte) {
		if start && len(p) >= timestampSize {
			at, err := time.Parse(time.RFC3339Nano, string(p[:timestampSize-1]))
			if err == nil {
				p = p[timestampSize:]
				m := &o.seen[s]
				switch at.Compare(m.at) {
				case -1:
					skip[s] = true
				case 0:
					again[s]++
					if skip[s] = again[s] <= m.n; !skip[s] {
						m.n++
					}
				default:
					*m, again[s], skip[s] = mark{at, 1}, 1, false
				}
			}
		}
		if !skip[s] && len(p) > 0 {
			o.Write(s, p)
		}
	}
}

// from is the time from which a log is read that can't be read by size: a second before the last
// message, or before the last output if there was none yet. Zero is the beginning.
func (o *output) from() time.Time {
	last := o.seen[stdout].at
	if o.seen[stderr].at.After(last) {
		last = o.seen[stderr].at
	}
	if last.IsZero() {
		last = o.lastWrite()
	}
	if last.IsZero() {
		return last
	}
	return last.Add(-time.Second)
}

// dropPartialLines takes the beginning of a line off the end of each file. A log has lines as a whole, with
// the time of their end, so a line that was being written is read again from its beginning. Longer ones
// than the engine keeps in one piece stay: their beginnings may be too old to be read again.
func (o *output) dropPartialLines() {
	for s, f := range o.files {
		if f == nil || o.base[s] < 0 {
			continue
		}
		info, err := f.Stat()
		if err != nil || info.Size() <= o.base[s] {
			continue
		}
		tail := make([]byte, min(info.Size()-o.base[s], logChunk))
		at := info.Size() - int64(len(tail))
		r, err := os.OpenFile(f.Name(), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		is, err := r.Stat()
		if err == nil && os.SameFile(info, is) {
			_, err = r.ReadAt(tail, at)
		}
		r.Close()
		newline := int64(bytes.LastIndexByte(tail, '\n'))
		if err != nil || !os.SameFile(info, is) || newline < 0 && len(tail) == logChunk {
			continue
		}
		if end := at + newline + 1; end < info.Size() {
			if err := f.Truncate(end); err != nil {
				o.log.Warn("the beginning of a line may come twice", zap.String("file", f.Name()), zap.Error(err))
			}
		}
	}
}
