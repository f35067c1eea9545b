package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Scheduler API: SUBSCRIBED is the first record, HEARTBEAT comes at once and then every 15 s.
func TestASubscriberGetsItsIDAndHeartbeats(t *testing.T) {
	b := start(t)
	f := b.framework(plain())
	require.Equal(t, masterID+"-0000", f.id)
	require.NotEmpty(t, f.streamID)
	s := f.stream.events[0].GetSubscribed()
	require.Equal(t, 15.0, s.GetHeartbeatIntervalSeconds())
	info := s.GetMasterInfo()
	require.Equal(t, "master@127.0.0.1:5050", info.GetPid())
	require.Equal(t, "1.12.0", info.GetVersion())
	require.Equal(t, "127.0.0.1", info.GetAddress().GetIp())
	require.Len(t, info.GetCapabilities(), 3)

	require.Len(t, f.take(schedulerpb.Event_HEARTBEAT), 1)
	b.sim.Advance(14 * time.Second)
	require.Empty(t, f.take(schedulerpb.Event_HEARTBEAT))
	b.sim.Advance(time.Second)
	require.Len(t, f.take(schedulerpb.Event_HEARTBEAT), 1)
	b.sim.Advance(time.Minute)
	require.Len(t, f.take(schedulerpb.Event_HEARTBEAT), 4)

	require.Equal(t, masterID+"-0001", b.framework(plain()).id)
}

// Scheduler API: a refused subscription is a stream with one ERROR event.
func TestSubscriptionsThatAreRefused(t *testing.T) {
	change := func(f func(*mesosproto.FrameworkInfo)) *mesosproto.FrameworkInfo {
		info := modern("dev")
		f(info)
		return info
	}
	for _, c := range []struct {
		info    *mesosproto.FrameworkInfo
		options []string // suppressed roles
		want    string
	}{
		{modern("-x"), nil, "'FrameworkInfo.roles' contains invalid role: Role component '-x' is invalid because it starts with a dash"},
		{modern("dev", "dev"), nil, "'FrameworkInfo.roles' contains duplicate items: { dev }"},
		{change(func(f *mesosproto.FrameworkInfo) { f.Capabilities = nil }), nil,
			"'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"},
		{modern("dev"), []string{"ops"}, "Suppressed roles { ops } are not contained in the set of roles"},
		{modern("qa"), nil, "Roles { qa } are not present in the master's --roles"},
	} {
		b := start(t, func(cfg *master.Config) { cfg.Roles = []string{"dev", "ops", "-x"} })
		f := b.try(c.info, func(call *schedulerpb.Call) { call.Subscribe.SuppressedRoles = c.options })
		require.NoError(t, f.stream.err, "the stream is opened")
		require.Len(t, f.stream.events, 1)
		require.Equal(t, c.want, f.stream.events[0].GetError().GetMessage())
		require.True(t, f.stream.closed)
		require.Zero(t, b.master.Snapshot().Frameworks.Len())
	}
}

func TestRootMayBeRefused(t *testing.T) {
	b := start(t, func(cfg *master.Config) { cfg.RefuseRoot = true })
	f := b.try(plain())
	require.Contains(t, f.stream.events[0].GetError().GetMessage(), "root")
	require.True(t, f.stream.closed)
}

// Odd but accepted, as the captures of the reference show.
func TestSubscriptionsThatAreAccepted(t *testing.T) {
	empty := modern("dev")
	empty.User = proto.String("")
	negative := modern("dev")
	negative.FailoverTimeout = proto.Float64(-1)
	for _, info := range []*mesosproto.FrameworkInfo{empty, negative, modern(), modern("*"), modern("a/b")} {
		start(t).framework(info)
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	b := start(t)
	f := b.framework(plain())
	other := b.framework(plain())
	gone := b.framework(modern("dev"))
	gone.leaves()
	revive := func() *schedulerpb.Call { return &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()} }
	for _, c := range []struct {
		name   string
		from   *scheduler
		call   *schedulerpb.Call
		code   codes.Code
		status int
		want   string
	}{
		{"no type", f, &schedulerpb.Call{}, codes.InvalidArgument, 400, "Failed to validate scheduler::Call: Expecting 'type' to be present"},
		{"no body", f, &schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum()}, codes.InvalidArgument, 400,
			"Failed to validate scheduler::Call: Expecting 'accept' to be present"},
		{"unknown framework", f, &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), FrameworkId: &mesosproto.FrameworkID{Value: proto.String("x")}},
			codes.NotFound, 400, "Framework cannot be found"},
		{"disconnected", gone, revive(), codes.FailedPrecondition, 403, "Framework is not subscribed"},
		{"stream of another", &scheduler{b: b, id: f.id, streamID: other.streamID}, revive(), codes.InvalidArgument, 400,
			"The stream ID '" + other.streamID + "' included in this request didn't match the stream ID currently associated with framework ID " + f.id},
		{"no stream", &scheduler{b: b, id: f.id}, revive(), codes.InvalidArgument, 400,
			"All non-subscribe calls should include the 'Mesos-Stream-Id' header"},
		{"unknown type", f, &schedulerpb.Call{Type: schedulerpb.Call_UNKNOWN.Enum()}, codes.Unimplemented, 501, "501 Not Implemented."},
	} {
		err := c.from.call(c.call)
		require.Equal(t, c.code, apierror.Code(err), c.name)
		status, body := apierror.Scheduler.HTTP(err)
		require.Equal(t, c.status, status, c.name)
		require.Equal(t, c.want, body, c.name)
	}
}

func TestSubscribeMustNotNameAStream(t *testing.T) {
	b := start(t)
	st := &stream{}
	from := b.framework(plain()).from
	from.StreamID = "x"
	b.master.Schedulers().Subscribe(from, &schedulerpb.Call{
		Type:      schedulerpb.Call_SUBSCRIBE.Enum(),
		Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: plain()},
	}, st, func(_ string, err error) { st.err = err })
	b.settle()
	require.Equal(t, codes.InvalidArgument, apierror.Code(st.err))
	require.Empty(t, st.events)
}

func TestPrincipals(t *testing.T) {
	b := start(t)
	f := &scheduler{b: b, info: plain()}
	f.from.Principal = "alice"
	f.subscribe()
	require.Equal(t, "alice", f.state().Info.GetPrincipal(), "filled in")

	mallory := &scheduler{b: b, id: f.id, streamID: f.streamID}
	mallory.from.Principal = "mallory"
	err := mallory.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	require.Equal(t, codes.InvalidArgument, apierror.Code(err))
	require.NotNil(t, f.state())

	liar := &scheduler{b: b, info: plain()}
	liar.info.Principal = proto.String("bob")
	liar.from.Principal = "mallory"
	liar.subscribe()
	require.Equal(t, codes.InvalidArgument, apierror.Code(liar.stream.err))

	// Changing the principal of a framework is refused.
	f.from.Principal = ""
	f.info.Principal = proto.String("bob")
	f.subscribe()
	require.Equal(t, "Changing framework's principal is not allowed.", f.stream.events[0].GetError().GetMessage())
}

// A master that does not lead says who does, and one that still reads its registry says that.
func TestOnlyTheLeaderServes(t *testing.T) {
	sim := loop.NewSim(1)
	e := &scripted{}
	m, err := master.New(master.Config{Loop: sim.Loop("master"), Election: e})
	require.NoError(t, err)
	b := &bundle{t: t, sim: sim, master: m}
	m.Start()
	b.settle()

	f := b.try(plain())
	require.EqualError(t, f.stream.err, "No leader elected")
	e.leader(&mesosproto.MasterInfo{Id: proto.String("other"), Hostname: proto.String("h"), Port: proto.Uint32(5051)})
	f = b.try(plain())
	address, ok := apierror.Leader(f.stream.err)
	require.True(t, ok)
	require.Equal(t, "h:5051", address)
	h := b.newHost("1", "cpus:1")
	h.register()
	require.Empty(t, h.conn.got, "agents are not answered")

	e.leader(e.info)
	sim.Settle() // elected; the registry is not read yet
	st := &stream{}
	m.Schedulers().Subscribe(f.from, &schedulerpb.Call{
		Type:      schedulerpb.Call_SUBSCRIBE.Enum(),
		Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: plain()},
	}, st, func(_ string, err error) { st.err = err })
	sim.Settle()
	require.Equal(t, "Master has not finished recovery", apierror.Message(st.err))
	b.settle()
	b.framework(plain())
	require.True(t, m.Snapshot().Recovered)
}

func TestADeposedMasterEndsItself(t *testing.T) {
	for want, leader := range map[string]*mesosproto.MasterInfo{
		"this master does not lead any more; no other is known to": nil,
		"another master was elected: h:5051":                       {Id: proto.String("other"), Hostname: proto.String("h"), Port: proto.Uint32(5051)},
	} {
		e := &scripted{}
		var fatal error
		b := start(t, func(cfg *master.Config) {
			cfg.Election = e
			cfg.OnFatal = func(err error) { fatal = err }
		})
		e.leader(nil)
		e.leader(e.info)
		b.settle()
		require.NoError(t, fatal, "it had not been elected before")
		f := b.framework(plain())
		h := b.agent("1", "cpus:1")
		e.leader(e.info)
		b.settle()
		require.NoError(t, fatal, "elected again, it goes on")
		e.leader(leader)
		b.settle()
		require.Equal(t, want, apierror.Message(fatal))
		require.True(t, f.stream.closed)
		require.True(t, h.conn.closed)
		require.False(t, b.master.Snapshot().Elected)
		require.Error(t, f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}))
	}
}

// What is still being read when another master is elected is of no use.
func TestAMasterThatIsDeposedWhileItRecoversNeverServes(t *testing.T) {
	sim := loop.NewSim(1)
	e := &scripted{}
	var fatal error
	m, err := master.New(master.Config{Loop: sim.Loop("master"), Election: e, OnFatal: func(err error) { fatal = err }})
	require.NoError(t, err)
	m.Start()
	sim.Settle()
	e.leader(e.info)
	sim.Settle()
	require.True(t, m.Snapshot().Elected)
	e.leader(nil)
	sim.Advance(time.Minute)
	require.Error(t, fatal)
	require.False(t, m.Snapshot().Recovered)
}

// scripted is an election whose winner the test names.
type scripted struct {
	info *mesosproto.MasterInfo
	tell func(*mesosproto.MasterInfo)
}

func (e *scripted) Contend(info *mesosproto.MasterInfo, leader func(*mesosproto.MasterInfo)) func() {
	e.info, e.tell = info, leader
	return func() {}
}

func (e *scripted) leader(info *mesosproto.MasterInfo) { e.tell(info) }

func TestStopEndsStreamsAndTimers(t *testing.T) {
	b := start(t)
	f := b.framework(plain())
	h := b.agent("1", "cpus:1")
	b.master.Stop()
	b.settle()
	b.master.Stop()
	b.settle()
	require.True(t, f.stream.closed)
	require.True(t, h.conn.closed)
	steps := b.sim.Steps()
	b.sim.Advance(time.Hour)
	require.LessOrEqual(t, b.sim.Steps()-steps, uint64(2), "no timer goes on")
	require.Empty(t, all[*messagespb.ShutdownFrameworkMessage](h))
}
