package checks

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/mesokit/mesokit/mesosproto"
)

// Probe is one attempt. Exactly one of Command, HTTP and TCP is set.
type Probe struct {
	Command *mesosproto.CommandInfo
	HTTP    *HTTPProbe
	TCP     *TCPProbe
	// Timeout ends the attempt; 0 means never.
	Timeout time.Duration
}

// HTTPProbe is a GET request to the task. The address is that of the task: the Prober knows it.
type HTTPProbe struct {
	Scheme string // http or https
	Port   uint16 // inside the container
	Path   string // with a leading slash, or empty
	IPv6   bool
}

// TCPProbe is a connection to the task.
type TCPProbe struct {
	Port uint16
	IPv6 bool
}

// Result is what came of a Probe.
type Result struct {
	// Err says why the probe could not be made or did not end: a time-out, a refused connection.
	Err error
	// Transient: the failure says nothing of the task, and is ignored.
	Transient bool

	Status     syscall.WaitStatus // of a command
	StatusCode int                // of an HTTP answer
}

// Prober makes probes. done runs once, on the loop of the caller and never inside the call; cancel
// makes the probe give up, and done still runs. The Prober sees to the timeout.
type Prober interface {
	Probe(p Probe, done func(Result)) (cancel func())
}

// maxRedirects is as many as curl follows.
const maxRedirects = 50

// HTTP asks a task over HTTP and returns the status of the answer. Redirects are followed and
// certificates not verified: the question is whether the task answers, not who it is. The body is not
// read. ctx bounds the whole exchange.
func HTTP(ctx context.Context, address netip.Addr, p HTTPProbe) (status int, err error) {
	scheme := p.Scheme
	if scheme == "" {
		scheme = "http"
	}
	url := fmt.Sprintf("%s://%s%s", scheme, net.JoinHostPort(address.String(), strconv.Itoa(int(p.Port))), p.Path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return nil
		},
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	io.CopyN(io.Discard, resp.Body, 1) // let the peer see that somebody reads
	resp.Body.Close()
	return resp.StatusCode, nil
}

// TCP connects to a task and closes the connection at once.
func TCP(ctx context.Context, address netip.Addr, p TCPProbe) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(address, p.Port).String())
	if err != nil {
		return err
	}
	return conn.Close()
}
