package loop

import (
	"math/rand/v2"
	"time"
)

// Loop runs the functions of one component, one at a time.
type Loop interface {
	// Now is the loop's time: the wall clock, or the simulation's.
	Now() time.Time

	// Rand is the source for ids, jitter and shuffles; seeded in a simulation. It may be used only
	// on the loop.
	Rand() *rand.Rand

	// Post runs f on the loop, after everything posted before. It never blocks.
	Post(f func())

	// AfterFunc posts f after d (at once if d <= 0). stop prevents f from running and reports whether
	// it did so; called on the loop it is exact: f does not run after stop has returned, whether or
	// not the timer had expired.
	AfterFunc(d time.Duration, f func()) (stop func() bool)

	// Timer returns a timer that posts f when it expires; it is not set. For what is set again and
	// again: AfterFunc makes a timer each time.
	Timer(f func()) Timer

	// Do runs work off the loop, where it may block (disk, network, another program), and then posts
	// done with its error. Two works may overlap and end in any order.
	Do(work func() error, done func(error))
}

// Timer is a timer of a [Loop]. Its methods may be called only on the loop.
type Timer interface {
	// Set lets the timer expire after d (at once if d <= 0), and at no other time that it was set for
	// before and has not run yet.
	Set(d time.Duration)
	// Stop prevents f from running until the next Set, whether or not the timer has expired, and reports
	// whether it did so.
	Stop() bool
}
