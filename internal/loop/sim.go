package loop

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Epoch is the time at which every simulation starts.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Instant is a moment of a simulation: nanoseconds since Epoch.
type Instant int64

// endOfTime is later than anything that a simulation reaches.
const endOfTime Instant = math.MaxInt64 / 2

// Time is the moment as a time.
func (i Instant) Time() time.Time { return Epoch.Add(time.Duration(i)) }

// Sim runs any number of loops in one goroutine under one virtual clock.
//
// A step runs one function of one loop. While any loop has functions to run, the seed picks the loop;
// when none has, the clock jumps to the next timer. Not safe for concurrent use: the test's goroutine
// drives it, and functions on the loops run inside Step.
type Sim struct {
	random *rand.Rand
	now    Instant
	timers timers
	seq    uint64 // orders timers that expire at the same instant by when they were set
	ready  []*SimLoop
	next   []func() // run before anything else
	steps  uint64

	// WorkTime says how long a Do takes. Default: random, up to 2 ms.
	WorkTime func(*rand.Rand) time.Duration
	// OnStep, if set, is called before each function with the name of the loop that runs it.
	OnStep func(loop string)
}

// NewSim returns a simulation that has no loops yet, at Epoch.
func NewSim(seed uint64) *Sim {
	return &Sim{
		random:   rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)),
		WorkTime: func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(2 * time.Millisecond))) },
	}
}

// Now is the virtual time.
func (s *Sim) Now() time.Time { return s.now.Time() }

// Instant is the virtual time, too.
func (s *Sim) Instant() Instant { return s.now }

// Rand is the simulation's own source: for delays, faults and the choice of the next loop.
func (s *Sim) Rand() *rand.Rand { return s.random }

// Steps is the number of functions that have run.
func (s *Sim) Steps() uint64 { return s.steps }

// Loop adds a loop. Its random numbers are seeded from the simulation's.
func (s *Sim) Loop(name string) *SimLoop {
	return &SimLoop{sim: s, name: name, random: rand.New(rand.NewPCG(s.random.Uint64(), s.random.Uint64()))}
}

// At runs f outside every loop at virtual time t: for deliveries and faults.
func (s *Sim) At(t time.Time, f func()) (stop func() bool) {
	e := &simTimer{sim: s, f: f, once: true}
	e.set(Instant(t.Sub(Epoch)))
	return e.Stop
}

// After is At, d from now.
func (s *Sim) After(d time.Duration, f func()) (stop func() bool) {
	e := &simTimer{sim: s, f: f, once: true}
	e.Set(d)
	return e.Stop
}

// in is the moment d from now, or now if d is negative.
func (s *Sim) in(d time.Duration) Instant { return s.now + min(Instant(max(d, 0)), endOfTime) }

// Next runs f outside every loop as soon as the function that runs now has returned, before anything
// else: for faults that are not to wait until the loops have nothing left to do.
func (s *Sim) Next(f func()) { s.next = append(s.next, f) }

// Step runs one function, or moves the clock to the next timer and fires it. It reports whether there
// was anything left to do.
func (s *Sim) Step() bool { return s.step(endOfTime) }

func (s *Sim) step(limit Instant) bool {
	if len(s.next) > 0 {
		f := s.next[0]
		s.next[0], s.next = nil, s.next[1:]
		f()
		return true
	}
	if n := len(s.ready); n > 0 {
		i := 0
		if n > 1 {
			i = s.random.IntN(n)
		}
		l := s.ready[i]
		f := l.pop()
		if len(l.queue) == 0 {
			s.ready[i] = s.ready[n-1]
			s.ready[n-1] = nil
			s.ready = s.ready[:n-1]
			l.listed = false
		}
		s.steps++
		if s.OnStep != nil {
			s.OnStep(l.name)
		}
		if f != nil {
			f()
		}
		return true
	}
	e, ok := s.timers.first()
	if !ok || e.at > limit {
		return false
	}
	s.timers.soon.pop()
	s.now = max(s.now, e.at)
	e.t.fire()
	return true
}

// Advance runs everything that happens within the next d, then sets the clock there.
func (s *Sim) Advance(d time.Duration) {
	end := s.in(d)
	for s.step(end) {
	}
	s.now = end
}

// RunUntil steps until cond holds, checking it after every step, for at most limit of virtual time. It
// reports whether cond came to hold.
func (s *Sim) RunUntil(cond func() bool, limit time.Duration) bool {
	end := s.in(limit)
	for !cond() {
		if !s.step(end) {
			return cond()
		}
	}
	return true
}

// Settle runs everything that is due now, without moving the clock.
func (s *Sim) Settle() { s.Advance(0) }

// SimLoop is the Loop of one simulated component.
type SimLoop struct {
	sim    *Sim
	name   string
	random *rand.Rand
	queue  []entry
	head   int
	listed bool // in sim.ready
	paused bool
	dead   bool
	skew   time.Duration
}

var _ Loop = (*SimLoop)(nil)

// entry is what a loop has to run: a function, or that of a timer, unless it is stopped before.
type entry struct {
	f     func()
	timer *simTimer
	seq   uint64 // of the timer's setting
}

// Name is the name that the loop was made with.
func (l *SimLoop) Name() string { return l.name }

// Now is the virtual time plus the loop's skew.
func (l *SimLoop) Now() time.Time { return Epoch.Add(time.Duration(l.sim.now) + l.skew) }

// Rand is the loop's own seeded source.
func (l *SimLoop) Rand() *rand.Rand { return l.random }

// Post queues f.
func (l *SimLoop) Post(f func()) { l.post(entry{f: f}) }

func (l *SimLoop) post(e entry) {
	if l.dead {
		return
	}
	if len(l.queue) == cap(l.queue) && l.head > len(l.queue)/2 { // most of it is free again
		n := copy(l.queue, l.queue[l.head:])
		clear(l.queue[n:])
		l.queue, l.head = l.queue[:n], 0
	}
	l.queue = append(l.queue, e)
	l.list()
}

func (l *SimLoop) list() {
	if !l.listed && !l.paused && len(l.queue) > l.head {
		l.listed = true
		l.sim.ready = append(l.sim.ready, l)
	}
}

func (l *SimLoop) unlist() {
	if !l.listed {
		return
	}
	l.listed = false
	for i, r := range l.sim.ready {
		if r == l {
			l.sim.ready = slices.Delete(l.sim.ready, i, i+1)
			return
		}
	}
}

// pop takes the next function; nil if it is that of a timer which was stopped, or set
// anew, after it had expired.
func (l *SimLoop) pop() func() {
	e := l.queue[l.head]
	l.queue[l.head] = entry{}
	l.head++
	if l.head == len(l.queue) {
		l.queue, l.head = l.queue[:0], 0
	}
	if e.timer != nil {
		return e.timer.take(e.seq)
	}
	return e.f
}

// AfterFunc posts f after d of virtual time.
func (l *SimLoop) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	t := &simTimer{sim: l.sim, loop: l, f: f, once: true}
	t.Set(d)
	return t.Stop
}

// Timer returns a timer of virtual time. Setting it allocates nothing.
func (l *SimLoop) Timer(f func()) Timer { return &simTimer{sim: l.sim, loop: l, f: f} }

// Do runs work at once, inside the call, and posts done after WorkTime.
func (l *SimLoop) Do(work func() error, done func(error)) {
	if l.dead {
		return
	}
	err := work()
	l.AfterFunc(l.sim.WorkTime(l.sim.random), func() { done(err) })
}

// Close ends the loop as a crash does: what is queued and every timer are gone, nothing runs again. Nothing
// holds on to what the timers were for: a process that died may have had much, and timers of a week.
func (l *SimLoop) Close() {
	l.unlist()
	l.dead = true
	l.queue, l.head = nil, 0
	l.sim.timers.clean()
}

// Closed reports whether the loop was closed.
func (l *SimLoop) Closed() bool { return l.dead }

// Pause stops the world of this loop: it runs nothing, while time goes on and work piles up.
func (l *SimLoop) Pause() {
	l.unlist()
	l.paused = true
}

// Paused reports whether the loop stands still.
func (l *SimLoop) Paused() bool { return l.paused }

// Resume ends Pause.
func (l *SimLoop) Resume() {
	l.paused = false
	l.list()
}

// SetSkew sets how far the loop's clock is ahead of the simulation's.
func (l *SimLoop) SetSkew(d time.Duration) { l.skew = d }
