// Package driver is what scheduler.Driver and executor.Driver have in common: the life of a core and of
// the loops that it and its owner's callbacks run on.
//
// A driver is a handle. Its methods are called from any goroutine, also before the core exists and after
// it has ended; the core, which decides everything else, is touched only on its loop. [Life] holds what
// the two share, and the only lock and goroutine of a driver:
//
//	made ── Start ──▶ started ── Halt: the core is told how ──▶ Finished, the core's last word ──▶ ended
//	  └──── Halt ──────────────────────────────────────────────────────────────────────────────▶ ended
package driver

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/loop"
)

// Life is the life of a driver with a core of type C. Make it with [New]. Its methods are safe for
// concurrent use and, but for Join, in callbacks.
type Life[C any] struct {
	loops  atomic.Pointer[loops] // nil before Start
	halted atomic.Bool           // no further callback begins
	done   chan struct{}
	err    error // written before done is closed

	mu      sync.Mutex // guards started and ended
	started bool
	ended   bool
	core    C // written once, by Start, before loops
}

// loops are the two that a driver runs on, and the goroutines to end after it.
type loops struct {
	core, callbacks loop.Loop
	owned           []*loop.Real
}

// New returns the life of a driver that has not started.
func New[C any]() *Life[C] { return &Life[C]{done: make(chan struct{})} }

// Start makes the core and runs start with it, on its loop. core and callbacks are the loops to use; if
// core is nil, the driver gets two of its own, which end with it. constructor is what an error tells to
// call for another driver.
//
// Errors: FailedPrecondition if the driver was started or stopped before.
func (l *Life[C]) Start(core, callbacks loop.Loop, constructor string, create func(core, callbacks loop.Loop) C, start func(C)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return status.Errorf(codes.FailedPrecondition, "the driver was stopped; make a new one with %s", constructor)
	case l.started:
		return status.Error(codes.FailedPrecondition, "the driver was started already")
	}
	l.started = true
	on := &loops{core: core, callbacks: callbacks}
	if core == nil {
		core, callbacks := loop.New(), loop.New()
		on = &loops{core: core, callbacks: callbacks, owned: []*loop.Real{callbacks, core}}
	}
	l.core = create(on.core, on.callbacks)
	l.loops.Store(on)
	on.core.Post(func() { start(l.core) })
	return nil
}

// Halt ends the driver: no callback begins any more. A core is told how, on its loop, each time; it calls
// Finished when it is through. A driver without one has ended.
func (l *Life[C]) Halt(how func(C)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halted.Store(true)
	if l.started {
		l.loops.Load().core.Post(func() { how(l.core) })
	} else if !l.ended {
		l.ended = true
		close(l.done)
	}
}

// Finished is the core's last word, once. Loops can't be closed from their own goroutines.
func (l *Life[C]) Finished(err error) {
	l.halted.Store(true)
	end := func() {
		l.mu.Lock()
		l.ended = true
		l.mu.Unlock()
		l.err = err
		close(l.done)
	}
	owned := l.loops.Load().owned
	if len(owned) == 0 {
		end()
		return
	}
	go func() {
		for _, l := range owned {
			l.Close()
		}
		end()
	}()
}

// Halted reports whether the driver was told to end, or has ended.
func (l *Life[C]) Halted() bool { return l.halted.Load() }

// Post runs f on the core's loop. It reports false, and does nothing, before Start.
func (l *Life[C]) Post(f func(C)) bool {
	on := l.loops.Load()
	if on == nil {
		return false
	}
	on.core.Post(func() { f(l.core) })
	return true
}

// Join waits until the driver has ended and returns what the core gave to Finished; nil without a core.
func (l *Life[C]) Join() error {
	<-l.done
	return l.err
}

// Done is closed when the driver has ended.
func (l *Life[C]) Done() <-chan struct{} { return l.done }

// Err is nil while the driver has not ended, and then what Join returns.
func (l *Life[C]) Err() error {
	select {
	case <-l.done:
		return l.err
	default:
		return nil
	}
}

// Now is the time of the callbacks' loop; the wall clock before Start.
func (l *Life[C]) Now() time.Time {
	if on := l.loops.Load(); on != nil {
		return on.callbacks.Now()
	}
	return time.Now()
}

// AfterFunc runs f on the callbacks' loop after wait, unless the driver was told to end. Before Start it
// does nothing.
func (l *Life[C]) AfterFunc(wait time.Duration, f func()) (stop func() bool) {
	on := l.loops.Load()
	if on == nil {
		return func() bool { return false }
	}
	return on.callbacks.AfterFunc(wait, func() {
		if !l.halted.Load() {
			f()
		}
	})
}

// Rand is that of the callbacks' loop, to be used on it; nil before Start.
func (l *Life[C]) Rand() *rand.Rand {
	if on := l.loops.Load(); on != nil {
		return on.callbacks.Rand()
	}
	return nil
}
