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

	// Do runs work off the loop, where it may block (disk, network, another program), and then posts
	// done with its error. Two works may overlap and end in any order.
	Do(work func() error, done func(error))
}
