package executor

import (
	"context"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Agent says where an agent is, and what it wants to see. Config.FromEnvironment fills it in. Which of
// it is needed depends on the Dialer.
type Agent struct {
	// Endpoint is its host:port (MESOS_AGENT_ENDPOINT).
	Endpoint string

	// PID is its process id as on the wire, for example slave(1)@10.0.0.1:5051 (MESOS_SLAVE_PID).
	PID string

	// DomainSocket, if set, is the path of a Unix socket where the agent serves executors
	// (MESOS_DOMAIN_SOCKET). It is preferred to Endpoint.
	DomainSocket string

	// Token, if set, is the proof that the executor is the one it says (JWT;
	// MESOS_EXECUTOR_AUTHENTICATION_TOKEN). It is a secret.
	Token string

	// TLS: the agent wants encryption (LIBPROCESS_SSL_ENABLED).
	TLS bool
}

// String names the agent in logs; it does not tell the token.
func (a Agent) String() string {
	switch {
	case a.DomainSocket != "":
		return a.DomainSocket
	case a.Endpoint != "":
		return a.Endpoint
	}
	return a.PID
}

// Transport is one connection to one agent. It may block; an adapter keeps it off the loops. The
// driver uses it for one subscription: it calls Subscribe once, and Send, one call at a time and in
// order, while Subscribe is under way. If it is an [io.Closer], Close is called when both are over.
//
// Errors carry a gRPC code. Unavailable, Internal, ResourceExhausted, DeadlineExceeded and errors
// without a code make the driver connect again; InvalidArgument, Unauthenticated, PermissionDenied,
// Unimplemented, NotFound and FailedPrecondition from Subscribe stop it.
type Transport interface {
	// Subscribe sends call and passes each event to each, one at a time, until ctx ends, the stream
	// ends (io.EOF), or each returns an error, which it returns. Events belong to each; call must not
	// be changed.
	Subscribe(ctx context.Context, call *executorpb.Call, each func(*executorpb.Event) error) error

	// Send sends a call and waits until the agent has accepted it. The call must not be changed.
	Send(ctx context.Context, call *executorpb.Call) error
}

// Dialer makes connections to agents; package httpv1 has one for the v1 HTTP API.
type Dialer interface {
	// Dial returns a new Transport to agent. It does not block: what goes wrong shows in Subscribe.
	// It is called on the driver's loop.
	Dial(agent Agent) Transport
}

// LinkDialer is a Dialer that connects without blocking calls, as agents in the same process and
// simulated networks do. The driver prefers it; then Dial is not called.
//
// What such a link carries is shared with the other side, so the driver copies it in both directions.
type LinkDialer interface {
	// DialLink returns a client for the owner of l, for one subscription. close, which may be nil, is
	// called once after it is over, off the loop.
	DialLink(l loop.Loop, agent Agent) (client link.Client[*executorpb.Call, *executorpb.Event], close func())
}
