package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// rig is an agent on a simulated loop, between a scripted master and simulated containers.
type rig struct {
	t      *testing.T
	sim    *loop.Sim
	loop   *loop.SimLoop
	agent  *Agent
	master *master
	box    *box
	cfg    Config
	exits  []error
}

// newRig starts an agent with changes to its configuration.
func newRig(t *testing.T, change ...func(*Config)) *rig {
	r := &rig{t: t, sim: loop.NewSim(1)}
	r.master = &master{rig: r, auto: true, pingTimeout: 75 * time.Second}
	r.loop = r.sim.Loop("agent")
	r.box = newBox(r.loop)
	rs, err := resources.Parse("cpus:2;mem:4096;disk:4096;ports:[31000-32000]")
	require.NoError(t, err)
	r.cfg = Config{
		Loop: r.loop,
		Info: &mesosproto.AgentInfo{
			Hostname:  proto.String("agent1.example"),
			Resources: rs.Proto(),
		},
		Async:    r.box,
		Detector: r.master,
		Dialer:   r.master,
		OnExit:   func(err error) { r.exits = append(r.exits, err) },
	}
	for _, f := range change { // may also change the master
		f(&r.cfg)
	}
	r.agent, err = New(r.cfg)
	require.NoError(t, err)
	r.agent.Start()
	return r
}

// registered is newRig, up to the moment at which the agent is registered.
func registered(t *testing.T, change ...func(*Config)) *rig {
	r := newRig(t, change...)
	r.run(5 * time.Second)
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
	r.master.conn().got = nil
	return r
}

func (r *rig) run(d time.Duration) { r.t.Helper(); r.sim.Advance(d) }

// tell sends a message from the master and lets the agent handle it.
func (r *rig) tell(m proto.Message) {
	r.t.Helper()
	r.master.conn().deliver(m)
	r.run(50 * time.Millisecond)
}

// updates are the status updates that the master has, and forgets them.
func (r *rig) updates() (list []*messagespb.StatusUpdateMessage) {
	c := r.master.conn()
	c.got = slices.DeleteFunc(c.got, func(m proto.Message) bool {
		u, ok := m.(*messagespb.StatusUpdateMessage)
		if ok {
			list = append(list, u)
		}
		return ok
	})
	return list
}

// story is what updates say, one a line: task, state, source, reason, message.
func (r *rig) story() string {
	var lines []string
	for _, u := range r.updates() {
		lines = append(lines, line(u.GetUpdate().GetStatus()))
	}
	return strings.Join(lines, "\n")
}

func line(s *mesosproto.TaskStatus) string {
	text := fmt.Sprintf("%s %s %s", s.GetTaskId().GetValue(), strings.TrimPrefix(s.GetState().String(), "TASK_"), strings.TrimPrefix(s.GetSource().String(), "SOURCE_"))
	if s.Reason != nil {
		text += " " + strings.TrimPrefix(s.GetReason().String(), "REASON_")
	}
	if s.Healthy != nil {
		text += fmt.Sprintf(" healthy=%v", s.GetHealthy())
	}
	if s.Message != nil {
		text += ": " + s.GetMessage()
	}
	return text
}

// acknowledgeAll plays a framework that acknowledges every update at once, for d, and returns its story.
func (r *rig) acknowledgeAll(d time.Duration) string {
	var lines []string
	for end := r.sim.Now().Add(d); ; {
		for _, u := range r.updates() {
			lines = append(lines, line(u.GetUpdate().GetStatus()))
			r.acknowledge(u)
		}
		if !r.sim.Now().Before(end) {
			return strings.Join(lines, "\n")
		}
		r.run(100 * time.Millisecond)
	}
}

func (r *rig) acknowledge(u *messagespb.StatusUpdateMessage) {
	r.tell(&messagespb.StatusUpdateAcknowledgementMessage{
		SlaveId:     u.GetUpdate().GetSlaveId(),
		FrameworkId: u.GetUpdate().GetFrameworkId(),
		TaskId:      u.GetUpdate().GetStatus().GetTaskId(),
		Uuid:        u.GetUpdate().GetUuid(),
	})
}

// find returns the messages of a type that the master has, and forgets them.
func find[M proto.Message](r *rig) (list []M) {
	c := r.master.conn()
	c.got = slices.DeleteFunc(c.got, func(m proto.Message) bool {
		x, ok := m.(M)
		if ok {
			list = append(list, x)
		}
		return ok
	})
	return list
}

// master is the Detector, the Dialer and the peer.
type master struct {
	rig         *rig
	auto        bool          // answers registrations
	pingTimeout time.Duration // what it promises; default 75s
	refuse      bool          // dialling fails
	leader      func(*mesosproto.MasterInfo)
	conns       []*conn
	id          string
}

func (m *master) Detect(leader func(*mesosproto.MasterInfo)) (cancel func()) {
	m.leader = leader
	leader(&mesosproto.MasterInfo{Id: proto.String("m"), Pid: proto.String("master@10.0.0.1:5050")})
	return func() { m.leader = nil }
}

func (m *master) Dial(_ *mesosproto.MasterInfo, h link.Handler) link.Conn {
	c := &conn{master: m, handler: h}
	m.conns = append(m.conns, c)
	if m.refuse {
		m.rig.sim.After(time.Millisecond, func() { c.breaks() })
	}
	return c
}

func (m *master) conn() *conn {
	require.NotEmpty(m.rig.t, m.conns, "the agent has not dialled")
	return m.conns[len(m.conns)-1]
}

// answers counts messages of the agent that ask for registration.
func (m *master) registrations() (n int) {
	for _, c := range m.conns {
		for _, msg := range c.got {
			switch msg.(type) {
			case *messagespb.RegisterSlaveMessage, *messagespb.ReregisterSlaveMessage:
				n++
			}
		}
	}
	return n
}

type conn struct {
	master  *master
	handler link.Handler
	got     []proto.Message
	closed  bool
	broken  bool
	handled int
}

func (c *conn) Send(m proto.Message) {
	if c.closed || c.broken {
		return
	}
	c.got = append(c.got, m)
	if !c.master.auto {
		return
	}
	connection := &messagespb.MasterSlaveConnection{TotalPingTimeoutSeconds: proto.Float64(c.master.pingTimeout.Seconds())}
	switch m := m.(type) {
	case *messagespb.RegisterSlaveMessage:
		if c.master.id == "" {
			c.master.id = "m-S0"
		}
		c.deliverLater(&messagespb.SlaveRegisteredMessage{SlaveId: agentIDOf(c.master.id), Connection: connection})
	case *messagespb.ReregisterSlaveMessage:
		c.deliverLater(&messagespb.SlaveReregisteredMessage{SlaveId: m.GetSlave().GetId(), Connection: connection})
	}
}

func (c *conn) deliverLater(m proto.Message) {
	c.master.rig.sim.After(time.Millisecond, func() { c.deliver(m) })
}

func (c *conn) deliver(m proto.Message) {
	if !c.closed && !c.broken {
		c.handler.Message(c, m, func() { c.handled++ })
	}
}

func (c *conn) breaks() {
	if !c.closed && !c.broken {
		c.broken = true
		c.handler.Exited(c)
	}
}

func (c *conn) Close()       { c.closed = true }
func (c *conn) Peer() string { return "master@10.0.0.1:5050" }

func agentIDOf(id string) *mesosproto.AgentID { return &mesosproto.AgentID{Value: proto.String(id)} }
func fid(id string) *mesosproto.FrameworkID   { return &mesosproto.FrameworkID{Value: proto.String(id)} }
func tid(id string) *mesosproto.TaskID        { return &mesosproto.TaskID{Value: proto.String(id)} }
func eid(id string) *mesosproto.ExecutorID    { return &mesosproto.ExecutorID{Value: proto.String(id)} }

// framework is a partition-aware one that wants to see TASK_KILLING.
func frameworkInfo(id string) *mesosproto.FrameworkInfo {
	info := &mesosproto.FrameworkInfo{User: proto.String(""), Name: proto.String("test"), Id: fid(id), Roles: []string{"dev"}}
	for _, t := range []mesosproto.FrameworkInfo_Capability_Type{
		mesosproto.FrameworkInfo_Capability_MULTI_ROLE,
		mesosproto.FrameworkInfo_Capability_PARTITION_AWARE,
		mesosproto.FrameworkInfo_Capability_TASK_KILLING_STATE,
	} {
		info.Capabilities = append(info.Capabilities, &mesosproto.FrameworkInfo_Capability{Type: t.Enum()})
	}
	return info
}

func dev(text string) []*mesosproto.Resource {
	rs, err := resources.Parse(text)
	if err != nil {
		panic(err)
	}
	return rs.Allocate("dev").Proto()
}

func commandTask(id string) *mesosproto.TaskInfo {
	return &mesosproto.TaskInfo{
		Name:      proto.String(id),
		TaskId:    tid(id),
		AgentId:   agentIDOf("m-S0"),
		Resources: dev("cpus:0.5;mem:64"),
		Command:   &mesosproto.CommandInfo{Value: proto.String("echo hi; sleep 1")},
	}
}

func executorTask(id, executor string) *mesosproto.TaskInfo {
	t := commandTask(id)
	t.Command = nil
	t.Executor = &mesosproto.ExecutorInfo{
		ExecutorId: eid(executor),
		Command:    &mesosproto.CommandInfo{Value: proto.String("./executor")},
		Resources:  dev("cpus:0.1;mem:32"),
	}
	return t
}

// runTask is the master's message for a task; launch says whether the master wants a new executor.
func (r *rig) runTask(t *mesosproto.TaskInfo, launch bool) *messagespb.RunTaskMessage {
	return &messagespb.RunTaskMessage{
		Framework:            frameworkInfo("f"),
		Task:                 t,
		ResourceVersionUuids: []*messagespb.ResourceVersionUUID{{Uuid: r.agent.core.resourceVersion}},
		Pid:                  proto.String("@0.0.0.0:0"),
		LaunchExecutor:       proto.Bool(launch),
	}
}

// peer is an executor that a test plays.
type peer struct {
	rig    *rig
	id     string
	events []*executorpb.Event
	closed bool
	err    error // the answer to SUBSCRIBE
}

func (p *peer) Send(e *executorpb.Event) { p.events = append(p.events, e) }
func (p *peer) Close()                   { p.closed = true }

// subscribe connects an executor.
func (r *rig) subscribe(id string, s *executorpb.Call_Subscribe) *peer {
	p := &peer{rig: r, id: id}
	if s == nil {
		s = &executorpb.Call_Subscribe{}
	}
	r.agent.Executors().Subscribe(link.Caller{}, p.call(executorpb.Call_SUBSCRIBE, func(c *executorpb.Call) { c.Subscribe = s }), p,
		func(_ string, err error) { p.err = err })
	r.run(50 * time.Millisecond)
	return p
}

// subscribeNow subscribes without waiting for the agent to start.
func (r *rig) subscribeNow(id string) error {
	p := &peer{rig: r, id: id}
	r.agent.Executors().Subscribe(link.Caller{}, p.call(executorpb.Call_SUBSCRIBE, func(c *executorpb.Call) { c.Subscribe = &executorpb.Call_Subscribe{} }), p,
		func(_ string, err error) { p.err = err })
	r.sim.Settle()
	return p.err
}

func (p *peer) call(t executorpb.Call_Type, with func(*executorpb.Call)) *executorpb.Call {
	c := &executorpb.Call{ExecutorId: eid(p.id), FrameworkId: fid("f"), Type: t.Enum()}
	with(c)
	return c
}

// update sends a status update and returns the agent's answer.
func (p *peer) update(task string, state mesosproto.TaskState, uuid byte) error {
	return p.send(p.call(executorpb.Call_UPDATE, func(c *executorpb.Call) { c.Update = &executorpb.Call_Update{Status: status16(task, state, uuid)} }))
}

func status16(task string, state mesosproto.TaskState, uuid byte) *mesosproto.TaskStatus {
	return &mesosproto.TaskStatus{
		TaskId: tid(task),
		State:  state.Enum(),
		Source: mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum(),
		Uuid:   append(make([]byte, 15), uuid),
	}
}

func (p *peer) send(c *executorpb.Call) error {
	answer := fmt.Errorf("no answer")
	p.rig.agent.Executors().Call(link.Caller{}, c, func(err error) { answer = err })
	p.rig.run(50 * time.Millisecond)
	return answer
}

// types lists the events so far and forgets them.
func (p *peer) types() (list []string) {
	for _, e := range p.events {
		list = append(list, e.GetType().String())
	}
	p.events = nil
	return list
}

// withStore gives the agent a checkpoint; writing it fails with err, if not nil.
func withStore(err error) func(*Config) {
	s := &memory.Store{}
	s.Fail(err)
	return func(cfg *Config) { cfg.Checkpoint = s }
}
