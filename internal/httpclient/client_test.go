package httpclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/recordio"
)

type (
	executorClient = Client[*executorpb.Call, *executorpb.Event]
	executorConfig = Config[*executorpb.Call, *executorpb.Event]
)

// connect returns a client of the executor API at url.
func connect(t testing.TB, url string, change ...func(*executorConfig)) *executorClient {
	cfg := executorConfig{
		Peer: "agent", URL: url, Codec: Protobuf, Errors: apierror.Executor,
		NewEvent: func() *executorpb.Event { return new(executorpb.Event) },
		TypeOf:   func(c *executorpb.Call) string { return c.GetType().String() },
	}
	for _, f := range change {
		f(&cfg)
	}
	c := New(cfg)
	t.Cleanup(func() { c.Close() })
	return c
}

func serve(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func call(t executorpb.Call_Type) *executorpb.Call {
	return &executorpb.Call{
		Type:        t.Enum(),
		ExecutorId:  &mesosproto.ExecutorID{Value: proto.String("e")},
		FrameworkId: &mesosproto.FrameworkID{Value: proto.String("f")},
	}
}

var (
	subscribe = call(executorpb.Call_SUBSCRIBE)
	beat      = call(executorpb.Call_HEARTBEAT)
)

func inOrder(c *executorConfig) { c.InOrder = true }

func answer(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func TestRequest(t *testing.T) {
	for _, codec := range []Codec{Protobuf, JSON} {
		var got *http.Request
		var body []byte
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
		})
		c := connect(t, url+"/api", func(c *executorConfig) {
			c.Codec = codec
			c.Authorize = func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }
			c.Repeatable = func(*executorpb.Call) bool { return true }
		})
		require.Equal(t, url+"/api", c.URL())
		require.NoError(t, c.Send(t.Context(), beat))
		require.Equal(t, "POST", got.Method)
		require.Equal(t, "/api", got.URL.Path)
		got.Header.Del("Content-Length")
		require.Equal(t, http.Header{
			"Content-Type": {codec.MediaType}, "Accept": {codec.MediaType}, "User-Agent": {"mesokit"}, "Authorization": {"Bearer x"},
		}, got.Header)
		sent := new(executorpb.Call)
		require.NoError(t, codec.Unmarshal(body, sent))
		require.True(t, proto.Equal(beat, sent))
	}
}

func TestStreamWithoutID(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", JSON.MediaType)
		w.Header().Set(StreamIDHeader, "not looked at")
		w.Write(recordio.AppendRecord(nil, []byte(`{"type":"HEARTBEAT"}`)))
	})
	c := connect(t, url, func(c *executorConfig) { c.Codec = JSON })
	events := 0
	err := c.Subscribe(t.Context(), subscribe, func(e *executorpb.Event) error {
		require.Equal(t, executorpb.Event_HEARTBEAT, e.GetType())
		require.Nil(t, c.StreamID.Load())
		events++
		return nil
	})
	require.Equal(t, io.EOF, err)
	require.Equal(t, 1, events)

	c = connect(t, url) // which expects protobuf
	err = c.Subscribe(t.Context(), subscribe, nil)
	require.Equal(t, codes.Internal, status.Code(err))
	require.ErrorContains(t, err, `agent answers SUBSCRIBE with content type "application/json"; expecting "application/x-protobuf"`)
}

func TestStreamWithID(t *testing.T) {
	id := "s"
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get(StreamIDHeader); got != "" {
			require.Equal(t, "s", got)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.Header().Set("Content-Type", Protobuf.MediaType)
		if id != "" {
			w.Header().Set(StreamIDHeader, id)
		}
		w.Write(recordio.AppendRecord(nil, []byte("\b\x09")))
	})
	c := connect(t, url, func(c *executorConfig) { c.StreamIDs = true })
	require.Equal(t, codes.FailedPrecondition, status.Code(c.Send(t.Context(), beat)))
	err := c.Subscribe(t.Context(), subscribe, func(*executorpb.Event) error { return c.Send(t.Context(), beat) })
	require.Equal(t, io.EOF, err)
	require.ErrorContains(t, c.Send(t.Context(), beat), "HEARTBEAT: there is no subscription to agent")
	id = ""
	require.ErrorContains(t, c.Subscribe(t.Context(), subscribe, nil), "without the header Mesos-Stream-Id")
}

func TestErrorsOfSend(t *testing.T) {
	for _, x := range []struct {
		answer http.HandlerFunc
		code   codes.Code
		says   string
		ends   bool // with InOrder
	}{
		{answer(400, "Framework cannot be found"), codes.NotFound, "Framework cannot be found", true},
		{answer(400, "bad"), codes.InvalidArgument, "bad", false},
		{answer(401, ""), codes.Unauthenticated, "401", false},
		{answer(403, "Executor is not subscribed"), codes.FailedPrecondition, "Executor is not subscribed", true},
		{answer(403, "no"), codes.PermissionDenied, "no", false},
		{answer(501, "what?"), codes.Unimplemented, "what?", false},
		{answer(503, "Agent has not finished recovery"), codes.Unavailable, "Agent has not finished recovery", true},
		{answer(307, ""), codes.Unknown, "unexpected answer 307", true},
		{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, codes.Unavailable, "HEARTBEAT to agent: EOF", true},
	} {
		for _, ordered := range []bool{true, false} {
			var asked atomic.Int32
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) == 1 {
					x.answer(w, r)
				} else {
					w.WriteHeader(http.StatusAccepted)
				}
			})
			c := connect(t, url, func(c *executorConfig) { c.InOrder = ordered })
			err := c.Send(t.Context(), beat)
			require.Equal(t, x.code, status.Code(err), err)
			require.ErrorContains(t, err, x.says)
			err = c.Send(t.Context(), beat)
			if x.ends && ordered {
				require.Equal(t, codes.Unavailable, status.Code(err))
				require.ErrorContains(t, err, "HEARTBEAT: not sent, because a call to agent before it failed")
				require.EqualValues(t, 1, asked.Load(), "nothing overtakes what was lost")
			} else {
				require.NoError(t, err, x.says)
			}
		}
	}
}

func TestCallThatCannotBeEncoded(t *testing.T) {
	c := connect(t, "http://nowhere", inOrder)
	err := c.Send(t.Context(), &executorpb.Call{Type: executorpb.Call_UPDATE.Enum()})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.ErrorContains(t, err, "encode UPDATE")
	c = connect(t, "http://no where")
	require.Equal(t, codes.InvalidArgument, status.Code(c.Send(t.Context(), beat)))
}

func TestCancelledCallEndsTheOrder(t *testing.T) {
	c := connect(t, serve(t, answer(202, "")), inOrder)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, c.Send(ctx, beat), context.Canceled)
	require.Equal(t, codes.Unavailable, status.Code(c.Send(t.Context(), beat)), "nobody knows whether it was sent")
}

// A server may close a connection that was idle just when the next call is on its way.
func TestClosedIdleConnection(t *testing.T) {
	for _, repeatable := range []bool{true, false} {
		var requests atomic.Int32
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if requests.Add(1) == 2 {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					conn.Close()
				}
				return
			}
			w.WriteHeader(http.StatusAccepted)
		})
		c := connect(t, url, func(c *executorConfig) { c.Repeatable = func(*executorpb.Call) bool { return repeatable } })
		require.NoError(t, c.Send(t.Context(), beat))
		err := c.Send(t.Context(), beat)
		if repeatable {
			require.NoError(t, err)
			require.EqualValues(t, 3, requests.Load())
		} else {
			require.Equal(t, codes.Unavailable, status.Code(err))
			require.EqualValues(t, 2, requests.Load())
		}
	}
}

func TestRedirect(t *testing.T) {
	elsewhere := errors.New("elsewhere")
	for _, code := range []int{301, 302, 307, 308} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "//other:5050/x")
			w.WriteHeader(code)
		})
		c := connect(t, url, func(c *executorConfig) {
			c.Redirect = func(location string) error {
				require.Equal(t, "//other:5050/x", location)
				return elsewhere
			}
		})
		require.Equal(t, elsewhere, c.Send(t.Context(), beat))
		require.Equal(t, elsewhere, c.Subscribe(t.Context(), subscribe, nil))
	}
}

func TestSubscriptionThatIsNoStream(t *testing.T) {
	for code, want := range map[int]codes.Code{202: codes.Internal, 404: codes.Unavailable, 503: codes.Unavailable, 500: codes.Internal} {
		c := connect(t, serve(t, answer(code, "")))
		require.Equal(t, want, status.Code(c.Subscribe(t.Context(), subscribe, nil)), code)
	}
	long := strings.Repeat("x", 10*MaxErrorBody)
	err := connect(t, serve(t, answer(400, long))).Subscribe(t.Context(), subscribe, nil)
	require.Len(t, status.Convert(err).Message(), MaxErrorBody)
}

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(ctx context.Context, network, address string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				io.Copy(io.Discard, there) // reads, and never answers
				there.Close()
			}()
			return here, nil
		}
		for timeout, want := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Minute: time.Minute} {
			c := connect(t, "http://a", func(c *executorConfig) { c.DialContext, c.CallTimeout = silent, timeout })
			begin := time.Now()
			err := c.Send(t.Context(), beat)
			require.Equal(t, codes.Unavailable, status.Code(err))
			require.ErrorContains(t, err, "HEARTBEAT: no answer from agent within "+want.String())
			require.Equal(t, want, time.Since(begin))

			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
			err = connect(t, "http://a", func(c *executorConfig) { c.DialContext = silent }).Subscribe(ctx, subscribe, nil)
			require.Equal(t, context.DeadlineExceeded, err, "streams have all the time there is")
			cancel()
		}
	})
}

func TestEndsOfStreams(t *testing.T) {
	beats := recordio.AppendRecord(nil, []byte(`{"type":"HEARTBEAT"}`))
	c := connect(t, "", func(c *executorConfig) { c.Codec, c.MaxRecordSize = JSON, 1000 })
	for _, x := range []struct {
		body   string
		events int
		code   codes.Code // Unknown: io.EOF
	}{
		{"", 0, codes.Unknown},
		{string(beats) + string(beats), 2, codes.Unknown},
		{string(beats) + "20\n{", 1, codes.Unavailable},
		{string(beats) + "x\n", 1, codes.Internal},
		{"1001\n" + strings.Repeat(" ", 1001), 0, codes.ResourceExhausted},
		{"2\n[]", 0, codes.Internal},
		{`28` + "\n" + `{"type":"LAUNCH","launch":{}}`, 0, codes.Internal},
	} {
		events := 0
		err := c.Read(t.Context(), strings.NewReader(x.body), func(*executorpb.Event) error {
			events++
			return nil
		})
		require.Equal(t, x.events, events, x.body)
		require.Equal(t, x.code, status.Code(err), x.body)
		require.Equal(t, x.code == codes.Unknown, err == io.EOF)
	}
	enough := errors.New("enough")
	require.Equal(t, enough, c.Read(t.Context(), strings.NewReader(string(beats)), func(*executorpb.Event) error { return enough }))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Read(ctx, strings.NewReader("5"), nil), context.Canceled)
}

// FuzzRead: whatever a server sends, the client ends with an error and without a panic, and passes on
// only whole events.
func FuzzRead(f *testing.F) {
	f.Add([]byte("20\n{\"type\":\"HEARTBEAT\"}5\n"), true)
	f.Add([]byte("2\n\x08\x09"), false)
	f.Add([]byte("99999999999999999999\n"), false)
	f.Fuzz(func(t *testing.T, body []byte, inJSON bool) {
		c := connect(t, "", func(c *executorConfig) { c.MaxRecordSize = 1 << 20 })
		if inJSON {
			c.cfg.Codec = JSON
		}
		err := c.Read(t.Context(), strings.NewReader(string(body)), func(e *executorpb.Event) error {
			return proto.CheckInitialized(e)
		})
		if err == nil {
			t.Fatal("the end of a stream is an error, if only io.EOF")
		}
	})
}
