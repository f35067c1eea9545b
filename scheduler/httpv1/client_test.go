package httpv1

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
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
	"github.com/mesokit/mesokit/internal/httpclient"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

type leaderInfo = mesosproto.MasterInfo

var (
	subscribe = &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum()}
	revive    = &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}
)

// stream answers SUBSCRIBE with a body in JSON.
func stream(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(httpclient.StreamIDHeader, "s")
		io.WriteString(w, body)
	}
}

// read subscribes with JSON and returns what came.
func read(t testing.TB, d Dialer, h http.Handler) ([]*schedulerpb.Event, error) {
	server := httptest.NewServer(h)
	defer server.Close()
	d.JSON = true
	var events []*schedulerpb.Event
	err := dial(t, d, server).Subscribe(t.Context(), subscribe, func(e *schedulerpb.Event) error {
		events = append(events, e)
		return nil
	})
	return events, err
}

func TestBrokenStreams(t *testing.T) {
	const heartbeat = "20\n{\"type\":\"HEARTBEAT\"}"
	for _, c := range []struct {
		name, body string
		events     int
		code       codes.Code // Unknown: io.EOF
	}{
		{"empty", "", 0, codes.Unknown},
		{"whole", heartbeat + heartbeat, 2, codes.Unknown},
		{"ends within a record", heartbeat + "20\n{\"type\":", 1, codes.Unavailable},
		{"ends within a header", heartbeat + "2", 1, codes.Unavailable},
		{"no header", "{\"type\":\"HEARTBEAT\"}", 0, codes.Internal},
		{"negative length", "-1\nx", 0, codes.Internal},
		{"length of many digits", strings.Repeat("0", 30) + "1\nx", 0, codes.Internal},
		{"huge length", "99999999999\nx", 0, codes.ResourceExhausted},
		{"longer than allowed", "1001\n" + strings.Repeat(" ", 1001), 0, codes.ResourceExhausted},
		{"no JSON", "3\n{x}", 0, codes.Internal},
		{"no event", "2\n[]", 0, codes.Internal},
		{"field missing", heartbeat + "36\n{\"type\":\"RESCIND\",\"rescind\":{\"x\":1}}", 1, codes.Internal},
		{"unknown type", "15\n{\"type\":\"NEW\"} ", 1, codes.Unknown},
		{"chunked text after it", heartbeat + "\n", 1, codes.Internal},
	} {
		events, err := read(t, Dialer{MaxRecordSize: 1000}, stream(c.body))
		require.Len(t, events, c.events, "%s: %v", c.name, err)
		require.Equal(t, c.code, status.Code(err), "%s: %v", c.name, err)
		require.Equal(t, c.code == codes.Unknown, err == io.EOF, "%s: %v", c.name, err)
	}
}

func TestStreamCutByTheNetwork(t *testing.T) {
	events, err := read(t, Dialer{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream("20\n{\"type\":\"HEARTBEAT\"}")(w, r)
		w.(http.Flusher).Flush()
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close() // without the chunk that ends the body
		}
	}))
	require.Len(t, events, 1)
	require.Equal(t, codes.Unavailable, status.Code(err), err)
}

func TestAnswersThatAreNoStream(t *testing.T) {
	header := func(code int, contentType, id string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			if id != "" {
				w.Header().Set(httpclient.StreamIDHeader, id)
			}
			w.WriteHeader(code)
		}
	}
	for _, c := range []struct {
		answer http.HandlerFunc
		code   codes.Code
		says   string
	}{
		{header(200, "application/json", ""), codes.Internal, "without the header Mesos-Stream-Id"},
		{header(200, "text/html", "s"), codes.Internal, `content type "text/html"`},
		{header(200, "application/x-protobuf", "s"), codes.Internal, "application/x-protobuf"},
		{header(202, "application/json", "s"), codes.Internal, "202 Accepted; expecting 200 OK"},
		{header(404, "text/plain", ""), codes.Unavailable, "404"},
		{header(503, "text/plain", ""), codes.Unavailable, "503"},
		{header(401, "text/plain", ""), codes.Unauthenticated, "401"},
		{header(403, "text/plain", ""), codes.PermissionDenied, "403"},
		{header(500, "text/plain", ""), codes.Internal, "500"},
		{header(501, "text/plain", ""), codes.Unimplemented, "501"},
		{header(406, "text/plain", ""), codes.InvalidArgument, "406"},
		{header(307, "text/plain", ""), codes.Unavailable, "does not lead"},
	} {
		_, err := read(t, Dialer{}, c.answer)
		require.Equal(t, c.code, status.Code(err), err)
		require.ErrorContains(t, err, c.says)
	}
}

func TestRedirectNamesTheLeader(t *testing.T) {
	for _, c := range []struct {
		location, leader string
		tls              bool
	}{
		{"//master5050.example:5050/master/api/v1/scheduler", "master5050.example:5050", false}, // the reference's
		{"http://10.0.0.1:5051/api/v1/scheduler", "10.0.0.1:5051", false},
		{"//[::1]:5050", "[::1]:5050", false},
		{"//leader/x", "leader:80", false},
		{"//leader/x", "leader:443", true},
		{"https://leader/x", "leader:443", false},
		{"/elsewhere", "", false},
		{"", "", false},
		{"http://%zz", "", false},
	} {
		leader, ok := apierror.Leader(redirect("m:5050", c.tls)(c.location))
		require.Equal(t, c.leader != "", ok, c.location)
		require.Equal(t, c.leader, leader, c.location)
	}
}

func TestRedirectsAreNotFollowedHere(t *testing.T) {
	var asked atomic.Int32
	_, err := read(t, Dialer{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Location", "//"+r.Host+r.URL.Path) // round in a circle
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	leader, ok := apierror.Leader(err)
	require.True(t, ok)
	require.Contains(t, leader, "127.0.0.1:")
	require.EqualValues(t, 1, asked.Load())
}

func TestBodiesOfErrorsAreBounded(t *testing.T) {
	_, err := read(t, Dialer{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		for range 1000 {
			if _, err := w.Write(make([]byte, 100<<10)); err != nil {
				return
			}
		}
	}))
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.LessOrEqual(t, len(status.Convert(err).Message()), httpclient.MaxErrorBody)
}

// master accepts one subscription, and calls, on which it tells.
type master struct {
	calls  chan *http.Request
	answer atomic.Pointer[http.HandlerFunc] // nil: 202
}

func (m *master) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(httpclient.StreamIDHeader) == "" {
		stream("20\n{\"type\":\"HEARTBEAT\"}")(w, r)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	m.calls <- r
	if answer := m.answer.Load(); answer != nil {
		(*answer)(w, r)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// open subscribes and returns a client that can Send, until the test ends.
func open(t testing.TB, d Dialer, m *master, server *httptest.Server) (c *client, cancel func() error) {
	if m.calls == nil {
		m.calls = make(chan *http.Request, 1000)
	}
	ctx, stop := context.WithCancel(context.Background())
	d.JSON = true
	c = dial(t, d, server)
	first, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- c.Subscribe(ctx, subscribe, func(*schedulerpb.Event) error {
			close(first)
			return nil
		})
	}()
	select {
	case <-first:
	case err := <-ended:
		t.Fatal(err)
	}
	cancel = func() error {
		stop()
		return <-ended
	}
	return c, cancel
}

func TestCallsCarryTheStreamID(t *testing.T) {
	m := &master{}
	server := httptest.NewServer(m)
	defer server.Close()
	c, cancel := open(t, Dialer{}, m, server)
	require.NoError(t, c.Send(t.Context(), revive))
	first := <-m.calls
	require.Equal(t, "s", first.Header.Get(httpclient.StreamIDHeader))
	require.NoError(t, c.Send(t.Context(), revive))
	require.Equal(t, first.RemoteAddr, (<-m.calls).RemoteAddr, "calls share a connection, so they keep their order")

	require.ErrorIs(t, cancel(), context.Canceled)
	err := c.Send(t.Context(), revive)
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "no stream, no id")
	require.Empty(t, m.calls)
}

func TestSendErrors(t *testing.T) {
	m := &master{}
	server := httptest.NewServer(m)
	defer server.Close()
	c, cancel := open(t, Dialer{}, m, server)
	for _, x := range []struct {
		answer http.HandlerFunc
		code   codes.Code
		says   string
	}{
		{func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "Framework is not subscribed", http.StatusForbidden)
		},
			codes.FailedPrecondition, "Framework is not subscribed"},
		{func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "Framework cannot be found", http.StatusBadRequest)
		},
			codes.NotFound, "Framework cannot be found"},
		{func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no, because", http.StatusForbidden) },
			codes.PermissionDenied, "no, because"},
		{func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "//other:5050/x")
			w.WriteHeader(307)
		}, codes.Unavailable, "other:5050"},
		{func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, codes.Unavailable, "REVIVE to master"},
	} {
		m.answer.Store(&x.answer)
		err := c.Send(t.Context(), revive)
		require.Equal(t, x.code, apierror.Code(err), err)
		require.Contains(t, apierror.Message(err), x.says)
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) })
	m.answer.Store(&ok)
	require.NoError(t, c.Send(t.Context(), revive), "UPDATE_FRAMEWORK is answered with 200")

	bad := &schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{
		Filters: &mesosproto.Filters{RefuseSeconds: proto.Float64(math.NaN())}}}
	require.Equal(t, codes.InvalidArgument, status.Code(c.Send(t.Context(), bad)))

	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, c.Send(ctx, revive), context.Canceled)
	require.Error(t, cancel())
}

func TestCallWithoutAnswerTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(ctx context.Context, network, address string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				io.Copy(io.Discard, there) // reads, and never answers
				there.Close()
			}()
			return here, nil
		}
		c := Dialer{DialContext: silent}.Dial(&mesosproto.MasterInfo{Hostname: proto.String("m")}).(*client)
		id := "s"
		c.StreamID.Store(&id)
		begin := time.Now()
		err := c.Send(t.Context(), revive)
		require.Equal(t, codes.Unavailable, status.Code(err))
		require.ErrorContains(t, err, "no answer from master m:5050 within 30s")
		require.Equal(t, 30*time.Second, time.Since(begin))
	})
}

func TestNobodyListens(t *testing.T) {
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	c := Dialer{DialContext: refuse}.Dial(&mesosproto.MasterInfo{Hostname: proto.String("m")})
	err := c.Subscribe(t.Context(), subscribe, nil)
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Equal(t, "SUBSCRIBE to master m:5050: connection refused", status.Convert(err).Message())
}

func TestErrorOfTheCallbackEndsTheStream(t *testing.T) {
	m := &master{}
	server := httptest.NewServer(m)
	defer server.Close()
	enough := errors.New("enough")
	c := dial(t, Dialer{JSON: true}, server)
	err := c.Subscribe(t.Context(), subscribe, func(*schedulerpb.Event) error { return enough })
	require.Equal(t, enough, err)
}

func TestTLSAndBasicAuthentication(t *testing.T) {
	m := &master{}
	authenticated := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, secret, _ := r.BasicAuth(); user != "framework" || secret != "geheim" {
			http.Error(w, "401 Unauthorized.", http.StatusUnauthorized)
			return
		}
		m.ServeHTTP(w, r)
	})
	server := httptest.NewUnstartedServer(authenticated)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the client that refuses it
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	secure := Dialer{TLS: &tls.Config{RootCAs: roots}}

	err := dial(t, secure, server).Subscribe(t.Context(), subscribe, nil)
	require.Equal(t, codes.Unauthenticated, status.Code(err))
	err = dial(t, Dialer{TLS: &tls.Config{}}, server).Subscribe(t.Context(), subscribe, nil)
	require.Equal(t, codes.Unavailable, status.Code(err), "a certificate of nobody we know")

	secure.Principal, secure.Secret = "framework", "geheim"
	c, cancel := open(t, secure, m, server)
	require.NoError(t, c.Send(t.Context(), revive))
	require.ErrorIs(t, cancel(), context.Canceled)
}

func TestAddressOfALeader(t *testing.T) {
	full := &mesosproto.MasterInfo{
		Ip: proto.Uint32(16777343), Port: proto.Uint32(1), Hostname: proto.String("old"),
		Address: &mesosproto.Address{Ip: proto.String("10.0.0.1"), Hostname: proto.String("name"), Port: proto.Int32(5050)},
	}
	old := &mesosproto.MasterInfo{Ip: proto.Uint32(16777343), Port: proto.Uint32(5051), Hostname: proto.String("old")}
	for i, c := range []struct {
		info   *mesosproto.MasterInfo
		byName bool
		want   string
	}{
		{full, false, "10.0.0.1:5050"}, {full, true, "name:5050"},
		{old, false, "127.0.0.1:5051"}, {old, true, "old:5051"},
		{&mesosproto.MasterInfo{Hostname: proto.String("h")}, false, "h:5050"},
		{nil, false, "localhost:5050"},
	} {
		require.Equal(t, c.want, address(c.info, c.byName), fmt.Sprint(i))
	}
}

func TestHostnameAlone(t *testing.T) {
	c := Dialer{Path: "master/api/v1/scheduler"}.Dial(&mesosproto.MasterInfo{Hostname: proto.String("h")}).(*client)
	require.Equal(t, "http://h:5050/master/api/v1/scheduler", c.URL())
}

// FuzzStream: whatever a master sends, the client ends with an error and without a panic, and passes
// on only whole events.
func FuzzStream(f *testing.F) {
	for _, e := range recorded(f, recordings...) {
		f.Add(e.Response.body(), e.Response.Bytes == nil)
	}
	f.Add([]byte("20\n{\"type\":\"HEARTBEAT\"}5\n"), true)
	f.Add([]byte("99999999999999999999\n"), false)
	f.Fuzz(func(t *testing.T, body []byte, inJSON bool) {
		c := Dialer{JSON: inJSON, MaxRecordSize: 1 << 20}.Dial(&leaderInfo{}).(*client)
		err := c.Read(t.Context(), strings.NewReader(string(body)), func(e *schedulerpb.Event) error {
			return proto.CheckInitialized(e)
		})
		if err == nil {
			t.Fatal("the end of a stream is an error, if only io.EOF")
		}
	})
}
