package loop

import "time"

// simTimer is what happens at a time: on a loop, or outside all of them.
type simTimer struct {
	sim    *Sim
	loop   *SimLoop // nil: outside
	f      func()   // nil: stopped, or over
	queued bool     // in sim.timers
	alarm  bool     // f stays: it may be set again
}

func (t *simTimer) stop() bool {
	if t.f == nil {
		return false
	}
	t.f = nil
	if t.queued {
		t.sim.timers.stopped++
	}
	return true
}

// fire is called when the time has come.
func (t *simTimer) fire() {
	t.queued = false
	switch {
	case t.loop != nil:
		t.loop.post(entry{timer: t})
	case t.alarm:
		t.f()
	default:
		t.take()()
	}
}

// take returns the function and makes the timer one that is over; nil if it was stopped.
func (t *simTimer) take() func() {
	f := t.f
	t.f = nil
	return f
}

// Alarm calls a function outside every loop, whenever it is set: for what happens often, such as
// deliveries, since setting it allocates nothing.
type Alarm struct{ t simTimer }

// Alarm returns an alarm that is not set.
func (s *Sim) Alarm(f func()) *Alarm { return &Alarm{simTimer{sim: s, f: f, alarm: true}} }

// Set lets the alarm go off at a virtual time. It must not be set already.
func (a *Alarm) Set(at Instant) {
	if a.t.queued {
		panic("loop: the alarm is set already")
	}
	a.t.sim.set(&a.t, at)
}

// timers is a queue by time, then by when each was set. What is due soon is kept apart from the many
// time-outs that are far away, in a small heap, because most of what is set is due soon.
type timers struct {
	soon, far timerHeap
	until     Instant // soon has all that is due before
	stopped   int     // how many in both were stopped
}

// soonIs is a little longer than a message takes.
const soonIs = Instant(500 * time.Microsecond)

type timerEntry struct {
	at  Instant
	seq uint64
	t   *simTimer
}

func (q *timers) push(e timerEntry) {
	if e.at < q.until {
		q.soon.push(e)
		return
	}
	q.far.push(e)
}

// first returns the earliest that was not stopped; ok is false if there is none.
func (q *timers) first() (e timerEntry, ok bool) {
	if q.stopped > 64 && q.stopped > (len(q.soon)+len(q.far))/2 {
		q.soon.clean()
		q.far.clean()
		q.stopped = 0
	}
	for {
		if len(q.soon) == 0 && !q.refill() {
			return e, false
		}
		if e = q.soon[0]; e.t.f != nil {
			return e, true
		}
		q.soon.pop()
		q.stopped--
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

// clean takes out what was stopped.
func (h *timerHeap) clean() {
	kept := (*h)[:0]
	for _, e := range *h {
		if e.t.f != nil {
			kept = append(kept, e)
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
