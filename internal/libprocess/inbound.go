package libprocess

import (
	"sync"
	"sync/atomic"
)

// inboundTable knows the connections that have messages in progress, by their remote address, which no two open
// connections to one listener share. Connections without any are not in it, so it needs no word of their closing.
type inboundTable struct {
	slots int

	mu   sync.Mutex
	open map[string]*inbound
}

// inbound counts the messages of one connection that are delivered and not done.
type inbound struct {
	table  *inboundTable
	remote string
	refs   int           // messages being received, delivered or not done; guarded by table.mu
	slots  chan struct{} // a token per message delivered and not done
}

func (t *inboundTable) enter(remote string) *inbound {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.open[remote]
	if c == nil {
		if t.open == nil {
			t.open = make(map[string]*inbound)
		}
		c = &inbound{table: t, remote: remote, slots: make(chan struct{}, t.slots)}
		t.open[remote] = c
	}
	c.refs++
	return c
}

func (c *inbound) leave() {
	c.table.mu.Lock()
	defer c.table.mu.Unlock()
	if c.refs--; c.refs == 0 {
		delete(c.table.open, c.remote)
	}
}

// delivery holds a message's place in its connection, mailbox and budget until it is done.
type delivery struct {
	endpoint *Endpoint
	conn     *inbound
	process  *Process
	held     *reservation // nil for small bodies
	released atomic.Bool
}

// admit waits for a place in both the connection and the mailbox; nil if the endpoint closes or the process ends first.
// It waits before the body is read, so a message without a place takes no memory. It does not watch the request's
// context: a peer that has sent a message and gone has still sent it.
func (e *Endpoint) admit(remote string, process *Process) *delivery {
	conn := e.inbound.enter(remote)
	if !take(conn.slots, e.closing, process.ended) {
		conn.leave()
		return nil
	}
	if !take(process.mailbox, e.closing, process.ended) {
		<-conn.slots
		conn.leave()
		return nil
	}
	e.unhandled.Add(1)
	return &delivery{endpoint: e, conn: conn, process: process}
}

func take(tokens chan<- struct{}, closing, ended <-chan struct{}) bool {
	select {
	case tokens <- struct{}{}:
		return true
	case <-closing:
	case <-ended:
	}
	return false
}

// pend makes the delivery known to its process, which ends it when it terminates.
func (d *delivery) pend() {
	d.process.mu.Lock()
	d.process.pending[d] = struct{}{}
	d.process.mu.Unlock()
}

func (d *delivery) done() {
	if d.released.Swap(true) {
		return
	}
	d.process.mu.Lock()
	delete(d.process.pending, d)
	d.process.mu.Unlock()
	if d.held != nil {
		d.endpoint.budget.release(d.held)
	}
	d.endpoint.unhandled.Add(-1)
	<-d.process.mailbox
	<-d.conn.slots
	d.conn.leave()
}
