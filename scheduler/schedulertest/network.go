package schedulertest

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
)

// network carries everything that the parts of a cluster say to each other. It knows each connection
// that is up, so that faults can be done to them.
//
// A connection behaves as TCP does: each way, what is sent arrives once and in order, each thing after
// a random delay. When it breaks, what has not arrived yet is lost, and each side hears of the end: at
// once, late, or never, in which case it has to find out by itself.
type network struct {
	sim    *loop.Sim
	trace  *trace
	timing *timing
	conns  connections
	// cut counts what keeps messages of one host from another; lag is how much later they come.
	cut  map[pair]int
	cuts uint64 // counts the changes of cut
	lag  map[pair]time.Duration
	// dead reports whether a process is one that has ended.
	dead func(process string) bool
	// changed hears of each cut between two hosts, and of its end; nil: nobody cares.
	changed func(from, to string)
}

// pair is a way from one host to another; anywhere stands for all hosts.
type pair struct{ from, to string }

const anywhere = ""

// ways are those that what goes between two processes passes.
func ways(from, to string) [3]pair {
	at, there := host(from), host(to)
	if at == there { // an executor and its agent
		return [...]pair{{from, to}, {}, {}}
	}
	return [...]pair{{at, there}, {at, anywhere}, {anywhere, there}}
}

// host is where a process runs: each master that is started is a process of its own on the same host, and
// so is each executor on its agent's.
func host(process string) string {
	if isMaster(process) {
		process, _, _ = strings.Cut(process, "-")
	}
	process, _, _ = strings.Cut(process, "/")
	return process
}

// isMaster tells the processes and hosts of masters by their names.
func isMaster(process string) bool { return strings.HasPrefix(process, "master") }

// blocked reports whether nothing gets from one host to another.
func (n *network) blocked(from, to string) bool { return n.closed(ways(from, to)) }

func (n *network) closed(ways [3]pair) bool {
	if len(n.cut) == 0 {
		return false
	}
	for _, way := range ways {
		if n.cut[way] > 0 {
			return true
		}
	}
	return false
}

// lags is how much later than usual something comes.
func (n *network) lags(ways [3]pair) (d time.Duration) {
	if len(n.lag) == 0 {
		return 0
	}
	for _, way := range ways {
		d += n.lag[way]
	}
	return d
}

// block keeps what one host sends from the other. Connections stay up, as with TCP: it arrives when the
// way is free again, unless the connection is over by then.
func (n *network) block(from, to string) {
	n.trace.note("blocked: " + called(from) + " > " + called(to))
	n.cut[pair{from, to}]++
	n.cuts++
	n.tell(from, to)
}

// unblock ends block.
func (n *network) unblock(from, to string) {
	n.trace.note("unblocked: " + called(from) + " > " + called(to))
	n.cuts++
	if n.cut[pair{from, to}]--; n.cut[pair{from, to}] > 0 {
		return
	}
	delete(n.cut, pair{from, to})
	for _, c := range slices.Collect(n.conns.up()) {
		c.toServer.release()
		c.toClient.release()
	}
	n.tell(from, to)
}

func (n *network) tell(from, to string) {
	if n.changed != nil {
		n.changed(from, to)
	}
}

// called is a host for people.
func called(host string) string {
	if host == anywhere {
		return "anywhere"
	}
	return host
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
	place          int // in network.conns
	toServer       lane
	toClient       lane
	sides          sides
	// The connection broke, but the side was not told.
	clientTrusts, serverTrusts bool
}

// sides are told that the connection is over, each by itself.
type sides interface {
	clientBroke()
	serverBroke()
}

// brokeFuncs are sides that need to know no more.
type brokeFuncs struct{ client, server func() }

func (b brokeFuncs) clientBroke() { b.client() }
func (b brokeFuncs) serverBroke() { b.server() }

// connect makes a connection, as open does.
func (n *network) connect(client, server string, clientBroke, serverBroke func()) *connection {
	c := &connection{}
	n.open(c, client, server, brokeFuncs{clientBroke, serverBroke})
	return c
}

// open makes a connection of one that was never used. It is refused, and the client told after a delay that
// it broke, if the hosts can't reach each other, or the server's process has ended.
func (n *network) open(c *connection, client, server string, s sides) {
	c.net, c.client, c.server, c.up, c.sides = n, client, server, true, s
	c.toServer.join(n, client, server)
	c.toClient.join(n, server, client)
	if n.blocked(client, server) || n.blocked(server, client) || n.dead(server) {
		c.up = false
		n.sim.After(n.delay(), s.clientBroke)
		return
	}
	n.conns.add(c)
}

// send delivers one thing over a lane: f runs when it arrives, unless the connection breaks before.
func (c *connection) send(l *lane, m proto.Message, f func()) {
	if c.up {
		p := c.net.timing.message(c, m)
		l.under(delivery{m: m, hash: c.net.trace.hashOf(l.from, m), f: f, with: p})
		p.halfway(time.Duration(l.last - c.net.sim.Instant()))
		return
	}
	// Who sends into a connection that is gone without knowing hears of it when TCP gives up.
	if l == &c.toServer && c.clientTrusts {
		c.clientTrusts = false
		c.net.sim.After(tcpTimeout, c.sides.clientBroke)
	} else if l == &c.toClient && c.serverTrusts {
		c.serverTrusts = false
		c.net.sim.After(tcpTimeout, c.sides.serverBroke)
	}
}

// tcpTimeout is how long Linux sends the same bytes again and again (tcp_retries2).
const tcpTimeout = 924600 * time.Millisecond

// close ends the connection in good order by one side: what that side has sent before still arrives,
// then the other side is told.
func (c *connection) close(l *lane, told func()) {
	if !c.up {
		return
	}
	c.send(l, nil, func() {
		if c.up {
			c.forget()
			told()
		}
	})
}

// forget takes the connection down; what is under way is lost.
func (c *connection) forget() {
	c.up = false
	c.toServer.lose()
	c.toClient.lose()
	c.net.conns.remove(c)
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
		c.net.sim.After(n.Client, c.sides.clientBroke)
	}
	if n.Server >= 0 {
		c.net.sim.After(n.Server, c.sides.serverBroke)
	}
}

// of lists the connections between two hosts; "" stands for any.
func (n *network) of(a, b string) (out []*connection) {
	is := func(host, want string) bool { return want == "" || host == want }
	for c := range n.conns.up() {
		if is(c.client, a) && is(c.server, b) || is(c.client, b) && is(c.server, a) {
			out = append(out, c)
		}
	}
	return out
}

// breakLinks breaks the connections of an agent or framework to masters.
func (n *network) breakLinks(client string, notice Notice) {
	for _, c := range n.of(client, "") {
		if c.client == client && isMaster(c.server) {
			c.breakNow(notice)
		}
	}
}
