package link

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// Client is the calling side: calls of type C out, events of type E in. Its methods are called on the
// client's loop and return at once; the callbacks run on that loop too.
type Client[C, E any] interface {
	// Subscribe opens the event stream with call. event is called for each event, in order; end once,
	// when the stream is over, with the reason: a gRPC status if the server refused, io.EOF if it
	// closed the stream. After cancel neither is called again. One stream at a time: a second
	// Subscribe cancels the first.
	Subscribe(call C, event func(E), end func(error)) (cancel func())

	// Send sends a call. Calls leave in order. done, which may be nil, gets nil once the server has
	// accepted the call, else a gRPC status: Unavailable if nobody can tell whether it arrived.
	Send(call C, done func(error))
}

// Caller is what a server knows about the sender of a call besides the call.
type Caller struct {
	// Principal is the authenticated principal; empty if there was no authentication.
	Principal string
	// StreamID names the stream that the caller says it is subscribed with; empty if it did not say.
	StreamID string
}

// Stream is the server's end of an event stream. Its methods never block.
type Stream[E any] interface {
	// Send queues an event. A stream whose client does not read is closed when too much is queued;
	// the server hears of it through Ended.
	Send(event E)
	// Close ends the stream after what was sent before. Ended is not called for it.
	Close()
}

// Server is the serving side. Its methods may be called from any goroutine; they post to the
// server's loop and return. answer, done and Stream's methods are called on that loop.
type Server[C, E any] interface {
	// Subscribe opens stream for the caller. answer is called once, before the first event is sent:
	// with the id of the stream (empty where the protocol has none), or with a gRPC status.
	Subscribe(from Caller, call C, stream Stream[E], answer func(streamID string, err error))

	// Call handles any other call. done gets nil if it was accepted, else a gRPC status.
	Call(from Caller, call C, done func(error))

	// Ended says that the peer is gone or the stream broke. Unknown and closed streams are ignored.
	Ended(stream Stream[E])
}

// Conn is a connection between a master and an agent. Messages are those of package messagespb.
type Conn interface {
	// Send queues a message. It never blocks; after the end of the connection it does nothing, but for
	// pings: a carrier may still try to bring them to the peer, who may not have noticed the end.
	Send(m proto.Message)
	// Close ends the connection after what was sent before; Exited is not called for it.
	Close()
	// Peer is the other side's process id as on the wire, for example slave(1)@10.0.0.1:5051.
	Peer() string
}

// Handler receives what arrives on a Conn. Whoever carries the messages calls it from any goroutine,
// one call at a time for each Conn; handled must be called, on any goroutine, once the message is
// done with: the number of messages that are not yet handled is bounded by the carrier.
type Handler interface {
	// Message is a message from the peer.
	Message(conn Conn, m proto.Message, handled func())
	// Exited says that the connection broke; called at most once, nothing follows it.
	Exited(conn Conn)
}

// Dialer opens connections to masters.
type Dialer interface {
	// Dial returns at once; if the master can't be reached, h.Exited says so. h gets everything that
	// arrives on the returned Conn.
	Dial(master *mesosproto.MasterInfo, h Handler) Conn
}
