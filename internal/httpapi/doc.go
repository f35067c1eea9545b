// Package httpapi serves a v1 API over HTTP: the scheduler API of a master, the executor API of an
// agent.
//
// Both are one path that takes POST requests, each with one call in JSON or protobuf. SUBSCRIBE is
// answered with an endless RecordIO stream of events, any other call with 202 and no body. A [Handler]
// is the edge between such requests and a link.Server; what differs between the APIs is in its
// [Config].
//
// The order of the checks is the reference's: readiness and leadership, method, content type, body, the
// shape of the call, Accept; then what only the core knows. Errors of the core are translated by the
// endpoint's table in package apierror.
//
// Goroutines: net/http's, one a request. That of a SUBSCRIBE lives as long as the stream; it alone
// encodes and writes, taking events from a queue that the core fills. The queue is bounded in bytes: a
// client that does not read is cut off. Bodies are bounded too, before and after decompression.
//
// Mesos: src/master/http.cpp, Master::Http::scheduler; src/slave/http.cpp, Http::executor.
package httpapi
