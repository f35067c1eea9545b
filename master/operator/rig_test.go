package operator

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// The tests play the agents' and the frameworks' parts by hand; the master is the real one, on a
// simulated loop.

type rig struct {
	t       testing.TB
	sim     *loop.Sim
	master  *master.Master
	api     *Handler
	handler http.Handler
}

// masterID is that of the master in testdata.
const masterID = "3125d202-57a8-42a7-98e7-08bd43f3390a"

func start(t testing.TB, options ...func(*master.Config)) *rig {
	t.Helper()
	sim := loop.NewSim(1)
	cfg := master.Config{
		Loop: sim.Loop("master"),
		Info: &mesosproto.MasterInfo{
			Id: proto.String(masterID), Ip: proto.Uint32(0x0100007f), Port: proto.Uint32(5050), Hostname: proto.String("master.example"),
		},
	}
	for _, o := range options {
		o(&cfg)
	}
	m, err := master.New(cfg)
	require.NoError(t, err)
	r := &rig{t: t, sim: sim, master: m}
	r.api = New(Config{Snapshot: m.Snapshot, Now: sim.Now, Flags: map[string]string{"port": "5050"}})
	mux := http.NewServeMux()
	r.api.Mount(mux)
	r.handler = operatorapi.Routes(mux)
	m.Start()
	r.settle()
	return r
}

func (r *rig) settle() { r.sim.Advance(10 * time.Millisecond) }

func (r *rig) do(method, target string, header ...string) *http.Response {
	request := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, request)
	return w.Result()
}

// get returns the body of an endpoint, as it arrives compressed.
func (r *rig) get(target string) string {
	r.t.Helper()
	a := r.do("GET", target, "Accept-Encoding", "gzip")
	require.Equal(r.t, http.StatusOK, a.StatusCode, target)
	from := io.Reader(a.Body)
	if a.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(a.Body)
		require.NoError(r.t, err)
		from = unzip
	}
	text, err := io.ReadAll(from)
	require.NoError(r.t, err)
	require.True(r.t, json.Valid(text), "%s: %s", target, text)
	return string(text)
}

func (r *rig) decode(target string, into any) {
	r.t.Helper()
	require.NoError(r.t, json.Unmarshal([]byte(r.get(target)), into), target)
}

// host is an agent, and the connection to it.
type host struct {
	r    *rig
	peer string
	info *mesosproto.AgentInfo
	got  []proto.Message
}

func (h *host) Send(m proto.Message) { h.got = append(h.got, m) }
func (h *host) Close()               {}
func (h *host) Peer() string         { return h.peer }

var _ link.Conn = (*host)(nil)

func (h *host) message(m proto.Message) {
	h.r.master.Agents().Message(h, m, func() {})
	h.r.settle()
}

func (r *rig) agent(n int, text, attributes string) *host {
	r.t.Helper()
	h := r.newHost(n, text, attributes)
	h.register()
	require.NotNil(r.t, h.info.Id, "not registered")
	return h
}

func (r *rig) newHost(n int, text, attributes string) *host {
	list, err := resources.ParseAttributes(attributes)
	require.NoError(r.t, err)
	return &host{r: r, peer: "slave(" + strconv.Itoa(n) + ")@127.0.0.1:5051", info: &mesosproto.AgentInfo{
		Hostname: proto.String("agent" + strconv.Itoa(n) + ".example"), Port: proto.Int32(5051),
		Resources: resources.MustParse(text).Proto(), Attributes: list,
	}}
}

func (h *host) register() {
	var capabilities []*mesosproto.AgentInfo_Capability
	for t := mesosproto.AgentInfo_Capability_MULTI_ROLE; t <= mesosproto.AgentInfo_Capability_TASK_RESOURCE_LIMITS; t++ {
		capabilities = append(capabilities, &mesosproto.AgentInfo_Capability{Type: t.Enum()})
	}
	h.message(&messagespb.RegisterSlaveMessage{
		Slave: proto.CloneOf(h.info), Version: proto.String("1.12.0"), AgentCapabilities: capabilities,
		ResourceVersionUuid: &mesosproto.UUID{Value: []byte("0123456789abcdef")},
	})
	for _, m := range h.got {
		if m, ok := m.(*messagespb.SlaveRegisteredMessage); ok {
			h.info.Id = m.SlaveId
		}
	}
}

// update sends a status update of a task that runs in a container.
func (h *host) update(f *framework, task string, state mesosproto.TaskState, uuid string) {
	m := update(h, f, task, 1795245296.5, uuid)
	m.Update.LatestState, m.Update.Status.State = &state, &state
	h.message(m)
}

// update is an update that says TASK_RUNNING.
func update(h *host, f *framework, task string, at float64, uuid string) *messagespb.StatusUpdateMessage {
	return &messagespb.StatusUpdateMessage{
		Update: &messagespb.StatusUpdate{
			FrameworkId: f.id, ExecutorId: &mesosproto.ExecutorID{Value: &task}, SlaveId: h.info.Id,
			Timestamp: &at, Uuid: []byte(uuid), LatestState: running.Enum(),
			Status: &mesosproto.TaskStatus{
				TaskId: &mesosproto.TaskID{Value: &task}, State: running.Enum(), Source: mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum(),
				AgentId: h.info.Id, Timestamp: &at, Uuid: []byte(uuid), Message: proto.String("not shown"),
				ContainerStatus: &mesosproto.ContainerStatus{
					ContainerId: &mesosproto.ContainerID{Value: proto.String("c-" + task)},
					NetworkInfos: []*mesosproto.NetworkInfo{{IpAddresses: []*mesosproto.NetworkInfo_IPAddress{{
						Protocol: mesosproto.NetworkInfo_IPv4.Enum(), IpAddress: proto.String("127.0.0.1"),
					}}}},
					ExecutorPid: proto.Uint32(17164),
				},
			},
		},
		Pid: &h.peer,
	}
}

// framework is a framework, and its stream.
type framework struct {
	r      *rig
	id     *mesosproto.FrameworkID
	stream string
	offers []*mesosproto.Offer
	err    error
}

func (f *framework) Send(e *schedulerpb.Event) {
	switch e.GetType() {
	case schedulerpb.Event_SUBSCRIBED:
		f.id = e.Subscribed.FrameworkId
	case schedulerpb.Event_OFFERS:
		f.offers = append(f.offers, e.Offers.Offers...)
	}
}
func (f *framework) Close() {}

var _ link.Stream[*schedulerpb.Event] = (*framework)(nil)

func (r *rig) framework(info *mesosproto.FrameworkInfo) *framework {
	r.t.Helper()
	f := &framework{r: r}
	r.master.Schedulers().Subscribe(link.Caller{}, &schedulerpb.Call{
		Type: schedulerpb.Call_SUBSCRIBE.Enum(), FrameworkId: info.Id, Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: info},
	}, f, func(id string, err error) { f.stream, f.err = id, err })
	r.settle()
	require.NoError(r.t, f.err)
	require.NotNil(r.t, f.id)
	return f
}

func (f *framework) call(c *schedulerpb.Call) {
	f.r.t.Helper()
	c.FrameworkId = f.id
	var answer error
	f.r.master.Schedulers().Call(link.Caller{StreamID: f.stream}, c, func(err error) { answer = err })
	f.r.settle()
	require.NoError(f.r.t, answer)
}

// launch launches command tasks on the offers that came, and refuses the rest for a long time.
func (f *framework) launch(h *host, text string, ids ...string) {
	f.r.t.Helper()
	require.NotEmpty(f.r.t, f.offers)
	accept := &schedulerpb.Call_Accept{Filters: &mesosproto.Filters{RefuseSeconds: proto.Float64(1e6)}}
	for _, o := range f.offers {
		accept.OfferIds = append(accept.OfferIds, o.Id)
	}
	f.offers = nil
	launch := &mesosproto.Offer_Operation_Launch{}
	for _, id := range ids {
		launch.TaskInfos = append(launch.TaskInfos, &mesosproto.TaskInfo{
			Name: proto.String(id), TaskId: &mesosproto.TaskID{Value: proto.String(id)}, AgentId: h.info.Id,
			Resources: resources.MustParse(text).Proto(), Command: &mesosproto.CommandInfo{Value: proto.String("sleep 15")},
		})
	}
	accept.Operations = []*mesosproto.Offer_Operation{{Type: mesosproto.Offer_Operation_LAUNCH.Enum(), Launch: launch}}
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: accept})
}

func (f *framework) acknowledge(h *host, task, uuid string) {
	f.r.t.Helper()
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{
		AgentId: h.info.Id, TaskId: &mesosproto.TaskID{Value: &task}, Uuid: []byte(uuid),
	}})
}

func (f *framework) teardown() {
	f.r.t.Helper()
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
}

// mesosExecute is a framework as mesos-execute is one.
func mesosExecute() *mesosproto.FrameworkInfo {
	info := &mesosproto.FrameworkInfo{User: proto.String("root"), Name: proto.String("mesos-execute instance")}
	for _, t := range []mesosproto.FrameworkInfo_Capability_Type{
		mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT,
		mesosproto.FrameworkInfo_Capability_TASK_KILLING_STATE,
		mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES,
		mesosproto.FrameworkInfo_Capability_PARTITION_AWARE,
	} {
		info.Capabilities = append(info.Capabilities, &mesosproto.FrameworkInfo_Capability{Type: t.Enum()})
	}
	return info
}

const (
	starting = mesosproto.TaskState_TASK_STARTING
	running  = mesosproto.TaskState_TASK_RUNNING
	finished = mesosproto.TaskState_TASK_FINISHED
)

func uuid(n int) string { return "0123456789ab" + strconv.Itoa(1000+n) }

// captured plays what led to the answers in testdata, as far as frameworks of the v1 API did it: an
// agent, a framework whose task ran and ended, a framework whose task runs.
func captured(t *testing.T) *rig {
	r := start(t)
	h := r.agent(1, "cpus:2;mem:4096;disk:4096;ports:[31000-32000]", "rack:r1;zone:z")
	over := r.framework(mesosExecute())
	over.launch(h, "cpus:0.5;mem:64", "hello")
	for i, state := range []mesosproto.TaskState{starting, running} {
		h.update(over, "hello", state, uuid(i))
		over.acknowledge(h, "hello", uuid(i))
	}
	h.update(over, "hello", finished, uuid(2))
	over.teardown()
	now := r.framework(mesosExecute())
	now.launch(h, "cpus:0.5;mem:64;ports:[31000-31001]", "long")
	for i, state := range []mesosproto.TaskState{starting, running} {
		h.update(now, "long", state, uuid(i))
		now.acknowledge(h, "long", uuid(i))
	}
	return r
}
