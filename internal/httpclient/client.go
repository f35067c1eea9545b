package httpclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/mesosproto/recordio"
)

const (
	// StreamIDHeader names the stream that a call belongs to.
	StreamIDHeader = "Mesos-Stream-Id"

	// MaxErrorBody is how much of the body of a refusal becomes part of the error.
	MaxErrorBody = 16 << 10

	// maxDrain is how much of an answer is read to keep its connection.
	maxDrain = 64 << 10
)

// Client is one subscription to one server. Send may overlap with Subscribe; calls may not overlap.
type Client[C, E proto.Message] struct {
	cfg      Config[C, E]
	stream   *http.Client
	calls    *http.Client
	lost     atomic.Bool // no further call is sent
	together *pipeline   // nil: none; touched by SendAll and Close

	// StreamID is that of the subscription; nil while there is none, or if it has none.
	StreamID atomic.Pointer[string]
}

// New returns a client that has not connected yet.
func New[C, E proto.Message](cfg Config[C, E]) *Client[C, E] {
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = 30 * time.Second
	}
	return &Client[C, E]{cfg: cfg, stream: cfg.newHTTPClient(), calls: cfg.newHTTPClient()}
}

// URL is where the calls go.
func (c *Client[C, E]) URL() string { return c.cfg.URL }

// Subscribe sends SUBSCRIBE and passes on the events of the stream.
//
// Errors: what the HTTP status means; io.EOF if the server ended the stream; Unavailable if it broke
// or could not be opened; Internal if what came is no event stream; ResourceExhausted if an event
// exceeds MaxRecordSize; ctx's.
func (c *Client[C, E]) Subscribe(ctx context.Context, call C, each func(E) error) error {
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
	if got := resp.Header.Get("Content-Type"); got != c.cfg.Codec.MediaType {
		return status.Errorf(codes.Internal, "%s answers SUBSCRIBE with content type %q; expecting %q", c.cfg.Peer, got, c.cfg.Codec.MediaType)
	}
	if c.cfg.StreamIDs {
		id := resp.Header.Get(StreamIDHeader)
		if id == "" {
			return status.Errorf(codes.Internal, "%s answers SUBSCRIBE without the header %s", c.cfg.Peer, StreamIDHeader)
		}
		c.StreamID.Store(&id)
		defer c.StreamID.Store(nil)
	}
	return c.Read(ctx, resp.Body, each)
}

// Read passes on the events of a stream until it ends, with the errors of Subscribe.
func (c *Client[C, E]) Read(ctx context.Context, body io.Reader, each func(E) error) error {
	records := recordio.NewReader(body, recordio.Config{MaxRecordSize: c.cfg.MaxRecordSize})
	for {
		record, err := records.Next()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case err == io.EOF:
			return io.EOF
		case errors.Is(err, recordio.ErrTooLarge):
			return status.Errorf(codes.ResourceExhausted, "event from %s: %v", c.cfg.Peer, err)
		case errors.Is(err, recordio.ErrHeader):
			return status.Errorf(codes.Internal, "event stream of %s: %v", c.cfg.Peer, err)
		default:
			return status.Errorf(codes.Unavailable, "event stream of %s broke: %v", c.cfg.Peer, err)
		}
		event := c.cfg.NewEvent()
		if err := c.cfg.Codec.Unmarshal(record, event); err != nil {
			return status.Errorf(codes.Internal, "event of %d bytes from %s: %v", len(record), c.cfg.Peer, err)
		}
		if err := each(event); err != nil {
			return err
		}
	}
}

// Send sends a call and waits for the answer.
//
// Errors: FailedPrecondition while there is no subscription, if it needs an id; what the HTTP status
// means; Unavailable if nobody can tell whether the call arrived; InvalidArgument if it can't be encoded.
func (c *Client[C, E]) Send(ctx context.Context, call C) error {
	err := c.send(ctx, call)
	switch apierror.Code(err) {
	case codes.OK, codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
	default:
		c.lost.Store(c.cfg.InOrder)
	}
	return err
}

func (c *Client[C, E]) send(ctx context.Context, call C) error {
	id := ""
	if c.cfg.StreamIDs {
		present := c.StreamID.Load()
		if present == nil {
			return status.Errorf(codes.FailedPrecondition, "%s: there is no subscription to %s", c.cfg.TypeOf(call), c.cfg.Peer)
		}
		id = *present
	}
	if c.lost.Load() {
		return status.Errorf(codes.Unavailable, "%s: not sent, because a call to %s before it failed", c.cfg.TypeOf(call), c.cfg.Peer)
	}
	limited, cancel := context.WithTimeout(ctx, c.cfg.CallTimeout)
	defer cancel()
	resp, err := c.post(limited, c.calls, call, id)
	if err == context.DeadlineExceeded && ctx.Err() == nil {
		return status.Errorf(codes.Unavailable, "%s: no answer from %s within %v", c.cfg.TypeOf(call), c.cfg.Peer, c.cfg.CallTimeout)
	}
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
func (c *Client[C, E]) Close() error {
	c.stream.CloseIdleConnections()
	c.calls.CloseIdleConnections()
	if c.together != nil {
		c.together.Close()
		c.together = nil
	}
	return nil
}

func (c *Client[C, E]) post(ctx context.Context, over *http.Client, call C, streamID string) (*http.Response, error) {
	body, err := c.cfg.Codec.Marshal(call)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "encode %s: %v", c.cfg.TypeOf(call), err)
	}
	req, err := c.newRequest(ctx, bytes.NewReader(body), streamID)
	if err != nil {
		return nil, err
	}
	if c.cfg.Repeatable != nil && c.cfg.Repeatable(call) {
		req.Header["Idempotency-Key"] = []string{} // tells net/http, and is not sent
	}
	resp, err := over.Do(req)
	if err == nil {
		return resp, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var wrapped *url.Error // repeats method and URL
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return nil, status.Errorf(codes.Unavailable, "%s to %s: %v", c.cfg.TypeOf(call), c.cfg.Peer, err)
}

func (c *Client[C, E]) newRequest(ctx context.Context, body io.Reader, streamID string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL, body)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "%s: %v", c.cfg.Peer, err)
	}
	req.Header.Set("Content-Type", c.cfg.Codec.MediaType)
	req.Header.Set("Accept", c.cfg.Codec.MediaType)
	req.Header.Set("User-Agent", "mesokit")
	if streamID != "" {
		req.Header.Set(StreamIDHeader, streamID)
	}
	if c.cfg.Authorize != nil {
		c.cfg.Authorize(req)
	}
	return req, nil
}

// refusal is the error that an answer stands for.
func (c *Client[C, E]) refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, MaxErrorBody)) // what there is of it is good enough
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect, http.StatusFound, http.StatusMovedPermanently:
		if c.cfg.Redirect != nil {
			return c.cfg.Redirect(resp.Header.Get("Location"))
		}
	}
	if err := c.cfg.Errors.Error(resp.StatusCode, string(body)); err != nil {
		return err
	}
	return status.Errorf(codes.Internal, "%s answers SUBSCRIBE with %s; expecting 200 OK", c.cfg.Peer, resp.Status)
}
