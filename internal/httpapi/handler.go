package httpapi

import (
	"context"
	"net/http"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/link"
)

// StreamIDHeader names the stream that a scheduler is subscribed with, in answers and calls.
const StreamIDHeader = "Mesos-Stream-Id"

// Config says what a Handler serves. Server, NewCall, Subscribes, Validate and Errors are required.
type Config[C, E proto.Message] struct {
	// Server takes the calls.
	Server link.Server[C, E]
	// NewCall makes an empty call. Subscribes reports whether a call is SUBSCRIBE, NeedsAccept
	// whether the Accept header is looked at although it is not (default: no other call).
	NewCall     func() C
	Subscribes  func(C) bool
	NeedsAccept func(C) bool
	// Validate checks the shape of a call; its error is one of Errors.
	Validate func(C) error
	// Synchronous reports whether a call is answered with 200 instead of 202. Default: none is.
	Synchronous func(C) bool
	// Errors translates errors.
	Errors apierror.Table

	// Before is asked first. If it returns false it has answered. Default: all go on.
	Before func(http.ResponseWriter, *http.Request) bool
	// Redirect is where a request goes that the core refused because it does not lead.
	Redirect func(leader string, r *http.Request) string
	// StreamIDs: the API has stream ids.
	StreamIDs bool
	// ForJSON may replace an event before it is written as JSON. Default: nothing is replaced.
	ForJSON func(E) E

	// MaxBody bounds a request's body in bytes, also after decompression; MaxQueued the events that
	// wait for a client, in bytes of their protobuf form. Defaults 64 MiB and 64 MiB.
	MaxBody, MaxQueued int
	// Logger gets one line an event. Default: no log.
	Logger *zap.Logger
}

const defaultBound = 64 << 20

// Handler is an http.Handler for one path. It is safe for concurrent use.
type Handler[C, E proto.Message] struct {
	cfg    Config[C, E]
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
}

// New makes a handler. Close ends its streams.
func New[C, E proto.Message](cfg Config[C, E]) *Handler[C, E] {
	if cfg.Before == nil {
		cfg.Before = func(http.ResponseWriter, *http.Request) bool { return true }
	}
	no := func(C) bool { return false }
	if cfg.NeedsAccept == nil {
		cfg.NeedsAccept = no
	}
	if cfg.Synchronous == nil {
		cfg.Synchronous = no
	}
	if cfg.ForJSON == nil {
		cfg.ForJSON = func(e E) E { return e }
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultBound
	}
	if cfg.MaxQueued == 0 {
		cfg.MaxQueued = defaultBound
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	h := &Handler[C, E]{cfg: cfg}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Close ends all streams and refuses what comes later; http.Server.Shutdown, called after it, waits for
// the requests. It may be called twice.
func (h *Handler[C, E]) Close() { h.cancel() }

// ServeHTTP answers one request.
func (h *Handler[C, E]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.ctx.Err() != nil {
		h.fail(w, r, errClosing)
		return
	}
	if !h.cfg.Before(w, r) {
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		Refuse(w, http.StatusMethodNotAllowed, "405 Method Not Allowed. Expecting one of { 'POST' }, but received '"+r.Method+"'.")
		return
	}
	call, bad := h.readCall(w, r)
	if bad != nil {
		Refuse(w, bad.status, bad.text)
		return
	}
	subscribes := h.cfg.Subscribes(call)
	mediaType := ""
	if subscribes || h.cfg.NeedsAccept(call) {
		var acceptable bool
		if mediaType, acceptable = answerType(r); !acceptable {
			Refuse(w, http.StatusNotAcceptable, "Expecting 'Accept' to allow '"+mediaProtobuf+"' or '"+mediaJSON+"'")
			return
		}
	}
	from := link.Caller{}
	if h.cfg.StreamIDs {
		from.StreamID = r.Header.Get(StreamIDHeader)
	}
	if subscribes {
		if from.StreamID != "" {
			Refuse(w, http.StatusBadRequest, "Subscribe calls should not include the '"+StreamIDHeader+"' header")
			return
		}
		h.subscribe(w, r, from, call, mediaType)
		return
	}
	if err := h.call(r.Context(), from, call); err != nil {
		h.fail(w, r, err)
		return
	}
	if h.cfg.Synchronous(call) {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

var (
	errGone    = status.Error(codes.Unavailable, "the client has closed the connection")
	errClosing = status.Error(codes.Unavailable, "this process is shutting down")
)

// call waits for the core's answer, so that requests of one connection are handled in order.
func (h *Handler[C, E]) call(ctx context.Context, from link.Caller, call C) error {
	answer := make(chan error, 1)
	h.cfg.Server.Call(from, call, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return errGone
	case <-h.ctx.Done():
		return errClosing
	}
}

// fail answers with what stands for an error of the core.
func (h *Handler[C, E]) fail(w http.ResponseWriter, r *http.Request, err error) {
	if leader, ok := apierror.Leader(err); ok && leader != "" && h.cfg.Redirect != nil {
		w.Header().Set("Location", h.cfg.Redirect(leader, r))
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	code, body := h.cfg.Errors.HTTP(err)
	Refuse(w, code, body)
}

// Refuse answers with a status and a text, as all endpoints do.
func Refuse(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body))
}
