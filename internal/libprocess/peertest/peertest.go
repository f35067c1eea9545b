// Package peertest has what tests of an edge that speaks libprocess need on both sides of it: a core
// that notes what it is told, and a peer that is nothing but a wire, over connections that can be cut.
package peertest

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/libprocess"
	"github.com/mesokit/mesokit/internal/link"
)

// patience bounds every wait.
const patience = 30 * time.Second

// Next takes the next thing out of a channel; what says what it is, for people.
func Next[T any](t testing.TB, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("never came: %s", what)
	}
	return v
}

// Eventually waits until something holds. Unlike testify's it starts no goroutine, of which some tests count
// how many there are.
func Eventually(t testing.TB, holds func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "never came: %s", what)
	}
}

// Arrival is what a core was told: a message, or the end of the connection.
type Arrival struct {
	Conn    link.Conn
	Message proto.Message
	Exited  bool
}

// Core stands behind an edge and notes what arrives.
type Core struct{ Arrivals chan Arrival }

var _ link.Handler = Core{}

// NewCore returns a Core that nothing has arrived at.
func NewCore() Core { return Core{make(chan Arrival, 100)} }

// Message notes a message.
func (c Core) Message(conn link.Conn, m proto.Message, handled func()) {
	handled()
	c.Arrivals <- Arrival{Conn: conn, Message: m}
}

// Exited notes the end of a connection.
func (c Core) Exited(conn link.Conn) { c.Arrivals <- Arrival{Conn: conn, Exited: true} }

// Listener is one whose connections can be broken.
type Listener struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

// Listen listens at an address, "127.0.0.1:0" for any port, and returns which it is.
func Listen(t testing.TB, at string) (*Listener, netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp4", at)
	require.NoError(t, err)
	return &Listener{Listener: l}, l.Addr().(*net.TCPAddr).AddrPort()
}

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, c)
		l.mu.Unlock()
	}
	return c, err
}

// Cut breaks all connections that were accepted.
func (l *Listener) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

// Letter is a message that a process of a Peer got.
type Letter struct {
	To   string
	From libprocess.UPID
	Name string
}

// Peer is the wire of a master or an agent, and nothing more: one process that a test speaks through.
type Peer struct {
	*libprocess.Process
	Endpoint *libprocess.Endpoint
	Listener *Listener
	HTTP     *http.Server
	Letters  chan Letter // to any of its processes
}

// NewPeer starts a Peer that listens at an address and has a process of that id. It ends with the test.
func NewPeer(t testing.TB, at, id string) *Peer {
	t.Helper()
	listener, addr := Listen(t, at)
	p := &Peer{Listener: listener, Letters: make(chan Letter, 100)}
	var err error
	p.Endpoint, err = libprocess.New(libprocess.Config{Advertise: addr})
	require.NoError(t, err)
	p.Process = p.Spawn(t, id)
	p.HTTP = p.Endpoint.Server(http.NotFoundHandler())
	go p.HTTP.Serve(listener)
	t.Cleanup(p.Close)
	return p
}

// Spawn starts another process of the peer.
func (p *Peer) Spawn(t testing.TB, id string) *libprocess.Process {
	t.Helper()
	process, err := p.Endpoint.Spawn(id, libprocess.ReceiverFunc(func(from libprocess.UPID, name string, _ []byte, done func()) {
		done()
		p.Letters <- Letter{id, from, name}
	}))
	require.NoError(t, err)
	return process
}

// Close ends the peer. It may be called twice.
func (p *Peer) Close() {
	p.Endpoint.Close()
	p.HTTP.Close()
}
