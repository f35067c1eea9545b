package schedulertest

import (
	"slices"
	"strings"
	"time"

	"github.com/mesokit/mesokit/internal/loop"
)

// network carries everything that the parts of a cluster say to each other. It knows each connection
// that is up, so that faults can be done to them.
//
// A connection behaves as TCP does: each way, what is sent arrives once and in order, each thing after
// a random delay. When it breaks, what has not arrived yet is lost, and each side hears of the end: at
// once, late, or never, in which case it has to find out by itself.
type network struct {
	sim   *loop.Sim
	trace *trace
	conns []*connection // up, in the order in which they were made
	// cut counts what keeps messages of one host from another; lag is how much later they come.
	cut map[pair]int
	lag map[pair]time.Duration
}

type pair struct{ from, to string }

// host is where a process runs: each master that is started is a process of its own on the same host.
func host(process string) string {
	if strings.HasPrefix(process, masterHost) {
		return masterHost
	}
	return process
}

// masterHost is the master's, and how the names of its processes begin.
const masterHost = "master"

// blocked reports whether nothing gets from one host to another.
func (n *network) blocked(from, to string) bool { return n.cut[pair{host(from), host(to)}] > 0 }

// block keeps what one host sends from the other. Connections stay up, as with TCP: it arrives when the
// way is free again, unless the connection is over by then.
func (n *network) block(from, to string) {
	n.trace.note("blocked: " + from + " > " + to)
	n.cut[pair{from, to}]++
}

// unblock ends block.
func (n *network) unblock(from, to string) {
	n.trace.note("unblocked: " + from + " > " + to)
	if n.cut[pair{from, to}]--; n.cut[pair{from, to}] > 0 {
		return
	}
	delete(n.cut, pair{from, to})
	for _, c := range slices.Clone(n.conns) {
		c.release(&c.toServer, c.client, c.server)
		c.release(&c.toClient, c.server, c.client)
	}
}

// delay is how long one message takes.
func (n *network) delay() time.Duration {
	return 50*time.Microsecond + time.Duration(n.sim.Rand().Int64N(int64(200*time.Microsecond)))
}

// connection joins two hosts, which are named as the cluster names its parts.
type connection struct {
	net            *network
	client, server string
	up             bool
	toServer       lane
	toClient       lane
	// What tells each side that the connection is over.
	clientBroke, serverBroke func()
	// The connection broke, but the side was not told.
	clientTrusts, serverTrusts bool
}

// lane is one direction: it keeps order although delays differ.
type lane struct {
	last    time.Time
	pending []*delivery
	held    []*delivery // would have arrived, but nothing gets through
}

type delivery struct {
	stop func() bool
	what string
	f    func()
}

// connect makes a connection. It is refused, and the client told so by clientBroke after a delay, if
// the hosts can't reach each other.
func (n *network) connect(client, server string, clientBroke, serverBroke func()) *connection {
	c := &connection{net: n, client: client, server: server, up: true, clientBroke: clientBroke, serverBroke: serverBroke}
	if n.blocked(client, server) || n.blocked(server, client) {
		c.up = false
		n.sim.After(n.delay(), clientBroke)
		return c
	}
	n.conns = append(n.conns, c)
	return c
}

// send delivers one thing over a lane: f runs when it arrives, unless the connection breaks before.
func (c *connection) send(l *lane, what string, f func()) {
	if c.up {
		c.under(l, &delivery{what: what, f: f})
		return
	}
	// Who sends into a connection that is gone without knowing hears of it when TCP gives up.
	if l == &c.toServer && c.clientTrusts {
		c.clientTrusts = false
		c.net.sim.After(tcpTimeout, c.clientBroke)
	} else if l == &c.toClient && c.serverTrusts {
		c.serverTrusts = false
		c.net.sim.After(tcpTimeout, c.serverBroke)
	}
}

// tcpTimeout is how long Linux sends the same bytes again and again (tcp_retries2).
const tcpTimeout = 924600 * time.Millisecond

// under sends a delivery on its way.
func (c *connection) under(l *lane, d *delivery) {
	from, to := c.ends(l)
	at := c.net.sim.Now().Add(c.net.delay() + c.net.lag[pair{host(from), host(to)}])
	if at.Before(l.last) {
		at = l.last
	}
	l.last = at
	d.stop = c.net.sim.At(at, func() {
		l.pending = l.pending[1:] // the oldest: a lane is first in, first out
		if len(l.held) > 0 || c.net.blocked(from, to) {
			l.held = append(l.held, d)
			return
		}
		c.net.trace.note(d.what)
		d.f()
	})
	l.pending = append(l.pending, d)
}

// ends names the hosts that a lane leads from and to.
func (c *connection) ends(l *lane) (from, to string) {
	if l == &c.toServer {
		return c.client, c.server
	}
	return c.server, c.client
}

// release sends on what was held, before what is already under way.
func (c *connection) release(l *lane, from, to string) {
	if c.net.blocked(from, to) || len(l.held) == 0 {
		return
	}
	all := append(l.held, l.pending...)
	for _, d := range l.pending {
		d.stop()
	}
	l.held, l.pending = nil, nil
	for _, d := range all {
		c.under(l, d)
	}
}

// close ends the connection in good order by one side: what that side has sent before still arrives,
// then the other side is told.
func (c *connection) close(l *lane, told func()) {
	if !c.up {
		return
	}
	c.send(l, "", func() {
		if c.up {
			c.forget()
			told()
		}
	})
}

// forget takes the connection down; what is under way is lost.
func (c *connection) forget() {
	c.up = false
	for _, l := range []*lane{&c.toServer, &c.toClient} {
		for _, d := range l.pending {
			d.stop()
		}
		l.pending, l.held = nil, nil
	}
	for i, x := range c.net.conns {
		if x == c {
			c.net.conns = append(c.net.conns[:i], c.net.conns[i+1:]...)
			return
		}
	}
}

// Notice says when the sides of a broken connection hear of it.
type Notice struct {
	// Client and Server are how long it takes each side to notice; Never means that it does not, unless
	// it goes on sending: then TCP gives up after a quarter of an hour.
	Client, Server time.Duration
}

// Never is a Notice that does not come by itself: the side has to find out by a time-out.
const Never time.Duration = -1

// breakNow breaks the connection: what is under way either way is lost.
func (c *connection) breakNow(n Notice) {
	if !c.up {
		return
	}
	c.forget()
	c.clientTrusts, c.serverTrusts = n.Client < 0, n.Server < 0
	c.net.trace.note("broken: " + c.client + " - " + c.server)
	if n.Client >= 0 {
		c.net.sim.After(n.Client, c.clientBroke)
	}
	if n.Server >= 0 {
		c.net.sim.After(n.Server, c.serverBroke)
	}
}

// of lists the connections between two hosts; "" stands for any.
func (n *network) of(a, b string) (out []*connection) {
	is := func(host, want string) bool { return want == "" || host == want }
	for _, c := range n.conns {
		if is(c.client, a) && is(c.server, b) || is(c.client, b) && is(c.server, a) {
			out = append(out, c)
		}
	}
	return out
}
