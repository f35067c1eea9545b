package libprocess

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

var (
	errReadEnded = errors.New("read ended") // discard knows why
	errOverflow  = errors.New("outgoing queue overflowed")
	errIdle      = errors.New("idle")
	errRelinked  = errors.New("replaced by a new connection")
)

// peer is one remote address: the messages queued for it, the links to it, and the connection for both. It lives
// from the first Send or Link until that connection fails or idles; the next Send or Link makes another.
type peer struct {
	endpoint *Endpoint
	addr     netip.AddrPort
	wake     chan struct{} // capacity 1: the queue is no longer empty
	links    []link        // guarded by endpoint.mu

	mu      sync.Mutex
	queue   [][]byte // requests that the writer has not taken yet
	waiting int      // bytes in queue
	gone    bool     // no longer in endpoint.peers; takes nothing any more
	cause   error    // why the connection was given up, nil while it is wanted
	restart bool     // given up for a new one, by Relink
	cancel  context.CancelFunc
	conn    net.Conn // nil while connecting
}

// peerLocked returns the peer at addr, making and starting it if need be; nil if there are too many. e.mu is held and e open.
func (e *Endpoint) peerLocked(addr netip.AddrPort) *peer {
	if p := e.peers[addr]; p != nil {
		return p
	}
	if len(e.peers) >= e.cfg.MaxPeers {
		return nil
	}
	p := &peer{endpoint: e, addr: addr, wake: make(chan struct{}, 1)}
	e.peers[addr] = p
	e.tasks.Go(p.run)
	return p
}

// run keeps the connection until it ends; Relink makes it begin anew.
func (p *peer) run() {
	for {
		err := p.connect()
		if p.finish(err) {
			return
		}
	}
}

// connect makes one connection, writes to it what is queued, and returns why it ended, with all its goroutines gone.
func (p *peer) connect() error {
	ctx, cancel := context.WithTimeout(context.Background(), p.endpoint.cfg.DialTimeout)
	defer cancel() // also on the way out before Dial
	p.mu.Lock()
	if p.cause != nil {
		defer p.mu.Unlock()
		return p.cause
	}
	p.cancel = cancel
	p.mu.Unlock()

	conn, err := p.endpoint.cfg.Dial(ctx, p.addr)
	cancel() // the deadline was for connecting only
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	p.mu.Lock()
	if p.cause != nil { // given up while connecting
		defer p.mu.Unlock()
		return p.cause
	}
	p.conn = conn
	p.mu.Unlock()

	ended := make(chan struct{})
	var failure error
	go func() {
		defer close(ended)
		failure = discard(conn)
	}()
	err = p.write(conn, ended)
	conn.Close()
	<-ended
	if errors.Is(err, errReadEnded) {
		return failure
	}
	return err
}

// discard reads and forgets answers until the peer closes or the connection fails; it says which.
func discard(conn net.Conn) error {
	var buffer [1 << 10]byte
	for {
		if _, err := conn.Read(buffer[:]); err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
}

// write sends what is queued, in order, until the connection ends.
func (p *peer) write(conn net.Conn, ended <-chan struct{}) error {
	idle := time.NewTimer(p.endpoint.cfg.IdleTimeout)
	defer idle.Stop()
	for {
		select {
		case <-ended: // before taking more, which would be lost
			return errReadEnded
		default:
		}
		batch := p.take()
		if len(batch) == 0 {
			idle.Reset(p.endpoint.cfg.IdleTimeout)
			select {
			case <-p.wake:
			case <-ended:
			case <-idle.C:
				if p.retire() {
					return errIdle
				}
			}
			continue
		}
		buffers := net.Buffers(slices.Clone(batch)) // WriteTo consumes it
		n, err := buffers.WriteTo(conn)
		p.wrote(batch, n)
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
}

// abort gives the connection up; run notices.
func (p *peer) abort(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.abortLocked(cause)
}

func (p *peer) abortLocked(cause error) {
	p.cause = cause
	if p.cancel != nil {
		p.cancel()
	}
	if p.conn != nil {
		p.conn.Close()
	}
}

// retire removes a peer that nobody needs.
func (p *peer) retire() bool {
	e := p.endpoint
	e.mu.Lock()
	defer e.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) > 0 || len(p.queue) > 0 {
		return false
	}
	p.removeLocked()
	return true
}

// removeLocked takes the peer out of the endpoint; both mutexes are held.
func (p *peer) removeLocked() {
	if p.endpoint.peers[p.addr] == p {
		delete(p.endpoint.peers, p.addr)
	}
	p.gone = true
}

// finish ends the peer after its connection has: what is queued is dropped, links are told. It returns false if a
// new connection is to be made instead.
func (p *peer) finish(err error) bool {
	e := p.endpoint
	e.mu.Lock()
	p.mu.Lock()
	p.conn, p.cancel = nil, nil
	if p.restart && !e.closed {
		p.restart, p.cause = false, nil
		p.mu.Unlock()
		e.mu.Unlock()
		return false
	}
	if p.cause != nil {
		err = p.cause
	}
	p.removeLocked()
	dropped := len(p.queue)
	p.dropQueueLocked()
	links := p.links
	p.links = nil
	for _, l := range links {
		l.process.forgetLink(l.to, p)
	}
	if e.closed {
		links = nil
	}
	p.mu.Unlock()
	e.mu.Unlock()

	line := e.log.Debug
	if errors.Is(err, errOverflow) {
		line = e.log.Warn
	}
	line("connection ended", zap.Stringer("peer", p.addr), zap.Error(err), zap.Int("links", len(links)), zap.Int("dropped", dropped))
	for _, l := range links {
		l.onExited(l.to)
	}
	return true
}
