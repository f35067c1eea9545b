package schedulertest

import (
	"slices"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master/election"
	"github.com/mesokit/mesokit/mesosproto"
)

// contender is a master's side of its session with the ensemble: its election and its way to the
// registry, over one simulated connection. It lives on the master's loop, so it sleeps when the process
// does. Its times are those of a monotonic clock.
type contender struct {
	cluster *Cluster
	node    *node
	disk    *disk
	info    *mesosproto.MasterInfo
	leader  func(*mesosproto.MasterInfo)

	try       int         // numbers attempts at a session; timers of earlier ones do nothing
	number    int         // of the session; 0: none
	conn      *connection // nil: none
	confirmed time.Time   // when what the ensemble has answered last was sent
	led       int         // the session that leads, as heard last; 0: none
	requests  []*request  // not answered
	over      bool
}

// request is a use of the registry.
type request struct {
	work func() error
	done func(error)
	sent bool
}

var _ election.Election = (*contender)(nil)

// Contend begins to contend.
func (x *contender) Contend(info *mesosproto.MasterInfo, leader func(*mesosproto.MasterInfo)) (stop func()) {
	x.info, x.leader = info, leader
	x.begin()
	return func() {
		x.over = true
		if number := x.number; number != 0 && x.conn != nil {
			x.say("leaves", func() {
				if e := x.cluster.ensemble; e.session(number) != nil {
					e.end(e.session(number))
				}
			})
		}
	}
}

// begin tries to get a session.
func (x *contender) begin() {
	x.try++
	x.number, x.confirmed = 0, x.cluster.sim.Now()
	x.expireAfter(sessionTimeout)
	x.connect()
}

// after runs f later, unless the attempt at a session is over by then.
func (x *contender) after(d time.Duration, f func()) {
	try := x.try
	x.node.loop.AfterFunc(d, func() {
		if x.try == try && !x.over {
			f()
		}
	})
}

// soon is a random time, after which something is tried again.
func (x *contender) soon() time.Duration {
	return time.Duration(x.node.loop.Rand().Int64N(int64(time.Second)))
}

// connect speaks to the ensemble on a new connection.
func (x *contender) connect() {
	var conn *connection
	conn = x.cluster.net.connect(x.node.name, electionHost, func() {
		x.node.loop.Post(func() { x.broke(conn) })
	}, func() {}) // the session outlives it
	x.conn = conn
	number, now := x.number, x.cluster.sim.Now()
	x.say("joins", func() { x.cluster.ensemble.join(x, number, conn, now) })
}

// say sends something to the ensemble.
func (x *contender) say(what string, f func()) {
	x.conn.send(&x.conn.toServer, nil, func() {
		x.note(x.node.name, electionHost, what)
		f()
	})
}

// hear is something that the ensemble sends.
func (x *contender) hear(conn *connection, what string, f func()) { x.hearOf(nil, conn, what, f) }

// hearOf is that with which something ends its way.
func (x *contender) hearOf(p *passage, conn *connection, what string, f func()) {
	conn.send(&conn.toClient, nil, func() {
		p.reaches(MomentArriving)
		x.note(electionHost, x.node.name, what)
		x.node.loop.Post(func() {
			if x.conn == conn && !x.over {
				f()
			}
		})
		p.arrived()
	})
}

// note shows what arrives in the trace; what comes all the time is empty and not shown.
func (x *contender) note(from, to, what string) {
	if what != "" {
		x.cluster.trace.note(from + " > " + to + "  " + what)
	}
}

// broke hears that the connection is over. What was under way may have been done or not.
func (x *contender) broke(conn *connection) {
	if x.over || x.conn != conn {
		return
	}
	x.conn = nil
	x.fail(func(r *request) bool { return r.sent })
	x.after(x.soon(), x.connect)
}

// joined hears that the session is there, or is there still.
func (x *contender) joined(number int, sent time.Time) {
	fresh := x.number != number
	x.number, x.confirmed = number, sent
	if fresh {
		x.beat()
	}
	for _, r := range x.requests {
		x.pass(r)
	}
}

// leads hears which session leads.
func (x *contender) leads(number int, info *mesosproto.MasterInfo) {
	if number == x.led {
		return
	}
	x.led = number
	if number != x.number && info.GetId() == x.info.GetId() {
		info = nil // an earlier session of this process, that nobody can speak for any more
	}
	x.leader(info)
}

// beat keeps the session alive.
func (x *contender) beat() {
	x.after(sessionTimeout/3, func() {
		if conn, number, now := x.conn, x.number, x.cluster.sim.Now(); conn != nil {
			x.say("", func() { x.cluster.ensemble.beat(x, number, conn, now) })
		}
		x.beat()
	})
}

// expireAfter ends a session that the ensemble may have ended: it has counted from later.
func (x *contender) expireAfter(d time.Duration) {
	x.after(d, func() {
		if left := x.confirmed.Add(sessionTimeout).Sub(x.cluster.sim.Now()); left > 0 {
			x.expireAfter(left)
			return
		}
		x.expired()
	})
}

// expired takes the session for over. The master hears that nobody leads; one that led ends itself, one
// that did not contends again.
func (x *contender) expired() {
	x.cluster.trace.note(x.node.name + " has no session any more")
	x.try++
	x.number = 0
	if conn := x.conn; conn != nil { // what was sent still arrives, when the ensemble may not want it any more
		x.conn = nil
		conn.close(&conn.toServer, conn.sides.serverBroke)
	}
	x.fail(func(*request) bool { return true })
	x.leads(0, nil)
	x.after(x.soon(), x.begin)
}

// fail ends requests whose outcome nobody knows any more.
func (x *contender) fail(which func(*request) bool) {
	for _, r := range slices.Clone(x.requests) {
		if which(r) {
			x.answered(r, status.Error(codes.Unavailable, "the connection to the registry broke"))
		}
	}
}

// pass sends a request as soon as there is a session and a connection.
func (x *contender) pass(r *request) {
	if conn, number := x.conn, x.number; conn != nil && number != 0 && !r.sent {
		r.sent = true
		x.say("", func() { x.cluster.ensemble.use(x, number, conn, r) })
	}
}

func (x *contender) answered(r *request, err error) {
	if i := slices.Index(x.requests, r); i >= 0 {
		x.requests = slices.Delete(x.requests, i, i+1)
		r.done(err)
	}
}

// remoteLoop is the loop of a master whose work off the loop, that is what it does with its registry,
// is done by the ensemble.
type remoteLoop struct {
	*loop.SimLoop
	way *contender
}

var _ loop.Loop = remoteLoop{}

// Do asks the ensemble to do work.
func (l remoteLoop) Do(work func() error, done func(error)) {
	r := &request{work: work, done: done}
	l.way.requests = append(l.way.requests, r)
	l.way.pass(r)
}
