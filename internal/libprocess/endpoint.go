package libprocess

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// ErrClosed is returned when the endpoint was closed or the process terminated before the call.
var ErrClosed = errors.New("libprocess: closed")

// Config says where an endpoint is reached and how much it may hold. For every number zero means the default and a
// negative value is refused.
type Config struct {
	// Advertise is the IPv4 address and port that peers connect to (LIBPROCESS_ADVERTISE_IP and _PORT, else
	// LIBPROCESS_IP and _PORT). Required.
	Advertise netip.AddrPort

	// Dial connects to a peer. It must return soon after ctx ends. Default: TCP, with the kernel's keep-alive.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
	// DialTimeout bounds one attempt to connect. Default 15s.
	DialTimeout time.Duration
	// IdleTimeout closes an outgoing connection that nobody is linked to after this time without a message. Default
	// 1min.
	IdleTimeout time.Duration
	// QueueBytes is how much may wait to be written to one peer. A message that comes when already more is
	// waiting ends the connection, so the bound is QueueBytes plus one message. Default 64 MiB.
	QueueBytes int
	// MaxPeers is how many addresses there may be outgoing connections to at once; messages to further ones are
	// dropped, links to them break at once. Default 100,000.
	MaxPeers int

	// ConnectionMessages is how many messages of one connection may be delivered and not done. Default 64.
	ConnectionMessages int
	// MailboxMessages is how many messages to one process may be delivered and not done. Default 16,384.
	MailboxMessages int
	// MessageBytes is the largest body accepted (413 beyond). Default 1 GiB.
	MessageBytes int64
	// InboundBytes is how much all large bodies (over 64 KiB) together may take while they are read or not done;
	// at the limit the rest of them is not read until some are done. One body may exceed it. Default 1 GiB.
	InboundBytes int64
	// BodyTimeout closes a connection on which a large body has not grown by another MiB in this time, since it
	// holds a share of InboundBytes. Connections between messages are never timed out. Default 1min.
	BodyTimeout time.Duration
	// RequirePeerIPMatch answers 400 to a message whose sender claims an IP other than that of its connection
	// (--require_peer_address_ip_match). Default off.
	RequirePeerIPMatch bool

	// Logger gets a debug line per message and connection, and warnings. Default: none.
	Logger *zap.Logger
}

// Stats counts messages since the start, and says what is held now.
type Stats struct {
	Received uint64 // delivered to a process and answered 202
	Refused  uint64 // answered otherwise, or not received to the end
	Sent     uint64 // written to a connection
	Dropped  uint64 // not sent: unreachable peer, broken connection, overflow

	Unhandled int // delivered and not done
	Queued    int // accepted for sending, neither written nor dropped
	Peers     int // addresses connected or connecting to
}

// Endpoint is one advertised ip:port, the processes behind it and the connections they opened. Its methods are safe
// for concurrent use. [New] makes it.
type Endpoint struct {
	cfg     Config
	log     *zap.Logger
	closing chan struct{} // closed by Close
	budget  budget
	inbound inboundTable
	flush   flushGroup

	received, refused, sent, dropped atomic.Uint64
	unhandled                        atomic.Int64

	tasks      sync.WaitGroup // goroutines of peers
	deliveries sync.WaitGroup // calls of Receive

	mu        sync.Mutex // before peer.mu
	closed    bool
	processes map[string]*Process
	counters  map[string]int // last N of prefix(N)
	peers     map[netip.AddrPort]*peer
}

// New returns an endpoint with nothing behind it; it starts nothing and opens no connection.
//
// Errors: Advertise is missing, not IPv4, 0.0.0.0 or has port 0; a limit is negative.
func New(cfg Config) (*Endpoint, error) {
	ip := cfg.Advertise.Addr().Unmap()
	if !ip.Is4() || ip.IsUnspecified() || cfg.Advertise.Port() == 0 {
		return nil, fmt.Errorf("libprocess: Config.Advertise %q must be an IPv4 address and port that peers can reach", cfg.Advertise)
	}
	cfg.Advertise = netip.AddrPortFrom(ip, cfg.Advertise.Port())
	err := errors.Join(
		fill("DialTimeout", &cfg.DialTimeout, 15*time.Second),
		fill("IdleTimeout", &cfg.IdleTimeout, time.Minute),
		fill("QueueBytes", &cfg.QueueBytes, 64<<20),
		fill("MaxPeers", &cfg.MaxPeers, 100_000),
		fill("ConnectionMessages", &cfg.ConnectionMessages, 64),
		fill("MailboxMessages", &cfg.MailboxMessages, 16_384),
		fill("MessageBytes", &cfg.MessageBytes, 1<<30),
		fill("InboundBytes", &cfg.InboundBytes, 1<<30),
		fill("BodyTimeout", &cfg.BodyTimeout, time.Minute),
	)
	if err != nil {
		return nil, err
	}
	cfg.MessageBytes = min(cfg.MessageBytes, math.MaxInt64-1) // one more is read to tell
	if cfg.Dial == nil {
		dialer := &net.Dialer{}
		cfg.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp4", addr.String())
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	e := &Endpoint{
		cfg:       cfg,
		log:       cfg.Logger.Named("libprocess"),
		closing:   make(chan struct{}),
		processes: make(map[string]*Process),
		counters:  make(map[string]int),
		peers:     make(map[netip.AddrPort]*peer),
	}
	e.budget.limit = cfg.InboundBytes
	e.inbound.slots = cfg.ConnectionMessages
	return e, nil
}

func fill[T int | int64 | time.Duration](name string, value *T, def T) error {
	if *value < 0 {
		return fmt.Errorf("libprocess: Config.%s is %v; it must not be negative (zero means %v)", name, *value, def)
	}
	if *value == 0 {
		*value = def
	}
	return nil
}

// Addr returns the advertised address.
func (e *Endpoint) Addr() netip.AddrPort { return e.cfg.Advertise }

// Stats returns counters and gauges, each read atomically but not all at one instant.
func (e *Endpoint) Stats() Stats {
	e.mu.Lock()
	peers := len(e.peers)
	e.mu.Unlock()
	return Stats{
		Received:  e.received.Load(),
		Refused:   e.refused.Load(),
		Sent:      e.sent.Load(),
		Dropped:   e.dropped.Load(),
		Unhandled: int(e.unhandled.Load()),
		Queued:    int(e.flush.queued.Load()),
		Peers:     peers,
	}
}

// Flush waits until every message accepted so far has been given to the kernel or dropped, so that a Close does not
// lose, say, a framework's last TEARDOWN. Messages sent meanwhile prolong it.
//
// Errors: ctx ended first.
func (e *Endpoint) Flush(ctx context.Context) error { return e.flush.wait(ctx) }

// Close closes all outgoing connections, drops what is queued for them, and refuses further messages (503). It
// waits for the endpoint's goroutines and for calls of Receive; afterwards neither Receive nor any link callback
// is called. Not to be called from those. Further calls wait too. The HTTP server and its connections stay open, since
// they are not the endpoint's.
func (e *Endpoint) Close() {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.closing)
		for _, p := range e.peers {
			p.abort(ErrClosed)
		}
	}
	e.mu.Unlock()
	e.tasks.Wait()
	e.deliveries.Wait()
}

// flushGroup counts messages on their way out and lets Flush wait for zero.
type flushGroup struct {
	queued atomic.Int64

	mu   sync.Mutex
	zero chan struct{} // nil without waiters
}

func (g *flushGroup) add(n int) {
	if g.queued.Add(int64(n)) != 0 {
		return
	}
	g.mu.Lock()
	if g.zero != nil {
		close(g.zero)
		g.zero = nil
	}
	g.mu.Unlock()
}

func (g *flushGroup) wait(ctx context.Context) error {
	g.mu.Lock()
	if g.queued.Load() == 0 {
		g.mu.Unlock()
		return nil
	}
	if g.zero == nil {
		g.zero = make(chan struct{})
	}
	zero := g.zero
	g.mu.Unlock()
	select {
	case <-zero:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("libprocess: %d messages not sent: %w", g.queued.Load(), ctx.Err())
	}
}
