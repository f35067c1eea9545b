package loop

import "time"

// simTimer is what happens at a time: on a loop, or outside all of them.
//
// To set it again for a later time costs nothing: what is in the queue for the earlier time stays there,
// and when it comes up takes its new place.
type simTimer struct {
	sim     *Sim
	loop    *SimLoop // nil: outside
	f       func()
	once    bool    // f is dropped when the timer is over
	at      Instant // for which it is set
	seq     uint64  // of its present setting; 0: it is not set
	carrier uint64  // that of its entry in sim.timers; 0: it has none
	carried Instant // the time of that entry
}

var _ Timer = (*simTimer)(nil)

// Set sets the timer, or sets it anew.
func (t *simTimer) Set(d time.Duration) { t.set(t.sim.in(d)) }

func (t *simTimer) set(at Instant) {
	if t.loop != nil && t.loop.dead {
		return
	}
	s := t.sim
	s.seq++
	if t.carrier != 0 && t.seq == 0 {
		s.timers.dead-- // the entry serves again
	}
	t.at, t.seq = min(at, endOfTime), s.seq
	if t.carrier != 0 {
		if t.carried <= t.at {
			return
		}
		s.timers.dead++
	}
	s.timers.carry(t)
}

// Stop keeps the timer from running its function, and reports whether it was set.
func (t *simTimer) Stop() bool {
	if t.seq == 0 {
		return false
	}
	t.end()
	if t.carrier != 0 {
		t.sim.timers.dead++
	}
	return true
}

func (t *simTimer) end() {
	t.seq = 0
	if t.once {
		t.f = nil
	}
}

// fire is called when the time has come.
func (t *simTimer) fire() {
	t.carrier = 0
	if t.loop != nil {
		t.loop.post(entry{timer: t, seq: t.seq})
		return
	}
	t.take(t.seq)()
}

// take returns the function of a setting, which is over now; nil if it was stopped or set anew.
func (t *simTimer) take(seq uint64) func() {
	if t.seq != seq {
		return nil
	}
	f := t.f
	t.end()
	return f
}

// Alarm calls a function outside every loop, whenever it is set: for what happens often, such as
// deliveries, since setting it allocates nothing.
type Alarm struct{ t simTimer }

// Alarm returns an alarm that is not set. Once it is set it must not be copied.
func (s *Sim) Alarm(f func()) Alarm { return Alarm{simTimer{sim: s, f: f}} }

// Set lets the alarm go off at a virtual time. It must not be set already.
func (a *Alarm) Set(at Instant) {
	if a.t.seq != 0 {
		panic("loop: the alarm is set already")
	}
	a.t.set(at)
}

// timers is a queue by time, then by when each was set. What is due soon is kept apart from the many
// time-outs that are far away, in a small heap, because most of what is set is due soon.
type timers struct {
	soon, far timerHeap
	until     Instant // soon has all that is due before
	dead      int     // how many in both are of no use any more
}

// soonIs is a little longer than a message takes.
const soonIs = Instant(500 * time.Microsecond)

type timerEntry struct {
	at  Instant
	seq uint64
	t   *simTimer
}

// alive reports whether an entry stands for a timer that is set and can do something.
func (e *timerEntry) alive() bool {
	return e.seq == e.t.carrier && e.t.seq != 0 && (e.t.loop == nil || !e.t.loop.dead)
}

// carry makes the entry for the present setting of a timer.
func (q *timers) carry(t *simTimer) {
	t.carrier, t.carried = t.seq, t.at
	q.push(timerEntry{t.at, t.seq, t})
}

func (q *timers) push(e timerEntry) {
	if e.at < q.until {
		q.soon.push(e)
		return
	}
	q.far.push(e)
}

// first returns the earliest that is set; ok is false if there is none.
func (q *timers) first() (e timerEntry, ok bool) {
	if q.dead > 64 && q.dead > (len(q.soon)+len(q.far))/2 {
		q.clean()
	}
	for {
		if len(q.soon) == 0 && !q.refill() {
			return e, false
		}
		if e = q.soon[0]; e.seq == e.t.seq {
			return e, true
		}
		q.soon.pop()
		switch t := e.t; {
		case e.alive(): // it was set for later meanwhile
			q.carry(t)
		default:
			q.dead--
			t.lost(e.seq)
		}
	}
}

// clean takes out what is of no use any more.
func (q *timers) clean() {
	q.soon.clean()
	q.far.clean()
	q.dead = 0
}

// lost is called when an entry is taken out of the queue before its time.
func (t *simTimer) lost(entry uint64) {
	if t.carrier == entry {
		t.carrier = 0
	}
}

// refill moves what is due next from far to soon.
func (q *timers) refill() bool {
	if len(q.far) == 0 {
		return false
	}
	q.until = q.far[0].at + soonIs
	for len(q.far) > 0 && q.far[0].at < q.until {
		q.soon.push(q.far.pop())
	}
	return true
}

// timerHeap is a heap in which every entry has four below it: flatter than one with two, and the four
// are neighbours in memory.
type timerHeap []timerEntry

func (e *timerEntry) before(o *timerEntry) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

func (h *timerHeap) push(e timerEntry) {
	*h = append(*h, e)
	h.up(len(*h)-1, e)
}

func (h timerHeap) up(i int, e timerEntry) {
	for i > 0 {
		above := (i - 1) / 4
		if !e.before(&h[above]) {
			break
		}
		h[i] = h[above]
		i = above
	}
	h[i] = e
}

func (h *timerHeap) pop() timerEntry {
	old := *h
	first, last := old[0], old[len(old)-1]
	old[len(old)-1] = timerEntry{}
	*h = old[:len(old)-1]
	if len(*h) > 0 {
		h.down(0, last)
	}
	return first
}

func (h timerHeap) down(i int, e timerEntry) {
	for {
		least := 4*i + 1
		if least >= len(h) {
			break
		}
		for below := least + 1; below < min(4*i+5, len(h)); below++ {
			if h[below].before(&h[least]) {
				least = below
			}
		}
		if !h[least].before(&e) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}

// clean keeps the entries that are alive.
func (h *timerHeap) clean() {
	kept := (*h)[:0]
	for _, e := range *h {
		if e.alive() {
			kept = append(kept, e)
		} else {
			e.t.lost(e.seq)
		}
	}
	clear((*h)[len(kept):])
	*h = kept
	for i := len(kept)/4 + 1; i >= 0; i-- {
		if i < len(kept) {
			h.down(i, kept[i])
		}
	}
}
