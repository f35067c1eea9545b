package httpclient

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
)

// Config says whom a Client talks to, and how. Peer, URL, Codec, NewEvent, TypeOf and Errors are required.
type Config[C, E proto.Message] struct {
	// Peer names the server in errors, for example "master 10.0.0.1:5050".
	Peer string
	// URL is where the API is.
	URL string
	// Codec of calls and events.
	Codec Codec

	// NewEvent makes an empty event. TypeOf names the type of a call, for errors.
	NewEvent func() E
	TypeOf   func(C) string
	// Errors translates answers.
	Errors apierror.Table
	// Redirect makes an error of the Location of a redirect. Default: a redirect is an error like others.
	Redirect func(location string) error

	// StreamIDs: the server gives each stream an id, and wants to see it in each call.
	StreamIDs bool
	// InOrder: after a call that was lost, or that the server could not take now, all further ones fail,
	// too, so that none overtakes it; whoever makes them starts over with a new Client.
	InOrder bool
	// Repeatable reports whether it does no harm if a call arrives twice. It is then sent again if its
	// connection was closed before there was an answer, as a server does with one that was idle for long.
	// Default: no call is.
	Repeatable func(C) bool

	// Authorize, if set, adds to a request what proves who sends it.
	Authorize func(*http.Request)
	// CallTimeout is how long a call may take. Default 30s. The stream has no such limit.
	CallTimeout time.Duration
	// MaxRecordSize is the largest event that is accepted, in bytes. Default 64 MiB.
	MaxRecordSize int
	// TLS is for URLs that begin with https.
	TLS *tls.Config
	// DialContext, if set, opens the TCP connections.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// dial opens a TCP connection.
func (c *Config[C, E]) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.DialContext != nil {
		return c.DialContext(ctx, network, address)
	}
	return (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
}

// newHTTPClient returns a client that has at most one connection and follows no redirects.
func (c *Config[C, E]) newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            c.dial,
			TLSClientConfig:        c.TLS.Clone(),
			TLSHandshakeTimeout:    15 * time.Second,
			MaxConnsPerHost:        1,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
			ReadBufferSize:         32 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
