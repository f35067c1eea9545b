package schedulertest

import (
	"slices"
	"time"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
)

// watcher is how an agent or a framework hears who leads: it asks the ensemble once, which tells it of
// each change, over a connection of its own. While nothing changes it costs nothing.
//
// So there are no heartbeats that could be missing. Instead the network says when nothing gets through
// any more: after sessionTimeout of that, or of having no connection, the watcher hears that nobody
// leads, as a client of ZooKeeper does. A process that is paused does not lose its watch.
type watcher struct {
	cluster *Cluster
	host    string
	loop    *loop.SimLoop // of the process; a watch ends with it
	leader  func(*mesosproto.MasterInfo)

	conn   *connection
	told   *mesosproto.MasterInfo // last
	heard  bool                   // anything on conn
	silent int                    // counts the times of silence; a time-out of an earlier one does nothing
	out    bool                   // nothing can be heard, and the time-out runs
	wait   time.Duration          // before the next attempt to connect
	over   bool
}

// firstWait and maxWait bound the time between a watcher's attempts to reach the ensemble.
const (
	firstWait = time.Second
	maxWait   = 16 * time.Second
)

// detect tells a process who leads. A master without rivals always does.
func (c *Cluster) detect(host string, l *loop.SimLoop, leader func(*mesosproto.MasterInfo)) (cancel func()) {
	if c.ensemble == nil {
		leader(c.masters[0].info(c.masters[0].name))
		return func() {}
	}
	w := &watcher{cluster: c, host: host, loop: l, leader: leader, wait: firstWait}
	w.connect()
	return func() {
		w.over = true
		w.drop()
	}
}

func (w *watcher) ended() bool { return w.over || w.loop.Closed() }

func (w *watcher) connect() {
	if w.ended() {
		return
	}
	e := w.cluster.ensemble
	w.heard = false
	var conn *connection
	conn = w.cluster.net.connect(w.host, electionHost,
		func() { w.broke(conn) },
		func() { e.unwatch(conn) })
	w.conn = conn
	conn.send(&conn.toServer, nil, func() {
		w.cluster.trace.note(w.host + " > " + electionHost + "  who leads")
		if !w.ended() {
			l := listener{w, conn}
			e.listeners = append(e.listeners, l)
			l.hear(e.leader().name())
		}
	})
}

// listener is what the ensemble knows of a watcher that is connected.
type listener struct {
	*watcher
	conn *connection
}

// hear is what the ensemble sends.
func (l listener) hear(leader *mesosproto.MasterInfo) {
	w, conn := l.watcher, l.conn
	conn.send(&conn.toClient, nil, func() {
		w.cluster.trace.note(electionHost + " > " + w.host + "  " + leads(leader))
		if w.conn != conn || w.ended() {
			return
		}
		w.heard, w.wait = true, firstWait
		w.out = false
		w.tell(leader)
	})
}

// tell passes on what is new.
func (w *watcher) tell(leader *mesosproto.MasterInfo) {
	if leader.GetId() != w.told.GetId() {
		w.told = leader
		w.leader(leader)
	}
}

// broke hears that the connection is over or was refused.
func (w *watcher) broke(conn *connection) {
	if w.conn == conn && !w.ended() {
		w.conn = nil
		w.again()
	}
}

// again connects after a while.
func (w *watcher) again() {
	w.quiet()
	sim := w.cluster.sim
	sim.After(w.wait/2+time.Duration(sim.Rand().Int64N(int64(w.wait/2))), func() {
		if w.conn == nil {
			w.connect()
		}
	})
	w.wait = min(2*w.wait, maxWait)
}

// quiet says that from now on nothing can be heard.
func (w *watcher) quiet() {
	if w.out {
		return
	}
	w.out = true
	w.silent++
	n := w.silent
	w.cluster.sim.After(sessionTimeout, func() {
		if !w.out || w.silent != n || w.ended() {
			return
		}
		w.cluster.trace.note(w.host + " can't hear who leads")
		connected := w.conn != nil
		w.drop()
		w.tell(nil)
		if connected {
			w.again()
		}
	})
}

// drop gives the connection up.
func (w *watcher) drop() {
	if conn := w.conn; conn != nil {
		w.conn = nil
		conn.breakNow(Notice{Client: Never})
	}
}

// unwatch forgets a listener whose connection is over.
func (e *ensemble) unwatch(conn *connection) {
	e.listeners = slices.DeleteFunc(e.listeners, func(l listener) bool { return l.conn == conn })
}

// reachable hears from the network that the ways between some hosts have changed.
func (e *ensemble) reachable(from, to string) {
	if !(from == anywhere || to == anywhere || from == electionHost || to == electionHost) {
		return
	}
	for _, l := range e.listeners {
		w := l.watcher
		if w.conn != l.conn || w.ended() {
			continue
		}
		if n := e.cluster.net; n.blocked(w.host, electionHost) || n.blocked(electionHost, w.host) {
			w.quiet()
		} else if w.heard {
			w.out = false
		}
	}
}
