package httpv1

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/httpclient"
	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// DefaultPath is where masters serve the scheduler API.
const DefaultPath = "/api/v1/scheduler"

// Dialer connects to masters over HTTP. The zero value speaks protobuf without encryption and
// authentication. It is a value: copies are independent, and it must not be changed while in use.
type Dialer struct {
	// JSON makes calls and events JSON instead of protobuf: slower, but easy to follow on the wire.
	JSON bool

	// Path of the API. Default DefaultPath.
	Path string

	// TLS, if set, makes it HTTPS. Masters are then addressed by host name, if they have told one.
	TLS *tls.Config

	// Principal and Secret, if set, are sent as HTTP basic authentication (--authenticate_http_frameworks).
	Principal, Secret string

	// CallTimeout is how long a call may take. Default 30s. The stream has no such limit; the driver
	// watches its heartbeats.
	CallTimeout time.Duration

	// MaxRecordSize is the largest event that is accepted, in bytes. Default 64 MiB.
	MaxRecordSize int

	// DialContext, if set, opens the TCP connections.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

var _ scheduler.Dialer = Dialer{}

// Dial returns a client for one subscription to leader. It does not connect yet.
func (d Dialer) Dial(leader *mesosproto.MasterInfo) scheduler.Transport {
	scheme := "http"
	if d.TLS != nil {
		scheme = "https"
	}
	path := d.Path
	if path == "" {
		path = DefaultPath
	}
	address := address(leader, d.TLS != nil)
	cfg := httpclient.Config[*schedulerpb.Call, *schedulerpb.Event]{
		Peer:          "master " + address,
		URL:           scheme + "://" + address + "/" + strings.TrimPrefix(path, "/"),
		Codec:         httpclient.Protobuf,
		NewEvent:      func() *schedulerpb.Event { return new(schedulerpb.Event) },
		TypeOf:        func(c *schedulerpb.Call) string { return c.GetType().String() },
		Errors:        apierror.Scheduler,
		Redirect:      redirect(address, d.TLS != nil),
		StreamIDs:     true,
		CallTimeout:   d.CallTimeout,
		MaxRecordSize: d.MaxRecordSize,
		TLS:           d.TLS,
		DialContext:   d.DialContext,
	}
	if d.JSON {
		cfg.Codec = httpclient.JSON
	}
	if d.Principal != "" {
		cfg.Authorize = func(r *http.Request) { r.SetBasicAuth(d.Principal, d.Secret) }
	}
	return httpclient.New(cfg)
}

// address is the host:port to connect to. As the reference's client does, it takes the IP address,
// which needs no name service; certificates, though, are made for names.
//
// Mesos: src/scheduler/scheduler.cpp, detected.
func address(leader *mesosproto.MasterInfo, byName bool) string {
	a := leader.GetAddress()
	port := strconv.FormatUint(uint64(leader.GetPort()), 10)
	if a != nil {
		port = strconv.FormatInt(int64(a.GetPort()), 10)
	}
	candidates := []string{a.GetHostname(), leader.GetHostname()}
	if ip, err := masterinfo.IP(leader); err == nil && ip.IsValid() {
		at := 0
		if byName {
			at = len(candidates)
		}
		candidates = slices.Insert(candidates, at, ip.String())
	}
	for _, host := range candidates {
		if host != "" {
			return net.JoinHostPort(host, port)
		}
	}
	return net.JoinHostPort("localhost", port)
}
