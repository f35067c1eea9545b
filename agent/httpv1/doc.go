// Package httpv1 serves the v1 executor API of an agent over HTTP.
//
// It is the edge between executors in other processes and the agent's core: POST /api/v1/executor,
// also under the name of the agent's process, /slave(1)/api/v1/executor. Calls are JSON or protobuf, one
// a request; SUBSCRIBE is answered with an endless RecordIO stream of events.
//
//	handler := httpv1.New(httpv1.Config{Executors: a.Executors(), Ready: func() bool { return a.Snapshot().Recovered }})
//	handler.Mount(mux)
//	defer handler.Close()
//
// Goroutines: net/http's, one a request. That of a SUBSCRIBE lives as long as the stream; it alone
// encodes and writes, taking events from a queue that the core fills. The queue is bounded in bytes: an
// executor that does not read is cut off. Bodies are bounded too.
//
// Source: Mesos src/slave/http.cpp, Http::executor.
package httpv1
