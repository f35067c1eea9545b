package schedulertest

import (
	"slices"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/mesosproto"
)

// sessionTimeout is how long a master's session lives without a sign of life, and how long an agent or
// framework believes what it heard last of the leader when it can't reach the ensemble. Mesos:
// --zk_session_timeout.
const sessionTimeout = 10 * time.Second

// electionHost is where the ensemble is, for the network.
const electionHost = "election"

// ensemble is what a ZooKeeper ensemble or the voters of a raft group are to their clients: it keeps
// the sessions of the masters, says who leads, and keeps the registry. It is not one of the processes
// that fail, but whoever is cut off from it can do nothing through it.
//
// The oldest living session leads. A session ends when its master says so, or when nothing has been
// heard on it for sessionTimeout. Its master has counted from an earlier moment, when it sent what was
// heard last, so a master that is awake knows of the end before anybody else is told to lead.
type ensemble struct {
	cluster   *Cluster
	sessions  []*session // oldest first
	listeners []listener
	born      int // numbers sessions
}

// session is a master's claim to lead.
type session struct {
	number int
	master *contender
	info   *mesosproto.MasterInfo
	heard  time.Time
	conn   *connection // on which its master spoke last
}

// leader is the session that leads; nil: none.
func (e *ensemble) leader() *session {
	if len(e.sessions) == 0 {
		return nil
	}
	return e.sessions[0]
}

// session finds a living one; nil: there is none with this number.
func (e *ensemble) session(number int) *session {
	if i := slices.IndexFunc(e.sessions, func(s *session) bool { return s.number == number }); i >= 0 {
		return e.sessions[i]
	}
	return nil
}

// join begins a session, or goes on with one on a new connection; sent is when its master asked for it.
func (e *ensemble) join(x *contender, number int, conn *connection, sent time.Time) {
	now := e.cluster.sim.Now()
	s := e.session(number)
	switch {
	case s != nil:
		s.conn, s.heard = conn, now
	case number != 0:
		x.hear(conn, "session expired", x.expired)
		return
	default:
		e.born++
		s = &session{number: e.born, master: x, info: x.info, heard: now, conn: conn}
		e.sessions = append(e.sessions, s)
		e.watchOver(s, sessionTimeout)
	}
	x.hear(conn, "session", func() { x.joined(s.number, sent) })
	if s == e.leader() && number == 0 {
		e.announce()
	} else {
		s.tell(e.leader())
	}
}

// watchOver ends a session that has fallen silent. It is one timer that is set again when it finds that
// something was heard.
func (e *ensemble) watchOver(s *session, after time.Duration) {
	e.cluster.sim.After(after, func() {
		if left := s.heard.Add(sessionTimeout).Sub(e.cluster.sim.Now()); left > 0 {
			e.watchOver(s, left)
			return
		}
		e.end(s)
	})
}

// end ends a session.
func (e *ensemble) end(s *session) {
	i := slices.Index(e.sessions, s)
	if i < 0 {
		return
	}
	e.cluster.trace.note("election: the session of " + s.info.GetId() + " is over")
	e.sessions = slices.Delete(e.sessions, i, i+1)
	if i == 0 {
		e.announce()
	}
}

// announce tells everybody who leads.
func (e *ensemble) announce() {
	leader := e.leader()
	e.cluster.trace.note("election: " + leads(leader.name()))
	if leader != nil {
		e.cluster.master = leader.master.node
	}
	for _, s := range e.sessions {
		s.tell(leader)
	}
	for _, l := range e.listeners {
		l.hear(leader.name())
	}
}

// name is how a session's master is called; nil for no session.
func (s *session) name() *mesosproto.MasterInfo {
	if s == nil {
		return nil
	}
	return s.info
}

// leads says who does, for people.
func leads(leader *mesosproto.MasterInfo) string {
	if leader == nil {
		return "nobody leads"
	}
	return leader.GetId() + " leads"
}

// tell tells a session's master who leads.
func (s *session) tell(leader *session) {
	number := 0
	if leader != nil {
		number = leader.number
	}
	s.master.hear(s.conn, leads(leader.name()), func() { s.master.leads(number, leader.name()) })
}

// beat hears that a session lives; sent is when its master said so.
func (e *ensemble) beat(x *contender, number int, conn *connection, sent time.Time) {
	s := e.session(number)
	if s == nil {
		x.hear(conn, "session expired", x.expired)
		return
	}
	s.heard = e.cluster.sim.Now()
	x.hear(conn, "", func() { x.confirmed = sent })
}

// errFenced is what a master is told that wants to use the registry and does not lead.
var errFenced = status.Error(codes.FailedPrecondition, "another master has taken over")

// use lets a master read or write the registry, if it leads when its turn comes.
func (e *ensemble) use(x *contender, number int, conn *connection, r *request) {
	sim := e.cluster.sim
	takes := x.disk.time(sim)
	before := time.Duration(sim.Rand().Int64N(int64(takes) + 1))
	sim.After(before, func() {
		err := errFenced
		if s := e.leader(); s != nil && s.number == number {
			err = r.work()
		} else {
			e.cluster.trace.note("election: refused: the registry is not for " + x.node.name)
		}
		p := x.disk.passage
		x.disk.passage = nil
		p.halfway(takes - before)
		sim.After(takes-before, func() { x.hearOf(p, conn, "", func() { x.answered(r, err) }) })
	})
}
