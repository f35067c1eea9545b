package httpv1

import (
	"context"
	"net/http"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Config says what a Handler serves. Executors is required.
type Config struct {
	// Executors takes the calls.
	Executors link.Server[*executorpb.Call, *executorpb.Event]
	// Ready says whether the agent has recovered its containers; until then every request is answered
	// with 503. Default: always ready.
	Ready func() bool
	// Logger gets one line an event. Default: no log.
	Logger *zap.Logger
}

// Paths are where the API is found: under the name of the agent's process, and without it.
var Paths = []string{"/api/v1/executor", "/slave(1)/api/v1/executor"}

// Handler is an http.Handler for one path. It is safe for concurrent use.
type Handler struct {
	cfg    Config
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
}

var _ http.Handler = (*Handler)(nil)

// New makes a handler. Close ends its streams.
func New(cfg Config) *Handler {
	if cfg.Ready == nil {
		cfg.Ready = func() bool { return true }
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	h := &Handler{cfg: cfg}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Mount registers the handler at Paths.
func (h *Handler) Mount(mux *http.ServeMux) {
	for _, path := range Paths {
		mux.Handle(path, h)
		mux.Handle(path+"/", h)
	}
}

// Close ends all streams and refuses what comes later; http.Server.Shutdown, called after it, waits for
// the requests. It may be called twice.
func (h *Handler) Close() { h.cancel() }

// ServeHTTP answers one request. The order of the checks is the reference's.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !h.cfg.Ready():
		refuse(w, http.StatusServiceUnavailable, "Agent has not finished recovery")
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "405 Method Not Allowed. Expecting one of { 'POST' }, but received '"+r.Method+"'.")
		return
	}
	call, bad := readCall(w, r)
	if bad != nil {
		refuse(w, bad.status, bad.text)
		return
	}
	if call.GetType() == executorpb.Call_SUBSCRIBE {
		h.subscribe(w, r, call)
		return
	}
	if err := h.call(r.Context(), call); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// call waits for the core's answer, so that requests of one connection are handled in order.
func (h *Handler) call(ctx context.Context, call *executorpb.Call) error {
	answer := make(chan error, 1)
	h.cfg.Executors.Call(link.Caller{}, call, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return errGone
	case <-h.ctx.Done():
		return errClosing
	}
}

// fail answers with the status and body that stand for an error of the core.
func fail(w http.ResponseWriter, err error) {
	code, body := apierror.Executor.HTTP(err)
	refuse(w, code, body)
}

func refuse(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body))
}
