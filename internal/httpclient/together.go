package httpclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
)

// maxRest is how long a connection may rest between calls that are sent together. A server may close one
// that rests, and what is sent at that moment would be lost.
const maxRest = time.Second

// maxKept is how large the room for requests may be that is kept for further ones.
const maxKept = 1 << 20

// pipeline is the connection for calls that are sent together.
type pipeline struct {
	net.Conn
	reader   *bufio.Reader
	requests []byte // room for those that go out together
	used     time.Time
	broken   bool // within an answer
}

var errBroken = errors.New("an answer broke off, or has no end")

// SendAll sends calls in order, without waiting for the answer to one before the next: as many as there
// are then cost one way to the server and back. For each, in order, answered gets what Send would have
// returned. Calls of an API that must know of a failure before the next goes out (Config.InOrder) are sent
// one by one.
//
// Mesos: the reference's client does so, too (src/scheduler/scheduler.cpp, MesosProcess::send).
func (c *Client[C, E]) SendAll(ctx context.Context, calls []C, answered func(i int, err error)) {
	done := 0
	if len(calls) > 1 && !c.cfg.InOrder && (!c.cfg.StreamIDs || c.StreamID.Load() != nil) {
		done = c.sendTogether(ctx, calls, answered)
	}
	for i := done; i < len(calls); i++ {
		answered(i, c.Send(ctx, calls[i]))
	}
}

// sendTogether returns how many calls, from the first on, were answered or lost. The server has not looked
// at the others: it takes no more on this connection, and said so.
func (c *Client[C, E]) sendTogether(ctx context.Context, calls []C, answered func(i int, err error)) (done int) {
	refused := make([]error, len(calls))
	conn, err := c.openPipeline(ctx)
	if err == nil {
		conn.requests = c.appendRequests(conn.requests[:0], calls, refused)
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		// Beside the reading: a server that does not get rid of its answers reads no more calls.
		writing := make(chan struct{})
		go func() {
			defer close(writing)
			conn.Write(conn.requests) // if it fails, so does the reading
		}()
		more := true
		for more && err == nil && done < len(calls) {
			result := refused[done]
			if result == nil {
				if more, result, err = c.readAnswer(conn); err != nil {
					break
				}
			}
			answered(done, result)
			done++
		}
		if !more || err != nil || conn.broken {
			conn.Close() // ends the writing
			c.together = nil
		}
		<-writing
		conn.used = time.Now()
		if cap(conn.requests) > maxKept {
			conn.requests = nil
		}
		if err == nil {
			return done
		}
	}
	for i := done; i < len(calls); i++ {
		switch {
		case refused[i] != nil:
			answered(i, refused[i])
		case ctx.Err() != nil:
			answered(i, ctx.Err())
		case errors.Is(err, os.ErrDeadlineExceeded):
			answered(i, status.Errorf(codes.Unavailable, "%s: no answer from %s within %v", c.cfg.TypeOf(calls[i]), c.cfg.Peer, c.cfg.CallTimeout))
		default:
			answered(i, status.Errorf(codes.Unavailable, "%s to %s: %v", c.cfg.TypeOf(calls[i]), c.cfg.Peer, err))
		}
	}
	return len(calls)
}

// appendRequests encodes calls. In refused it says which of them can't be, and why.
func (c *Client[C, E]) appendRequests(to []byte, calls []C, refused []error) []byte {
	head, err := c.requestHead()
	for i, call := range calls {
		if err != nil {
			refused[i] = err
			continue
		}
		body, err := c.cfg.Codec.Marshal(call)
		if err != nil {
			refused[i] = status.Errorf(codes.InvalidArgument, "encode %s: %v", c.cfg.TypeOf(call), err)
			continue
		}
		to = append(to, head...)
		to = append(to, "Content-Length: "...)
		to = strconv.AppendInt(to, int64(len(body)), 10)
		to = append(to, "\r\n\r\n"...)
		to = append(to, body...)
	}
	return to
}

// requestHead is what all requests begin with.
func (c *Client[C, E]) requestHead() ([]byte, error) {
	id := ""
	if present := c.StreamID.Load(); present != nil && c.cfg.StreamIDs {
		id = *present
	}
	req, err := c.newRequest(context.Background(), nil, id)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("POST " + req.URL.RequestURI() + " HTTP/1.1\r\nHost: " + req.URL.Host + "\r\n")
	if err := req.Header.Write(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// openPipeline returns the connection for calls that are sent together, a new one if need be.
func (c *Client[C, E]) openPipeline(ctx context.Context) (*pipeline, error) {
	if p := c.together; p != nil {
		if time.Since(p.used) <= maxRest {
			return p, nil
		}
		p.Close()
		c.together = nil
	}
	u, err := url.Parse(c.cfg.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.CallTimeout)
	defer cancel()
	host, port := u.Host, u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		host = net.JoinHostPort(u.Hostname(), port)
	}
	conn, err := c.cfg.dial(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		cfg := c.cfg.TLS.Clone()
		if cfg == nil {
			cfg = &tls.Config{}
		}
		if cfg.ServerName == "" {
			cfg.ServerName = u.Hostname()
		}
		encrypted := tls.Client(conn, cfg)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		conn = encrypted
	}
	c.together = &pipeline{Conn: conn, reader: bufio.NewReaderSize(conn, 32<<10)}
	return c.together, nil
}

// readAnswer reads the next answer. refused is what it means for its call; more says whether the server
// goes on to the next one; err that there is no answer.
func (c *Client[C, E]) readAnswer(conn *pipeline) (more bool, refused, err error) {
	if conn.broken {
		return false, nil, errBroken
	}
	if err := conn.SetDeadline(time.Now().Add(c.cfg.CallTimeout)); err != nil {
		return false, nil, err
	}
	resp, err := http.ReadResponse(conn.reader, nil)
	if err != nil {
		return false, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		refused = c.refusal(resp)
	}
	// To the next answer. If it can't be found, nobody knows what became of the calls after this one: the
	// server may have taken them.
	_, err = io.CopyN(io.Discard, resp.Body, maxDrain)
	conn.broken = err != io.EOF
	return !resp.Close, refused, nil
}
