package operator

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/internal/httpapi"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/mesosproto"
)

// Containers describes running containers. A containerizer does.
type Containers interface {
	Status(ctx context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error)
	Usage(ctx context.Context, id *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error)
}

// Config says what a Handler serves. Snapshot is required: an agent has it.
type Config struct {
	Snapshot func() *agent.Snapshot
	// Containers is asked for /containers and /monitor/statistics. Default: neither status nor
	// statistics are known.
	Containers Containers
	// Flags are shown at /flags and in /state: name without dashes, value as text. Default: none.
	Flags map[string]string
	// Now is the clock that the agent's loop goes by, for uptimes. Default time.Now.
	Now func() time.Time
}

// Handler serves the endpoints. It is safe for concurrent use, holds no goroutine and needs no end.
type Handler struct {
	cfg Config

	mu        sync.Mutex // guards what follows
	shown     *agent.Snapshot
	document  *operatorapi.Document // of /state, for shown
	executors operatorapi.Cache[*agent.ExecutorState]
}

// New makes a handler.
func New(cfg Config) *Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Handler{cfg: cfg}
}

// Mount registers the endpoints, also below the name of the agent's process.
func (h *Handler) Mount(mux *http.ServeMux) {
	process, _, _ := strings.Cut(h.cfg.Snapshot().PID, "@")
	if process == "" {
		process = "slave(1)"
	}
	mount := func(path string, serve http.HandlerFunc) { operatorapi.Mount(mux, path, serve, process) }
	document := func(path string, make func() *operatorapi.Document) {
		mount(path, func(w http.ResponseWriter, r *http.Request) { operatorapi.Serve(w, r, make()) })
	}
	mount("/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	document("/version", func() *operatorapi.Document { return operatorapi.Version(h.cfg.Snapshot().Version) })
	document("/flags", func() *operatorapi.Document { return operatorapi.Flags(h.cfg.Flags) })
	document("/system/stats.json", operatorapi.HostStatistics)
	mount("/metrics/snapshot", operatorapi.MetricsSnapshot(h.metrics).ServeHTTP)
	mount("/metrics", operatorapi.Prometheus(h.metrics).ServeHTTP)
	mount("/state", h.recovered(h.state))
	mount("/state.json", h.recovered(h.state))
	mount("/containers", h.recovered(h.containers))
	mount("/monitor/statistics", h.recovered(h.statistics))
	mount("/monitor/statistics.json", h.recovered(h.statistics))
}

// recovered answers 503 as long as the agent does not know yet what it has.
func (h *Handler) recovered(serve func(http.ResponseWriter, *http.Request, *agent.Snapshot)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := h.cfg.Snapshot()
		if s.State == "RECOVERING" {
			httpapi.Refuse(w, http.StatusServiceUnavailable, "Agent has not finished recovery")
			return
		}
		serve(w, r, s)
	}
}

// Routes serves mux by the routing rules of the reference: unknown paths are answered with "404 Not
// Found.", and nothing is redirected to a cleaner path. A agent's HTTP server should serve it.
func Routes(mux *http.ServeMux) http.Handler { return operatorapi.Routes(mux) }
