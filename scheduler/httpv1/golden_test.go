package httpv1

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/httpclient"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	"github.com/mesokit/mesokit/mesosproto/recordio"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// half is one half of an exchange that was recorded between a client and the reference's master.
type half struct {
	Line    string
	Headers http.Header
	Text    string   `json:"body"`
	Bytes   []byte   `json:"body_base64"`
	Records []string `json:"decoded_records"`
}

func (h half) body() []byte {
	if h.Bytes != nil {
		return h.Bytes
	}
	return []byte(h.Text)
}

func (h half) status(t *testing.T) int {
	code, err := strconv.Atoi(strings.Fields(h.Line)[1])
	require.NoError(t, err)
	return code
}

type exchange struct{ Request, Response half }

func recorded(t testing.TB, names ...string) []exchange {
	var out []exchange
	for _, name := range names {
		f, err := os.Open("testdata/" + name)
		require.NoError(t, err)
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e exchange
			require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
			out = append(out, e)
		}
		require.NoError(t, lines.Err())
		require.NoError(t, f.Close())
	}
	require.NotEmpty(t, out)
	return out
}

var recordings = []string{"mesos-execute.jsonl", "mesos-go.jsonl", "subscribe.jsonl"}

// codecOf finds out what a recorded request was written in.
func codecOf(e exchange) (Dialer, httpclient.Codec) {
	if e.Request.Headers.Get("Content-Type") == httpclient.JSON.MediaType {
		return Dialer{JSON: true}, httpclient.JSON
	}
	return Dialer{}, httpclient.Protobuf
}

// replay is a master that answers with what was recorded, in pieces of a few bytes.
type replay struct {
	t       *testing.T
	answer  half
	piece   int
	request *http.Request
	body    []byte
}

func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.request = req
	r.body, _ = io.ReadAll(req.Body)
	for k, v := range r.answer.Headers {
		if k != "Content-Length" && k != "Transfer-Encoding" {
			w.Header()[k] = v
		}
	}
	w.WriteHeader(r.answer.status(r.t))
	for rest := r.answer.body(); len(rest) > 0; {
		n := min(r.piece, len(rest))
		w.Write(rest[:n])
		w.(http.Flusher).Flush()
		rest = rest[n:]
	}
}

// dial returns a client of a server on this machine.
func dial(t testing.TB, d Dialer, server *httptest.Server) *client {
	host := strings.TrimPrefix(strings.TrimPrefix(server.URL, "http://"), "https://")
	detector, err := scheduler.HostPort(host)
	require.NoError(t, err)
	var c *client
	detector.Detect(func(m *leaderInfo) { c = d.Dial(m).(*client) })()
	t.Cleanup(func() { c.Close() })
	return c
}

// TestStreamsOfTheReference: every event stream that the reference was recorded with is understood,
// however the network cuts it.
func TestStreamsOfTheReference(t *testing.T) {
	streams := 0
	for _, e := range recorded(t, recordings...) {
		if e.Response.status(t) != http.StatusOK {
			continue
		}
		streams++
		for _, piece := range []int{1, 7, 1 << 20} {
			d, codec := codecOf(e)
			server := httptest.NewServer(&replay{t: t, answer: e.Response, piece: piece})
			var events []*schedulerpb.Event
			err := dial(t, d, server).Subscribe(t.Context(), &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum()},
				func(e *schedulerpb.Event) error {
					events = append(events, e)
					return nil
				})
			require.Equal(t, io.EOF, err)
			server.Close()
			checkEvents(t, e.Response, codec, events)
		}
	}
	require.Greater(t, streams, 15)
}

// checkEvents compares JSON events with their bytes, and protobuf ones with the recorded text.
func checkEvents(t *testing.T, answer half, codec httpclient.Codec, events []*schedulerpb.Event) {
	if codec.MediaType == httpclient.JSON.MediaType {
		var again []byte
		for _, e := range events {
			record, err := mesosjson.Marshal(e)
			require.NoError(t, err)
			again = recordio.AppendRecord(again, record)
		}
		require.Equal(t, answer.Text, string(again))
		return
	}
	require.Len(t, events, len(answer.Records))
	for i, text := range answer.Records {
		want := &schedulerpb.Event{}
		require.NoError(t, prototext.Unmarshal([]byte(text), want), text)
		require.True(t, proto.Equal(want, events[i]), "expected %v, got %v", want, events[i])
	}
}

// TestRequestsAreThoseOfOtherClients: what unmodified clients sent, sent again by this one, looks the
// same to a master.
func TestRequestsAreThoseOfOtherClients(t *testing.T) {
	compared := 0
	for _, e := range recorded(t, recordings...) {
		d, codec := codecOf(e)
		call := &schedulerpb.Call{}
		if codec.MediaType == httpclient.JSON.MediaType {
			if mesosjson.Unmarshal(e.Request.body(), call) != nil {
				continue
			}
		} else if proto.Unmarshal(e.Request.body(), call) != nil {
			continue
		}
		if call.Type == nil {
			continue // a mistake, made to see the answer
		}
		master := &replay{t: t, answer: e.Response, piece: 1 << 20}
		server := httptest.NewServer(master)
		d.Path = strings.Fields(e.Request.Line)[1]
		c := dial(t, d, server)
		id := e.Request.Headers.Get(httpclient.StreamIDHeader)
		if call.GetType() == schedulerpb.Call_SUBSCRIBE {
			if id != "" {
				continue // another mistake
			}
			c.Subscribe(t.Context(), call, func(*schedulerpb.Event) error { return nil })
		} else {
			c.StreamID.Store(&id)
			err := c.Send(t.Context(), call)
			require.Equal(t, e.Response.status(t) == http.StatusAccepted, err == nil, "%v: %v", call, err)
			if err != nil {
				require.Equal(t, e.Response.Text, status.Convert(err).Message(), "the body is the message")
			}
		}
		server.Close()
		compared++
		require.Equal(t, "POST", master.request.Method)
		require.Equal(t, d.Path, master.request.URL.Path)
		require.Equal(t, e.Request.Headers["Content-Type"], master.request.Header["Content-Type"])
		require.Equal(t, e.Request.Headers.Get("Accept"), master.request.Header.Get("Accept"))
		require.Equal(t, id, master.request.Header.Get(httpclient.StreamIDHeader))
		require.Empty(t, master.request.TransferEncoding, "the length is told")
		if codec.MediaType == httpclient.JSON.MediaType {
			var theirs, ours any
			require.NoError(t, json.Unmarshal(e.Request.body(), &theirs))
			require.NoError(t, json.Unmarshal(master.body, &ours))
			requireWithin(t, theirs, ours) // defaults are written, too
		} else {
			require.Equal(t, e.Request.body(), master.body, "%v", call)
		}
	}
	require.Greater(t, compared, 40)
}

// requireWithin requires all of the JSON value part to be in whole.
func requireWithin(t *testing.T, part, whole any) {
	object, ok := part.(map[string]any)
	if !ok {
		require.Equal(t, part, whole)
		return
	}
	for key, value := range object {
		if list, ok := value.([]any); ok && len(list) == 0 {
			continue // the same as not there
		}
		require.Contains(t, whole, key)
		requireWithin(t, value, whole.(map[string]any)[key])
	}
}

// TestRefusalsOfTheReference: the codes that a driver acts on.
func TestRefusalsOfTheReference(t *testing.T) {
	seen := map[string]codes.Code{}
	for _, e := range recorded(t, "subscribe.jsonl") {
		if e.Response.status(t) < 400 {
			continue
		}
		server := httptest.NewServer(&replay{t: t, answer: e.Response, piece: 1 << 20})
		c := dial(t, Dialer{}, server)
		err := c.Subscribe(context.Background(), &schedulerpb.Call{}, nil)
		server.Close()
		require.Equal(t, e.Response.Text, status.Convert(err).Message())
		seen[e.Response.Text] = status.Code(err)
	}
	require.Equal(t, codes.NotFound, seen["Framework cannot be found"])
	require.Equal(t, codes.FailedPrecondition, seen["Framework is not subscribed"])
	require.Equal(t, codes.InvalidArgument, seen["All non-subscribe calls should include the 'Mesos-Stream-Id' header"])
	require.Greater(t, len(seen), 6)
}

// TestCallsAreEncodedAsBefore: encoding is stable, so equal calls are equal bytes.
func TestCallsAreEncodedAsBefore(t *testing.T) {
	for _, e := range recorded(t, "mesos-execute.jsonl") {
		call := &schedulerpb.Call{}
		require.NoError(t, proto.Unmarshal(e.Request.body(), call))
		data, err := httpclient.Protobuf.Marshal(call)
		require.NoError(t, err)
		require.True(t, bytes.Equal(e.Request.body(), data))
	}
}
