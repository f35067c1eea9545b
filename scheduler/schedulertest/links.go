package schedulertest

import (
	"io"
	"slices"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// errBroken is what a client is told of a call or stream whose connection broke: nobody can tell what
// still arrived.
var errBroken = status.Error(codes.Unavailable, "the connection broke")

// service is what a process that clients talk to serves: a master its frameworks, an agent its executors.
type service[C, E any] struct {
	name string // the process's
	loop *loop.SimLoop
	link link.Server[C, E]
}

// client is a link.Client over the simulated network: two connections, as over HTTP, one for the stream
// and one for calls.
type client[C, E proto.Message] struct {
	cluster *Cluster
	host    string
	http    *http
	loop    loop.Loop
	server  func() service[C, E] // of the present process
	asks    func(C)              // hears of each call when it is made
	told    func(E)              // hears of each event that arrives; nil: nobody cares
	took    func(to string, m C) // hears of each that a process has carried out; nil: nobody cares
	said    func(by string, e E) // hears of each event when it is sent; nil: nobody cares

	streamID string
	stream   *stream[C, E]
	calls    *connection
	waiting  []*call // sent, not answered
}

// http says what becomes of a client's next call.
type http struct{ loseCall, loseAnswer bool }

type call struct {
	conn *connection
	done func(error)
	over bool
}

func (c *call) answer(err error) {
	if !c.over {
		c.over = true
		if c.done != nil {
			c.done(err)
		}
	}
}

func (c *client[C, E]) Subscribe(m C, event func(E), end func(error)) (cancel func()) {
	if c.stream != nil {
		c.stream.cancel()
	}
	s := &stream[C, E]{client: c, event: event, end: end}
	c.stream, c.streamID = s, ""
	to := c.server()
	c.asks(m)
	s.conn = c.cluster.net.connect(c.host, to.name,
		func() { c.loop.Post(func() { s.finish(errBroken) }) },
		func() {
			if !to.loop.Closed() {
				to.link.Ended(s)
			}
		})
	s.conn.send(&s.conn.toServer, m, func() {
		if to.loop.Closed() {
			s.conn.breakNow(Notice{Server: Never})
			return
		}
		to.link.Subscribe(link.Caller{}, m, s, func(id string, err error) {
			s.conn.send(&s.conn.toClient, nil, func() {
				c.loop.Post(func() {
					if err != nil {
						s.finish(err)
					} else if c.stream == s {
						c.streamID = id
					}
				})
			})
		})
	})
	return s.cancel
}

func (c *client[C, E]) Send(m C, done func(error)) {
	to := c.server()
	// A call does not overtake those before it over another connection: until the client hears that this
	// one broke, calls are lost with it.
	if old := c.calls; old == nil || old.server != to.name || !old.up && (old.clientTrusts || !c.waitsFor(old)) {
		c.dial(to.name)
	}
	c.asks(m)
	w := &call{done: done, conn: c.calls}
	c.waiting = append(c.waiting, w)
	from := link.Caller{StreamID: c.streamID}
	conn := c.calls
	c.cluster.timing.call(c.host, m)
	lost := *c.http
	*c.http = http{}
	if lost.loseCall {
		c.cluster.trace.note("lost: the next call of " + c.host)
		conn.breakNow(Notice{})
		return
	}
	conn.send(&conn.toServer, m, func() {
		if to.loop.Closed() {
			conn.breakNow(Notice{Server: Never})
			return
		}
		to.link.Call(from, m, func(err error) {
			if err == nil && c.took != nil {
				c.took(to.name, m)
			}
			if lost.loseAnswer {
				conn.breakNow(Notice{})
				return
			}
			conn.send(&conn.toClient, nil, func() {
				c.loop.Post(func() {
					// The connection may have broken meanwhile; then the call has had its answer.
					c.waiting = slices.DeleteFunc(c.waiting, func(x *call) bool { return x == w })
					w.answer(err)
				})
			})
		})
	})
}

// dial makes a new connection for calls.
func (c *client[C, E]) dial(server string) {
	var conn *connection
	conn = c.cluster.net.connect(c.host, server, func() { c.loop.Post(func() { c.callsBroke(conn) }) }, func() {})
	c.calls = conn
}

func (c *client[C, E]) waitsFor(conn *connection) bool {
	return slices.ContainsFunc(c.waiting, func(w *call) bool { return w.conn == conn })
}

// callsBroke answers the calls of a connection that broke.
func (c *client[C, E]) callsBroke(conn *connection) {
	var broke []*call
	c.waiting = slices.DeleteFunc(c.waiting, func(w *call) bool {
		if w.conn == conn {
			broke = append(broke, w)
		}
		return w.conn == conn
	})
	for _, w := range broke {
		w.answer(errBroken)
	}
}

// hangUp closes the connection for calls. Those without an answer may have arrived.
func (c *client[C, E]) hangUp() {
	if c.calls != nil {
		c.calls.close(&c.calls.toServer, c.calls.sides.serverBroke)
		c.loop.Post(func() { c.callsBroke(c.calls) })
	}
}

// stream is the server's end of an event stream.
type stream[C, E proto.Message] struct {
	client *client[C, E]
	conn   *connection
	event  func(E)
	end    func(error)
	over   bool // on the client's side
}

var _ link.Stream[*schedulerpb.Event] = (*stream[*schedulerpb.Call, *schedulerpb.Event])(nil)

func (s *stream[C, E]) Send(e E) {
	c := s.client
	if c.said != nil {
		c.said(s.conn.server, e)
	}
	s.conn.send(&s.conn.toClient, e, func() {
		c.loop.Post(func() {
			if !s.over {
				if c.told != nil {
					c.told(e)
				}
				s.event(e)
			}
		})
	})
}

func (s *stream[C, E]) Close() {
	s.conn.close(&s.conn.toClient, func() { s.client.loop.Post(func() { s.finish(io.EOF) }) })
}

func (s *stream[C, E]) finish(err error) {
	if !s.over {
		s.over = true
		s.end(err)
	}
}

func (s *stream[C, E]) cancel() {
	if !s.over {
		s.over = true
		s.conn.close(&s.conn.toServer, s.conn.sides.serverBroke)
	}
}

// dialer connects a framework's driver to the cluster's masters.
type dialer struct {
	cluster   *Cluster
	framework *Framework
}

var (
	_ scheduler.LinkDialer = dialer{}
	_ scheduler.Detector   = dialer{}
)

func (d dialer) Dial(*mesosproto.MasterInfo) scheduler.Transport {
	panic("schedulertest: the driver must use DialLink") // a driver that did otherwise would leave the simulation
}

func (d dialer) DialLink(l loop.Loop, leader *mesosproto.MasterInfo) (link.Client[*schedulerpb.Call, *schedulerpb.Event], func()) {
	c, h := d.cluster, d.cluster.masterAt(leader)
	return &client[*schedulerpb.Call, *schedulerpb.Event]{
		cluster: c, host: d.framework.name, http: d.framework.http, loop: l,
		server: func() service[*schedulerpb.Call, *schedulerpb.Event] {
			return service[*schedulerpb.Call, *schedulerpb.Event]{h.node.name, h.node.loop, h.node.master.Schedulers()}
		},
		asks: func(m *schedulerpb.Call) { c.check.called(d.framework, m) },
		took: c.check.took,
		said: func(by string, e *schedulerpb.Event) { c.check.said(by, d.framework.conduct.id, e) },
	}, nil
}

func (d dialer) Detect(leader func(*mesosproto.MasterInfo)) (cancel func()) {
	return d.cluster.detect(d.framework.name, d.framework.loop, leader)
}

// agentDialer connects an agent to the cluster's masters.
type agentDialer struct {
	cluster *Cluster
	agent   *Agent
}

func (d agentDialer) Dial(leader *mesosproto.MasterInfo, h link.Handler) link.Conn {
	l := &agentLink{dialer: d, leader: leader, node: d.cluster.masterAt(leader).node, handler: h}
	l.toServer.taker, l.toClient.taker = l.down(), l.up()
	d.cluster.net.open(&l.connection, d.agent.name, l.node.name, l)
	return l.up()
}

// agentLink is a connection between an agent and a master, with both its ends. There are very many of them
// in a long run, so all is in one place.
type agentLink struct {
	connection
	dialer  agentDialer
	leader  *mesosproto.MasterInfo
	node    *node // of the master
	handler link.Handler
}

// upEnd is what the agent holds of the connection, downEnd what the master does.
type (
	upEnd   agentLink
	downEnd agentLink
)

var (
	_ link.Conn = (*upEnd)(nil)
	_ link.Conn = (*downEnd)(nil)
)

func (l *agentLink) up() *upEnd     { return (*upEnd)(l) }
func (l *agentLink) down() *downEnd { return (*downEnd)(l) }

func (l *agentLink) clientBroke() { l.handler.Exited(l.up()) }

func (l *agentLink) serverBroke() {
	if !l.node.closed() {
		l.node.master.Agents().Exited(l.down())
	}
}

func (e *upEnd) Peer() string { return e.leader.GetPid() }

func (e *upEnd) Send(m proto.Message) {
	k := e.dialer.cluster.check
	k.fromAgent(m)
	k.agentSays(e.dialer.agent, m)
	e.send(&e.toServer, m, nil)
}

func (e *upEnd) Close() { e.close(&e.toServer, (*agentLink)(e).serverBroke) }

// take hears what the master says.
func (e *upEnd) take(m proto.Message) {
	k := e.dialer.cluster.check
	k.toAgent(m)
	k.agentHears(e.dialer.agent, m)
	e.handler.Message(e, m, handled)
}

func (e *downEnd) Peer() string { return e.dialer.agent.pid }

func (e *downEnd) Send(m proto.Message) { e.send(&e.toClient, m, nil) }

func (e *downEnd) Close() { e.close(&e.toClient, (*agentLink)(e).clientBroke) }

// take hears what the agent says.
func (e *downEnd) take(m proto.Message) {
	if e.node.closed() {
		e.breakNow(Notice{Server: Never})
		return
	}
	e.node.master.Agents().Message(e, m, handled)
}

func (d agentDialer) Detect(leader func(*mesosproto.MasterInfo)) (cancel func()) {
	return d.cluster.detect(d.agent.name, d.agent.loop, leader)
}

// handled is what nobody waits for.
func handled() {}
