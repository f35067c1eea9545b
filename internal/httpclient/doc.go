// Package httpclient is the mechanism of the clients of the v1 APIs over HTTP, which schedulers and
// executors share; package httpapi is the other side.
//
// A [Client] is one subscription to one server, with two or three TCP connections: on one, SUBSCRIBE is
// answered by an endless stream of events, framed by package recordio; on another the calls go, one at a
// time, so that the server gets them in order. Calls that wait together go over a third one, pipelined,
// while nothing goes over the second. All speak protobuf, or the reference's JSON. What differs between the
// APIs is in [Config].
//
// A Client belongs to the goroutines of the adapter in internal/link; it starts none but those of net/http,
// and one that writes calls while their answers are read. Nothing that a server sends makes it panic or
// grow: records, headers and the bodies of errors are bounded, memory is taken as bytes arrive. Errors say
// with a gRPC code what the HTTP status meant (the endpoint's table in internal/apierror), with the body as
// message; redirects are not followed.
//
// Mesos: docs/scheduler-http-api.md, docs/executor-http-api.md.
package httpclient
