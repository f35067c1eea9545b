package httpv1

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/recordio"
)

const (
	mediaJSON     = "application/json"
	mediaProtobuf = "application/x-protobuf"
)

// core is a scripted agent.
type core struct {
	mu      sync.Mutex
	calls   []*executorpb.Call
	answer  error
	onOpen  func(link.Stream[*executorpb.Event])
	ended   chan link.Stream[*executorpb.Event]
	nothing bool // never answers
}

func newCore() *core { return &core{ended: make(chan link.Stream[*executorpb.Event], 8)} }

func (c *core) Subscribe(_ link.Caller, call *executorpb.Call, s link.Stream[*executorpb.Event], answer func(string, error)) {
	c.note(call)
	if c.nothing {
		return
	}
	answer("", c.answer)
	if c.answer == nil && c.onOpen != nil {
		c.onOpen(s)
	}
}

func (c *core) Call(_ link.Caller, call *executorpb.Call, done func(error)) {
	c.note(call)
	if !c.nothing {
		done(c.answer)
	}
}

func (c *core) note(call *executorpb.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
}

func (c *core) Ended(s link.Stream[*executorpb.Event]) { c.ended <- s }

const ids = `"executor_id":{"value":"e"},"framework_id":{"value":"f"}`

func post(body, contentType, accept string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/executor", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return r
}

// "Order of checks": the first failing check wins.
func TestRefusals(t *testing.T) {
	update := func(status string) string {
		return `{` + ids + `,"type":"UPDATE","update":{"status":{` + status + `}}}`
	}
	const good = `"task_id":{"value":"t"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":"AAAAAAAAAAAAAAAAAAAAAA=="`
	notReady := func(c *Config) { c.Ready = func() bool { return false } }
	for _, c := range []struct {
		name    string
		request *http.Request
		config  func(*Config)
		answer  error
		status  int
		body    string
	}{
		{"recovering", httptest.NewRequest(http.MethodPut, "/x", nil), notReady, nil, 503, "Agent has not finished recovery"},
		{"method", httptest.NewRequest(http.MethodPut, "/x", nil), nil, nil, 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'PUT'."},
		{"no content type", post("{}", "", ""), nil, nil, 400, "Expecting 'Content-Type' to be present"},
		{"other content type", post("{}", "text/plain", ""), nil, nil, 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"},
		{"content type with parameters", post("{}", "application/json; charset=utf-8", ""), nil, nil, 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"},
		{"no JSON", post("{bad", mediaJSON, ""), nil, nil, 400, "Failed to parse body into JSON: syntax error at line 1 near: bad"},
		{"other JSON", post(`{"type":"HEARTBEAT"}`, mediaJSON, ""), nil, nil, 400, "Failed to convert JSON into Call protobuf: Missing required fields: executor_id, framework_id"},
		{"no protobuf", post("\xff", mediaProtobuf, ""), nil, nil, 400, "Failed to parse body into Call protobuf"},
		{"no type", post("{"+ids+"}", mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: Expecting 'type' to be present"},
		{"no subscribe", post("{"+ids+`,"type":"SUBSCRIBE"}`, mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: Expecting 'subscribe' to be present"},
		{"no update", post("{"+ids+`,"type":"UPDATE"}`, mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: Expecting 'update' to be present"},
		{"no message", post("{"+ids+`,"type":"MESSAGE"}`, mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: Expecting 'message' to be present"},
		{"no uuid", post(update(strings.Replace(good, `"uuid"`, `"nope"`, 1)), mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: Expecting 'uuid' to be present"},
		{"short uuid", post(update(strings.Replace(good, `AAAAAAAAAAAAAAAAAAAAAA==`, `AA==`, 1)), mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: Not a valid UUID: it has 1 bytes, 16 are expected"},
		{"source", post(update(strings.Replace(good, `SOURCE_EXECUTOR`, `SOURCE_AGENT`, 1)), mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: Received Call from executor e of framework f with invalid source, expecting 'SOURCE_EXECUTOR'"},
		{"staging", post(update(strings.Replace(good, `TASK_RUNNING`, `TASK_STAGING`, 1)), mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: Received TASK_STAGING from executor e of framework f"},
		{"other executor", post(update(good+`,"executor_id":{"value":"x"}`), mediaJSON, ""), nil, nil, 400, "Failed to validate Executor::Call: ExecutorID in Call: e does not match ExecutorID in TaskStatus: x"},
		{"accept", post("{"+ids+`,"type":"SUBSCRIBE","subscribe":{}}`, mediaJSON, "text/html"), nil, nil, 406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"},
		{"unknown framework", post("{"+ids+`,"type":"SUBSCRIBE","subscribe":{}}`, mediaJSON, ""), nil, status.Error(codes.NotFound, "Framework cannot be found"), 400, "Framework cannot be found"},
		{"not subscribed", post(update(good), mediaJSON, ""), nil, status.Error(codes.FailedPrecondition, "Executor is not subscribed"), 403, "Executor is not subscribed"},
		{"recovering executor", post(update(good), mediaJSON, ""), nil, status.Error(codes.Unavailable, "Agent has not finished recovery"), 503, "Agent has not finished recovery"},
	} {
		t.Run(c.name, func(t *testing.T) {
			agent := newCore()
			agent.answer = c.answer
			cfg := Config{Executors: agent}
			if c.config != nil {
				c.config(&cfg)
			}
			w := httptest.NewRecorder()
			New(cfg).ServeHTTP(w, c.request)
			require.Equal(t, c.status, w.Code)
			require.Equal(t, c.body, w.Body.String())
			if c.status == 405 {
				require.Equal(t, "POST", w.Header().Get("Allow"))
			}
			if c.answer == nil {
				require.Empty(t, agent.calls, "the core does not see it")
			}
		})
	}
}

func TestCallsAreAcceptedInBothEncodings(t *testing.T) {
	agent := newCore()
	h := New(Config{Executors: agent})
	want := &executorpb.Call{
		ExecutorId:  &mesosproto.ExecutorID{Value: proto.String("e")},
		FrameworkId: &mesosproto.FrameworkID{Value: proto.String("f")},
		Type:        executorpb.Call_MESSAGE.Enum(),
		Message:     &executorpb.Call_Message{Data: []byte("hi")},
	}
	bytesOf, err := proto.Marshal(want)
	require.NoError(t, err)
	for _, r := range []*http.Request{
		post(string(bytesOf), mediaProtobuf, ""),
		post("{"+ids+`,"type":"MESSAGE","message":{"data":"aGk="}}`, mediaJSON, "nonsense"),
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusAccepted, w.Code)
		require.Empty(t, w.Body.String())
		require.True(t, proto.Equal(want, agent.calls[len(agent.calls)-1]))
	}
}

func serve(t *testing.T, agent *core) (url string, h *Handler) {
	h = New(Config{Executors: agent})
	mux := http.NewServeMux()
	h.Mount(mux)
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		h.Close()
		s.Close()
	})
	return s.URL, h
}

func subscribe(t *testing.T, url, accept string) *http.Response {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{"+ids+`,"type":"SUBSCRIBE","subscribe":{}}`))
	require.NoError(t, err)
	r.Header.Set("Content-Type", mediaJSON)
	r.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func message(data string) *executorpb.Event {
	return &executorpb.Event{Type: executorpb.Event_MESSAGE.Enum(), Message: &executorpb.Event_Message{Data: []byte(data)}}
}

func TestStreamOfEventsUntilTheAgentClosesIt(t *testing.T) {
	for accept, want := range map[string]string{
		mediaJSON:     `{"type":"MESSAGE","message":{"data":"YQ=="}}`,
		mediaProtobuf: "\b\x052\x03\x12\x01a",
	} {
		agent := newCore()
		agent.onOpen = func(s link.Stream[*executorpb.Event]) {
			s.Send(message("a"))
			s.Close()
			s.Send(message("after the end"))
		}
		url, _ := serve(t, agent)
		for _, path := range []string{"/api/v1/executor", "/slave(1)/api/v1/executor", "/api/v1/executor/"} {
			resp := subscribe(t, url+path, accept)
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Equal(t, accept, resp.Header.Get("Content-Type"))
			require.Empty(t, resp.Header.Get("Mesos-Stream-Id"), "this API has none")
			require.Equal(t, []string{"chunked"}, resp.TransferEncoding)
			records := recordio.NewReader(bufio.NewReader(resp.Body), recordio.Config{})
			record, err := records.Next()
			require.NoError(t, err)
			if accept == mediaJSON {
				require.Equal(t, want, string(record))
			} else {
				got := new(executorpb.Event)
				require.NoError(t, proto.Unmarshal(record, got))
				require.True(t, proto.Equal(message("a"), got))
			}
			_, err = records.Next()
			require.ErrorIs(t, err, io.EOF)
			<-agent.ended
		}
	}
}
