// Package httpv1 connects scheduler drivers to masters over the Mesos v1 scheduler HTTP API.
//
// [Dialer] is what a program puts into scheduler.Config:
//
//	scheduler.Config{Dialer: httpv1.Dialer{}, Master: "10.0.0.1:5050", …}
//
// It is on the path between scheduler and master, in place of the in-process link. One connection of
// the driver is one client here, with two TCP connections: on one, SUBSCRIBE is answered by an
// endless stream of events, framed by package mesosproto/recordio; on the other the calls go, one at
// a time, so that the master gets them in order. Both speak protobuf, or the reference's JSON. The
// mechanism is package httpclient's, which executors use, too.
//
// A client belongs to the goroutines of the adapter in internal/link; its own state is the id of the
// stream, which the master gives with SUBSCRIBE and wants to see in each call. It promises:
//
//   - Nothing that a master sends makes it panic or grow: records, headers and the bodies of errors
//     are bounded, memory is taken as bytes arrive.
//   - Each call is sent at most once. Errors say with a gRPC code what the HTTP status meant (table
//     Scheduler of internal/apierror), with the body as message.
//   - A master that is not the leader answers with a redirect. The client does not follow it: its
//     error names the leader, and the driver goes there, a few times in a row at most.
//
// Source: Mesos docs/scheduler-http-api.md, src/master/http.cpp (Master::Http::scheduler).
package httpv1
