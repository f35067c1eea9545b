package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/recordio"
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

const bound = 1 << 20

func handler(c *core) *Handler[*executorpb.Call, *executorpb.Event] {
	return New(Config[*executorpb.Call, *executorpb.Event]{
		Server:     c,
		NewCall:    func() *executorpb.Call { return new(executorpb.Call) },
		Subscribes: func(c *executorpb.Call) bool { return c.GetType() == executorpb.Call_SUBSCRIBE },
		Validate:   func(*executorpb.Call) error { return nil },
		Errors:     apierror.Executor,
		MaxBody:    bound,
		MaxQueued:  bound,
	})
}

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

func TestLargeBodiesAreRefused(t *testing.T) {
	h := handler(newCore())
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := io.CopyN(z, zeros{}, bound+1)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	r := post(zipped.String(), mediaJSON, "")
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code, "also when it was small on the wire")

	r = httptest.NewRequest(http.MethodPost, "/", io.LimitReader(zeros{}, bound+1))
	r.Header.Set("Content-Type", mediaJSON)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestAnswerType(t *testing.T) {
	for accept, want := range map[string]string{
		"":                                  mediaJSON,
		"*/*":                               mediaJSON,
		"application/*":                     mediaJSON,
		mediaProtobuf:                       mediaProtobuf,
		mediaProtobuf + "," + mediaJSON:     mediaJSON,
		mediaJSON + ";q=0," + mediaProtobuf: mediaProtobuf,
		mediaJSON + ";q=0.0, */*":           mediaProtobuf,
		mediaJSON + " ; q=0.001":            mediaJSON,
		"text/html, application/x-protobuf;q=0.5": mediaProtobuf,
		"text/html":              "",
		"application/json-patch": "",
		mediaJSON + ";q=0":       "",
	} {
		got, ok := answerType(post("", "", accept))
		require.Equal(t, want, got, accept)
		require.Equal(t, want != "", ok, accept)
	}
}

// serve runs a handler on a real server.
func serve(t *testing.T, agent *core) (url string, h *Handler[*executorpb.Call, *executorpb.Event]) {
	h = handler(agent)
	mux := http.NewServeMux()
	mux.Handle("/api/v1/executor", h)
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
		for _, path := range []string{"/api/v1/executor"} {
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

func TestTheCoreHearsThatAnExecutorIsGone(t *testing.T) {
	agent := newCore()
	opened := make(chan link.Stream[*executorpb.Event], 1)
	agent.onOpen = func(s link.Stream[*executorpb.Event]) { opened <- s }
	url, h := serve(t, agent)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/executor", strings.NewReader("{"+ids+`,"type":"SUBSCRIBE","subscribe":{}}`))
	require.NoError(t, err)
	r.Header.Set("Content-Type", mediaJSON)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	s := <-opened
	cancel()
	require.Same(t, s, <-agent.ended)

	subscribe(t, url+"/api/v1/executor", mediaJSON)
	s = <-opened
	h.Close()
	require.Same(t, s, <-agent.ended, "closing the handler ends the streams")
}

func TestAnExecutorThatDoesNotReadIsCutOff(t *testing.T) {
	agent := newCore()
	opened := make(chan link.Stream[*executorpb.Event], 1)
	agent.onOpen = func(s link.Stream[*executorpb.Event]) { opened <- s }
	url, _ := serve(t, agent)
	subscribe(t, url+"/api/v1/executor", mediaProtobuf)
	s := <-opened
	big := message(strings.Repeat("x", 1<<16))
	for gone := false; !gone; {
		s.Send(big)
		select {
		case e := <-agent.ended:
			require.Same(t, s, e)
			gone = true
		default:
		}
	}
	require.Empty(t, s.(*stream[*executorpb.Event]).queue, "nothing is kept for it")
}

func TestRequestsEndWhenTheAgentNeverAnswers(t *testing.T) {
	agent := newCore()
	agent.nothing = true
	h := handler(agent)
	h.Close()
	for _, body := range []string{"{" + ids + `,"type":"HEARTBEAT"}`, "{" + ids + `,"type":"SUBSCRIBE","subscribe":{}}`} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post(body, mediaJSON, ""))
		require.Equal(t, 503, w.Code, fmt.Sprint(body))
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("{"+ids+`,"type":"SUBSCRIBE","subscribe":{}}`, mediaJSON, "*/*", "")
	f.Add("\n\x03\n\x01e", mediaProtobuf, mediaProtobuf+";q=0", "gzip")
	f.Fuzz(func(t *testing.T, body, contentType, accept, encoding string) {
		agent := newCore()
		agent.onOpen = func(s link.Stream[*executorpb.Event]) { s.Close() }
		r := post(body, contentType, accept)
		r.Header.Set("Content-Encoding", encoding)
		w := httptest.NewRecorder()
		handler(agent).ServeHTTP(w, r)
		require.Contains(t, []int{200, 202, 400, 406, 413, 415}, w.Code)
	})
}
