package httpv1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/mesosproto/recordio"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

const (
	streamIDHeader = "Mesos-Stream-Id"

	// maxErrorBody is how much of the body of a refusal becomes part of the error.
	maxErrorBody = 16 << 10

	// maxDrain is how much of an answer is read to keep its connection.
	maxDrain = 64 << 10
)

// client is one subscription to one master.
type client struct {
	dialer   Dialer
	address  string // host:port
	url      string
	codec    codec
	stream   *http.Client
	calls    *http.Client
	streamID atomic.Pointer[string] // of the subscription; nil while there is none
}

var (
	_ scheduler.Transport = (*client)(nil)
	_ io.Closer           = (*client)(nil)
)

// Subscribe sends SUBSCRIBE and passes on the events of the stream.
//
// Errors: what the HTTP status means; io.EOF if the master ended the stream; Unavailable if it broke
// or could not be opened; Internal if what came is no event stream; ResourceExhausted if an event
// exceeds Dialer.MaxRecordSize; ctx's.
func (c *client) Subscribe(ctx context.Context, call *schedulerpb.Call, each func(*schedulerpb.Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.post(ctx, c.stream, call, "")
	if err != nil {
		return err
	}
	defer resp.Body.Close() // not drained: the stream has no end
	if resp.StatusCode != http.StatusOK {
		return c.refusal(resp)
	}
	id := resp.Header.Get(streamIDHeader)
	switch got := resp.Header.Get("Content-Type"); {
	case got != c.codec.mediaType:
		return status.Errorf(codes.Internal, "master %s answers SUBSCRIBE with content type %q; expecting %q", c.address, got, c.codec.mediaType)
	case id == "":
		return status.Errorf(codes.Internal, "master %s answers SUBSCRIBE without the header %s", c.address, streamIDHeader)
	}
	c.streamID.Store(&id)
	defer c.streamID.Store(nil)
	return c.read(ctx, resp.Body, each)
}

// read passes on the events of a stream until it ends.
func (c *client) read(ctx context.Context, body io.Reader, each func(*schedulerpb.Event) error) error {
	records := recordio.NewReader(body, recordio.Config{MaxRecordSize: c.dialer.MaxRecordSize})
	for {
		record, err := records.Next()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case err == io.EOF:
			return io.EOF
		case errors.Is(err, recordio.ErrTooLarge):
			return status.Errorf(codes.ResourceExhausted, "event from master %s: %v", c.address, err)
		case errors.Is(err, recordio.ErrHeader):
			return status.Errorf(codes.Internal, "event stream of master %s: %v", c.address, err)
		default:
			return status.Errorf(codes.Unavailable, "event stream of master %s broke: %v", c.address, err)
		}
		event := &schedulerpb.Event{}
		if err := c.codec.unmarshal(record, event); err != nil {
			return status.Errorf(codes.Internal, "event of %d bytes from master %s: %v", len(record), c.address, err)
		}
		if err := each(event); err != nil {
			return err
		}
	}
}

// Send sends a call and waits for the answer.
//
// Errors: FailedPrecondition while there is no subscription; what the HTTP status means; Unavailable
// if nobody can tell whether the call arrived; InvalidArgument if it can't be encoded.
func (c *client) Send(ctx context.Context, call *schedulerpb.Call) error {
	id := c.streamID.Load()
	if id == nil {
		return status.Errorf(codes.FailedPrecondition, "%s: there is no subscription to master %s", call.GetType(), c.address)
	}
	ctx, cancel := context.WithTimeout(ctx, c.dialer.CallTimeout)
	defer cancel()
	resp, err := c.post(ctx, c.calls, call, *id)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return c.refusal(resp)
	}
	io.CopyN(io.Discard, resp.Body, maxDrain) // so that the connection can be used again
	return nil
}

// Close closes connections that are kept for further calls.
func (c *client) Close() error {
	c.stream.CloseIdleConnections()
	c.calls.CloseIdleConnections()
	return nil
}

func (c *client) post(ctx context.Context, over *http.Client, call *schedulerpb.Call, streamID string) (*http.Response, error) {
	body, err := c.codec.marshal(call)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "encode %s: %v", call.GetType(), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "master %s: %v", c.address, err)
	}
	req.Header.Set("Content-Type", c.codec.mediaType)
	req.Header.Set("Accept", c.codec.mediaType)
	req.Header.Set("User-Agent", "mesokit")
	if streamID != "" {
		req.Header.Set(streamIDHeader, streamID)
	}
	if c.dialer.Principal != "" {
		req.SetBasicAuth(c.dialer.Principal, c.dialer.Secret)
	}
	resp, err := over.Do(req)
	if err == nil {
		return resp, nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	var wrapped *url.Error // repeats method and URL
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, status.Errorf(codes.Unavailable, "%s: no answer from master %s within %v", call.GetType(), c.address, c.dialer.CallTimeout)
	}
	return nil, status.Errorf(codes.Unavailable, "%s to master %s: %v", call.GetType(), c.address, err)
}

// refusal is the error that an answer stands for.
func (c *client) refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what there is of it is good enough
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect, http.StatusFound, http.StatusMovedPermanently:
		return c.redirect(resp.Header.Get("Location"))
	}
	if err := apierror.Scheduler.Error(resp.StatusCode, string(body)); err != nil {
		return err
	}
	return status.Errorf(codes.Internal, "master %s answers SUBSCRIBE with %s; expecting 200 OK", c.address, resp.Status)
}

// redirect reads the leader out of a Location, which is protocol-relative (//host:port/path) with the
// reference, and may be a full URL.
func (c *client) redirect(location string) error {
	u, err := url.Parse(location)
	if err != nil || u.Hostname() == "" {
		return status.Errorf(codes.Unavailable, "master %s does not lead, and says %q of the leader's place", c.address, location)
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https" || u.Scheme == "" && c.dialer.TLS != nil:
		port = "443"
	default:
		port = "80"
	}
	return &apierror.NotLeaderError{Leader: net.JoinHostPort(u.Hostname(), port)}
}
