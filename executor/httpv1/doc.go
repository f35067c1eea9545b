// Package httpv1 connects executor drivers to agents over the Mesos v1 executor HTTP API.
//
// [Dialer] is what a program puts into executor.Config:
//
//	executor.Config{Dialer: httpv1.Dialer{}, …}.FromEnvironment()
//
// It is on the path between agent and executor, in place of the in-process link. It speaks protobuf, or
// the reference's JSON, over TCP or a Unix socket, with or without encryption, and proves who it is with
// the token that the agent has given. The mechanism is package httpclient's; the API has no stream ids.
//
// Updates and heartbeats are sent again if the agent closes an idle connection under them, since the
// agent knows an update by its uuid. After a call that was lost no other follows on the same connection:
// the driver subscribes anew, and says what the agent has not acknowledged.
//
// Source: Mesos docs/executor-http-api.md, src/executor/executor.cpp, src/slave/http.cpp (Http::executor).
package httpv1
