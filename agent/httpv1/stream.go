package httpv1

import (
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	"github.com/mesokit/mesokit/mesosproto/recordio"
)

// MaxQueued bounds the events that wait for an executor to read, in bytes of their protobuf form. One
// event that is larger may still be sent when nothing else waits.
const MaxQueued = 16 << 20

// stream is the event stream of one subscription: a queue between the core, which sends, and the
// goroutine of the request, which writes.
type stream struct {
	wake chan struct{} // something changed

	mu     sync.Mutex // guards what follows
	queue  []*executorpb.Event
	queued int  // bytes in queue
	closed bool // by the core: what is queued is still written
	broken bool // overflow: nothing more is written
	cut    func()
}

var _ link.Stream[*executorpb.Event] = (*stream)(nil)

func (s *stream) Send(e *executorpb.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.broken {
		return
	}
	size := proto.Size(e)
	if len(s.queue) > 0 && s.queued+size > MaxQueued {
		s.broken = true
		s.queue, s.queued = nil, 0
		s.cut() // the writer may be stuck in a write
	} else {
		s.queue = append(s.queue, e)
		s.queued += size
	}
	s.signal()
}

func (s *stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.signal()
}

// abandon drops what the core still sends; the connection may by now serve another request.
func (s *stream) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = true
	s.queue, s.queued = nil, 0
}

func (s *stream) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take empties the queue. more says whether anything may still come.
func (s *stream) take() (events []*executorpb.Event, more, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events = s.queue
	s.queue, s.queued = nil, 0
	return events, !s.closed, s.broken
}

// subscribe opens a stream and serves it until either side ends it.
func (h *Handler) subscribe(w http.ResponseWriter, r *http.Request, call *executorpb.Call) {
	mediaType, ok := answerType(r)
	if !ok {
		refuse(w, http.StatusNotAcceptable, "Expecting 'Accept' to allow '"+mediaProtobuf+"' or '"+mediaJSON+"'")
		return
	}
	control := http.NewResponseController(w)
	s := &stream{wake: make(chan struct{}, 1), cut: func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) }}
	answer := make(chan error, 1)
	h.cfg.Executors.Subscribe(link.Caller{}, call, s, func(_ string, err error) { answer <- err })
	// Whatever happens from here on, the core must hear when nobody reads the stream any more.
	defer h.cfg.Executors.Ended(s)
	defer s.abandon()
	select {
	case err := <-answer:
		if err != nil {
			fail(w, err)
			return
		}
	case <-r.Context().Done():
		return
	case <-h.ctx.Done():
		fail(w, errClosing)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(http.StatusOK)
	log := h.cfg.Logger.With(zap.String("framework_id", call.GetFrameworkId().GetValue()), zap.String("executor_id", call.GetExecutorId().GetValue()))
	if err := control.Flush(); err != nil {
		return
	}
	write := writer(w, mediaType)
	for {
		events, more, broken := s.take()
		if broken {
			log.Warn("executor does not read its events; it is cut off")
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
func writer(w http.ResponseWriter, mediaType string) func(*executorpb.Event) error {
	records := recordio.NewWriter(w)
	var buf []byte
	return func(e *executorpb.Event) (err error) {
		if mediaType == mediaProtobuf {
			buf, err = proto.MarshalOptions{}.MarshalAppend(buf[:0], e)
		} else {
			buf, err = mesosjson.Options{Infinities: true}.Append(buf[:0], e)
		}
		if err != nil {
			return err
		}
		return records.WriteRecord(buf)
	}
}
