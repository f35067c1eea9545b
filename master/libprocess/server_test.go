package libprocess_test

import (
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	wire "github.com/mesokit/mesokit/internal/libprocess"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/master/libprocess"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// patience bounds every wait.
const patience = 30 * time.Second

// next takes the next thing out of a channel.
func next[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("never came: %s", what)
		panic("unreachable")
	}
}

// arrival is what the core was told: a message, or the end of the connection.
type arrival struct {
	conn    link.Conn
	message proto.Message
	exited  bool
}

// core notes what arrives.
type core struct{ arrivals chan arrival }

func (c core) Message(conn link.Conn, m proto.Message, handled func()) {
	handled()
	c.arrivals <- arrival{conn: conn, message: m}
}

func (c core) Exited(conn link.Conn) { c.arrivals <- arrival{conn: conn, exited: true} }

// cutter is a listener whose connections can be broken.
type cutter struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (l *cutter) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, c)
		l.mu.Unlock()
	}
	return c, err
}

// cut breaks all connections that were accepted.
func (l *cutter) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

func listen(t *testing.T, at string) (*cutter, netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp4", at)
	require.NoError(t, err)
	return &cutter{Listener: l}, l.Addr().(*net.TCPAddr).AddrPort()
}

// rig is a server with a core that notes.
type rig struct {
	t      *testing.T
	server *libprocess.Server
	http   *http.Server
	core   core
	addr   netip.AddrPort
}

func newRig(t *testing.T) *rig {
	listener, addr := listen(t, "127.0.0.1:0")
	r := &rig{t: t, core: core{make(chan arrival, 100)}, addr: addr}
	var err error
	r.server, err = libprocess.New(libprocess.Config{Advertise: addr, Agents: r.core})
	require.NoError(t, err)
	r.http = r.server.HTTPServer(http.NotFoundHandler())
	go r.http.Serve(listener)
	t.Cleanup(r.close)
	return r
}

func (r *rig) close() {
	r.http.Close()
	r.server.Close()
}

func (r *rig) master() wire.UPID { return wire.NewUPID("master", r.addr) }

// letter is a message that an agent got.
type letter struct {
	from wire.UPID
	name string
}

// agent is the wire of an agent and nothing else.
type agent struct {
	t        *testing.T
	endpoint *wire.Endpoint
	*wire.Process
	listener *cutter
	http     *http.Server
	letters  chan letter
}

func newAgent(t *testing.T, at string) *agent {
	t.Helper()
	listener, addr := listen(t, at)
	a := &agent{t: t, listener: listener, letters: make(chan letter, 100)}
	var err error
	a.endpoint, err = wire.New(wire.Config{Advertise: addr})
	require.NoError(t, err)
	a.Process, err = a.endpoint.Spawn("slave(1)", wire.ReceiverFunc(func(from wire.UPID, name string, _ []byte, done func()) {
		done()
		a.letters <- letter{from, name}
	}))
	require.NoError(t, err)
	a.http = a.endpoint.Server(http.NotFoundHandler())
	go a.http.Serve(listener)
	t.Cleanup(a.close)
	return a
}

func (a *agent) close() {
	a.endpoint.Close()
	a.http.Close()
}

func (a *agent) addr() string { return a.PID().Addr().String() }

func register() proto.Message {
	return &messagespb.RegisterSlaveMessage{Slave: &mesosproto.AgentInfo{Hostname: proto.String("h")}, Version: proto.String("1.12.0")}
}

// registers sends a registration and returns the connection on which the core got it.
func (r *rig) registers(a *agent) link.Conn {
	r.t.Helper()
	require.NoError(r.t, a.SendMessage(r.master(), register()))
	got := next(r.t, r.core.arrivals, "a registration")
	require.IsType(r.t, &messagespb.RegisterSlaveMessage{}, got.message)
	require.Equal(r.t, a.PID().String(), got.conn.Peer())
	return got.conn
}

func TestARegistrationMakesAConnection(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	conn := r.registers(a)
	require.Same(t, conn, r.registers(a), "a retry is on the same one")

	conn.Send(&messagespb.SlaveRegisteredMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}})
	require.Equal(t, letter{r.master(), "mesos.internal.SlaveRegisteredMessage"}, next(t, a.letters, "the answer"))
	require.NoError(t, a.SendMessage(r.master(), &messagespb.UpdateSlaveMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}}))
	got := next(t, r.core.arrivals, "a message")
	require.Same(t, conn, got.conn)
	require.Equal(t, "S0", got.message.(*messagespb.UpdateSlaveMessage).GetSlaveId().GetValue())
}

// "slave-observer(N)": one for each agent, which agents answer to.
func TestPingsComeFromAnObserver(t *testing.T) {
	r := newRig(t)
	one, two := newAgent(t, "127.0.0.1:0"), newAgent(t, "127.0.0.1:0")
	first, second := r.registers(one), r.registers(two)
	first.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	second.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	ping := next(t, one.letters, "a ping")
	require.Equal(t, letter{wire.NewUPID("slave-observer(1)", r.addr), "mesos.internal.PingSlaveMessage"}, ping)
	other := next(t, two.letters, "a ping")
	require.Equal(t, "slave-observer(2)", other.from.ID)

	// Only the agent itself may answer for it, and only with a pong.
	require.NoError(t, two.SendMessage(ping.from, &messagespb.PongSlaveMessage{}))
	require.NoError(t, two.SendMessage(other.from, &messagespb.PingSlaveMessage{Connected: proto.Bool(true)}))
	require.NoError(t, two.SendMessage(other.from, &messagespb.PongSlaveMessage{}))
	got := next(t, r.core.arrivals, "the pong of the second agent, alone")
	require.Same(t, second, got.conn)
	require.IsType(t, &messagespb.PongSlaveMessage{}, got.message)
	require.NoError(t, one.SendMessage(ping.from, &messagespb.PongSlaveMessage{}))
	require.Same(t, first, next(t, r.core.arrivals, "the pong of the first agent").conn)
	require.Empty(t, r.core.arrivals)
}

func TestStrangersAreNotHeard(t *testing.T) {
	r := newRig(t)
	stranger := newAgent(t, "127.0.0.1:0")
	for _, m := range []proto.Message{
		&messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{
			FrameworkId: &mesosproto.FrameworkID{Value: proto.String("f")}, Timestamp: proto.Float64(1),
			Status: &mesosproto.TaskStatus{TaskId: &mesosproto.TaskID{Value: proto.String("t")}, State: mesosproto.TaskState_TASK_LOST.Enum()},
		}},
		&messagespb.UnregisterSlaveMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}},
		&messagespb.PongSlaveMessage{},
		&messagespb.ShutdownMessage{}, // which no agent sends
	} {
		require.NoError(t, stranger.SendMessage(r.master(), m))
	}
	require.NoError(t, stranger.Send(r.master(), "mesos.internal.RegisterSlaveMessage", []byte("\xff nonsense")))
	require.NoError(t, stranger.Send(r.master(), "mesos.internal.NoSuchMessage", nil))
	r.registers(stranger) // the first that the core hears of it
	require.Empty(t, r.core.arrivals)
}

func TestABrokenLinkIsToldOnce(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	conn := r.registers(a)
	conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)}) // shows that the link is up
	next(t, a.letters, "the ping")

	a.listener.cut()
	require.Equal(t, arrival{conn: conn, exited: true}, next(t, r.core.arrivals, "the end"))
	require.NoError(t, a.SendMessage(r.master(), &messagespb.UnregisterSlaveMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}}))
	conn.Send(&messagespb.SlaveRegisteredMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}})
	// The agent has not noticed: its own connection is up. It is still pinged, by the master itself.
	conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(false)})
	require.Equal(t, letter{r.master(), "mesos.internal.PingSlaveMessage"}, next(t, a.letters, "a ping, and nothing before it"))

	again := r.registers(a)
	require.NotSame(t, conn, again, "and nothing in between")
	conn.Close() // which has ended: it must not end the new one
	again.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	require.Equal(t, "slave-observer(2)", next(t, a.letters, "a ping").from.ID)
	require.Empty(t, r.core.arrivals)
}

// An agent that can't be reached can't be registered: the core hears of its end at once.
func TestAnAgentThatCannotBeReached(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	a.http.Close() // it speaks and doesn't listen
	conn := r.registers(a)
	require.Equal(t, arrival{conn: conn, exited: true}, next(t, r.core.arrivals, "the end"))
}

// "the old one may be dead without anybody having noticed, and its end must not be taken for that of the new one":
// the old process's connection is only cut after the new one at its address has registered.
func TestAnAgentRestartsAtItsAddress(t *testing.T) {
	r := newRig(t)
	first := newAgent(t, "127.0.0.1:0")
	conn := r.registers(first)
	conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	next(t, first.letters, "a ping")
	// The machine of the first one vanishes: what it accepted stays open, only nobody listens there.
	require.NoError(t, first.listener.Listener.Close())

	second := newAgent(t, first.addr())
	require.Equal(t, first.PID(), second.PID())
	again := r.registers(second)
	again.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	next(t, second.letters, "a ping, over a new link")
	first.listener.cut()
	first.endpoint.Close()
	again.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	next(t, second.letters, "a ping, as before")
	require.Empty(t, r.core.arrivals, "no end was told")

	second.listener.cut()
	require.Equal(t, arrival{conn: again, exited: true}, next(t, r.core.arrivals, "the end of the new one"))
}

// Registrations that race with the end of links, over and over: whatever the order, the last connection
// that the core was told of works, and no end or message follows an end.
func TestRegistrationsRaceWithEnds(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	ended := map[link.Conn]bool{}
	note := func(got arrival) {
		require.False(t, ended[got.conn], "%v after the end", got.message)
		ended[got.conn] = got.exited
	}
	registers := func() link.Conn {
		require.NoError(t, a.SendMessage(r.master(), register()))
		for {
			got := next(t, r.core.arrivals, "a registration")
			note(got)
			if !got.exited {
				return got.conn
			}
		}
	}
	var cuts sync.WaitGroup
	for range 200 {
		cuts.Go(a.listener.cut)
		registers()
	}
	cuts.Wait()
	conn := registers()
	conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	ping := next(t, a.letters, "a ping")
	require.NoError(t, a.SendMessage(ping.from, &messagespb.PongSlaveMessage{}))
	for {
		got := next(t, r.core.arrivals, "its pong")
		note(got)
		if _, pong := got.message.(*messagespb.PongSlaveMessage); pong {
			require.Same(t, conn, got.conn)
			return
		}
	}
}

func TestTheCoreClosesAConnection(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	conn := r.registers(a)
	conn.Send(&messagespb.ShutdownMessage{Message: proto.String("bye")})
	conn.Close()
	conn.Close()
	require.Equal(t, "mesos.internal.ShutdownMessage", next(t, a.letters, "what was sent before").name)
	a.listener.cut()
	again := r.registers(a)
	require.NotSame(t, conn, again, "and no end of the first one was told")
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	r := newRig(t)
	agents := []*agent{newAgent(t, "127.0.0.1:0"), newAgent(t, "127.0.0.1:0")}
	for _, a := range agents {
		conn := r.registers(a)
		conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
		next(t, a.letters, "a ping")
		defer conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)}) // does nothing
		defer conn.Close()
	}
	r.close()
	r.close()
	require.Empty(t, r.core.arrivals, "the core hears nothing of it")
	for _, a := range agents {
		a.close()
	}
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func TestAConfigurationThatCannotWork(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:5050", "127.0.0.1:0", "[::1]:5050"} {
		_, err := libprocess.New(libprocess.Config{Advertise: netip.MustParseAddrPort(addr), Agents: core{}})
		require.ErrorContains(t, err, "must be an IPv4 address and port that peers can reach", addr)
	}
}
