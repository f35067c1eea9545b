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

	"github.com/mesokit/mesokit/agent/libprocess"
	wire "github.com/mesokit/mesokit/internal/libprocess"
	"github.com/mesokit/mesokit/internal/link"
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

// eventually waits until something holds.
func eventually(t *testing.T, holds func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); runtime.Gosched() {
		require.True(t, time.Now().Before(deadline), "never came: %s", what)
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

func newCore() core { return core{make(chan arrival, 100)} }

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

// newDialer is an agent's process, served.
func newDialer(t *testing.T) (d *libprocess.Dialer, pid wire.UPID, end func()) {
	t.Helper()
	listener, addr := listen(t, "127.0.0.1:0")
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

// letter is a message that a peer's process got.
type letter struct {
	to   string
	from wire.UPID
	name string
}

// peer is the wire of a master, or of somebody else, and nothing more.
type peer struct {
	*wire.Process
	endpoint *wire.Endpoint
	observer *wire.Process
	listener *cutter
	http     *http.Server
	letters  chan letter
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	listener, addr := listen(t, "127.0.0.1:0")
	p := &peer{listener: listener, letters: make(chan letter, 100)}
	var err error
	p.endpoint, err = wire.New(wire.Config{Advertise: addr})
	require.NoError(t, err)
	spawn := func(id string) *wire.Process {
		process, err := p.endpoint.Spawn(id, wire.ReceiverFunc(func(from wire.UPID, name string, _ []byte, done func()) {
			done()
			p.letters <- letter{id, from, name}
		}))
		require.NoError(t, err)
		return process
	}
	p.Process, p.observer = spawn("master"), spawn("slave-observer(7)")
	p.http = p.endpoint.Server(http.NotFoundHandler())
	go p.http.Serve(listener)
	t.Cleanup(p.close)
	return p
}

func (p *peer) close() {
	p.endpoint.Close()
	p.http.Close()
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
func connected(t *testing.T, d *libprocess.Dialer, pid wire.UPID, m *peer, c core) link.Conn {
	t.Helper()
	conn := d.Dial(m.info(), c)
	require.Equal(t, m.PID().String(), conn.Peer())
	conn.Send(update)
	require.Equal(t, letter{"master", pid, "mesos.internal.UpdateSlaveMessage"}, next(t, m.letters, "a message"))
	require.NoError(t, m.SendMessage(pid, greeting))
	got := next(t, c.arrivals, "an answer")
	require.Same(t, conn, got.conn)
	require.Equal(t, "S0", got.message.(*messagespb.SlaveRegisteredMessage).GetSlaveId().GetValue())
	return conn
}

func TestPongsGoToWhoeverPinged(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, c := newPeer(t), newCore()
	conn := connected(t, d, pid, m, c)
	require.NoError(t, m.observer.SendMessage(pid, ping))
	got := next(t, c.arrivals, "the ping")
	require.Same(t, conn, got.conn)
	require.IsType(t, ping, got.message)
	conn.Send(&messagespb.PongSlaveMessage{})
	require.Equal(t, letter{"slave-observer(7)", pid, "mesos.internal.PongSlaveMessage"}, next(t, m.letters, "the pong"))
	conn.Send(update)
	require.Equal(t, "master", next(t, m.letters, "anything else").to)
}

// "What arrives at the process from any process at the master's address belongs to the connection": all else is
// from strangers, to whom only pings are answered, without the core.
func TestStrangersAreNotHeard(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, stranger, c := newPeer(t), newPeer(t), newCore()
	shutdown := &messagespb.ShutdownMessage{Message: proto.String("die")}
	require.NoError(t, stranger.SendMessage(pid, shutdown), "before there is a master")
	conn := connected(t, d, pid, m, c)
	require.NoError(t, stranger.SendMessage(pid, shutdown))
	require.NoError(t, stranger.Send(pid, "mesos.internal.NoSuchMessage", nil))
	require.NoError(t, stranger.Send(pid, "mesos.internal.PingSlaveMessage", []byte("\xff nonsense")))
	require.NoError(t, stranger.observer.SendMessage(pid, ping))
	require.Equal(t, letter{"slave-observer(7)", pid, "mesos.internal.PongSlaveMessage"}, next(t, stranger.letters, "a pong"))
	require.NoError(t, m.Send(pid, "mesos.internal.RunTaskMessage", []byte("\xff nonsense")))
	require.NoError(t, m.SendMessage(pid, greeting))
	got := next(t, c.arrivals, "the master's message")
	require.Same(t, conn, got.conn)
	require.IsType(t, greeting, got.message, "and nothing else")
	require.Empty(t, c.arrivals)
}

func TestABrokenLinkIsToldOnce(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, c := newPeer(t), newCore()
	conn := connected(t, d, pid, m, c)
	m.listener.cut()
	require.Equal(t, arrival{conn: conn, exited: true}, next(t, c.arrivals, "the end"))
	require.NoError(t, m.SendMessage(pid, greeting)) // the master's own connection is up
	again := d.Dial(m.info(), c)
	conn.Close() // which has ended: it must not end the new one
	again.Send(update)
	next(t, m.letters, "a message")
	require.NoError(t, m.observer.SendMessage(pid, ping))
	for {
		got := next(t, c.arrivals, "the ping")
		require.Same(t, again, got.conn, "the old one is told nothing")
		require.False(t, got.exited)
		if _, yes := got.message.(*messagespb.PingSlaveMessage); yes {
			break
		}
	}
}

func TestAMasterThatCannotBeReached(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, c := newPeer(t), newCore()
	m.close()
	conn := d.Dial(m.info(), c)
	conn.Send(update)
	require.Equal(t, arrival{conn: conn, exited: true}, next(t, c.arrivals, "the end"))
	nowhere := d.Dial(&mesosproto.MasterInfo{Id: proto.String("m"), Ip: proto.Uint32(0), Port: proto.Uint32(0)}, c)
	require.Equal(t, arrival{conn: nowhere, exited: true}, next(t, c.arrivals, "the end of a connection to no address"))
	connected(t, d, pid, newPeer(t), c)
}

// Another master leads: the first one is a stranger now, and what becomes of its connection is nobody's concern.
func TestANewLeader(t *testing.T) {
	d, pid, _ := newDialer(t)
	first, second, c := newPeer(t), newPeer(t), newCore()
	old := connected(t, d, pid, first, c)
	conn := connected(t, d, pid, second, c)
	require.NoError(t, first.SendMessage(pid, greeting))
	require.NoError(t, first.observer.SendMessage(pid, ping))
	require.Equal(t, "mesos.internal.PongSlaveMessage", next(t, first.letters, "the old one's pong").name)
	first.listener.cut()
	first.close()
	old.Close()
	require.NoError(t, second.SendMessage(pid, greeting))
	require.Same(t, conn, next(t, c.arrivals, "a message of the new one, and nothing before it").conn)
}

// Masters that say no pid are process master at their address.
func TestMastersAddresses(t *testing.T) {
	d, pid, _ := newDialer(t)
	m, c := newPeer(t), newCore()
	port := uint32(m.PID().Addr().Port())
	for _, info := range []*mesosproto.MasterInfo{
		{Id: proto.String("m"), Ip: proto.Uint32(0x0100007f), Port: proto.Uint32(port)}, // 127.0.0.1 as a little-endian machine says it
		{Id: proto.String("m"), Ip: proto.Uint32(0), Port: proto.Uint32(port), Address: &mesosproto.Address{Ip: proto.String("127.0.0.1"), Port: proto.Int32(int32(port))}},
	} {
		conn := d.Dial(info, c)
		require.Equal(t, m.PID().String(), conn.Peer(), "%v", info)
		conn.Send(update)
		require.Equal(t, pid, next(t, m.letters, "a message").from)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	d, pid, end := newDialer(t)
	m, c := newPeer(t), newCore()
	conn := connected(t, d, pid, m, c)
	end()
	end()
	conn.Send(update)
	conn.Close()
	m.close()
	require.Empty(t, c.arrivals, "the core hears nothing of it")
	require.Empty(t, m.letters)
	eventually(t, func() bool { return runtime.NumGoroutine() <= before }, "the end of all goroutines")
}

func TestAConfigurationThatCannotWork(t *testing.T) {
	_, err := libprocess.NewDialer(libprocess.Config{Advertise: netip.MustParseAddrPort("0.0.0.0:5051")})
	require.ErrorContains(t, err, "must be an IPv4 address and port that peers can reach")
}
