// Package libprocess sends and receives the messages that Mesos masters, agents and version 0 drivers exchange.
//
// It is the wire below master/libprocess, agent/libprocess and the drivers' libprocess transports, and knows no
// role: it moves named bytes from one process to another. A process is an id at an address, written as its [UPID]
// (master@10.0.0.1:5050). A message is one HTTP/1.1 POST to /id/name; the answer says only whether the id exists.
//
//	endpoint, err := libprocess.New(libprocess.Config{Advertise: netip.MustParseAddrPort("10.0.0.1:5050")})
//	master, err := endpoint.Spawn("master", libprocess.ReceiverFunc(
//		func(from libprocess.UPID, name string, body []byte, done func()) {
//			loop.Post(func() { defer done(); handle(from, name, body) })
//		}))
//	go endpoint.Server(routes).Serve(listener) // messages to their process, all else to routes
//	master.Link(agent, func(agent libprocess.UPID) { loop.Post(func() { disconnected(agent) }) })
//	master.SendMessage(agent, &messagespb.PingSlaveMessage{})
//
// # Promises
//
//   - Messages between two endpoints arrive in the order of their sending while the connection lives. When it
//     breaks, a suffix is lost, never anything between two messages that arrive over that connection.
//   - All messages and all links to one address share one connection, in one direction. Answers of the peer are
//     read and thrown away; no message waits for one. It is never half-closed, and closed for idleness only while
//     nobody is linked to it.
//   - Every [Process.Link] is answered by its callback exactly once, when the connection breaks or can't be made, unless
//     the link is removed first or the endpoint closed. Linking again is up to the caller.
//   - Sending never waits. A message to a peer that can't be reached is dropped, as the reference does.
//   - Nothing a peer does grows the process without bound. At most 64 messages of a connection are delivered and
//     not yet done; then the connection is not read. Each process has a bounded mailbox, large bodies share a budget, and
//     an outgoing queue that overflows ends its connection. [Config] names all limits.
//
// # Who owns what
//
// One goroutine per peer address connects and writes, a second one reads what comes back; both belong to the
// endpoint, and [Endpoint.Close] waits for them. Incoming connections belong to the HTTP server that calls
// [Endpoint.Handler]; [Receiver.Receive] runs on that server's goroutines and link callbacks on the peer's, so both
// should post to their owner's loop and return.
//
// # Differences from the reference
//
// Host names are resolved by [ResolveUPID] alone, never for text that a peer sent, because a lookup blocks. Requests
// that net/http can't parse are answered 400 before the connection is closed, not just closed. Messages to an id of the same
// endpoint take the way over the network as well. TLS is left to the listener and to Config.Dial.
//
// Source: Mesos 3rdparty/libprocess/src/process.cpp, encoder.hpp, pid.cpp.
package libprocess
