package httpv1

import (
	"io"
	"net"
	"net/url"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/httpclient"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// client is one subscription to one master.
type client = httpclient.Client[*schedulerpb.Call, *schedulerpb.Event]

var (
	_ scheduler.Transport = (*client)(nil)
	_ io.Closer           = (*client)(nil)
)

// redirect reads the leader out of a Location, which is protocol-relative (//host:port/path) with the
// reference, and may be a full URL. address is the master's that does not lead.
func redirect(address string, encrypted bool) func(location string) error {
	return func(location string) error {
		u, err := url.Parse(location)
		if err != nil || u.Hostname() == "" {
			return status.Errorf(codes.Unavailable, "master %s does not lead, and says %q of the leader's place", address, location)
		}
		port := u.Port()
		switch {
		case port != "":
		case u.Scheme == "https" || u.Scheme == "" && encrypted:
			port = "443"
		default:
			port = "80"
		}
		return &apierror.NotLeaderError{Leader: net.JoinHostPort(u.Hostname(), port)}
	}
}
