package operator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/operator"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// rig is a real agent on a simulated loop, between a master and containers that the test plays.
type rig struct {
	t       *testing.T
	sim     *loop.Sim
	agent   *agent.Agent
	handler http.Handler
	box     *box

	toAgent link.Handler
	version *mesosproto.UUID // that the agent registered with
	updates []*messagespb.StatusUpdateMessage
}

const agentID = "3125d202-57a8-42a7-98e7-08bd43f3390a-S0"

func start(t *testing.T, options ...func(*operator.Config)) *rig {
	t.Helper()
	r := &rig{t: t, sim: loop.NewSim(1)}
	l := r.sim.Loop("agent")
	r.box = &box{loop: l, ends: make(map[string]func(containerizer.Termination, error))}
	attributes, err := resources.ParseAttributes("rack:r1;zone:z")
	require.NoError(t, err)
	r.agent, err = agent.New(agent.Config{
		Loop: l,
		Info: &mesosproto.AgentInfo{
			Hostname: proto.String("agent1.example"), Attributes: attributes,
			Resources: resources.MustParse("cpus:2;mem:4096;disk:4096;ports:[31000-32000]").Proto(),
		},
		WorkDir:  t.TempDir(),
		Async:    r.box,
		Detector: r, Dialer: r,
		NoSwitchUser: true,
	})
	require.NoError(t, err)
	cfg := operator.Config{Snapshot: r.agent.Snapshot, Now: r.sim.Now}
	for _, o := range options {
		o(&cfg)
	}
	mux := http.NewServeMux()
	operator.New(cfg).Mount(mux)
	r.handler = operatorapi.Routes(mux)
	return r
}

// registered is start, up to the moment at which the agent is registered.
func registered(t *testing.T, options ...func(*operator.Config)) *rig {
	r := start(t, options...)
	r.agent.Start()
	r.sim.Advance(5 * time.Second)
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
	return r
}

func (r *rig) Detect(leader func(*mesosproto.MasterInfo)) (cancel func()) {
	leader(&mesosproto.MasterInfo{Id: proto.String("m"), Pid: proto.String("master@127.0.0.1:5050"), Hostname: proto.String("localhost")})
	return func() {}
}

func (r *rig) Dial(_ *mesosproto.MasterInfo, h link.Handler) link.Conn {
	r.toAgent = h
	return r
}

func (r *rig) Close()       {}
func (r *rig) Peer() string { return "master@127.0.0.1:5050" }

func (r *rig) Send(m proto.Message) {
	switch m := m.(type) {
	case *messagespb.RegisterSlaveMessage:
		r.version = m.ResourceVersionUuid
		r.sim.After(time.Millisecond, func() {
			r.toAgent.Message(r, &messagespb.SlaveRegisteredMessage{
				SlaveId: &mesosproto.AgentID{Value: proto.String(agentID)}, Connection: &messagespb.MasterSlaveConnection{},
			}, func() {})
		})
	case *messagespb.StatusUpdateMessage:
		r.updates = append(r.updates, m)
	}
}

func (r *rig) tell(m proto.Message) {
	r.toAgent.Message(r, m, func() {})
	r.sim.Advance(100 * time.Millisecond)
}

// acknowledge acknowledges every update there is.
func (r *rig) acknowledge() {
	for len(r.updates) > 0 {
		u := r.updates[0].Update
		r.updates = r.updates[1:]
		r.tell(&messagespb.StatusUpdateAcknowledgementMessage{
			SlaveId: u.SlaveId, FrameworkId: u.FrameworkId, TaskId: u.Status.TaskId, Uuid: u.Uuid,
		})
	}
}

func (r *rig) run(framework, task, text string) {
	r.tell(&messagespb.RunTaskMessage{
		Framework:            mesosExecute(framework),
		Pid:                  proto.String("@0.0.0.0:0"),
		ResourceVersionUuids: []*messagespb.ResourceVersionUUID{{Uuid: r.version}},
		LaunchExecutor:       proto.Bool(true),
		Task: &mesosproto.TaskInfo{
			Name: proto.String(task), TaskId: &mesosproto.TaskID{Value: proto.String(task)},
			AgentId:   &mesosproto.AgentID{Value: proto.String(agentID)},
			Resources: resources.MustParse(text).Allocate("*").Proto(),
			Command:   &mesosproto.CommandInfo{Value: proto.String(map[string]string{"hello": "echo hi; sleep 1", "long": "sleep 15"}[task])},
		},
	})
	r.acknowledge()
}

// mesosExecute is a framework as mesos-execute is one.
func mesosExecute(id string) *mesosproto.FrameworkInfo {
	info := &mesosproto.FrameworkInfo{
		User: proto.String("root"), Name: proto.String("mesos-execute instance"), Id: &mesosproto.FrameworkID{Value: &id},
	}
	for _, t := range []mesosproto.FrameworkInfo_Capability_Type{
		mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT,
		mesosproto.FrameworkInfo_Capability_TASK_KILLING_STATE,
		mesosproto.FrameworkInfo_Capability_PARTITION_AWARE,
	} {
		info.Capabilities = append(info.Capabilities, &mesosproto.FrameworkInfo_Capability{Type: t.Enum()})
	}
	return info
}

func (r *rig) do(method, target string, header ...string) *http.Response {
	request := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, request)
	return w.Result()
}

func (r *rig) text(target string) string {
	r.t.Helper()
	text, err := io.ReadAll(r.do("GET", target).Body)
	require.NoError(r.t, err)
	return string(text)
}

func (r *rig) get(target string) string {
	r.t.Helper()
	require.Equal(r.t, http.StatusOK, r.do("GET", target).StatusCode, target)
	text := r.text(target)
	require.True(r.t, json.Valid([]byte(text)), "%s: %s", target, text)
	return text
}

// box runs containers that only end when they are told to.
type box struct {
	loop *loop.SimLoop
	ends map[string]func(containerizer.Termination, error)
}

var _ containerizer.Async = (*box)(nil)

func (b *box) post(f func()) func() { b.loop.Post(f); return func() {} }

func (b *box) Name() string                                           { return "box" }
func (b *box) Recover(_ []containerizer.Checkpoint, done func(error)) { b.post(func() { done(nil) }) }
func (b *box) Pull(_ *containerizer.Spec, done func(error)) func() {
	return b.post(func() { done(nil) })
}
func (b *box) Remove(_ *mesosproto.ContainerID, done func(error)) { b.post(func() { done(nil) }) }
func (b *box) Pid(*mesosproto.ContainerID) (int, bool)            { return 0, false }
func (b *box) Signal(id *mesosproto.ContainerID, _ syscall.Signal, done func(error)) {
	b.post(func() { done(nil) })
	b.end(id.GetValue())
}

func (b *box) Launch(_ *containerizer.Spec, done func(containerizer.Launched, error)) func() {
	return b.post(func() { done(containerizer.Launched{Status: status()}, nil) })
}

func (b *box) Wait(id *mesosproto.ContainerID, done func(containerizer.Termination, error)) {
	b.ends[id.GetValue()] = done
}

// end ends a container with exit status 0.
func (b *box) end(id string) {
	if done := b.ends[id]; done != nil {
		delete(b.ends, id)
		b.post(func() { done(containerizer.Termination{Exited: true}, nil) })
	}
}

func (b *box) Destroy(id *mesosproto.ContainerID, done func(containerizer.Termination, error)) {
	b.post(func() { done(containerizer.Termination{Exited: true}, nil) })
	b.end(id.GetValue())
}

func (b *box) Update(_ *mesosproto.ContainerID, _ resources.Resources, _ map[string]float64, done func(error)) {
	b.post(func() { done(nil) })
}

func (b *box) Status(_ *mesosproto.ContainerID, done func(*mesosproto.ContainerStatus, error)) {
	b.post(func() { done(status(), nil) })
}

func (b *box) Usage(_ *mesosproto.ContainerID, done func(*mesosproto.ResourceStatistics, error)) {
	b.post(func() { done(nil, errors.New("not here")) })
}

func (b *box) Exec(_ *mesosproto.ContainerID, _ *mesosproto.CommandInfo, done func(syscall.WaitStatus, []byte, error)) func() {
	return b.post(func() { done(0, nil, nil) })
}

func status() *mesosproto.ContainerStatus {
	return &mesosproto.ContainerStatus{
		NetworkInfos: []*mesosproto.NetworkInfo{{IpAddresses: []*mesosproto.NetworkInfo_IPAddress{{
			Protocol: mesosproto.NetworkInfo_IPv4.Enum(), IpAddress: proto.String("127.0.0.1"),
		}}}},
	}
}

// meter describes containers as the reference's did in testdata.
type meter struct{}

var _ operator.Containers = meter{}

func (meter) Status(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error) {
	return &mesosproto.ContainerStatus{ContainerId: id, ExecutorPid: proto.Uint32(17164)}, nil
}

func (meter) Usage(context.Context, *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error) {
	return &mesosproto.ResourceStatistics{
		Timestamp: proto.Float64(1795245298.99086), CpusUserTimeSecs: proto.Float64(0.12), CpusSystemTimeSecs: proto.Float64(0),
		CpusSoftLimit: proto.Float64(0.6), MemRssBytes: proto.Uint64(145682432), MemLimitBytes: proto.Uint64(100663296), MemSoftLimitBytes: proto.Uint64(100663296),
	}, nil
}

// captured plays what led to the answers in testdata, as far as command tasks did it.
func captured(t *testing.T, options ...func(*operator.Config)) *rig {
	r := registered(t, options...)
	const master = "3125d202-57a8-42a7-98e7-08bd43f3390a-"
	r.run(master+"0000", "hello", "cpus:0.5;mem:64")
	for id := range r.box.ends {
		r.box.end(id)
	}
	r.sim.Advance(time.Second)
	r.acknowledge()
	r.sim.Advance(5 * time.Second)
	r.run(master+"0004", "long", "cpus:0.5;mem:64;ports:[31000-31001]")
	return r
}
