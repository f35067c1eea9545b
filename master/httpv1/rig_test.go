package httpv1_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/httpv1"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/recordio"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// world is a real master on a real loop behind a real HTTP server; only the network is in memory and,
// under synctest, the time virtual. synctest also sees to it that no goroutine is left behind.
type world struct {
	t      *testing.T
	master *master.Master
	api    httpv1.Handler
	server *http.Server
	net    *network
	client *http.Client
	loop   *loop.Real
}

// inWorld runs a test in a world with a leading master, and ends it.
func inWorld(t *testing.T, test func(*world), options ...func(*master.Config)) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, options...)
		defer w.close()
		test(w)
	})
}

func open(t *testing.T, options ...func(*master.Config)) *world {
	w := &world{t: t, loop: loop.New(), net: &network{accept: make(chan net.Conn), closed: make(chan struct{})}}
	cfg := master.Config{Loop: w.loop, Info: &mesosproto.MasterInfo{
		Id: proto.String("debe1c13-8614-4cf7-a3d5-ed5290e66302"), Ip: proto.Uint32(0x0100007f), Port: proto.Uint32(5050),
		Hostname: proto.String("master.example"),
	}}
	for _, o := range options {
		o(&cfg)
	}
	var err error
	w.master, err = master.New(cfg)
	require.NoError(t, err)
	w.api = httpv1.New(httpv1.Config{Schedulers: w.master.Schedulers(), Snapshot: w.master.Snapshot})
	mux := http.NewServeMux()
	w.api.Mount(mux)
	w.server = &http.Server{Handler: operatorapi.Routes(mux)}
	w.client = &http.Client{
		Transport:     &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return w.net.dial(), nil }},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	go func() { _ = w.server.Serve(w.net) }()
	w.master.Start()
	synctest.Wait()
	return w
}

func (w *world) close() {
	w.master.Stop()
	w.api.Close()
	synctest.Wait()
	w.client.CloseIdleConnections()
	require.NoError(w.t, w.server.Close())
	w.loop.Close()
	time.Sleep(time.Second) // net/http lingers half of that on connections that it refused
	synctest.Wait()
}

// network is a listener in memory.
type network struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.accept:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}
func (n *network) Close() error   { n.once.Do(func() { close(n.closed) }); return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5050} }

func (n *network) dial() net.Conn {
	here, there := net.Pipe()
	n.accept <- there
	return here
}

// message is a request or a response as captured.
type message struct {
	Method, Path string
	Status       int
	Headers      map[string]string
	Body         string
	Base64       string `json:"body_base64"`
}

func (m *message) bytes(t *testing.T) []byte {
	if m.Base64 == "" {
		return []byte(m.Body)
	}
	b, err := base64.StdEncoding.DecodeString(m.Base64)
	require.NoError(t, err)
	return b
}

// exchange is one request and its answer; closeBefore names a stream that the client had closed.
type exchange struct {
	Request     message
	Response    message
	CloseBefore string `json:"close_before"`
}

func captured(t *testing.T, name string) (list []exchange) {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	require.NoError(t, err)
	defer file.Close()
	for d := json.NewDecoder(file); d.More(); {
		var e exchange
		require.NoError(t, d.Decode(&e))
		list = append(list, e)
	}
	require.NotEmpty(t, list)
	return list
}

// answer is what came back; the body is still open.
type answer struct {
	*http.Response
	cancel context.CancelFunc
	read   *recordio.Reader
}

func (w *world) send(m *message) *answer {
	w.t.Helper()
	return w.post(m.Method, m.Path, bytes.NewReader(m.bytes(w.t)), m.Headers)
}

func (w *world) post(method, path string, body io.Reader, headers map[string]string) *answer {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	r, err := http.NewRequestWithContext(ctx, method, "http://master"+path, body)
	require.NoError(w.t, err)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := w.client.Do(r)
	require.NoError(w.t, err)
	a := &answer{Response: response, cancel: cancel}
	a.read = recordio.NewReader(response.Body, recordio.Config{MaxRecordSize: 128 << 20})
	return a
}

func (a *answer) text(t *testing.T) string {
	t.Helper()
	text, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	a.close()
	return string(text)
}

// close hangs up.
func (a *answer) close() {
	a.cancel()
	_ = a.Body.Close()
	synctest.Wait()
}

// next reads the next record of a stream.
func (a *answer) next(t *testing.T) string {
	t.Helper()
	record, err := a.read.Next()
	require.NoError(t, err)
	return string(record)
}

// event is next, decoded.
func (a *answer) event(t *testing.T) *schedulerpb.Event {
	t.Helper()
	e := &schedulerpb.Event{}
	require.NoError(t, proto.Unmarshal([]byte(a.next(t)), e))
	return e
}

const jsonType, protobufType = "application/json", "application/x-protobuf"

// subscribe opens a stream of events in protobuf.
func (w *world) subscribe(info *mesosproto.FrameworkInfo) (stream *answer, id *mesosproto.FrameworkID) {
	w.t.Helper()
	body, err := proto.Marshal(&schedulerpb.Call{
		Type: schedulerpb.Call_SUBSCRIBE.Enum(), FrameworkId: info.Id, Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: info},
	})
	require.NoError(w.t, err)
	stream = w.post("POST", "/api/v1/scheduler", bytes.NewReader(body), map[string]string{"Content-Type": protobufType, "Accept": protobufType})
	require.Equal(w.t, http.StatusOK, stream.StatusCode)
	e := stream.event(w.t)
	require.Equal(w.t, schedulerpb.Event_SUBSCRIBED, e.GetType(), "%v", e)
	return stream, e.Subscribed.FrameworkId
}

// call sends a call of a framework and returns status and body.
func (w *world) call(stream *answer, c *schedulerpb.Call) (int, string) {
	w.t.Helper()
	body, err := proto.Marshal(c)
	require.NoError(w.t, err)
	a := w.post("POST", "/api/v1/scheduler", bytes.NewReader(body), map[string]string{
		"Content-Type": protobufType, "Mesos-Stream-Id": stream.Header.Get("Mesos-Stream-Id"),
	})
	return a.StatusCode, a.text(w.t)
}

func (w *world) revive(stream *answer, id *mesosproto.FrameworkID) (int, string) {
	w.t.Helper()
	return w.call(stream, &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), FrameworkId: id})
}

// connected reports whether the master has a stream of the framework.
func (w *world) connected(id *mesosproto.FrameworkID) bool {
	synctest.Wait()
	for f := range w.master.Snapshot().Frameworks.All() {
		if f.ID == id.GetValue() {
			return f.Connected
		}
	}
	return false
}

func framework(name string) *mesosproto.FrameworkInfo {
	return &mesosproto.FrameworkInfo{User: proto.String("root"), Name: &name, FailoverTimeout: proto.Float64(3600)}
}

// withoutQuotaV2 takes out of a captured SUBSCRIBED what is left out here for mesos-go's sake.
func withoutQuotaV2(record string) string {
	return strings.Replace(record, `,{"type":"QUOTA_V2"}`, "", 1)
}
