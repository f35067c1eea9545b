// Package httpv1 serves the v1 executor API of an agent over HTTP.
//
// It is the edge between executors in other processes and the agent's core: POST /api/v1/executor,
// also under the name of the agent's process, /slave(1)/api/v1/executor. The API has no stream ids. The
// mechanism is package httpapi's.
//
//	api := httpv1.New(httpv1.Config{Executors: a.Executors(), Ready: func() bool { return a.Snapshot().Recovered }})
//	api.Mount(mux)
//	defer api.Close()
//
// Mesos: src/slave/http.cpp, Http::executor.
package httpv1
