package libprocess

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// network joins endpoints by in-memory pipes, so that synctest can tell when all is quiet.
type network struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*pipeListener
	dials     int
}

func newNetwork() *network { return &network{listeners: map[netip.AddrPort]*pipeListener{}} }

func (n *network) listen(addr netip.AddrPort) *pipeListener {
	l := &pipeListener{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.listeners[addr] = l
	n.mu.Unlock()
	return l
}

func (n *network) dialed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

func (n *network) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.dials++
	name := fmt.Sprintf("10.9.%d.%d:1", n.dials/256, n.dials%256)
	n.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- namedConn{theirs, name}:
		return ours, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// namedConn is a pipe with an address of its own, as every TCP connection has.
type namedConn struct {
	net.Conn
	name string
}

func (c namedConn) RemoteAddr() net.Addr { return pipeAddr(c.name) }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

type pipeListener struct {
	addr   netip.AddrPort
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr(l.addr.String()) }

// host is an endpoint that is served; stop ends both, and is safe to call twice.
type host struct {
	*Endpoint
	server *http.Server
	served chan struct{}
}

func (n *network) host(t *testing.T, addr string, cfg Config) *host {
	cfg.Advertise = netip.MustParseAddrPort(addr)
	if cfg.Dial == nil {
		cfg.Dial = n.dial
	}
	return serve(t, cfg, n.listen(cfg.Advertise))
}

// loopbackHost is a host on a real port.
func loopbackHost(t *testing.T, cfg Config) *host {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	cfg.Advertise = listener.Addr().(*net.TCPAddr).AddrPort()
	return serve(t, cfg, listener)
}

func serve(t *testing.T, cfg Config, listener net.Listener) *host {
	e, err := New(cfg)
	require.NoError(t, err)
	h := &host{Endpoint: e, served: make(chan struct{})}
	h.server = e.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "route %s %s", r.Method, r.URL.Path)
	}))
	go func() {
		defer close(h.served)
		_ = h.server.Serve(listener)
	}()
	t.Cleanup(h.stop)
	return h
}

func (h *host) stop() {
	h.Endpoint.Close()
	h.server.Close()
	<-h.served
}

// message is one call of Receive.
type message struct {
	from UPID
	name string
	body string
	done func()
}

// inbox keeps what a process received.
type inbox struct {
	auto bool // call done at once

	mu       sync.Mutex
	messages []message
	arrived  chan message
}

func newInbox(auto bool) *inbox { return &inbox{auto: auto, arrived: make(chan message, 10_000)} }

func (i *inbox) Receive(from UPID, name string, body []byte, done func()) {
	if i.auto {
		done()
	}
	m := message{from, name, string(body), done}
	i.mu.Lock()
	i.messages = append(i.messages, m)
	i.mu.Unlock()
	i.arrived <- m
}

func (i *inbox) all() []message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]message(nil), i.messages...)
}

func (h *host) spawn(t *testing.T, id string, receiver Receiver) *Process {
	p, err := h.Spawn(id, receiver)
	require.NoError(t, err)
	return p
}

// newPeerless returns a process whose endpoint never gets a connection, so what it sends stays queued.
func newPeerless(t *testing.T, pid UPID) *Process {
	e, err := New(Config{
		Advertise: pid.Addr(),
		Dial: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	p, err := e.Spawn(pid.ID, newInbox(true))
	require.NoError(t, err)
	return p
}

// queued returns the bytes that wait for a peer.
func queued(e *Endpoint, to UPID) []byte {
	e.mu.Lock()
	p := e.peers[to.Addr()]
	e.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []byte
	for _, request := range p.queue {
		all = append(all, request...)
	}
	return all
}
