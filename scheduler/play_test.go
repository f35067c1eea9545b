package scheduler

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
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// play is a driver on simulated loops, and the test in the master's part.
type play struct {
	t         *testing.T
	sim       *loop.Sim
	core      *loop.SimLoop
	framework *loop.SimLoop
	driver    *Driver
	actor     *actor
	detector  *testDetector
	links     []*testLink // every connection that was made
	started   time.Time
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
	p := &play{t: t, sim: loop.NewSim(seed), actor: &actor{}, detector: &testDetector{leader: master("m1")}}
	p.core, p.framework = p.sim.Loop("driver"), p.sim.Loop("framework")
	cfg := Config{
		Framework:     &mesosproto.FrameworkInfo{User: proto.String("u"), Name: proto.String("test")},
		Scheduler:     p.actor,
		Detector:      p.detector,
		Dialer:        p,
		Loop:          p.core,
		FrameworkLoop: p.framework,
	}
	for _, f := range change {
		f(&cfg)
	}
	d, err := New(cfg)
	require.NoError(t, err)
	p.driver, p.started = d, p.sim.Now()
	p.sim.WorkTime = noTime
	return p
}

// subscribed returns a driver whose framework is registered as f-1.
func subscribed(t *testing.T, change ...func(*Config)) *play {
	p := setup(t, change...)
	p.link().subscribed("f-1")
	p.sim.Settle()
	require.Equal(t, "Registered f-1 at m1", p.actor.take())
	p.link().calls = nil
	return p
}

// link is the present connection.
func (p *play) link() *testLink {
	require.NotEmpty(p.t, p.links, "the driver has not connected")
	return p.links[len(p.links)-1]
}

func (p *play) Dial(*mesosproto.MasterInfo) Transport { panic("Dial is not called for a LinkDialer") }

func (p *play) DialLink(l loop.Loop, leader *mesosproto.MasterInfo) (link.Client[*schedulerpb.Call, *schedulerpb.Event], func()) {
	made := &testLink{play: p, loop: l, leader: leader, at: p.sim.Now()}
	p.links = append(p.links, made)
	return made, func() { made.closed = true }
}

// testLink is a connection of which the test plays the other end. Answers to calls are "accepted"
// unless the test says otherwise.
type testLink struct {
	play      *play
	loop      loop.Loop
	leader    *mesosproto.MasterInfo
	at        time.Time
	subscribe *schedulerpb.Call
	calls     []*schedulerpb.Call
	event     func(*schedulerpb.Event)
	end       func(error)
	answer    func(*schedulerpb.Call) error // nil: accepted
	held      []func(error)                 // with hold: calls not answered
	hold      bool
	cancelled bool
	closed    bool
}

func (l *testLink) Subscribe(call *schedulerpb.Call, event func(*schedulerpb.Event), end func(error)) func() {
	l.subscribe, l.event, l.end = call, event, end
	return func() { l.cancelled = true }
}

func (l *testLink) Send(call *schedulerpb.Call, done func(error)) {
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

func (l *testLink) send(events ...*schedulerpb.Event) {
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

func (l *testLink) subscribed(id string) {
	l.send(&schedulerpb.Event{
		Type: schedulerpb.Event_SUBSCRIBED.Enum(),
		Subscribed: &schedulerpb.Event_Subscribed{
			FrameworkId:              &mesosproto.FrameworkID{Value: &id},
			HeartbeatIntervalSeconds: proto.Float64(15),
			MasterInfo:               l.leader,
		},
	})
}

// sent lists the types of the calls since the last time.
func (l *testLink) sent() string {
	var out []string
	for _, c := range l.calls {
		out = append(out, c.GetType().String())
	}
	l.calls = nil
	return strings.Join(out, " ")
}

type testDetector struct {
	leader    *mesosproto.MasterInfo
	tell      func(*mesosproto.MasterInfo)
	cancelled bool
}

func (d *testDetector) Detect(tell func(*mesosproto.MasterInfo)) func() {
	d.tell = tell
	tell(d.leader)
	return func() { d.cancelled = true }
}

func noTime(*rand.Rand) time.Duration { return 0 }

// actor writes down its callbacks; on, if set, is called first.
type actor struct {
	played []string
	on     func(callback string)
	offers func(d *Driver, offers []*mesosproto.Offer)
	update func(d *Driver, status *mesosproto.TaskStatus)
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

func (a *actor) Registered(_ *Driver, id *mesosproto.FrameworkID, m *mesosproto.MasterInfo) {
	a.say("Registered %s at %s", id.GetValue(), m.GetId())
}
func (a *actor) Reregistered(_ *Driver, m *mesosproto.MasterInfo) {
	a.say("Reregistered at %s", m.GetId())
}
func (a *actor) Disconnected(*Driver) { a.say("Disconnected") }
func (a *actor) ResourceOffers(d *Driver, offers []*mesosproto.Offer) {
	var ids []string
	for _, o := range offers {
		ids = append(ids, o.GetId().GetValue())
	}
	a.say("Offers %s", strings.Join(ids, ","))
	if a.offers != nil {
		a.offers(d, offers)
	}
}
func (a *actor) OfferRescinded(_ *Driver, id *mesosproto.OfferID) {
	a.say("Rescinded %s", id.GetValue())
}
func (a *actor) InverseOffers(_ *Driver, offers []*mesosproto.InverseOffer) {
	a.say("InverseOffers %s", offers[0].GetId().GetValue())
}
func (a *actor) InverseOfferRescinded(_ *Driver, id *mesosproto.OfferID) {
	a.say("InverseRescinded %s", id.GetValue())
}
func (a *actor) StatusUpdate(d *Driver, s *mesosproto.TaskStatus) {
	a.say("Update %s %s", s.GetTaskId().GetValue(), s.GetState())
	if a.update != nil {
		a.update(d, s)
	}
}
func (a *actor) OperationStatusUpdate(_ *Driver, s *mesosproto.OperationStatus) {
	a.say("Operation %s %s", s.GetOperationId().GetValue(), s.GetState())
}
func (a *actor) FrameworkMessage(_ *Driver, e *mesosproto.ExecutorID, g *mesosproto.AgentID, data []byte) {
	a.say("Message %s %s %s", e.GetValue(), g.GetValue(), data)
}
func (a *actor) AgentLost(_ *Driver, g *mesosproto.AgentID) { a.say("AgentLost %s", g.GetValue()) }
func (a *actor) ExecutorLost(_ *Driver, e *mesosproto.ExecutorID, g *mesosproto.AgentID, status int) {
	a.say("ExecutorLost %s %s %d", e.GetValue(), g.GetValue(), status)
}
func (a *actor) Error(_ *Driver, err error) {
	a.err = err
	a.say("Error %v", err)
}

// Messages as the master would send them.

func master(id string) *mesosproto.MasterInfo {
	return &mesosproto.MasterInfo{Id: &id, Ip: proto.Uint32(0), Port: proto.Uint32(5050), Hostname: &id}
}

func offers(ids ...string) *schedulerpb.Event {
	e := &schedulerpb.Event{Type: schedulerpb.Event_OFFERS.Enum(), Offers: &schedulerpb.Event_Offers{}}
	for _, id := range ids {
		e.Offers.Offers = append(e.Offers.Offers, &mesosproto.Offer{
			Id:          &mesosproto.OfferID{Value: &id},
			FrameworkId: &mesosproto.FrameworkID{Value: proto.String("f-1")},
			AgentId:     agentID("a-1"),
			Hostname:    proto.String("host"),
		})
	}
	return e
}

func update(task string, state mesosproto.TaskState, uuid string) *schedulerpb.Event {
	s := &mesosproto.TaskStatus{TaskId: taskID(task), State: state.Enum(), AgentId: agentID("a-1")}
	if uuid != "" {
		s.Uuid = []byte(uuid)
	}
	return &schedulerpb.Event{
		Type:   schedulerpb.Event_UPDATE.Enum(),
		Update: &schedulerpb.Event_Update{Status: s},
	}
}

func heartbeat() *schedulerpb.Event {
	return &schedulerpb.Event{Type: schedulerpb.Event_HEARTBEAT.Enum()}
}

func taskID(id string) *mesosproto.TaskID         { return &mesosproto.TaskID{Value: &id} }
func agentID(id string) *mesosproto.AgentID       { return &mesosproto.AgentID{Value: &id} }
func executorID(id string) *mesosproto.ExecutorID { return &mesosproto.ExecutorID{Value: &id} }
func offerID(id string) *mesosproto.OfferID       { return &mesosproto.OfferID{Value: &id} }

const uuid1, uuid2 = "0123456789abcdef", "fedcba9876543210"
