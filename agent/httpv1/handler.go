package httpv1

import (
	"net/http"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/httpapi"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// MaxQueued bounds the events that wait for an executor to read, in bytes of their protobuf form.
const MaxQueued = 16 << 20

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

// Handler is an http.Handler for one path. It is safe for concurrent use. Close ends all streams and
// refuses what comes later; http.Server.Shutdown, called after it, waits for the requests.
type Handler struct {
	*httpapi.Handler[*executorpb.Call, *executorpb.Event]
}

var _ http.Handler = (*Handler)(nil)

// New makes a handler.
func New(cfg Config) *Handler {
	return &Handler{httpapi.New(httpapi.Config[*executorpb.Call, *executorpb.Event]{
		Server:     cfg.Executors,
		NewCall:    func() *executorpb.Call { return new(executorpb.Call) },
		Subscribes: func(c *executorpb.Call) bool { return c.GetType() == executorpb.Call_SUBSCRIBE },
		Validate:   agent.ValidateCall,
		Errors:     apierror.Executor,
		Before: func(w http.ResponseWriter, _ *http.Request) bool {
			if cfg.Ready != nil && !cfg.Ready() {
				httpapi.Refuse(w, http.StatusServiceUnavailable, "Agent has not finished recovery")
				return false
			}
			return true
		},
		MaxQueued: MaxQueued,
		Logger:    cfg.Logger,
	})}
}

// Mount registers the handler at Paths.
func (h *Handler) Mount(mux *http.ServeMux) {
	for _, path := range Paths {
		mux.Handle(path, h)
		mux.Handle(path+"/", h)
	}
}
