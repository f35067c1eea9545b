package schedulertest

import (
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// Exploration runs one scenario under many random fault scripts.
//
// Several seeds run at the same time, each in a cluster of its own: what its functions share between
// clusters has to be safe for that, unless Parallel is 1.
type Exploration struct {
	// Config of each cluster. Its seed is replaced.
	Config Config
	// Scenario starts the frameworks. It may advance the cluster, before any fault.
	Scenario func(t testing.TB, c *Cluster)
	// Settled, if set, checks what the scenario wants, after the last fault is over and everything had
	// time to settle.
	Settled func(t testing.TB, c *Cluster)

	// First is the first seed, Seeds how many. Defaults 1 and 100.
	First, Seeds uint64
	// Faults is how many there are in a run, within Within. Defaults 10, 10 minutes.
	Faults int
	Within time.Duration
	// Kinds are those that may happen. Default: all.
	Kinds []FaultKind
	// Steps lets every second fault wait for a step of the path: TimedFaults instead of RandomFaults.
	Steps bool
	// Settle is how long the cluster has from the end of the last fault until all is well. Default 40
	// minutes: that is several times the longest retry of any part.
	Settle time.Duration
	// Parallel is how many seeds run at a time. Default GOMAXPROCS.
	Parallel int
	// Twice runs each seed a second time, at another GOMAXPROCS, and compares the runs.
	Twice bool
	// NoShrink leaves a script that fails as it is.
	NoShrink bool
}

// Explored says what an exploration did.
type Explored struct {
	Seeds  int
	Twice  bool // each seed ran twice, and both runs were the same
	Faults map[FaultKind]int
	Timed  map[Cell]int // faults that hit the step that they had waited for
	Tasks  int
	Time   time.Duration // virtual
	Reached
}

// String is a line for logs.
func (e Explored) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d seeds, ", e.Seeds)
	if e.Twice {
		b.WriteString("each run twice with the same hash, ")
	}
	fmt.Fprintf(&b, "%d tasks, %v of virtual time; faults:", e.Tasks, e.Time.Round(time.Second))
	for _, kind := range slices.Sorted(maps.Keys(e.Faults)) {
		fmt.Fprintf(&b, " %s %d,", kind, e.Faults[kind])
	}
	return strings.TrimSuffix(b.String(), ",")
}

// Explore runs the scenario with each seed: cluster, faults and scenario all follow from it. Invariants
// are checked all the time; when the faults are over and the cluster has settled, also that nothing is
// stuck ([Cluster.CheckSettled]). At the first seed that fails, the script of faults is made as short and
// plain as it can be while it fails in the same way; seed, script, failure and the end of the trace are
// printed.
func Explore(t testing.TB, e Exploration) Explored {
	t.Helper()
	e.check(t)
	e = e.filled()
	sum := Explored{Faults: map[FaultKind]int{}, Timed: map[Cell]int{}}
	results := e.pass(t)
	for i, r := range results {
		sum.Seeds++
		if r.failure != "" {
			e.fail(t, e.First+uint64(i), sum.Seeds, r.failure)
		}
		for kind, n := range r.happened {
			sum.Faults[kind] += n
		}
		for cell, n := range r.timed {
			sum.Timed[cell] += n
		}
		sum.Add(r.reached)
		sum.Tasks += r.tasks
		sum.Time += r.time
	}
	if e.Twice {
		e.again(t, results)
		sum.Twice = true
	}
	return sum
}

// fail tells of a seed that fails, after it has made its script as short as it can be.
func (e Exploration) fail(t testing.TB, seed uint64, after int, first string) {
	t.Helper()
	script := e.script(seed)
	r := e.run(t, seed, script)
	if r.failure == "" {
		t.Fatalf("seed %d fails, but not a second time: something in the run does not follow from the seed alone, such as a goroutine, the real time or the order of a map.\nThe first time: %s",
			seed, first)
	}
	if !e.NoShrink {
		script, r = e.shrink(t, seed, script, r)
	}
	if len(script) == 0 {
		t.Fatalf("seed %d fails after %d seeds, without any fault: %s\n\nthe end of the trace:\n%s", seed, after, r.failure, r.cluster.trace.tail(200))
	}
	t.Fatalf("seed %d fails after %d seeds: %s\n\nfaults:\n%s\nto repeat it: schedulertest.Replay(t, exploration, %d, %s)\n\nthe end of the trace:\n%s",
		seed, after, r.failure, script, seed, script.Go(), r.cluster.trace.tail(200))
}

// Replay runs the scenario with one seed and one script, as Explore does. If that fails it ends the test,
// with the whole trace that is kept; else it returns the cluster as it is at the end.
func Replay(t testing.TB, e Exploration, seed uint64, script Faults) *Cluster {
	t.Helper()
	e.check(t)
	r := e.filled().run(t, seed, script)
	if r.failure != "" {
		t.Fatalf("seed %d: %s\n\nthe end of the trace:\n%s", seed, r.failure, r.cluster.Trace())
	}
	return r.cluster
}

// check fails t if the exploration can't be meant.
func (e Exploration) check(t testing.TB) {
	t.Helper()
	if e.Scenario == nil {
		t.Fatalf("an Exploration needs a Scenario, which starts the frameworks")
	}
	for _, kind := range e.Kinds {
		if !slices.Contains(allFaults, kind) {
			t.Fatalf("there is no kind of fault %q; AllFaults lists them", kind)
		}
	}
}

func (e Exploration) filled() Exploration {
	if e.First == 0 {
		e.First = 1
	}
	if e.Seeds == 0 {
		e.Seeds = 100
	}
	if e.Faults == 0 {
		e.Faults = 10
	}
	if e.Within == 0 {
		e.Within = 10 * time.Minute
	}
	if e.Settle == 0 {
		e.Settle = 40 * time.Minute
	}
	return e
}

// outcome is what came of one run.
type outcome struct {
	cluster *Cluster
	failure string // empty: none
	kind    string // of failure; what shrinking has to keep
}

func (e Exploration) run(t testing.TB, seed uint64, script Faults) (out outcome) {
	p := &probe{TB: t}
	p.run(func() {
		cfg := e.Config
		cfg.Seed = seed
		out.cluster = New(p, cfg)
		c := out.cluster
		e.Scenario(p, c)
		over := c.Inject(script)
		c.Advance(over.Sub(c.Now()))
		c.Advance(e.Settle)
		c.CheckSettled()
		if e.Settled != nil {
			e.Settled(p, c)
		}
	}, func(x any) { p.note(fmt.Sprintf("panic: %v\n%s", x, debug.Stack())) })
	if out.failure = p.text(); out.failure != "" {
		out.kind = "failed"
		if c := out.cluster; c != nil && len(c.check.found) > 0 {
			out.kind = c.check.found[0].Invariant
		}
	}
	return out
}
