package scheduler

import (
	"context"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Transport is one connection to one master. It may block; an adapter keeps it off the loops. The
// driver uses it for one subscription: it calls Subscribe once, and Send, one call at a time and in
// order, while Subscribe is under way. If it is an [io.Closer], Close is called when both are over.
//
// Errors carry a gRPC code. Unavailable, Internal, ResourceExhausted, DeadlineExceeded and errors
// without a code make the driver try again; InvalidArgument, Unauthenticated, PermissionDenied,
// Unimplemented and FailedPrecondition from Subscribe stop it.
type Transport interface {
	// Subscribe sends call and passes each event to each, one at a time, until ctx ends, the stream
	// ends (io.EOF), or each returns an error, which it returns. Events belong to each; call must not
	// be changed.
	Subscribe(ctx context.Context, call *schedulerpb.Call, each func(*schedulerpb.Event) error) error

	// Send sends a call and waits until the master has accepted it. The call must not be changed.
	Send(ctx context.Context, call *schedulerpb.Call) error
}

// Dialer makes connections to masters; package httpv1 has one for the v1 HTTP API.
type Dialer interface {
	// Dial returns a new Transport to leader. It does not block: what goes wrong shows in Subscribe.
	// It is called on the driver's loop.
	Dial(leader *mesosproto.MasterInfo) Transport
}

// LinkDialer is a Dialer that connects without blocking calls, as masters in the same process and
// simulated networks do. The driver prefers it; then Dial is not called.
//
// What such a link carries is shared with the other side, so the driver copies it in both directions.
type LinkDialer interface {
	// DialLink returns a client for the owner of l, for one subscription. close, which may be nil, is
	// called once after it is over, off the loop.
	DialLink(l loop.Loop, leader *mesosproto.MasterInfo) (client link.Client[*schedulerpb.Call, *schedulerpb.Event], close func())
}

// maxUndelivered is how many callbacks may wait for the framework before the stream is not read. With
// what the link holds, twice as many events are in memory at most.
const maxUndelivered = 64
