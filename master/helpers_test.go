package master_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/registry/memory"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// The tests play the agents' and the frameworks' parts by hand; master, allocator and registry are the
// real ones, on a simulated loop.

type bundle struct {
	t       *testing.T
	sim     *loop.Sim
	master  *master.Master
	storage *memory.Storage
}

const masterID = "11111111-2222-3333-4444-555555555555"

// start returns a leading master.
func start(t *testing.T, options ...func(*master.Config)) *bundle {
	t.Helper()
	return startWith(t, &memory.Storage{}, options...)
}

func startWith(t *testing.T, storage *memory.Storage, options ...func(*master.Config)) *bundle {
	t.Helper()
	sim := loop.NewSim(1)
	cfg := master.Config{
		Loop: sim.Loop("master"),
		Info: &mesosproto.MasterInfo{
			Id:       proto.String(masterID),
			Ip:       proto.Uint32(0x0100007f),
			Port:     proto.Uint32(5050),
			Hostname: proto.String("master.example"),
		},
		Storage: storage,
	}
	for _, o := range options {
		o(&cfg)
	}
	m, err := master.New(cfg)
	require.NoError(t, err)
	b := &bundle{t: t, sim: sim, master: m, storage: storage}
	m.Start()
	b.settle()
	return b
}

// settle lets everything happen that is under way.
func (b *bundle) settle() { b.sim.Advance(10 * time.Millisecond) }

// conn is a connection of an agent, seen from the agent. Pings are answered, unless it is deaf.
type conn struct {
	b      *bundle
	peer   string
	deaf   bool
	pings  int
	got    []proto.Message // but pings
	closed bool
}

func (c *conn) Send(m proto.Message) {
	if _, ping := m.(*messagespb.PingSlaveMessage); !ping {
		c.got = append(c.got, m)
		return
	}
	c.pings++
	if !c.deaf {
		c.b.sim.After(time.Millisecond, func() {
			c.b.master.Agents().Message(c, &messagespb.PongSlaveMessage{}, func() {})
		})
	}
}
func (c *conn) Close()       { c.closed = true }
func (c *conn) Peer() string { return c.peer }

// host is an agent.
type host struct {
	b    *bundle
	conn *conn
	info *mesosproto.AgentInfo
}

var agentCapabilities = func() (list []*mesosproto.AgentInfo_Capability) {
	for t := mesosproto.AgentInfo_Capability_MULTI_ROLE; t <= mesosproto.AgentInfo_Capability_TASK_RESOURCE_LIMITS; t++ {
		list = append(list, &mesosproto.AgentInfo_Capability{Type: t.Enum()})
	}
	return list
}()

func parse(t testing.TB, text string) []*mesosproto.Resource {
	t.Helper()
	r, err := resources.Parse(text)
	require.NoError(t, err)
	return r.Proto()
}

// newHost returns an agent that has not registered.
func (b *bundle) newHost(name, text string) *host {
	return &host{
		b:    b,
		conn: &conn{b: b, peer: "slave(1)@10.0.0." + name + ":5051"},
		info: &mesosproto.AgentInfo{
			Hostname:  proto.String("agent" + name + ".example"),
			Port:      proto.Int32(5051),
			Resources: parse(b.t, text),
			Attributes: []*mesosproto.Attribute{{
				Name: proto.String("rack"),
				Type: mesosproto.Value_TEXT.Enum(),
				Text: &mesosproto.Value_Text{Value: proto.String("r1")},
			}},
		},
	}
}

var resourceVersion = &mesosproto.UUID{Value: []byte("0123456789abcdef")}

// agent registers an agent.
func (b *bundle) agent(name, text string) *host {
	b.t.Helper()
	h := b.newHost(name, text)
	h.register()
	r := last[*messagespb.SlaveRegisteredMessage](h)
	require.NotNil(b.t, r, "not registered")
	h.info.Id = r.SlaveId
	return h
}

func (h *host) id() string { return h.info.GetId().GetValue() }

func (h *host) send(m proto.Message) {
	h.b.master.Agents().Message(h.conn, m, func() {})
	h.b.settle()
}

func (h *host) register() {
	h.send(&messagespb.RegisterSlaveMessage{
		Slave:               proto.CloneOf(h.info),
		Version:             proto.String("1.12.0"),
		AgentCapabilities:   agentCapabilities,
		ResourceVersionUuid: resourceVersion,
	})
}

// breaks breaks the agent's connection.
func (h *host) breaks() {
	h.b.master.Agents().Exited(h.conn)
	h.b.settle()
}

// reregister comes back on a new connection with tasks and their frameworks.
func (h *host) reregister(frameworks []*mesosproto.FrameworkInfo, executors []*mesosproto.ExecutorInfo, tasks ...*mesosproto.Task) {
	h.conn = &conn{b: h.b, peer: h.conn.peer}
	h.send(&messagespb.ReregisterSlaveMessage{
		Slave:               proto.CloneOf(h.info),
		Version:             proto.String("1.12.0"),
		AgentCapabilities:   agentCapabilities,
		ResourceVersionUuid: resourceVersion,
		Frameworks:          frameworks,
		ExecutorInfos:       executors,
		Tasks:               tasks,
	})
}

// update sends a status update for a task, whose latest state it is.
func (h *host) update(f *scheduler, task string, state mesosproto.TaskState, uuid string) {
	h.updateLatest(f, task, state, state, uuid)
}

func (h *host) updateLatest(f *scheduler, task string, state, latest mesosproto.TaskState, uuid string) {
	at := float64(h.b.sim.Now().UnixNano()) / 1e9
	h.send(&messagespb.StatusUpdateMessage{
		Update: &messagespb.StatusUpdate{
			FrameworkId: f.idProto(),
			ExecutorId:  &mesosproto.ExecutorID{Value: &task},
			SlaveId:     h.info.Id,
			Status: &mesosproto.TaskStatus{
				TaskId:     &mesosproto.TaskID{Value: &task},
				State:      &state,
				Source:     mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum(),
				AgentId:    h.info.Id,
				ExecutorId: &mesosproto.ExecutorID{Value: &task},
				Timestamp:  &at,
				Uuid:       []byte(uuid),
			},
			Timestamp:   &at,
			Uuid:        []byte(uuid),
			LatestState: &latest,
		},
		Pid: &h.conn.peer,
	})
}

// uuid makes 16 bytes out of a few characters.
func uuid(s string) string { return (s + strings.Repeat("-", 16))[:16] }

// all lists the messages of a type that an agent got on its present connection.
func all[M proto.Message](h *host) (list []M) {
	for _, m := range h.conn.got {
		if m, ok := m.(M); ok {
			list = append(list, m)
		}
	}
	return list
}

// last is the latest of them, nil if there is none.
func last[M proto.Message](h *host) (m M) {
	if list := all[M](h); len(list) > 0 {
		return list[len(list)-1]
	}
	return m
}

// scheduler is a framework.
type scheduler struct {
	b        *bundle
	info     *mesosproto.FrameworkInfo
	id       string
	streamID string
	stream   *stream
	from     link.Caller
}

// stream is the framework's end of its stream.
type stream struct {
	events []*schedulerpb.Event
	closed bool
	err    error
}

func (s *stream) Send(e *schedulerpb.Event) {
	if !s.closed {
		s.events = append(s.events, e)
	}
}
func (s *stream) Close() { s.closed = true }

func capabilities(list ...mesosproto.FrameworkInfo_Capability_Type) (out []*mesosproto.FrameworkInfo_Capability) {
	for _, t := range list {
		out = append(out, &mesosproto.FrameworkInfo_Capability{Type: t.Enum()})
	}
	return out
}

const (
	multiRole      = mesosproto.FrameworkInfo_Capability_MULTI_ROLE
	partitionAware = mesosproto.FrameworkInfo_Capability_PARTITION_AWARE
	refinement     = mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT
)

// modern is a framework as one would write it today.
func modern(roles ...string) *mesosproto.FrameworkInfo {
	return &mesosproto.FrameworkInfo{
		User:            proto.String("root"),
		Name:            proto.String("modern"),
		Roles:           roles,
		Capabilities:    capabilities(multiRole, partitionAware, refinement),
		Checkpoint:      proto.Bool(true),
		FailoverTimeout: proto.Float64(30),
	}
}

// plain is a framework that says as little as it can.
func plain() *mesosproto.FrameworkInfo {
	return &mesosproto.FrameworkInfo{User: proto.String("root"), Name: proto.String("plain")}
}

// try subscribes, and does not care with what result.
func (b *bundle) try(info *mesosproto.FrameworkInfo, change ...func(*schedulerpb.Call)) *scheduler {
	s := &scheduler{b: b, info: proto.CloneOf(info)}
	s.subscribe(change...)
	return s
}

// framework subscribes.
func (b *bundle) framework(info *mesosproto.FrameworkInfo) *scheduler {
	b.t.Helper()
	s := b.try(info)
	require.NoError(b.t, s.stream.err)
	require.NotEmpty(b.t, s.stream.events)
	require.Equal(b.t, schedulerpb.Event_SUBSCRIBED, s.stream.events[0].GetType(), "%v", s.stream.events[0])
	return s
}

// subscribe opens a stream, with the framework's id if it has one.
func (s *scheduler) subscribe(change ...func(*schedulerpb.Call)) {
	if s.id != "" {
		s.info.Id = s.idProto()
	}
	call := &schedulerpb.Call{
		Type:        schedulerpb.Call_SUBSCRIBE.Enum(),
		FrameworkId: s.info.Id,
		Subscribe:   &schedulerpb.Call_Subscribe{FrameworkInfo: proto.CloneOf(s.info)},
	}
	for _, f := range change {
		f(call)
	}
	st := &stream{}
	s.stream = st
	from := s.from
	from.StreamID = ""
	s.b.master.Schedulers().Subscribe(from, call, st, func(id string, err error) {
		st.err = err
		s.streamID = id
	})
	s.b.settle()
	for _, e := range st.events {
		if e.GetType() == schedulerpb.Event_SUBSCRIBED {
			s.id = e.Subscribed.GetFrameworkId().GetValue()
		}
	}
}

func (s *scheduler) idProto() *mesosproto.FrameworkID {
	return &mesosproto.FrameworkID{Value: proto.String(s.id)}
}

// registered is the FrameworkInfo as agents have it.
func (s *scheduler) registered() *mesosproto.FrameworkInfo {
	info := proto.CloneOf(s.info)
	info.Id = s.idProto()
	return info
}

// call sends a call and returns its answer.
func (s *scheduler) call(c *schedulerpb.Call) error {
	if c.FrameworkId == nil {
		c.FrameworkId = s.idProto()
	}
	from := s.from
	if from.StreamID == "" {
		from.StreamID = s.streamID
	}
	answered := false
	var answer error
	s.b.master.Schedulers().Call(from, c, func(err error) { answered, answer = true, err })
	s.b.settle()
	require.True(s.b.t, answered, "a call was not answered")
	return answer
}

// do sends a call that must be accepted.
func (s *scheduler) do(c *schedulerpb.Call) {
	s.b.t.Helper()
	require.NoError(s.b.t, s.call(c))
}

// leaves breaks the stream.
func (s *scheduler) leaves() {
	s.stream.closed = true
	s.b.master.Schedulers().Ended(s.stream)
	s.b.settle()
}

// take returns the events of a type and removes them from those that came.
func (s *scheduler) take(t schedulerpb.Event_Type) (list []*schedulerpb.Event) {
	var rest []*schedulerpb.Event
	for _, e := range s.stream.events {
		if e.GetType() == t {
			list = append(list, e)
		} else {
			rest = append(rest, e)
		}
	}
	s.stream.events = rest
	return list
}

// offers takes the offers that came.
func (s *scheduler) offers() (list []*mesosproto.Offer) {
	for _, e := range s.take(schedulerpb.Event_OFFERS) {
		list = append(list, e.Offers.Offers...)
	}
	return list
}

// offer takes the only offer that came.
func (s *scheduler) offer() *mesosproto.Offer {
	s.b.t.Helper()
	list := s.offers()
	require.Len(s.b.t, list, 1)
	return list[0]
}

// updates takes the status updates that came.
func (s *scheduler) updates() (list []*mesosproto.TaskStatus) {
	for _, e := range s.take(schedulerpb.Event_UPDATE) {
		list = append(list, e.Update.Status)
	}
	return list
}

// updateOf takes the only update that came.
func (s *scheduler) updateOf(task string) *mesosproto.TaskStatus {
	s.b.t.Helper()
	list := s.updates()
	require.Len(s.b.t, list, 1, "%v", list)
	require.Equal(s.b.t, task, list[0].GetTaskId().GetValue())
	return list[0]
}

func (s *scheduler) task(h *host, id, text string) *mesosproto.TaskInfo {
	return &mesosproto.TaskInfo{
		Name:      proto.String(id),
		TaskId:    &mesosproto.TaskID{Value: proto.String(id)},
		AgentId:   h.info.Id,
		Resources: parse(s.b.t, text),
		Command:   &mesosproto.CommandInfo{Value: proto.String("sleep 1")},
	}
}

func launchOf(tasks ...*mesosproto.TaskInfo) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Type:   mesosproto.Offer_Operation_LAUNCH.Enum(),
		Launch: &mesosproto.Offer_Operation_Launch{TaskInfos: tasks},
	}
}

// accept accepts offers with operations; what is not used stays away for refuse seconds.
func (s *scheduler) accept(refuse float64, offers []*mesosproto.Offer, ops ...*mesosproto.Offer_Operation) {
	s.b.t.Helper()
	m := &schedulerpb.Call_Accept{Operations: ops, Filters: &mesosproto.Filters{RefuseSeconds: &refuse}}
	for _, o := range offers {
		m.OfferIds = append(m.OfferIds, o.Id)
	}
	s.do(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: m})
}

// launches launches a command task on the offer that has come.
func (s *scheduler) launches(h *host, id, text string) {
	s.b.t.Helper()
	s.accept(1000, []*mesosproto.Offer{s.offer()}, launchOf(s.task(h, id, text)))
}

// runs launches a task that runs, and acknowledges that.
func (s *scheduler) runs(h *host, id, text string) {
	s.b.t.Helper()
	s.launches(h, id, text)
	h.update(s, id, mesosproto.TaskState_TASK_RUNNING, uuid("r-"+id))
	s.updateOf(id)
	s.acknowledge(h, id, uuid("r-"+id))
}

func (s *scheduler) acknowledge(h *host, task, uuid string) {
	s.b.t.Helper()
	s.do(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{
		AgentId: h.info.Id,
		TaskId:  &mesosproto.TaskID{Value: &task},
		Uuid:    []byte(uuid),
	}})
}

// running is the task of that id as its agent reports it.
func (s *scheduler) running(h *host, id, text string) *mesosproto.Task {
	return s.reported(h, id, text, mesosproto.TaskState_TASK_RUNNING)
}

func (s *scheduler) reported(h *host, id, text string, state mesosproto.TaskState) *mesosproto.Task {
	list := parse(s.b.t, text)
	for _, r := range list {
		r.AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: proto.String(append(s.info.Roles, "*")[0])}
	}
	return &mesosproto.Task{
		Name:              proto.String(id),
		TaskId:            &mesosproto.TaskID{Value: proto.String(id)},
		FrameworkId:       s.idProto(),
		AgentId:           h.info.Id,
		State:             state.Enum(),
		Resources:         list,
		StatusUpdateState: state.Enum(),
		StatusUpdateUuid:  []byte(uuid("r-" + id)),
		Statuses: []*mesosproto.TaskStatus{{
			TaskId:          &mesosproto.TaskID{Value: proto.String(id)},
			State:           state.Enum(),
			ContainerStatus: &mesosproto.ContainerStatus{ExecutorPid: proto.Uint32(7)},
		}},
	}
}

// state is the framework in the snapshot, nil if it is not there.
func (s *scheduler) state() *master.FrameworkState {
	for f := range s.b.master.Snapshot().Frameworks.All() {
		if f.ID == s.id {
			return f
		}
	}
	return nil
}

// state is the agent in the snapshot, nil if it is not registered.
func (h *host) state() *master.AgentState {
	for a := range h.b.master.Snapshot().Agents.All() {
		if a.ID == h.id() {
			return a
		}
	}
	return nil
}

// sum prints resources without roles.
func sum(t testing.TB, list []*mesosproto.Resource) string {
	t.Helper()
	r, err := resources.FromProto(list)
	require.NoError(t, err)
	return r.Unallocate().ToUnreserved().String()
}
