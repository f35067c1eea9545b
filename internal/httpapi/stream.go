package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	"github.com/mesokit/mesokit/mesosproto/recordio"
)

// linger is how long a client has to read what was sent before its stream was closed.
const linger = 10 * time.Second

// stream is the event stream of one subscription: a queue between the core, which sends, and the
// goroutine of the request, which writes.
type stream[E proto.Message] struct {
	wake chan struct{} // something changed

	max int // bytes that may wait; one event that is larger may still be sent alone

	mu     sync.Mutex // guards what follows
	queue  []E
	queued int                 // bytes in queue
	closed bool                // by the core: what is queued is still written
	broken bool                // overflow: nothing more is written
	cut    func(time.Duration) // ends a write that is still stuck after so long
}

var _ link.Stream[proto.Message] = (*stream[proto.Message])(nil)

func (s *stream[E]) Send(e E) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.broken {
		return
	}
	size := proto.Size(e)
	if len(s.queue) > 0 && s.queued+size > s.max {
		s.broken = true
		s.queue, s.queued = nil, 0
		s.cut(0) // the writer may be stuck in a write
	} else {
		s.queue = append(s.queue, e)
		s.queued += size
	}
	s.signal()
}

func (s *stream[E]) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.broken {
		return
	}
	s.closed = true
	s.cut(linger)
	s.signal()
}

// abandon drops what the core still sends; the connection may by now serve another request.
func (s *stream[E]) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = true
	s.queue, s.queued = nil, 0
}

func (s *stream[E]) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take empties the queue. more says whether anything may still come.
func (s *stream[E]) take() (events []E, more, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events = s.queue
	s.queue, s.queued = nil, 0
	return events, !s.closed, s.broken
}

// subscribe opens a stream and serves it until either side ends it.
func (h *Handler[C, E]) subscribe(w http.ResponseWriter, r *http.Request, from link.Caller, call C, mediaType string) {
	control := http.NewResponseController(w)
	s := &stream[E]{wake: make(chan struct{}, 1), max: h.cfg.MaxQueued, cut: func(after time.Duration) {
		_ = control.SetWriteDeadline(time.Now().Add(after))
	}}
	type accepted struct {
		id  string
		err error
	}
	answer := make(chan accepted, 1)
	h.cfg.Server.Subscribe(from, call, s, func(id string, err error) { answer <- accepted{id, err} })
	// Whatever happens from here on, the core must hear when nobody reads the stream any more.
	defer h.cfg.Server.Ended(s)
	defer func() {
		s.abandon()
		_ = control.SetWriteDeadline(time.Time{})
	}()
	// Without it a write to a client that does not read would outlast the handler's Close.
	defer context.AfterFunc(h.ctx, s.Close)()
	select {
	case a := <-answer:
		if a.err != nil {
			h.fail(w, r, a.err)
			return
		}
		if h.cfg.StreamIDs {
			w.Header().Set(StreamIDHeader, a.id)
		}
	case <-r.Context().Done():
		return
	case <-h.ctx.Done():
		h.fail(w, r, errClosing)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(http.StatusOK)
	log := h.cfg.Logger.With(zap.String("remote", r.RemoteAddr))
	if err := control.Flush(); err != nil {
		return
	}
	write := h.writer(w, mediaType)
	for {
		events, more, broken := s.take()
		if broken {
			log.Warn("client does not read its events; it is cut off")
			panic(http.ErrAbortHandler) // half a record may have been written: don't end the body properly
		}
		for _, e := range events {
			if err := write(e); err != nil {
				log.Debug("event stream broke", zap.Error(err))
				return
			}
		}
		if len(events) > 0 {
			if err := control.Flush(); err != nil {
				return
			}
			continue
		}
		if !more {
			return
		}
		select {
		case <-s.wake:
		case <-r.Context().Done():
			return
		case <-h.ctx.Done():
			return
		}
	}
}

// writer encodes events as records.
func (h *Handler[C, E]) writer(w http.ResponseWriter, mediaType string) func(E) error {
	records := recordio.NewWriter(w)
	var buf []byte
	return func(e E) (err error) {
		if mediaType == mediaProtobuf {
			buf, err = proto.MarshalOptions{}.MarshalAppend(buf[:0], e)
		} else {
			buf, err = mesosjson.Options{Infinities: true}.Append(buf[:0], h.cfg.ForJSON(e))
		}
		if err != nil {
			return err
		}
		return records.WriteRecord(buf)
	}
}
