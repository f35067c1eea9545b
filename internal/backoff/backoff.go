// Package backoff computes how long to wait before trying again.
//
// The reference's clients do not wait a fixed time: they wait a random time below a bound that
// doubles with each attempt, so that thousands of agents do not call a new master at once.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Backoff is a growing bound. Its zero value waits not at all. It is owned by one loop.
type Backoff struct {
	// First bounds the first wait; each further bound is Factor (default 2) times the last, up to Max.
	First, Max time.Duration
	Factor     float64

	bound time.Duration
}

// Next returns a random wait in [0, bound) and raises the bound.
func (b *Backoff) Next(r *rand.Rand) time.Duration {
	bound := b.Bound()
	if bound <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(int64(bound)))
}

// Bound returns the present bound and raises it: for waits that are not random.
func (b *Backoff) Bound() time.Duration {
	if b.bound == 0 {
		b.bound = b.First
	}
	now := b.bound
	factor := b.Factor
	if factor == 0 {
		factor = 2
	}
	next := float64(now) * factor
	if b.Max > 0 && next > float64(b.Max) {
		next = float64(b.Max)
	}
	b.bound = time.Duration(next)
	return now
}

// Reset makes the next bound First again.
func (b *Backoff) Reset() { b.bound = 0 }
