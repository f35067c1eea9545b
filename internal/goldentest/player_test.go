package goldentest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// player plays one recording.
type player struct {
	t       *testing.T
	cluster *cluster
	names   *names
	meant   []meant
	used    []bool // of meant

	connections map[int]*connection
	asked       *connection  // the last that a request was sent on, if its answer has not been read
	executor    map[int]bool // the connection is an executor's
	streams     map[int]*stream
	pids        map[string]int // of tasks that run as processes
}

// play plays a recording to a cluster of its own, which has more containerizers if any. Renamed are names
// in the recording that are others here.
func play(t *testing.T, name string, more func(dir string) ([]containerizer.Containerizer, error), renamed ...[2]string) {
	list := lists[name]
	p := &player{
		t: t, cluster: startCluster(t, more),
		names:       &names{ours: map[string]string{}, recorded: map[string]string{}},
		meant:       list,
		used:        make([]bool, len(list)),
		connections: map[int]*connection{}, executor: map[int]bool{}, streams: map[int]*stream{}, pids: map[string]int{},
	}
	_, master, _ := strings.Cut(p.cluster.Address(), ":")
	require.NoError(t, p.names.pair(":5050", ":"+master))
	require.NoError(t, p.names.pair(":46607", serveExecutor(t)))
	require.NoError(t, p.names.pair(":5051", fmt.Sprint(":", p.cluster.agent.Port())))
	for _, r := range renamed {
		require.NoError(t, p.names.pair(r[0], r[1]))
	}
	t.Cleanup(func() {
		for _, c := range p.connections {
			c.Close()
		}
	})
	for i, l := range read(t, name) {
		p.play(fmt.Sprintf("%s.jsonl:%d", name, i+1), l)
	}
	for n, s := range p.streams {
		s.drain()
		require.Empty(t, s.pending, "connection %d: events that were not recorded", n)
	}
	for i, m := range p.meant {
		require.True(t, p.used[i], "this difference is meant but not met: %s", m.path)
	}
}

func (p *player) play(at string, l line) {
	switch {
	case l.Request != "":
		p.request(at, l)
	case l.Response != "":
		p.response(at, l)
	case l.Event != "" || l.EventBytes != nil:
		p.event(at, l)
	case l.Ended:
		p.ended(at, p.streams[l.Connection])
	case l.Closed:
		s := p.streams[l.Connection]
		require.NoError(p.t, p.connections[l.Connection].Close(), at)
		p.until(at+": the master notices that the client has gone", func() bool { return !p.cluster.framework(s.framework) })
	case l.Started != "":
		pid := p.pids[l.Started]
		require.NotZero(p.t, pid, "%s: task %s has no process", at, l.Started)
		p.until(at+": the shell of task "+l.Started+" starts its first command", func() bool {
			children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
			return err == nil && len(bytes.TrimSpace(children)) > 0
		})
	default:
		p.t.Fatalf("%s: nothing to play", at)
	}
}

// until waits for what happens elsewhere.
func (p *player) until(what string, ok func() bool) {
	require.Eventually(p.t, ok, patience, 2*time.Millisecond, what)
}

// difference fails the test unless it is meant.
func (p *player) difference(at, path, want, got string) {
	for i, m := range p.meant {
		if m.covers(path, want, got) {
			p.used[i] = true
			return
		}
	}
	p.t.Errorf("%s: %s\n recorded %s\n      got %s", at, path, want, got)
}

func (p *player) request(at string, l line) {
	path := strings.Fields(l.Request)[1]
	executes := strings.Contains(path, "/executor")
	c := p.connections[l.Connection]
	if c == nil {
		address := p.cluster.Address()
		if executes {
			address = p.cluster.agent.String()
			p.executor[l.Connection] = true
		}
		var err error
		c, err = dial(address)
		require.NoError(p.t, err, at)
		p.connections[l.Connection] = c
	}
	body := l.body()
	if l.BodyBytes == nil {
		body = []byte(p.names.translate(l.Body))
	} else {
		var call proto.Message = &schedulerpb.Call{}
		if executes {
			call = &executorpb.Call{}
		}
		// What is no protobuf goes out as it is.
		if err := proto.Unmarshal(body, call); err == nil && !hasUnknown(call) {
			if e, ok := call.(*executorpb.Call); ok {
				p.executes(at, e)
			}
			p.names.translateMessage(call)
			body, err = proto.MarshalOptions{Deterministic: true}.Marshal(call)
			require.NoError(p.t, err, at)
		}
	}
	if p.asked != nil && p.asked != c {
		// Two connections are served in any order; the recording has the one of the requests.
		require.NoError(p.t, p.asked.answered(), at)
	}
	require.NoError(p.t, c.send(l.Request, l.Headers, body, p.names.translate), at)
	p.asked = c
}

func hasUnknown(m proto.Message) bool { return len(m.ProtoReflect().GetUnknown()) > 0 }

// executes prepares a call of an executor: it subscribes when it is launched, and chooses the uuids of
// its updates.
func (p *player) executes(at string, call *executorpb.Call) {
	switch call.GetType() {
	case executorpb.Call_SUBSCRIBE:
		select {
		case <-p.cluster.executors.launched:
		case <-time.After(patience):
			p.t.Fatalf("%s: the agent launches no executor", at)
		}
	case executorpb.Call_UPDATE:
		uuid := leafBytes(call.Update.Status.Uuid)
		require.NoError(p.t, p.names.pair(uuid, uuid), at)
	}
}

// compared are the headers whose values say something; of others the presence is compared.
var compared = []string{"Content-Type", "Transfer-Encoding", "Allow", "Connection", "Location"}

func (p *player) response(at string, l line) {
	c := p.connections[l.Connection]
	if p.asked == c {
		p.asked = nil
	}
	r, err := c.receive()
	require.NoError(p.t, err, "%s: waiting for %s", at, l.Response)
	require.Equal(p.t, l.Response, r.status, "%s: %s", at, r.body)
	for name, want := range l.Headers {
		got := r.headers[name]
		if len(got) == 0 || slices.Contains(compared, name) && !slices.Equal(want, got) {
			p.difference(at, "response header "+name, fmt.Sprint(want), fmt.Sprint(got))
		}
	}
	for name, got := range r.headers {
		if l.Headers[name] == nil {
			p.difference(at, "response header "+name, "", fmt.Sprint(got))
		}
	}
	if id := l.Headers["Mesos-Stream-Id"]; id != nil {
		require.NoError(p.t, p.names.pair(id[0], r.headers.Get("Mesos-Stream-Id")), at)
		require.Equal(p.t, shape(id[0]), shape(r.headers.Get("Mesos-Stream-Id")), at)
	}
	if r.events != nil {
		p.streams[l.Connection] = &stream{
			player: p, executor: p.executor[l.Connection], in: r.events,
			id: r.headers.Get("Mesos-Stream-Id"), offers: map[string]any{},
		}
		return
	}
	if want := p.names.translate(string(l.body())); want != string(r.body) {
		p.difference(at, "response body", want, string(r.body))
	}
}

// event waits for a recorded event.
func (p *player) event(at string, l line) {
	s := p.streams[l.Connection]
	require.NotNil(p.t, s, "%s: no stream", at)
	want := s.decode(at, l.Event, l.EventBytes)
	kind := want["type"].(string)
	switch kind {
	case "HEARTBEAT":
		s.wait(at+": a heartbeat", func() bool { return s.beats > 0 })
		return
	case "OFFERS":
		for _, o := range want["offers"].(map[string]any)["offers"].([]any) {
			s.obtain(at, o.(map[string]any))
		}
		return
	}
	next := -1
	s.wait(at+": "+kind, func() bool {
		next = slices.IndexFunc(s.pending, func(e map[string]any) bool { return lane(e) == lane(want) })
		return next >= 0
	})
	got := s.pending[next]
	s.pending = slices.Delete(s.pending, next, next+1)
	p.names.compare("", want, got, func(path, want, got string) { p.difference(at, kind+" "+path, want, got) })
	switch kind {
	case "SUBSCRIBED":
		require.Equal(p.t, 1, s.seen, "%s: SUBSCRIBED is the first event", at)
		if !s.executor {
			s.framework = got["subscribed"].(map[string]any)["framework_id"].(map[string]any)["value"].(string)
		}
	case "UPDATE":
		status, _ := got["update"].(map[string]any)["status"].(map[string]any)
		if c, ok := status["container_status"].(map[string]any); ok {
			if pid, ok := c["executor_pid"].(json.Number); ok {
				n, err := pid.Int64()
				require.NoError(p.t, err)
				p.pids[status["task_id"].(map[string]any)["value"].(string)] = int(n)
			}
		}
	case "SHUTDOWN":
		p.cluster.executors.exit()
	}
}

// lane says of which events the order matters: those of one lane come as recorded. Updates of different
// tasks race in the agent, which records them at the same time; so do the acknowledgements that it gives
// to executors. What the master says by itself is one lane.
func lane(e map[string]any) string {
	switch e["type"] {
	case "UPDATE":
		status := e["update"].(map[string]any)["status"].(map[string]any)
		if status["uuid"] != nil {
			return "task " + status["task_id"].(map[string]any)["value"].(string)
		}
	case "ACKNOWLEDGED":
		return "task " + e["acknowledged"].(map[string]any)["task_id"].(map[string]any)["value"].(string)
	}
	return "the others"
}

// ended waits until the server has ended a stream, and finds nothing that was not recorded.
func (p *player) ended(at string, s *stream) {
	require.NotNil(p.t, s, at)
	s.wait(at+": the end of the stream", func() bool { return s.over })
}
