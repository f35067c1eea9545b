package executor

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// play is a driver on simulated loops, and the test in the agent's part.
type play struct {
	t        *testing.T
	sim      *loop.Sim
	core     *loop.SimLoop
	executor *loop.SimLoop
	driver   *Driver
	actor    *actor
	links    []*testLink // every connection that was made
	started  time.Time
	exits    int // how often Config.Exit was called
}

// setup returns a driver that has been started, and has sent its first SUBSCRIBE.
func setup(t *testing.T, change ...func(*Config)) *play {
	p := prepare(t, change...)
	require.NoError(t, p.driver.Start())
	p.sim.Settle()
	return p
}

func prepare(t *testing.T, change ...func(*Config)) *play { return prepareSeed(t, 1, change...) }

func prepareSeed(t *testing.T, seed uint64, change ...func(*Config)) *play {
	p := &play{t: t, sim: loop.NewSim(seed), actor: &actor{}}
	p.core, p.executor = p.sim.Loop("driver"), p.sim.Loop("executor")
	cfg := Config{
		Executor:     p.actor,
		Dialer:       p,
		FrameworkID:  &mesosproto.FrameworkID{Value: proto.String("f-1")},
		ExecutorID:   &mesosproto.ExecutorID{Value: proto.String("e-1")},
		Agent:        Agent{Endpoint: "agent:5051"},
		Checkpoint:   true,
		Loop:         p.core,
		ExecutorLoop: p.executor,
		Exit:         func() { p.exits++ },
	}
	for _, f := range change {
		f(&cfg)
	}
	d, err := New(cfg)
	require.NoError(t, err)
	p.driver, p.started = d, p.sim.Now()
	p.sim.WorkTime = func(*rand.Rand) time.Duration { return 0 }
	return p
}

// subscribed returns a driver whose executor is registered.
func subscribed(t *testing.T, change ...func(*Config)) *play {
	p := setup(t, change...)
	p.link().subscribed()
	p.sim.Settle()
	require.Equal(t, "Registered e-1 f-1 a-1", p.actor.take())
	return p
}

func notCheckpointing(c *Config) { c.Checkpoint = false }

// link is the present connection.
func (p *play) link() *testLink {
	require.NotEmpty(p.t, p.links, "the driver has not connected")
	return p.links[len(p.links)-1]
}

// reconnected lets time go on until there is a new connection, and says SUBSCRIBED on it.
func (p *play) reconnected() *testLink {
	n := len(p.links)
	require.True(p.t, p.sim.RunUntil(func() bool { return len(p.links) > n }, 10*time.Second), "the driver connects again")
	p.link().subscribed()
	p.sim.Settle()
	return p.link()
}

func (p *play) ended() bool {
	select {
	case <-p.driver.Done():
		return true
	default:
		return false
	}
}

func (p *play) Dial(Agent) Transport { panic("Dial is not called for a LinkDialer") }

func (p *play) DialLink(l loop.Loop, agent Agent) (link.Client[*executorpb.Call, *executorpb.Event], func()) {
	made := &testLink{play: p, loop: l, agent: agent, at: p.sim.Now()}
	p.links = append(p.links, made)
	return made, func() { made.closed = true }
}

// testLink is a connection of which the test plays the other end. Answers to calls are "accepted"
// unless the test says otherwise.
type testLink struct {
	play      *play
	loop      loop.Loop
	agent     Agent
	at        time.Time
	subscribe *executorpb.Call
	calls     []*executorpb.Call
	event     func(*executorpb.Event)
	end       func(error)
	answer    func(*executorpb.Call) error // nil: accepted
	held      []func(error)                // with hold: calls not answered
	hold      bool
	cancelled bool
	closed    bool
}

func (l *testLink) Subscribe(call *executorpb.Call, event func(*executorpb.Event), end func(error)) func() {
	l.subscribe, l.event, l.end = call, event, end
	return func() { l.cancelled = true }
}

func (l *testLink) Send(call *executorpb.Call, done func(error)) {
	l.calls = append(l.calls, call)
	if l.hold {
		l.held = append(l.held, done)
		return
	}
	var err error
	if l.answer != nil {
		err = l.answer(call)
	}
	l.loop.Post(func() { done(err) })
}

func (l *testLink) send(events ...*executorpb.Event) {
	for _, e := range events {
		l.loop.Post(func() {
			if !l.cancelled {
				l.event(e)
			}
		})
	}
}

func (l *testLink) breaks(err error) {
	l.loop.Post(func() {
		if !l.cancelled {
			l.cancelled = true
			l.end(err)
		}
	})
}

func (l *testLink) subscribed() { l.send(subscribedEvent()) }

// acknowledge says that the agent has stored what was sent, all of it or the first n.
func (l *testLink) acknowledge(n ...int) {
	all := l.unacknowledged()
	if len(n) > 0 {
		all = all[:n[0]]
	}
	for _, s := range all {
		l.send(ack(s.GetTaskId().GetValue(), s.GetUuid()))
	}
}

// unacknowledged are the updates that came over the link, in SUBSCRIBE first.
func (l *testLink) unacknowledged() []*mesosproto.TaskStatus {
	var out []*mesosproto.TaskStatus
	for _, u := range l.subscribe.GetSubscribe().GetUnacknowledgedUpdates() {
		out = append(out, u.GetStatus())
	}
	for _, c := range l.calls {
		if c.GetType() == executorpb.Call_UPDATE {
			out = append(out, c.GetUpdate().GetStatus())
		}
	}
	return out
}

// sent lists the calls since the last time.
func (l *testLink) sent() string {
	var out []string
	for _, c := range l.calls {
		out = append(out, describe(c))
	}
	l.calls = nil
	return strings.Join(out, "; ")
}

func describe(c *executorpb.Call) string {
	switch c.GetType() {
	case executorpb.Call_UPDATE:
		s := c.GetUpdate().GetStatus()
		return s.GetTaskId().GetValue() + " " + s.GetState().String()
	case executorpb.Call_MESSAGE:
		return "MESSAGE " + string(c.GetMessage().GetData())
	case executorpb.Call_SUBSCRIBE:
		var out []string
		for _, t := range c.GetSubscribe().GetUnacknowledgedTasks() {
			out = append(out, "task "+t.GetTaskId().GetValue())
		}
		for _, u := range c.GetSubscribe().GetUnacknowledgedUpdates() {
			out = append(out, u.GetStatus().GetTaskId().GetValue()+" "+u.GetStatus().GetState().String())
		}
		return "SUBSCRIBE[" + strings.Join(out, ", ") + "]"
	}
	return c.GetType().String()
}

// actor writes down its callbacks; on, if set, is called then.
type actor struct {
	played []string
	on     func(callback string)
	launch func(d *Driver, task *mesosproto.TaskInfo)
	err    error
}

func (a *actor) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	a.played = append(a.played, line)
	if a.on != nil {
		a.on(line)
	}
}

func (a *actor) take() string {
	s := strings.Join(a.played, "; ")
	a.played = nil
	return s
}

func (a *actor) Registered(_ *Driver, e *mesosproto.ExecutorInfo, f *mesosproto.FrameworkInfo, g *mesosproto.AgentInfo) {
	a.say("Registered %s %s %s", e.GetExecutorId().GetValue(), f.GetId().GetValue(), g.GetId().GetValue())
}
func (a *actor) Reregistered(_ *Driver, g *mesosproto.AgentInfo) {
	a.say("Reregistered %s", g.GetId().GetValue())
}
func (a *actor) Disconnected(*Driver) { a.say("Disconnected") }
func (a *actor) LaunchTask(d *Driver, t *mesosproto.TaskInfo) {
	a.say("Launch %s", t.GetTaskId().GetValue())
	if a.launch != nil {
		a.launch(d, t)
	}
}
func (a *actor) LaunchTaskGroup(_ *Driver, g *mesosproto.TaskGroupInfo) {
	var ids []string
	for _, t := range g.GetTasks() {
		ids = append(ids, t.GetTaskId().GetValue())
	}
	a.say("LaunchGroup %s", strings.Join(ids, ","))
}
func (a *actor) KillTask(_ *Driver, id *mesosproto.TaskID, policy *mesosproto.KillPolicy) {
	if policy == nil {
		a.say("Kill %s", id.GetValue())
	} else {
		a.say("Kill %s within %v", id.GetValue(), time.Duration(policy.GetGracePeriod().GetNanoseconds()))
	}
}
func (a *actor) FrameworkMessage(_ *Driver, data []byte) { a.say("Message %s", data) }
func (a *actor) Shutdown(*Driver)                        { a.say("Shutdown") }
func (a *actor) Error(_ *Driver, err error) {
	a.err = err
	a.say("Error %v", err)
}

// Messages as the agent would send them.

func subscribedEvent() *executorpb.Event {
	return &executorpb.Event{
		Type: executorpb.Event_SUBSCRIBED.Enum(),
		Subscribed: &executorpb.Event_Subscribed{
			ExecutorInfo: &mesosproto.ExecutorInfo{ExecutorId: &mesosproto.ExecutorID{Value: proto.String("e-1")}},
			FrameworkInfo: &mesosproto.FrameworkInfo{
				User: proto.String("u"), Name: proto.String("n"), Id: &mesosproto.FrameworkID{Value: proto.String("f-1")}},
			AgentInfo: &mesosproto.AgentInfo{
				Hostname: proto.String("agent"), Id: &mesosproto.AgentID{Value: proto.String("a-1")}},
			ContainerId: &mesosproto.ContainerID{Value: proto.String("c-1")},
		},
	}
}

func taskInfo(id string) *mesosproto.TaskInfo {
	return &mesosproto.TaskInfo{
		Name: &id, TaskId: taskID(id), AgentId: &mesosproto.AgentID{Value: proto.String("a-1")}}
}

func launch(id string) *executorpb.Event {
	return &executorpb.Event{Type: executorpb.Event_LAUNCH.Enum(), Launch: &executorpb.Event_Launch{Task: taskInfo(id)}}
}

func launchGroup(ids ...string) *executorpb.Event {
	g := &mesosproto.TaskGroupInfo{}
	for _, id := range ids {
		g.Tasks = append(g.Tasks, taskInfo(id))
	}
	return &executorpb.Event{Type: executorpb.Event_LAUNCH_GROUP.Enum(), LaunchGroup: &executorpb.Event_LaunchGroup{TaskGroup: g}}
}

func kill(id string, grace time.Duration) *executorpb.Event {
	k := &executorpb.Event_Kill{TaskId: taskID(id)}
	if grace > 0 {
		k.KillPolicy = &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(grace))}}
	}
	return &executorpb.Event{Type: executorpb.Event_KILL.Enum(), Kill: k}
}

func message(data string) *executorpb.Event {
	return &executorpb.Event{Type: executorpb.Event_MESSAGE.Enum(), Message: &executorpb.Event_Message{Data: []byte(data)}}
}

func ack(task string, uuid []byte) *executorpb.Event {
	return &executorpb.Event{
		Type:         executorpb.Event_ACKNOWLEDGED.Enum(),
		Acknowledged: &executorpb.Event_Acknowledged{TaskId: taskID(task), Uuid: uuid},
	}
}

var (
	shutdown  = &executorpb.Event{Type: executorpb.Event_SHUTDOWN.Enum()}
	heartbeat = &executorpb.Event{Type: executorpb.Event_HEARTBEAT.Enum()}
)

func taskID(id string) *mesosproto.TaskID { return &mesosproto.TaskID{Value: &id} }
