package loop

import (
	crand "crypto/rand"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Real is the Loop of a running program: a goroutine with a queue and real timers.
//
// Goroutines: one that runs the posted functions and owns all that they touch; one for each Do under
// way. The queue is unbounded, because Post never blocks; whoever posts on behalf of a peer bounds
// how many of its messages are posted and unhandled.
type Real struct {
	random *rand.Rand // touched by functions on the loop only
	wake   chan struct{}
	done   chan struct{}
	works  sync.WaitGroup
	closed atomic.Bool // set under mu

	mu    sync.Mutex // guards queue
	queue []func()
}

var _ Loop = (*Real)(nil)

// New starts a loop. Close ends it.
func New() *Real {
	var seed [32]byte
	crand.Read(seed[:]) // never fails
	l := &Real{
		random: rand.New(rand.NewChaCha8(seed)),
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
	}
	go l.run()
	return l
}

func (l *Real) run() {
	defer close(l.done)
	var batch []func()
	for range l.wake {
		for {
			l.mu.Lock()
			// The two slices take turns, so a busy loop allocates nothing for its queue.
			batch, l.queue = l.queue, batch[:0]
			l.mu.Unlock()
			if len(batch) == 0 {
				break
			}
			for i, f := range batch {
				batch[i] = nil
				if l.closed.Load() {
					return
				}
				f()
			}
		}
		if l.closed.Load() {
			return
		}
	}
}

// Now is the wall clock.
func (l *Real) Now() time.Time { return time.Now() }

// Rand is seeded from the operating system.
func (l *Real) Rand() *rand.Rand { return l.random }

// Post queues f; after Close it is dropped.
func (l *Real) Post(f func()) {
	l.mu.Lock()
	if l.closed.Load() {
		l.mu.Unlock()
		return
	}
	l.queue = append(l.queue, f)
	first := len(l.queue) == 1
	l.mu.Unlock()
	if first {
		l.signal()
	}
}

func (l *Real) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // a wake-up is already under way
	}
}

// AfterFunc posts f after d of real time.
func (l *Real) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	t := &timer{}
	t.real = time.AfterFunc(d, func() {
		l.Post(func() {
			if t.finish() {
				f()
			}
		})
	})
	return t.stop
}

// timer makes stop exact: between the expiry of the operating system's timer and the moment at which
// the posted function runs, stop must still be able to win.
type timer struct {
	real *time.Timer
	mu   sync.Mutex // guards over: stop may be called from any goroutine
	over bool
}

func (t *timer) finish() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.over
	t.over = true
	return !was
}

func (t *timer) stop() bool {
	won := t.finish()
	t.real.Stop()
	return won
}

// Timer returns a timer of real time.
func (l *Real) Timer(f func()) Timer {
	t := &realTimer{loop: l, f: f}
	t.run = t.expired
	return t
}

// realTimer is touched on the loop only; the operating system's timer posts run.
type realTimer struct {
	loop *Real
	f    func()
	run  func()
	real *time.Timer // nil: it was never set
	at   time.Time
	set  bool
}

func (t *realTimer) Set(d time.Duration) {
	t.at, t.set = time.Now().Add(d), true
	if t.real == nil {
		t.real = time.AfterFunc(d, func() { t.loop.Post(t.run) })
	} else {
		t.real.Reset(d)
	}
}

func (t *realTimer) Stop() bool {
	was := t.set
	t.set = false
	if t.real != nil {
		t.real.Stop()
	}
	return was
}

// expired may have been posted by an earlier setting: if the present one is not due yet, it posts again
// when it is.
func (t *realTimer) expired() {
	if t.set && !time.Now().Before(t.at) {
		t.set = false
		t.f()
	}
}

// Do runs work in a goroutine of its own.
func (l *Real) Do(work func() error, done func(error)) {
	l.mu.Lock()
	if l.closed.Load() {
		l.mu.Unlock()
		return
	}
	l.works.Add(1)
	l.mu.Unlock()
	go func() {
		defer l.works.Done()
		err := work()
		l.Post(func() { done(err) })
	}()
}

// Close ends the loop: the function that is running finishes, what is queued is dropped, and Close
// returns when the goroutine and every work under way have ended, so a core must first cancel what it
// waits for. It may be called twice, and from any goroutine but the loop's own.
func (l *Real) Close() {
	l.mu.Lock()
	l.closed.Store(true)
	l.queue = nil
	l.mu.Unlock()
	l.signal()
	<-l.done
	l.works.Wait()
}
