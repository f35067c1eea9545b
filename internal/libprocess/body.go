package libprocess

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	smallBody = 64 << 10 // read into a shared buffer, not counted by the budget
	growStep  = 1 << 20  // large bodies reserve at most this much ahead; their slices may have a quarter to spare
)

var errTooLarge = errors.New("message body is too large")

var smallBuffers = sync.Pool{New: func() any { return new([smallBody]byte) }}

// readBody reads a message's body to its end. A large one comes with its share of the budget (else nil), which is
// the caller's to release.
func (e *Endpoint) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *reservation, error) {
	if r.ContentLength > e.cfg.MessageBytes {
		return nil, nil, errTooLarge
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil, nil
	}
	buffer := smallBuffers.Get().(*[smallBody]byte)
	defer smallBuffers.Put(buffer)
	// One byte more than allowed is enough to know.
	n, err := readFull(r.Body, buffer[:min(smallBody, e.cfg.MessageBytes+1)])
	if int64(n) > e.cfg.MessageBytes {
		return nil, nil, errTooLarge
	}
	switch {
	case err == io.EOF:
		return append([]byte(nil), buffer[:n]...), nil, nil
	case err != nil:
		return nil, nil, err
	}
	return e.readLarge(http.NewResponseController(w), r.Body, buffer[:n])
}

func (e *Endpoint) readLarge(
	conn *http.ResponseController, from io.Reader, start []byte,
) (body []byte, held *reservation, err error) {
	held = e.budget.begin()
	defer func() {
		e.budget.finish(held, int64(len(body)))
		if body == nil {
			held = nil
		}
	}()
	if !e.budget.grow(held, int64(len(start)), e.closing) {
		return nil, held, ErrClosed
	}
	read := append([]byte(nil), start...)
	for {
		step := int(min(int64(len(read)), growStep, e.cfg.MessageBytes+1-int64(len(read))))
		if !e.budget.grow(held, int64(step), e.closing) {
			return nil, held, ErrClosed
		}
		read = slices.Grow(read, step)
		// A server without deadlines can't time out bodies; it has no connections to starve either.
		_ = conn.SetReadDeadline(time.Now().Add(e.cfg.BodyTimeout))
		n, err := readFull(from, read[len(read):len(read)+step])
		_ = conn.SetReadDeadline(time.Time{})
		read = read[:len(read)+n]
		switch {
		case int64(len(read)) > e.cfg.MessageBytes:
			return nil, held, errTooLarge
		case err == io.EOF:
			return read, held, nil
		case err != nil:
			return nil, held, err
		}
	}
}

// readFull fills b, or returns how far it came and why. Unlike io.ReadFull it returns the reader's own error, so
// the end of the body (io.EOF) differs from a body cut short (io.ErrUnexpectedEOF).
func readFull(r io.Reader, b []byte) (int, error) {
	n := 0
	for n < len(b) {
		m, err := r.Read(b[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
