package operator

import (
	"net/http"
	"strings"
	"time"

	"github.com/mesokit/mesokit/internal/httpapi"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/httpv1"
)

// Config says what a Handler serves. Snapshot is required: a master has it.
type Config struct {
	Snapshot func() *master.Snapshot
	// Flags are shown at /flags and in /state: name without dashes, value as text. Default: none.
	Flags map[string]string
	// Now is the clock that the master's loop goes by, for uptimes. Default time.Now.
	Now func() time.Time
}

// Handler serves the endpoints. It is safe for concurrent use, holds no goroutine and needs no end.
type Handler struct {
	cfg     Config
	library library
}

// New makes a handler.
func New(cfg Config) *Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &Handler{cfg: cfg}
	h.library.flags = cfg.Flags
	return h
}

// process is the name of the master's process, which may stand before every path.
const process = "master"

// Mount registers the endpoints.
func (h *Handler) Mount(mux *http.ServeMux) {
	document := func(path string, make func() *operatorapi.Document) {
		operatorapi.Mount(mux, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			operatorapi.Serve(w, r, make())
		}), process)
	}
	health := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	operatorapi.Mount(mux, "/health", http.HandlerFunc(health), process)
	document("/version", h.version)
	document("/flags", func() *operatorapi.Document { return operatorapi.Flags(h.cfg.Flags) })
	document("/system/stats.json", operatorapi.HostStatistics)
	operatorapi.Mount(mux, "/metrics/snapshot", operatorapi.MetricsSnapshot(h.metrics), process)
	operatorapi.Mount(mux, "/metrics", operatorapi.Prometheus(h.metrics), process)
	operatorapi.Mount(mux, "/redirect", http.HandlerFunc(h.redirect), process)
	for path, serve := range map[string]func(http.ResponseWriter, *http.Request, *master.Snapshot){
		"/state":         h.state,
		"/state.json":    h.state,
		"/state-summary": h.stateSummary,
		"/slaves":        h.slaves,
		"/slaves.json":   h.slaves,
		"/frameworks":    h.frameworks,
		"/tasks":         h.tasks,
		"/tasks.json":    h.tasks,
		"/roles":         h.roles,
		"/roles.json":    h.roles,
	} {
		operatorapi.Mount(mux, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s := h.cfg.Snapshot(); leads(s, w, r) {
				serve(w, r, s)
			}
		}), process)
	}
}

func (h *Handler) version() *operatorapi.Document {
	version := h.cfg.Snapshot().Info.GetVersion()
	if version == "" {
		version = master.Version
	}
	return operatorapi.Version(version)
}

// leads answers what only the leading master can, and says whether this is it. Unlike the v1 APIs these
// endpoints are served while the registry is still being read.
func leads(s *master.Snapshot, w http.ResponseWriter, r *http.Request) bool {
	if s.Elected {
		return true
	}
	toLeader(s, w, r.URL.RequestURI())
	return false
}

// toLeader redirects to the leading master. The scheme stays the client's.
func toLeader(s *master.Snapshot, w http.ResponseWriter, uri string) {
	leader := httpv1.Address(s.Leader)
	if leader == "" {
		httpapi.Refuse(w, http.StatusServiceUnavailable, "No leader elected")
		return
	}
	w.Header().Set("Location", "//"+leader+uri)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// redirect leads to the leading master, also on that itself. Below it there is nothing.
//
// Mesos: src/master/http.cpp, Master::Http::redirect.
func (h *Handler) redirect(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/redirect") {
		operatorapi.NotFound(w, r)
		return
	}
	toLeader(h.cfg.Snapshot(), w, "")
}

// Routes serves mux by the routing rules of the reference: unknown paths are answered with "404 Not
// Found.", and nothing is redirected to a cleaner path. A master's HTTP server should serve it.
func Routes(mux *http.ServeMux) http.Handler { return operatorapi.Routes(mux) }
