package httpv1

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/httpclient"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// DefaultPath is where agents serve the executor API.
const DefaultPath = "/api/v1/executor"

// Dialer connects to agents over HTTP. The zero value speaks protobuf. It is a value: copies are
// independent, and it must not be changed while in use.
type Dialer struct {
	// JSON makes calls and events JSON instead of protobuf: slower, but easy to follow on the wire.
	JSON bool

	// Path of the API. Default DefaultPath.
	Path string

	// TLS, if set, makes it HTTPS. Default: HTTPS with the system's certificate authorities if
	// executor.Agent.TLS says so, else no encryption. It does not count for Unix sockets.
	TLS *tls.Config

	// CallTimeout is how long a call may take. Default 30s. The stream has no such limit.
	CallTimeout time.Duration

	// MaxRecordSize is the largest event that is accepted, in bytes. Default 64 MiB.
	MaxRecordSize int

	// DialContext, if set, opens the connections; network is tcp, or unix for Agent.DomainSocket.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// client is one subscription to one agent.
type client = httpclient.Client[*executorpb.Call, *executorpb.Event]

var (
	_ executor.Dialer    = Dialer{}
	_ executor.Transport = (*client)(nil)
)

// Dial returns a client for one subscription to agent. It does not connect yet.
func (d Dialer) Dial(agent executor.Agent) executor.Transport { return d.dial(agent) }

func (d Dialer) dial(agent executor.Agent) *client {
	cfg := httpclient.Config[*executorpb.Call, *executorpb.Event]{
		Peer:          "agent " + agent.String(),
		Codec:         httpclient.Protobuf,
		NewEvent:      func() *executorpb.Event { return new(executorpb.Event) },
		TypeOf:        func(c *executorpb.Call) string { return c.GetType().String() },
		Errors:        apierror.Executor,
		InOrder:       true,
		Repeatable:    repeatable,
		CallTimeout:   d.CallTimeout,
		MaxRecordSize: d.MaxRecordSize,
		TLS:           d.TLS,
		DialContext:   d.DialContext,
	}
	if d.JSON {
		cfg.Codec = httpclient.JSON
	}
	scheme, host := "http", agent.Endpoint
	switch {
	case agent.DomainSocket != "":
		host = "localhost"
		cfg.DialContext = d.dialSocket(agent.DomainSocket)
	case d.TLS != nil || agent.TLS:
		scheme = "https"
	}
	path := d.Path
	if path == "" {
		path = DefaultPath
	}
	cfg.URL = scheme + "://" + host + "/" + strings.TrimPrefix(path, "/")
	if agent.Token != "" {
		cfg.Authorize = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+agent.Token) }
	}
	return httpclient.New(cfg)
}

// dialSocket connects to a Unix socket, whatever the address is.
func (d Dialer) dialSocket(path string) func(context.Context, string, string) (net.Conn, error) {
	open := d.DialContext
	if open == nil {
		open = (&net.Dialer{Timeout: 15 * time.Second}).DialContext
	}
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return open(ctx, "unix", path) }
}

// repeatable tells which calls an agent may get twice: it knows updates by their uuids.
func repeatable(c *executorpb.Call) bool {
	t := c.GetType()
	return t == executorpb.Call_UPDATE || t == executorpb.Call_HEARTBEAT
}
