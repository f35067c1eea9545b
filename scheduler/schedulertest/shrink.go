package schedulertest

import (
	"cmp"
	"slices"
	"testing"
	"time"
)

// maxShrinkRuns bounds the runs that a failure costs.
const maxShrinkRuns = 200

// shrink makes a script that fails as short and plain as it can be while it fails in the same way.
func (e Exploration) shrink(t testing.TB, seed uint64, script Faults, r outcome) (Faults, outcome) {
	x := &shrinking{e: e, t: t, seed: seed, script: script, outcome: r}
	x.leaveOut()
	for i := range x.script {
		x.simplify(i)
	}
	x.leaveOut() // what has become the same as another
	// In this order it is the same run: faults of the same time stay in theirs.
	slices.SortStableFunc(x.script, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return x.script, x.outcome
}

// shrinking is the smallest script so far that fails, and how.
type shrinking struct {
	e       Exploration
	t       testing.TB
	seed    uint64
	script  Faults
	outcome outcome
	runs    int
}

// fails takes another script if it fails in the same way.
func (x *shrinking) fails(script Faults) bool {
	if x.runs == maxShrinkRuns {
		return false
	}
	x.runs++
	r := x.e.run(x.t, x.seed, script)
	if r.failure == "" || r.kind != x.outcome.kind {
		return false
	}
	x.script, x.outcome = script, r
	return true
}

// leaveOut leaves out faults: half of them at a time, in the end one by one, until no single one can be.
func (x *shrinking) leaveOut() {
	for size := (len(x.script) + 1) / 2; size > 0 && x.runs < maxShrinkRuns; {
		before := len(x.script)
		for from := 0; from < len(x.script) && x.runs < maxShrinkRuns; {
			if !x.fails(slices.Concat(x.script[:from], x.script[min(from+size, len(x.script)):])) {
				from += size
			}
		}
		if size > 1 || len(x.script) == before {
			size /= 2
		}
	}
}

// simplify makes one fault plainer, one property after the other.
func (x *shrinking) simplify(i int) {
	try := func(change func(f *Fault)) bool {
		f := x.script[i]
		change(&f)
		if f == x.script[i] {
			return false
		}
		script := slices.Clone(x.script)
		script[i] = f
		return x.fails(script)
	}
	if !try(func(f *Fault) { f.Step, f.Moment, f.Skip = "", "", 0 }) {
		try(func(f *Fault) { f.Moment = MomentSent })
		try(func(f *Fault) { f.Skip = 0 })
	}
	x.shorten(x.script[i].For, func(d time.Duration) bool { return try(func(f *Fault) { f.For = d }) })
	x.shorten(x.script[i].By, func(d time.Duration) bool { return try(func(f *Fault) { f.By = d }) })
	for _, to := range []time.Duration{time.Hour, time.Minute, 10 * time.Second, time.Second} {
		if try(func(f *Fault) { f.At = f.At.Truncate(to) }) {
			break
		}
	}
	if !try(func(f *Fault) { f.Target, f.Other = 0, 0 }) {
		try(func(f *Fault) { x.outcome.cluster.count(f) })
	}
	try(func(f *Fault) { f.Notice = Notice{} })
}

// lengths are those that people think in.
var lengths = []time.Duration{
	0, time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
	10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour,
}

// shorten looks for the shortest of lengths that will do instead of d, supposing that then all longer ones
// would. If none will, a rounder time may.
func (x *shrinking) shorten(d time.Duration, do func(time.Duration) bool) {
	sign := time.Duration(1)
	if d < 0 {
		sign = -1
	}
	least, _ := slices.BinarySearch(lengths, sign*d)
	for from, to := 0, least; from < to; {
		if middle := (from + to) / 2; do(sign * lengths[middle]) {
			least, to = middle, middle
		} else {
			from = middle + 1
		}
	}
	if n, _ := slices.BinarySearch(lengths, sign*d); least < n {
		return
	}
	for _, to := range []time.Duration{time.Minute, 10 * time.Second, time.Second} {
		if do(d.Truncate(to)) {
			return
		}
	}
}

// count gives a fault the smallest numbers that mean the same targets.
func (c *Cluster) count(f *Fault) {
	low := func(n int) {
		if n > 0 {
			f.Target %= n
		}
	}
	switch f.Kind.of() {
	case ofAgent:
		low(len(c.agents))
	case ofFramework:
		low(len(c.fws))
	case ofMaster:
		low(2 * len(c.masters))
	case ofNetwork:
		low(2 * len(c.hosts()))
		f.Other %= len(c.hosts())
	}
	if f.Target%2 == 0 && (f.Kind.of() == ofMaster || f.Kind.of() == ofNetwork) {
		f.Target = 0 // whoever leads
	}
}
