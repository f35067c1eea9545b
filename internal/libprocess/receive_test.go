package libprocess

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rawConn is a hand-driven connection to a loopback host.
type rawConn struct {
	*net.TCPConn
	t      *testing.T
	reader *bufio.Reader
}

func dialRaw(t *testing.T, h *host) *rawConn {
	conn, err := net.Dial("tcp4", h.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &rawConn{conn.(*net.TCPConn), t, bufio.NewReader(conn)}
}

func (c *rawConn) write(text string) {
	_, err := c.Write([]byte(text))
	require.NoError(c.t, err)
}

// response reads one answer: its status code, body and headers.
func (c *rawConn) response() (int, string, http.Header) {
	r, err := http.ReadResponse(c.reader, nil)
	require.NoError(c.t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(c.t, err)
	if r.Close { // ReadResponse has taken it out
		r.Header.Set("Connection", "close")
	}
	return r.StatusCode, string(body), r.Header
}

func (c *rawConn) codes(n int) []int {
	var codes []int
	for range n {
		code, _, _ := c.response()
		codes = append(codes, code)
	}
	return codes
}

func (c *rawConn) closedByHost() {
	_, err := c.reader.ReadByte()
	require.Equal(c.t, io.EOF, err)
}

const peerAgent = "User-Agent: libprocess/peer@127.0.0.1:9\r\n"

func TestReceivesEveryFraming(t *testing.T) {
	for _, row := range []struct{ name, request, from, message, body string }{
		{"one chunk", "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "peer@127.0.0.1:9", "a.B", "abc"},
		{"many chunks", "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n", "peer@127.0.0.1:9", "a.B", "abc"},
		{"content length", "POST /slave(1)/a.B HTTP/1.1\r\nHost: h\r\nLibprocess-From: peer@127.0.0.1:9\r\nContent-Length: 3\r\n\r\nabc", "peer@127.0.0.1:9", "a.B", "abc"},
		{"length zero", "POST /slave(1)/a.B HTTP/1.1\r\nHost: h\r\nLibprocess-From: peer@127.0.0.1:9\r\nContent-Length: 0\r\n\r\n", "peer@127.0.0.1:9", "a.B", ""},
		{"no body at all", "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nConnection: Keep-Alive\r\n\r\n", "peer@127.0.0.1:9", "a.B", ""},
		{"empty Host, as old releases send", "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: \r\n\r\n", "peer@127.0.0.1:9", "a.B", ""},
		{"escaped id", "POST /slave%281%29/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", "peer@127.0.0.1:9", "a.B", ""},
		{"rest of the path is the name", "POST /slave(1)/a/b%20c?x=/y HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", "peer@127.0.0.1:9", "a/b%20c", ""},
		{"no name", "POST /slave(1) HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", "peer@127.0.0.1:9", "", ""},
		{"absolute target", "POST http://h:1/slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", "peer@127.0.0.1:9", "a.B", ""},
		{"Libprocess-From goes before User-Agent", "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nLibprocess-From:   other@127.0.0.2:8  \r\n\r\n", "other@127.0.0.2:8", "a.B", ""},
		{"unreadable sender is none", "POST /slave(1)/a.B HTTP/1.1\r\nUser-Agent: libprocess/x\r\nHost: h\r\n\r\n", "@0.0.0.0:0", "a.B", ""},
		{"empty Libprocess-From is none", "POST /slave(1)/a.B HTTP/1.1\r\nLibprocess-From:\r\nHost: h\r\n\r\n", "@0.0.0.0:0", "a.B", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := loopbackHost(t, Config{})
			box := newInbox(true)
			h.spawn(t, "slave(1)", box)
			conn := dialRaw(t, h)
			conn.write(row.request + row.request)
			for range 2 { // the second proves that the first was read to its end
				code, body, header := conn.response()
				require.Equal(t, 202, code)
				require.Empty(t, body)
				require.Equal(t, []string{"0"}, header["Content-Length"])
				require.NotEmpty(t, header["Date"])
				require.Len(t, header, 2, "as in captures: Date and Content-Length")
			}
			for range 2 {
				got := <-box.arrived
				require.Equal(t, row.from, got.from.String())
				require.Equal(t, row.message, got.name)
				require.Equal(t, row.body, got.body)
			}
		})
	}
}

// The very requests of Mesos and mesos-go, one connection per sender, all pipelined.
func TestReceivesCapturedMessages(t *testing.T) {
	h := loopbackHost(t, Config{})
	boxes := map[string]*inbox{}
	byID := map[string][]captured{}
	for _, c := range capturedMessages(t) {
		to, _ := c.to(t)
		if boxes[to.ID] == nil {
			boxes[to.ID] = newInbox(true)
			h.spawn(t, to.ID, boxes[to.ID])
		}
		byID[to.ID] = append(byID[to.ID], c)
	}
	for id, all := range byID {
		conn := dialRaw(t, h)
		for _, c := range all {
			conn.write(c.Line + "\r\n")
			for key, values := range c.Headers {
				conn.write(key + ": " + values[0] + "\r\n")
			}
			switch {
			case len(c.Body) == 0 || !c.reference():
				conn.write("\r\n" + string(c.Body))
			default:
				conn.write(fmt.Sprintf("\r\n%x\r\n%s\r\n0\r\n\r\n", len(c.Body), c.Body))
			}
		}
		for _, c := range all {
			code, _, _ := conn.response()
			require.Equal(t, 202, code, c.Line)
			_, name := c.to(t)
			got := <-boxes[id].arrived
			require.Equal(t, message{c.from(), name, string(c.Body), nil}, message{got.from, got.name, got.body, nil})
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name, request string
		code          int
		body          string
		goesOn        bool // the connection can still be used
	}{
		{"unknown process", "POST /nobody/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", 404, "404 Not Found.", true},
		{"unknown process, large body", "POST /nobody/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 300000), 404, "404 Not Found.", true},
		{"no process", "POST / HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", 404, "404 Not Found.", true},
		{"two slashes", "POST //slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", 404, "404 Not Found.", true},
		{"no slash", "POST * HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", 400, "Request URL path must start with '/'", true},
		{"announced too large", "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nContent-Length: 400001\r\n\r\n", 413, "413 Request Entity Too Large.", false},
		{"chunks too large", "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n61a81\r\n" + strings.Repeat("x", 400001), 413, "413 Request Entity Too Large.", false},
		{"bad chunk", "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "Failed to read message body: invalid byte in chunk length", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := loopbackHost(t, Config{MessageBytes: 400_000})
			box := newInbox(true)
			h.spawn(t, "slave(1)", box)
			conn := dialRaw(t, h)
			conn.write(row.request)
			code, body, header := conn.response()
			require.Equal(t, row.code, code)
			require.Equal(t, row.body, body)
			require.Empty(t, header["Content-Type"])
			require.Equal(t, uint64(1), h.Stats().Refused)
			if row.goesOn {
				conn.write("POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n")
				require.Equal(t, []int{202}, conn.codes(1))
			} else {
				require.Equal(t, []string{"close"}, header["Connection"])
				conn.closedByHost()
				require.Empty(t, box.all())
			}
		})
	}
}

func TestUndecodablePathIs500(t *testing.T) {
	_, _, refused := target("/slave%zz/a.B")
	require.Equal(t, http.StatusInternalServerError, refused.code)
	require.Equal(t, `Failed to decode URL path: invalid URL escape "%zz"`, refused.text)
}

func TestLargestBodyIsAccepted(t *testing.T) {
	for _, size := range []int{smallBody - 1, smallBody, smallBody + 1, 400_000} {
		h := loopbackHost(t, Config{MessageBytes: 400_000})
		box := newInbox(false)
		h.spawn(t, "slave(1)", box)
		conn := dialRaw(t, h)
		body := strings.Repeat("0123456789", 40_000)[:size]
		conn.write(fmt.Sprintf("POST /slave(1)/a.B HTTP/1.1\r\n%sHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", peerAgent, size, body))
		require.Equal(t, []int{202}, conn.codes(1))
		got := <-box.arrived
		require.True(t, body == got.body, "%d bytes", size)
		require.Equal(t, size > smallBody || size == smallBody, h.usedBudget() == int64(size), "only large bodies count")
		got.done()
		got.done()
		require.Zero(t, h.usedBudget())
		require.Zero(t, h.Stats().Unhandled)
		h.stop()
	}
}

func (h *host) usedBudget() int64 {
	h.budget.mu.Lock()
	defer h.budget.mu.Unlock()
	return h.budget.used
}

func TestOtherRequestsGoToRoutes(t *testing.T) {
	for _, row := range []struct{ request, want string }{
		{"GET /slave(1)/state HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n", "route GET /slave(1)/state"},
		{"POST /slave(1)/a.B HTTP/1.1\r\nUser-Agent: Go-http-client/1.1\r\nHost: h\r\n\r\n", "route POST /slave(1)/a.B"},
		{"POST /api/v1 HTTP/1.1\r\nUser-Agent: notlibprocess/x\r\nHost: h\r\n\r\n", "route POST /api/v1"},
	} {
		h := loopbackHost(t, Config{})
		h.spawn(t, "slave(1)", newInbox(true))
		conn := dialRaw(t, h)
		conn.write(row.request)
		code, body, _ := conn.response()
		require.Equal(t, 200, code)
		require.Equal(t, row.want, body)
		require.Zero(t, h.Stats().Received)
	}
}

func TestWithoutRoutesOtherRequestsAre404(t *testing.T) {
	e, err := New(Config{Advertise: netip.MustParseAddrPort("10.0.0.1:5050")})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	e.Handler(nil).ServeHTTP(w, httptest.NewRequest("GET", "/state", nil))
	require.Equal(t, 404, w.Code)
}

func TestPeerIPMustMatchIfRequired(t *testing.T) {
	h := loopbackHost(t, Config{RequirePeerIPMatch: true})
	box := newInbox(true)
	h.spawn(t, "slave(1)", box)
	conn := dialRaw(t, h)
	conn.write("POST /slave(1)/a.B HTTP/1.1\r\nLibprocess-From: x@10.0.0.1:9\r\nHost: h\r\nContent-Length: 2\r\n\r\nxx")
	code, body, _ := conn.response()
	require.Equal(t, 400, code)
	require.Equal(t, "UPID IP address validation failed: message from x@10.0.0.1:9 was sent from IP 127.0.0.1", body)
	conn.write("POST /slave(1)/a.B HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:9\r\nHost: h\r\n\r\n")
	require.Equal(t, []int{202}, conn.codes(1))
	require.Len(t, box.all(), 1)
}

// A peer that sends, closes its write side and waits has sent; so has one that is gone altogether.
func TestHalfClosedStreamIsReadToItsEnd(t *testing.T) {
	h := loopbackHost(t, Config{})
	box := newInbox(true)
	h.spawn(t, "slave(1)", box)
	conn := dialRaw(t, h)
	request := "POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n"
	conn.write(strings.Repeat(request, 20))
	require.NoError(t, conn.CloseWrite())
	require.Equal(t, 20, len(conn.codes(20)))
	require.Len(t, box.all(), 20)
	conn.closedByHost()
}

func TestBodyCutShortIsNoMessage(t *testing.T) {
	for _, request := range []string{
		"POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
		"POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nContent-Length: 5\r\n\r\nabc",
		"POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 100_000),
	} {
		h := loopbackHost(t, Config{})
		box := newInbox(true)
		h.spawn(t, "slave(1)", box)
		conn := dialRaw(t, h)
		conn.write(request)
		require.NoError(t, conn.CloseWrite())
		code, body, _ := conn.response()
		require.Equal(t, 400, code)
		require.Equal(t, "Failed to read message body: unexpected EOF", body)
		require.Empty(t, box.all())
		require.Zero(t, h.Stats().Unhandled)
		require.Zero(t, h.usedBudget())
	}
}

func TestMalformedHTTPEndsTheConnection(t *testing.T) {
	for _, request := range []string{
		"garbage\r\n\r\n",
		"POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "\r\n", // no Host
		"POST /slave%zz/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n",
		"POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nContent-Length: x\r\n\r\n",
		"POST /slave(1)/" + strings.Repeat("a", 70_000) + " HTTP/1.1\r\n",
	} {
		h := loopbackHost(t, Config{})
		box := newInbox(true)
		h.spawn(t, "slave(1)", box)
		conn := dialRaw(t, h)
		conn.write(request)
		answer, err := io.ReadAll(conn.reader)
		require.NoError(t, err)
		require.Regexp(t, "^HTTP/1.1 4", string(answer))
		require.Empty(t, box.all())
	}
}

func TestClosedEndpointAnswers503AndEndsTheConnection(t *testing.T) {
	h := loopbackHost(t, Config{})
	box := newInbox(true)
	h.spawn(t, "slave(1)", box)
	h.Endpoint.Close()
	h.Endpoint.Close()
	conn := dialRaw(t, h)
	conn.write("POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\n\r\n")
	require.Equal(t, []int{503}, conn.codes(1))
	conn.closedByHost()
	require.Empty(t, box.all())
}

// Whatever bytes come in, the handler answers or closes, and delivers only what it answers with 202.
func FuzzConnection(f *testing.F) {
	f.Add([]byte("POST /slave(1)/a.B HTTP/1.1\r\n" + peerAgent + "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("POST /slave(1)/a.B HTTP/1.1\r\nLibprocess-From: x\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcPOST /x HTTP/1.1\r\n\r\n"))
	f.Add([]byte("POST * HTTP/1.1\r\nLibprocess-From: x@1.2.3.4:5\r\nHost: h\r\n\r\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		e, err := New(Config{Advertise: netip.MustParseAddrPort("10.0.0.1:5050"), MessageBytes: 1000})
		require.NoError(t, err)
		defer e.Close()
		box := newInbox(true)
		_, err = e.Spawn("slave(1)", box)
		require.NoError(t, err)
		handler := e.Handler(nil)
		reader, accepted := bufio.NewReader(strings.NewReader(string(input))), 0
		for {
			r, err := http.ReadRequest(reader)
			if err != nil {
				break
			}
			r.RemoteAddr = "10.0.0.2:1"
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			require.Contains(t, []int{202, 400, 404, 413, 500}, w.Code)
			if w.Code == 202 {
				accepted++
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil || w.Result().Header.Get("Connection") == "close" {
				break
			}
		}
		require.Len(t, box.all(), accepted)
		require.Equal(t, uint64(accepted), e.Stats().Received)
		require.Empty(t, e.inbound.open, "no trace of connections without messages")
	})
}
