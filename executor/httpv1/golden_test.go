package httpv1

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/internal/httpclient"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/recordio"
)

// The recordings are of executors and an agent of the reference, and of mesos-go: each line is a request
// and its answer, as they were on the wire.

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

func (h half) status(t testing.TB) int {
	code, err := strconv.Atoi(strings.Fields(h.Line)[1])
	require.NoError(t, err)
	return code
}

type exchange struct{ Request, Response half }

func (e exchange) call(t testing.TB) *executorpb.Call {
	c := new(executorpb.Call)
	require.NoError(t, proto.Unmarshal(e.Request.body(), c))
	return c
}

func recorded(t testing.TB, name string) []exchange {
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	var out []exchange
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e exchange
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		out = append(out, e)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, out)
	return out
}

func allRecorded(t testing.TB) []exchange {
	names, err := filepath.Glob("testdata/*.jsonl")
	require.NoError(t, err)
	require.Len(t, names, 5)
	var out []exchange
	for _, name := range names {
		out = append(out, recorded(t, name)...)
	}
	return out
}

// replay is an agent that answers with what was recorded, in pieces of a few bytes.
type replay struct {
	t       testing.TB
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

func dial(t testing.TB, d Dialer, server *httptest.Server) *client {
	c := d.dial(executor.Agent{Endpoint: server.Listener.Addr().String()})
	t.Cleanup(func() { c.Close() })
	return c
}

// TestStreamsOfTheReference: every event stream that the reference was recorded with is understood,
// however the network cuts it.
func TestStreamsOfTheReference(t *testing.T) {
	streams, types := 0, map[string]int{}
	for _, e := range allRecorded(t) {
		if e.Response.status(t) != http.StatusOK {
			continue
		}
		streams++
		for _, piece := range []int{1, 7, 1 << 20} {
			server := httptest.NewServer(&replay{t: t, answer: e.Response, piece: piece})
			var events []*executorpb.Event
			err := dial(t, Dialer{}, server).Subscribe(t.Context(), e.call(t), func(e *executorpb.Event) error {
				events = append(events, e)
				return nil
			})
			require.Equal(t, io.EOF, err)
			server.Close()
			require.Len(t, events, len(e.Response.Records))
			for i, text := range e.Response.Records {
				want := &executorpb.Event{}
				text = strings.Replace(text, " 7:1}", "}", 1) // AgentInfo had a field 7 in v0, and agents send it
				require.NoError(t, prototext.Unmarshal([]byte(text), want), text)
				require.True(t, proto.Equal(want, known(t, events[i])), "expected %v, got %v", want, events[i])
				types[want.GetType().String()]++
			}
		}
	}
	require.Equal(t, 11, streams)
	for _, name := range []string{"SUBSCRIBED", "LAUNCH", "LAUNCH_GROUP", "KILL", "ACKNOWLEDGED", "SHUTDOWN"} {
		require.NotZero(t, types[name], name)
	}
}

// known is e without fields that this program does not know.
func known(t *testing.T, e *executorpb.Event) *executorpb.Event {
	data, err := proto.Marshal(e)
	require.NoError(t, err)
	e = new(executorpb.Event)
	require.NoError(t, proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, e))
	return e
}

// TestRequestsAreThoseOfOtherClients: what unmodified executors sent, sent again by this client, looks the
// same to an agent.
func TestRequestsAreThoseOfOtherClients(t *testing.T) {
	compared := 0
	for _, e := range allRecorded(t) {
		call := e.call(t)
		agent := &replay{t: t, answer: e.Response, piece: 1 << 20}
		server := httptest.NewServer(agent)
		c := dial(t, Dialer{Path: strings.Fields(e.Request.Line)[1]}, server)
		if call.GetType() == executorpb.Call_SUBSCRIBE {
			c.Subscribe(t.Context(), call, func(*executorpb.Event) error { return nil })
		} else {
			require.NoError(t, c.Send(t.Context(), call))
		}
		server.Close()
		compared++
		require.Equal(t, "POST", agent.request.Method)
		require.Equal(t, strings.Fields(e.Request.Line)[1], agent.request.URL.Path)
		require.Equal(t, e.Request.Headers["Content-Type"], agent.request.Header["Content-Type"])
		require.Equal(t, e.Request.Headers.Get("Accept"), agent.request.Header.Get("Accept"))
		require.Empty(t, agent.request.Header.Get("Mesos-Stream-Id"), "this API has none")
		require.Empty(t, agent.request.TransferEncoding, "the length is told")
		require.Equal(t, e.Request.body(), agent.body, "%v", call)
	}
	require.Equal(t, 75, compared)
}

// finisher does what the reference's test executors do: each task is finished as soon as it runs.
type finisher struct{ executor.Base }

func (finisher) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
	d.Running(task.GetTaskId())
	d.Finished(task.GetTaskId())
}

func (finisher) KillTask(*executor.Driver, *mesosproto.TaskID, *mesosproto.KillPolicy) {}

// TestDriverSaysWhatTheReferenceSays: before an agent that sends the recorded events, a driver makes the
// calls that were recorded. Only ids and times of updates are its own.
func TestDriverSaysWhatTheReferenceSays(t *testing.T) {
	for _, name := range []string{"test-http-executor", "mesos-go"} {
		exchanges := recorded(t, "testdata/"+name+".jsonl")
		var calls []*executorpb.Call
		again := &again{t: t, events: exchanges[0].Response, said: make(chan *executorpb.Call, 100)}
		server := httptest.NewServer(again)
		first := exchanges[0].call(t)
		d, err := executor.New(executor.Config{
			Executor: finisher{}, Dialer: Dialer{}, FrameworkID: first.GetFrameworkId(), ExecutorID: first.GetExecutorId(),
			Agent: executor.Agent{Endpoint: server.Listener.Addr().String()},
		})
		require.NoError(t, err)
		require.NoError(t, d.Run(t.Context()))
		server.Close()
		close(again.said)
		for c := range again.said {
			calls = append(calls, c)
		}
		require.Len(t, calls, len(exchanges))
		for i, e := range exchanges {
			want := e.call(t)
			if s := calls[i].GetUpdate().GetStatus(); s != nil {
				require.Len(t, s.GetUuid(), 16)
				require.NotZero(t, s.GetTimestamp())
				s.Uuid, s.Timestamp = want.GetUpdate().GetStatus().GetUuid(), want.GetUpdate().GetStatus().Timestamp
			}
			require.True(t, proto.Equal(want, calls[i]), "expected %v, got %v", want, calls[i])
		}
	}
}

// again sends recorded events; acknowledgements for the updates that come instead of those recorded.
type again struct {
	t      *testing.T
	events half
	said   chan *executorpb.Call
	acks   chan *executorpb.Event
}

func (a *again) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	call := new(executorpb.Call)
	if proto.Unmarshal(body, call) != nil {
		http.Error(w, "what?", http.StatusBadRequest)
		return
	}
	a.said <- call
	if call.GetType() == executorpb.Call_UPDATE {
		a.acks <- &executorpb.Event{Type: executorpb.Event_ACKNOWLEDGED.Enum(), Acknowledged: &executorpb.Event_Acknowledged{
			TaskId: call.GetUpdate().GetStatus().GetTaskId(), Uuid: call.GetUpdate().GetStatus().GetUuid()}}
		w.WriteHeader(http.StatusAccepted)
		return
	}
	a.acks = make(chan *executorpb.Event, 100)
	w.Header().Set("Content-Type", httpclient.Protobuf.MediaType)
	records := recordio.NewReader(strings.NewReader(string(a.events.body())), recordio.Config{})
	for {
		record, err := records.Next()
		if err != nil {
			break
		}
		event := new(executorpb.Event)
		if err := proto.Unmarshal(record, event); err != nil {
			panic(err)
		}
		if event.GetType() == executorpb.Event_ACKNOWLEDGED {
			event = <-a.acks
		}
		data, err := proto.Marshal(event)
		if err != nil {
			panic(err)
		}
		w.Write(recordio.AppendRecord(nil, data))
		w.(http.Flusher).Flush()
	}
	<-r.Context().Done()
}

// FuzzStream: see FuzzRead of package httpclient; here it begins with what agents really send.
func FuzzStream(f *testing.F) {
	for _, e := range allRecorded(f) {
		if e.Response.status(f) == http.StatusOK {
			f.Add(e.Response.body(), false)
		}
	}
	f.Add([]byte("20\n{\"type\":\"HEARTBEAT\"}5\n"), true)
	f.Fuzz(func(t *testing.T, body []byte, inJSON bool) {
		c := Dialer{JSON: inJSON, MaxRecordSize: 1 << 20}.dial(executor.Agent{})
		err := c.Read(t.Context(), strings.NewReader(string(body)), func(e *executorpb.Event) error {
			return proto.CheckInitialized(e)
		})
		if err == nil {
			t.Fatal("the end of a stream is an error, if only io.EOF")
		}
	})
}
