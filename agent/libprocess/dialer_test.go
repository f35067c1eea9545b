package libprocess_test

import (
	"net/http"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/libprocess"
	wire "github.com/mesokit/mesokit/internal/libprocess"
	"github.com/mesokit/mesokit/internal/libprocess/peertest"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// newDialer is an agent's process, served.
func newDialer(t *testing.T) (d *libprocess.Dialer, pid wire.UPID, end func()) {
	t.Helper()
	listener, addr := peertest.Listen(t, "127.0.0.1:0")
	d, err := libprocess.NewDialer(libprocess.Config{Advertise: addr})
	require.NoError(t, err)
	server := d.HTTPServer(http.NotFoundHandler())
	go server.Serve(listener)
	end = func() {
		server.Close()
		d.Close()
	}
	t.Cleanup(end)
	require.Equal(t, "slave(1)@"+addr.String(), d.PID())
	return d, wire.ParseUPID(d.PID()), end
}

// peer is the wire of a master, or of somebody else, and nothing more.
type peer struct {
	*peertest.Peer
	observer *wire.Process
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := peertest.NewPeer(t, "127.0.0.1:0", "master")
	return &peer{p, p.Spawn(t, "slave-observer(7)")}
}

func (p *peer) info() *mesosproto.MasterInfo {
	return &mesosproto.MasterInfo{Id: proto.String("m"), Ip: proto.Uint32(0), Port: proto.Uint32(0), Pid: proto.String(p.PID().String())}
}

var (
	ping     = &messagespb.PingSlaveMessage{Connected: proto.Bool(true)}
	greeting = &messagespb.SlaveRegisteredMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}}
	update   = &messagespb.UpdateSlaveMessage{SlaveId: &mesosproto.AgentID{Value: proto.String("S0")}}
)

// connected is a connection that has been used both ways.
func connected(t *testing.T, d *libprocess.Dialer, pid wire.UPID, m *peer, c peertest.Core) link.Conn {
	t.Helper()
	conn := d.Dial(m.info(), c)
	require.Equal(t, m.PID().String(), conn.Peer())
	conn.Send(update)
	require.Equal(t, peertest.Letter{To: "master", From: pid, Name: "mesos.internal.UpdateSlaveMessage"}, peertest.Next(t, m.Letters, "a message"))
	require.NoError(t, m.SendMessage(pid, greeting))
	got := peertest.Next(t, c.Arrivals, "an answer")
	require.Same(t, conn, got.Conn)
	require.Equal(t, "S0", got.Message.(*messagespb.SlaveRegisteredMessage).GetSlaveId().GetValue())
	return conn
}

func TestPongsGoToWhoeverPinged(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, c := newPeer(t), peertest.NewCore()
	conn := connected(t, d, pid, m, c)
	require.NoError(t, m.observer.SendMessage(pid, ping))
	got := peertest.Next(t, c.Arrivals, "the ping")
	require.Same(t, conn, got.Conn)
	require.IsType(t, ping, got.Message)
	conn.Send(&messagespb.PongSlaveMessage{})
	require.Equal(t, peertest.Letter{To: "slave-observer(7)", From: pid, Name: "mesos.internal.PongSlaveMessage"}, peertest.Next(t, m.Letters, "the pong"))
	conn.Send(update)
	require.Equal(t, "master", peertest.Next(t, m.Letters, "anything else").To)
}

// "What arrives at the process from any process at the master's address belongs to the connection": all else is
// from strangers, to whom only pings are answered, without the core.
func TestStrangersAreNotHeard(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, stranger, c := newPeer(t), newPeer(t), peertest.NewCore()
	shutdown := &messagespb.ShutdownMessage{Message: proto.String("die")}
	require.NoError(t, stranger.SendMessage(pid, shutdown), "before there is a master")
	conn := connected(t, d, pid, m, c)
	require.NoError(t, stranger.SendMessage(pid, shutdown))
	require.NoError(t, stranger.Send(pid, "mesos.internal.NoSuchMessage", nil))
	require.NoError(t, stranger.Send(pid, "mesos.internal.PingSlaveMessage", []byte("\xff nonsense")))
	require.NoError(t, stranger.observer.SendMessage(pid, ping))
	require.Equal(t, peertest.Letter{To: "slave-observer(7)", From: pid, Name: "mesos.internal.PongSlaveMessage"}, peertest.Next(t, stranger.Letters, "a pong"))
	require.NoError(t, m.Send(pid, "mesos.internal.RunTaskMessage", []byte("\xff nonsense")))
	require.NoError(t, m.SendMessage(pid, greeting))
	got := peertest.Next(t, c.Arrivals, "the master's message")
	require.Same(t, conn, got.Conn)
	require.IsType(t, greeting, got.Message, "and nothing else")
	require.Empty(t, c.Arrivals)
}

func TestABrokenLinkIsToldOnce(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, c := newPeer(t), peertest.NewCore()
	conn := connected(t, d, pid, m, c)
	m.Listener.Cut()
	require.Equal(t, peertest.Arrival{Conn: conn, Exited: true}, peertest.Next(t, c.Arrivals, "the end"))
	require.NoError(t, m.SendMessage(pid, greeting)) // the master's own connection is up
	again := d.Dial(m.info(), c)
	conn.Close() // which has ended: it must not end the new one
	again.Send(update)
	peertest.Next(t, m.Letters, "a message")
	require.NoError(t, m.observer.SendMessage(pid, ping))
	for {
		got := peertest.Next(t, c.Arrivals, "the ping")
		require.Same(t, again, got.Conn, "the old one is told nothing")
		require.False(t, got.Exited)
		if _, yes := got.Message.(*messagespb.PingSlaveMessage); yes {
			break
		}
	}
}

func TestAMasterThatCannotBeReached(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, c := newPeer(t), peertest.NewCore()
	m.Close()
	conn := d.Dial(m.info(), c)
	conn.Send(update)
	require.Equal(t, peertest.Arrival{Conn: conn, Exited: true}, peertest.Next(t, c.Arrivals, "the end"))
	nowhere := d.Dial(&mesosproto.MasterInfo{Id: proto.String("m"), Ip: proto.Uint32(0), Port: proto.Uint32(0)}, c)
	require.Equal(t, peertest.Arrival{Conn: nowhere, Exited: true}, peertest.Next(t, c.Arrivals, "the end of a connection to no address"))
	connected(t, d, pid, newPeer(t), c)
}

// Another master leads: the first one is a stranger now, and what becomes of its connection is nobody's concern.
func TestANewLeader(t *testing.T) {
	d, pid, _ := newDialer(t)
	first, second, c := newPeer(t), newPeer(t), peertest.NewCore()
	old := connected(t, d, pid, first, c)
	conn := connected(t, d, pid, second, c)
	require.NoError(t, first.SendMessage(pid, greeting))
	require.NoError(t, first.observer.SendMessage(pid, ping))
	require.Equal(t, "mesos.internal.PongSlaveMessage", peertest.Next(t, first.Letters, "the old one's pong").Name)
	first.Listener.Cut()
	first.Close()
	old.Close()
	require.NoError(t, second.SendMessage(pid, greeting))
	require.Same(t, conn, peertest.Next(t, c.Arrivals, "a message of the new one, and nothing before it").Conn)
}

// Masters that say no pid are process master at their address.
func TestMastersAddresses(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, c := newPeer(t), peertest.NewCore()
	port := uint32(m.PID().Addr().Port())
	for _, info := range []*mesosproto.MasterInfo{
		{Id: proto.String("m"), Ip: proto.Uint32(0x0100007f), Port: proto.Uint32(port)}, // 127.0.0.1 as a little-endian machine says it
		{Id: proto.String("m"), Ip: proto.Uint32(0), Port: proto.Uint32(port), Address: &mesosproto.Address{Ip: proto.String("127.0.0.1"), Port: proto.Int32(int32(port))}},
	} {
		conn := d.Dial(info, c)
		require.Equal(t, m.PID().String(), conn.Peer(), "%v", info)
		conn.Send(update)
		require.Equal(t, pid, peertest.Next(t, m.Letters, "a message").From)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	d, pid, end := newDialer(t)
	m, c := newPeer(t), peertest.NewCore()
	conn := connected(t, d, pid, m, c)
	end()
	end()
	conn.Send(update)
	conn.Close()
	m.Close()
	require.Empty(t, c.Arrivals, "the core hears nothing of it")
	require.Empty(t, m.Letters)
	peertest.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, "the end of all goroutines")
}

func TestAConfigurationThatCannotWork(t *testing.T) {
	_, err := libprocess.NewDialer(libprocess.Config{Advertise: netip.MustParseAddrPort("0.0.0.0:5051")})
	require.ErrorContains(t, err, "must be an IPv4 address and port that peers can reach")
}
