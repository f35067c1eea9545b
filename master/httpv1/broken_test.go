package httpv1_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/httpv1"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/recordio"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

func TestContentTypes(t *testing.T) {
	inWorld(t, func(w *world) {
		for contentType, want := range map[string]int{
			"":                                http.StatusBadRequest,
			"text/plain":                      http.StatusUnsupportedMediaType,
			"application/json; charset=utf-8": http.StatusUnsupportedMediaType,
			"APPLICATION/JSON":                http.StatusUnsupportedMediaType,
			"application/recordio":            http.StatusUnsupportedMediaType,
			"application/x-protobuf":          http.StatusBadRequest, // it is JSON
			"application/json":                http.StatusBadRequest, // no such framework
		} {
			a := w.post("POST", "/api/v1/scheduler", strings.NewReader(`{"type":"TEARDOWN","framework_id":{"value":"x"}}`), map[string]string{"Content-Type": contentType})
			require.Equal(t, want, a.StatusCode, contentType)
			text := a.text(t)
			if contentType == "" {
				require.Equal(t, "Expecting 'Content-Type' to be present", text)
			}
		}
	})
}

func TestAccept(t *testing.T) {
	inWorld(t, func(w *world) {
		for accept, want := range map[string]string{
			"*/*": jsonType, "application/*": jsonType, jsonType: jsonType, protobufType: protobufType,
			protobufType + ", " + jsonType:        jsonType,
			jsonType + ";q=0, " + protobufType:    protobufType,
			jsonType + ";q=0.0, */*":              protobufType,
			protobufType + ";q=1, text/html;q=.1": protobufType,
			"text/html":                           "",
			"*/*;q=0":                             "",
			"application/recordio":                "",
		} {
			a := w.post("POST", "/api/v1/scheduler", strings.NewReader(`{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x"}}}`),
				map[string]string{"Content-Type": jsonType, "Accept": accept})
			if want == "" {
				require.Equal(t, http.StatusNotAcceptable, a.StatusCode, accept)
			} else {
				require.Equal(t, http.StatusOK, a.StatusCode, accept)
				require.Equal(t, want, a.Header.Get("Content-Type"), accept)
			}
			a.close()
		}
	})
}

// What a body may be: one call, not larger than 64 MiB, also after decompression.
func TestBodies(t *testing.T) {
	inWorld(t, func(w *world) {
		const call = `{"type":"TEARDOWN","framework_id":{"value":"x"}}`
		zip := func(from io.Reader) *bytes.Buffer {
			var b bytes.Buffer
			z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
			require.NoError(t, err)
			_, err = io.Copy(z, from)
			require.NoError(t, err)
			require.NoError(t, z.Close())
			return &b
		}
		bomb := zip(io.LimitReader(zeros{}, 80<<20))
		require.Less(t, bomb.Len(), 1<<20)
		cut := zip(strings.NewReader(call))
		cut.Truncate(cut.Len() - 10)
		for name, row := range map[string]struct {
			body     io.Reader
			encoding string
			code     int
			text     string
		}{
			"zipped":          {zip(strings.NewReader(call)), "gzip", 400, "Framework cannot be found"},
			"bomb":            {bomb, "gzip", 413, "The body is larger than 67108864 bytes"},
			"endless":         {zeros{}, "", 413, "The body is larger than 67108864 bytes"},
			"not zipped":      {strings.NewReader(call), "gzip", 400, "Failed to decompress body: gzip: invalid header"},
			"cut":             {cut, "gzip", 400, "Failed to read body: unexpected EOF"},
			"other encoding":  {strings.NewReader(call), "br", 400, `Unsupported 'Content-Encoding' "br"; send the body plain or with gzip`},
			"nested":          {strings.NewReader(strings.Repeat(`{"a":`, 100000)), "", 400, ""},
			"two calls":       {strings.NewReader(call + call), "", 400, ""},
			"nothing":         {http.NoBody, "", 400, ""},
			"only whitespace": {strings.NewReader(" \n"), "", 400, ""},
			"array":           {strings.NewReader("[" + call + "]"), "", 400, ""},
		} {
			headers := map[string]string{"Content-Type": jsonType}
			if row.encoding != "" {
				headers["Content-Encoding"] = row.encoding
			}
			a := w.post("POST", "/api/v1/scheduler", row.body, headers)
			require.Equal(t, row.code, a.StatusCode, name)
			if text := a.text(t); row.text != "" {
				require.Equal(t, row.text, text, name)
			}
		}
	})
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// A body that is announced too large is not waited for.
func TestAnnouncedTooLarge(t *testing.T) {
	inWorld(t, func(w *world) {
		c := w.net.dial()
		_, err := fmt.Fprintf(c, "POST /api/v1/scheduler HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", 64<<20+1)
		require.NoError(t, err)
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestEntityTooLarge, a.StatusCode)
		require.NoError(t, c.Close())
	})
}

// Clients that hang up at the wrong moment leave nothing behind: synctest would notice a goroutine.
func TestHangingUp(t *testing.T) {
	const head = "POST /api/v1/scheduler HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: "
	const body = `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x","failover_timeout":9}}}`
	for name, sent := range map[string]string{
		"in the middle of the headers": "POST /api/v1/sch",
		"in the middle of the body":    head + "1000\r\n\r\n" + `{"type":`,
		"before the answer":            head + fmt.Sprint(len(body)) + "\r\n\r\n" + body,
	} {
		inWorld(t, func(w *world) {
			c := w.net.dial()
			_, err := io.WriteString(c, sent)
			require.NoError(t, err)
			require.NoError(t, c.Close())
			synctest.Wait()
			for f := range w.master.Snapshot().Frameworks.All() {
				require.False(t, f.Connected, name)
			}
		})
	}
}

func TestHangingUpOnTheStream(t *testing.T) {
	inWorld(t, func(w *world) {
		stream, id := w.subscribe(framework("x"))
		require.True(t, w.connected(id))
		stream.close()
		require.False(t, w.connected(id))
		code, text := w.revive(stream, id)
		require.Equal(t, http.StatusForbidden, code)
		require.Equal(t, "Framework is not subscribed", text)
	})
}

// A client that closes its half of the connection has left, as for the reference.
func TestHalfClosedStream(t *testing.T) {
	l := loop.New()
	defer l.Close()
	m, err := master.New(master.Config{Loop: l})
	require.NoError(t, err)
	leading := make(chan struct{})
	m.Start()
	api := httpv1.New(httpv1.Config{Schedulers: m.Schedulers(), Snapshot: m.Snapshot})
	mux := http.NewServeMux()
	api.Mount(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	defer api.Close()
	waitUntilLeading(l, m, leading)
	<-leading

	c, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	const body = `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x","failover_timeout":3600}}}`
	_, err = fmt.Fprintf(c, "POST /api/v1/scheduler HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nAccept: application/x-protobuf\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	require.NoError(t, err)
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	records := recordio.NewReader(a.Body, recordio.Config{})
	first, err := records.Next()
	require.NoError(t, err)
	e := &schedulerpb.Event{}
	require.NoError(t, proto.Unmarshal(first, e))
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	for err == nil {
		_, err = records.Next()
	}
	require.ErrorIs(t, err, io.EOF, "the server ends the stream")

	call, err := proto.Marshal(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), FrameworkId: e.Subscribed.FrameworkId})
	require.NoError(t, err)
	r, err := http.NewRequest("POST", server.URL+"/master/api/v1/scheduler", bytes.NewReader(call))
	require.NoError(t, err)
	r.Header.Set("Content-Type", protobufType)
	r.Header.Set("Mesos-Stream-Id", a.Header.Get("Mesos-Stream-Id"))
	answer, err := server.Client().Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
}

// waitUntilLeading closes leading when the master serves.
func waitUntilLeading(l loop.Loop, m *master.Master, leading chan struct{}) {
	l.Post(func() {
		if m.Snapshot().Recovered {
			close(leading)
		} else {
			waitUntilLeading(l, m, leading)
		}
	})
}

// agent is an agent that only registers.
type agent struct{ id *mesosproto.AgentID }

func (a *agent) Send(m proto.Message) {
	if m, ok := m.(*messagespb.SlaveRegisteredMessage); ok {
		a.id = m.SlaveId
	}
}
func (a *agent) Close()       {}
func (a *agent) Peer() string { return "slave(1)@127.0.0.1:5051" }

var _ link.Conn = (*agent)(nil)

func (w *world) agent() *agent {
	a := &agent{}
	w.master.Agents().Message(a, &messagespb.RegisterSlaveMessage{
		Slave:             &mesosproto.AgentInfo{Hostname: proto.String("h"), Port: proto.Int32(5051), Resources: resources.MustParse("cpus:1").Proto()},
		Version:           proto.String("1.12.0"),
		AgentCapabilities: []*mesosproto.AgentInfo_Capability{{Type: mesosproto.AgentInfo_Capability_MULTI_ROLE.Enum()}},
	}, func() {})
	synctest.Wait()
	require.NotNil(w.t, a.id)
	return a
}

// flood sends messages of executors to a framework, n bytes each.
func (w *world) flood(a *agent, id *mesosproto.FrameworkID, count, n int) {
	data := make([]byte, n)
	for range count {
		w.master.Agents().Message(a, &messagespb.ExecutorToFrameworkMessage{
			SlaveId: a.id, FrameworkId: id, ExecutorId: &mesosproto.ExecutorID{Value: proto.String("e")}, Data: data,
		}, func() {})
	}
	synctest.Wait()
}

// silent subscribes on a connection of its own and reads no more than the first event.
func (w *world) silent(info *mesosproto.FrameworkInfo) (net.Conn, *mesosproto.FrameworkID) {
	body, err := proto.Marshal(&schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), FrameworkId: info.Id, Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: info}})
	require.NoError(w.t, err)
	c := w.net.dial()
	_, err = fmt.Fprintf(c, "POST /api/v1/scheduler HTTP/1.1\r\nHost: m\r\nContent-Type: %s\r\nAccept: %s\r\nContent-Length: %d\r\n\r\n%s", protobufType, protobufType, len(body), body)
	require.NoError(w.t, err)
	a, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
	require.NoError(w.t, err)
	record, err := recordio.NewReader(a.Body, recordio.Config{}).Next()
	require.NoError(w.t, err)
	e := &schedulerpb.Event{}
	require.NoError(w.t, proto.Unmarshal(record, e))
	return c, e.Subscribed.FrameworkId
}

// A client that does not read is cut off when too much waits for it; nobody else notices.
func TestClientThatNeverReads(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.agent()
		stuck, id := w.silent(framework("stuck"))
		other, otherID := w.subscribe(framework("other"))
		w.flood(a, id, 20, 1<<20)
		require.True(t, w.connected(id), "20 MiB may wait")
		w.flood(a, id, 130, 1<<20)
		require.False(t, w.connected(id))
		require.True(t, w.connected(otherID))
		rest, err := io.Copy(io.Discard, stuck)
		require.NoError(t, err)
		require.Less(t, rest, int64(3<<20), "what was on its way is dropped")
		code, _ := w.revive(other, otherID)
		require.Equal(t, http.StatusAccepted, code)
		other.close()
		require.NoError(t, stuck.Close())
	})
}

// One event may be larger than all that may wait.
func TestLargeEvent(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.agent()
		stream, id := w.subscribe(framework("x"))
		w.flood(a, id, 1, 70<<20)
		for {
			if e := stream.event(t); e.GetType() == schedulerpb.Event_MESSAGE {
				require.Len(t, e.GetMessage().GetData(), 70<<20)
				break
			}
		}
		stream.close()
	})
}

// A stream that the master ends is cut after a while even if the client never reads; until then it can
// still read what was sent.
func TestEndOfAStreamThatIsNotRead(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.agent()
		info := framework("x")
		stuck, id := w.silent(info)
		w.flood(a, id, 3, 1<<20)
		info.Id = id
		stream, _ := w.subscribe(info)
		time.Sleep(9 * time.Second)
		b := make([]byte, 1<<20)
		_, err := io.ReadFull(stuck, b)
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		rest, err := io.Copy(io.Discard, stuck)
		require.NoError(t, err)
		require.Less(t, rest, int64(1<<20))
		stream.close()
		require.NoError(t, stuck.Close())
	})
}

// Close ends the streams, also one that nobody reads; later requests are refused.
func TestClose(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.agent()
		stuck, stuckID := w.silent(framework("stuck"))
		w.flood(a, stuckID, 3, 1<<20)
		stream, id := w.subscribe(framework("x"))
		w.api.Close()
		w.api.Close()
		require.False(t, w.connected(id))
		code, text := w.revive(stream, id)
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Equal(t, "this process is shutting down", text)
		r := w.post("POST", "/api/v1/scheduler", strings.NewReader(`{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x"}}}`), map[string]string{"Content-Type": jsonType})
		require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
		r.close()
		time.Sleep(11 * time.Second)
		require.False(t, w.connected(stuckID))
		stream.close()
		require.NoError(t, stuck.Close())
	})
}

// Requests of one connection are answered in order, however many come at once.
func TestPipelining(t *testing.T) {
	inWorld(t, func(w *world) {
		stream, id := w.subscribe(framework("x"))
		var b strings.Builder
		for i := range 20 {
			body := fmt.Sprintf(`{"type":"REVIVE","framework_id":{"value":"%s"}}`, id.GetValue())
			if i%2 == 1 {
				body = fmt.Sprintf(`{"type":"REVIVE","framework_id":{"value":"nosuch-%d"}}`, i)
			}
			fmt.Fprintf(&b, "POST /api/v1/scheduler HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nMesos-Stream-Id: %s\r\nContent-Length: %d\r\n\r\n%s",
				stream.Header.Get("Mesos-Stream-Id"), len(body), body)
		}
		c := w.net.dial()
		go func() { _, _ = io.WriteString(c, b.String()) }()
		from := bufio.NewReader(c)
		for i := range 20 {
			a, err := http.ReadResponse(from, nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, a.Body)
			require.NoError(t, err)
			require.Equal(t, []int{http.StatusAccepted, http.StatusBadRequest}[i%2], a.StatusCode, i)
		}
		require.NoError(t, c.Close())
		stream.close()
	})
}
