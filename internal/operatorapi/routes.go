package operatorapi

import (
	"net/http"
	"path"
	"strings"

	"github.com/mesokit/mesokit/internal/httpapi"
)

// Routes serves mux by the rules of the reference's HTTP server: a path that does not begin with a
// slash is 400; one with "/.." in it, or that nobody has registered, is 404; slashes too many are no
// error. Patterns registered in mux have no method: endpoints judge methods themselves.
//
// Mesos: 3rdparty/libprocess/src/process.cpp, ProcessManager::handle.
func Routes(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasPrefix(r.URL.Path, "/"):
			httpapi.Refuse(w, http.StatusBadRequest, "400 Bad Request.")
			return
		case strings.Contains(r.URL.Path, "/.."):
			NotFound(w, r)
			return
		}
		if clean := path.Clean(r.URL.Path); clean != r.URL.Path {
			// ServeMux would redirect; clients such as `GET /tasks/?limit=1` are to be answered at once.
			u := *r.URL
			u.Path, u.RawPath = clean, ""
			copied := *r
			copied.URL = &u
			r = &copied
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// NotFound answers 404 with the reference's body.
func NotFound(w http.ResponseWriter, _ *http.Request) {
	httpapi.Refuse(w, http.StatusNotFound, "404 Not Found.")
}

// Mount registers h for path, and for what is below it unless something longer is registered, without
// and with the names of processes in front: "/state", and "/master/state" for the process "master".
func Mount(mux *http.ServeMux, path string, h http.Handler, processes ...string) {
	prefixes := []string{""}
	for _, p := range processes {
		prefixes = append(prefixes, "/"+p)
	}
	for _, prefix := range prefixes {
		mux.Handle(prefix+path, h)
		mux.Handle(prefix+path+"/", h)
	}
}
