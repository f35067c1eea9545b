package schedulertest

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
)

// lane is one direction: it keeps order although delays differ.
type lane struct {
	net      *network
	from, to string
	ways     [3]pair
	cuts     uint64     // network.cuts, when closed was found out
	closed   bool       // nothing gets through
	hash     uint64     // of from and to
	alarm    loop.Alarm // goes off when the first of pending arrives
	set      bool
	last     loop.Instant
	pending  []delivery
	first    int        // of pending
	held     []delivery // would have arrived, but nothing gets through
	// taker takes the messages that come without a function of their own.
	taker taker
}

// taker takes what arrives on a lane.
type taker interface{ take(proto.Message) }

// delivery is a message, or something that the trace does not show, on its way.
type delivery struct {
	at   loop.Instant
	m    proto.Message // nil: not shown
	hash uint64        // of m
	f    func()        // what its arrival does; nil: it goes to lane.taker
	with *passage      // faults that go with it
}

func (l *lane) join(n *network, from, to string) {
	l.net, l.from, l.to, l.ways, l.hash = n, from, to, ways(from, to), hashWay(from, to)
	l.alarm = n.sim.Alarm(l.arrive)
}

// under sends a delivery on its way.
func (l *lane) under(d delivery) {
	d.at = max(l.last, l.net.sim.Instant()+loop.Instant(l.net.delay()+l.net.lags(l.ways)))
	l.last = d.at
	if l.first > 0 && len(l.pending) == cap(l.pending) {
		n := copy(l.pending, l.pending[l.first:])
		clear(l.pending[n:])
		l.pending, l.first = l.pending[:n], 0
	}
	l.pending = append(l.pending, d)
	if !l.set {
		l.set = true
		l.alarm.Set(d.at)
	}
}

// arrive takes the first delivery. What was under way when the alarm was set may have been lost since, or
// sent anew, to arrive later.
func (l *lane) arrive() {
	l.set = false
	if l.first == len(l.pending) {
		return
	}
	d := l.pending[l.first]
	if d.at > l.net.sim.Instant() {
		l.set = true
		l.alarm.Set(d.at)
		return
	}
	l.pending[l.first] = delivery{}
	if l.first++; l.first == len(l.pending) {
		l.pending, l.first = l.pending[:0], 0
	} else {
		l.set = true
		l.alarm.Set(l.pending[l.first].at)
	}
	if len(l.held) > 0 || l.isClosed() {
		l.held = append(l.held, d)
		return
	}
	if d.with.reaches(MomentArriving); d.with.lost() {
		return
	}
	if d.m != nil {
		l.net.trace.arrived(l, d)
	}
	if d.f == nil {
		l.taker.take(d.m)
	} else {
		d.f()
	}
	d.with.arrived()
}

func (l *lane) isClosed() bool {
	if l.cuts != l.net.cuts {
		l.cuts, l.closed = l.net.cuts, l.net.closed(l.ways)
	}
	return l.closed
}

// release sends on what was held, before what is already under way.
func (l *lane) release() {
	if len(l.held) == 0 || l.isClosed() {
		return
	}
	all := append(l.held, l.pending[l.first:]...)
	l.lose()
	for _, d := range all {
		l.under(d)
	}
}

// lose drops what is under way.
func (l *lane) lose() { l.pending, l.first, l.held = nil, 0, nil }
