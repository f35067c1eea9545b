package libprocess_test

import (
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	wire "github.com/mesokit/mesokit/internal/libprocess"
	"github.com/mesokit/mesokit/internal/libprocess/peertest"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/master/libprocess"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// rig is a server with a core that notes.
type rig struct {
	t      *testing.T
	server *libprocess.Server
	http   *http.Server
	core   peertest.Core
	addr   netip.AddrPort
}

func newRig(t *testing.T) *rig {
	listener, addr := peertest.Listen(t, "127.0.0.1:0")
	r := &rig{t: t, core: peertest.NewCore(), addr: addr}
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

// newAgent is the wire of an agent and nothing else.
func newAgent(t *testing.T, at string) *peertest.Peer {
	t.Helper()
	return peertest.NewPeer(t, at, "slave(1)")
}

func register() proto.Message {
	return &messagespb.RegisterSlaveMessage{Slave: &mesosproto.AgentInfo{Hostname: proto.String("h")}, Version: proto.String("1.12.0")}
}

// registers sends a registration and returns the connection on which the core got it.
func (r *rig) registers(a *peertest.Peer) link.Conn {
	r.t.Helper()
	require.NoError(r.t, a.SendMessage(r.master(), register()))
	got := peertest.Next(r.t, r.core.Arrivals, "a registration")
	require.IsType(r.t, &messagespb.RegisterSlaveMessage{}, got.Message)
	require.Equal(r.t, a.PID().String(), got.Conn.Peer())
	return got.Conn
}

func TestARegistrationMakesAConnection(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	conn := r.registers(a)
	require.Same(t, conn, r.registers(a), "a retry is on the same one")

	conn.Send(&messagespb.SlaveRegisteredMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}})
	require.Equal(t, peertest.Letter{To: "slave(1)", From: r.master(), Name: "mesos.internal.SlaveRegisteredMessage"}, peertest.Next(t, a.Letters, "the answer"))
	require.NoError(t, a.SendMessage(r.master(), &messagespb.UpdateSlaveMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}}))
	got := peertest.Next(t, r.core.Arrivals, "a message")
	require.Same(t, conn, got.Conn)
	require.Equal(t, "S0", got.Message.(*messagespb.UpdateSlaveMessage).GetSlaveId().GetValue())
}

// "slave-observer(N)": one for each agent, which agents answer to.
func TestPingsComeFromAnObserver(t *testing.T) {
	r := newRig(t)
	one, two := newAgent(t, "127.0.0.1:0"), newAgent(t, "127.0.0.1:0")
	first, second := r.registers(one), r.registers(two)
	first.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	second.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	ping := peertest.Next(t, one.Letters, "a ping")
	require.Equal(t, peertest.Letter{To: "slave(1)", From: wire.NewUPID("slave-observer(1)", r.addr), Name: "mesos.internal.PingSlaveMessage"}, ping)
	other := peertest.Next(t, two.Letters, "a ping")
	require.Equal(t, "slave-observer(2)", other.From.ID)

	// Only the agent itself may answer for it, and only with a pong.
	require.NoError(t, two.SendMessage(ping.From, &messagespb.PongSlaveMessage{}))
	require.NoError(t, two.SendMessage(other.From, &messagespb.PingSlaveMessage{Connected: proto.Bool(true)}))
	require.NoError(t, two.SendMessage(other.From, &messagespb.PongSlaveMessage{}))
	got := peertest.Next(t, r.core.Arrivals, "the pong of the second agent, alone")
	require.Same(t, second, got.Conn)
	require.IsType(t, &messagespb.PongSlaveMessage{}, got.Message)
	require.NoError(t, one.SendMessage(ping.From, &messagespb.PongSlaveMessage{}))
	require.Same(t, first, peertest.Next(t, r.core.Arrivals, "the pong of the first agent").Conn)
	require.Empty(t, r.core.Arrivals)
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
	require.Empty(t, r.core.Arrivals)
}

func TestABrokenLinkIsToldOnce(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	conn := r.registers(a)
	conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)}) // shows that the link is up
	peertest.Next(t, a.Letters, "the ping")

	a.Listener.Cut()
	require.Equal(t, peertest.Arrival{Conn: conn, Exited: true}, peertest.Next(t, r.core.Arrivals, "the end"))
	require.NoError(t, a.SendMessage(r.master(), &messagespb.UnregisterSlaveMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}}))
	conn.Send(&messagespb.SlaveRegisteredMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}})
	// The agent has not noticed: its own connection is up. It is still pinged, by the master itself.
	conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(false)})
	require.Equal(t, peertest.Letter{To: "slave(1)", From: r.master(), Name: "mesos.internal.PingSlaveMessage"}, peertest.Next(t, a.Letters, "a ping, and nothing before it"))

	again := r.registers(a)
	require.NotSame(t, conn, again, "and nothing in between")
	conn.Close() // which has ended: it must not end the new one
	again.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	require.Equal(t, "slave-observer(2)", peertest.Next(t, a.Letters, "a ping").From.ID)
	require.Empty(t, r.core.Arrivals)
}

// An agent that can't be reached can't be registered: the core hears of its end at once.
func TestAnAgentThatCannotBeReached(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	a.HTTP.Close() // it speaks and doesn't listen
	conn := r.registers(a)
	require.Equal(t, peertest.Arrival{Conn: conn, Exited: true}, peertest.Next(t, r.core.Arrivals, "the end"))
}

// "the old one may be dead without anybody having noticed, and its end must not be taken for that of the new one":
// the old process's connection is only cut after the new one at its address has registered.
func TestAnAgentRestartsAtItsAddress(t *testing.T) {
	r := newRig(t)
	first := newAgent(t, "127.0.0.1:0")
	conn := r.registers(first)
	conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	peertest.Next(t, first.Letters, "a ping")
	// The machine of the first one vanishes: what it accepted stays open, only nobody listens there.
	require.NoError(t, first.Listener.Listener.Close())

	second := newAgent(t, first.PID().Addr().String())
	require.Equal(t, first.PID(), second.PID())
	again := r.registers(second)
	again.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	peertest.Next(t, second.Letters, "a ping, over a new link")
	first.Listener.Cut()
	first.Endpoint.Close()
	again.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	peertest.Next(t, second.Letters, "a ping, as before")
	require.Empty(t, r.core.Arrivals, "no end was told")

	second.Listener.Cut()
	require.Equal(t, peertest.Arrival{Conn: again, Exited: true}, peertest.Next(t, r.core.Arrivals, "the end of the new one"))
}

// Registrations that race with the end of links, over and over: whatever the order, the last connection
// that the core was told of works, and no end or message follows an end.
func TestRegistrationsRaceWithEnds(t *testing.T) {
	r := newRig(t)
	a := newAgent(t, "127.0.0.1:0")
	ended := map[link.Conn]bool{}
	note := func(got peertest.Arrival) {
		require.False(t, ended[got.Conn], "%v after the end", got.Message)
		ended[got.Conn] = got.Exited
	}
	registers := func() link.Conn {
		require.NoError(t, a.SendMessage(r.master(), register()))
		for {
			got := peertest.Next(t, r.core.Arrivals, "a registration")
			note(got)
			if !got.Exited {
				return got.Conn
			}
		}
	}
	var cuts sync.WaitGroup
	for range 200 {
		cuts.Go(a.Listener.Cut)
		registers()
	}
	cuts.Wait()
	conn := registers()
	conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
	ping := peertest.Next(t, a.Letters, "a ping")
	require.NoError(t, a.SendMessage(ping.From, &messagespb.PongSlaveMessage{}))
	for {
		got := peertest.Next(t, r.core.Arrivals, "its pong")
		note(got)
		if _, pong := got.Message.(*messagespb.PongSlaveMessage); pong {
			require.Same(t, conn, got.Conn)
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
	require.Equal(t, "mesos.internal.ShutdownMessage", peertest.Next(t, a.Letters, "what was sent before").Name)
	a.Listener.Cut()
	again := r.registers(a)
	require.NotSame(t, conn, again, "and no end of the first one was told")
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	r := newRig(t)
	agents := []*peertest.Peer{newAgent(t, "127.0.0.1:0"), newAgent(t, "127.0.0.1:0")}
	for _, a := range agents {
		conn := r.registers(a)
		conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)})
		peertest.Next(t, a.Letters, "a ping")
		defer conn.Send(&messagespb.PingSlaveMessage{Connected: proto.Bool(true)}) // does nothing
		defer conn.Close()
	}
	r.close()
	r.close()
	require.Empty(t, r.core.Arrivals, "the core hears nothing of it")
	for _, a := range agents {
		a.Close()
	}
	peertest.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, "the end of all goroutines")
}

func TestAConfigurationThatCannotWork(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:5050", "127.0.0.1:0", "[::1]:5050"} {
		_, err := libprocess.New(libprocess.Config{Advertise: netip.MustParseAddrPort(addr), Agents: peertest.Core{}})
		require.ErrorContains(t, err, "must be an IPv4 address and port that peers can reach", addr)
	}
}
