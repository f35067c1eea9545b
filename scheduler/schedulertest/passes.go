package schedulertest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// result is what is kept of a run.
type result struct {
	failure  string // empty: none
	hash     string
	happened map[FaultKind]int
	timed    map[Cell]int
	reached  Reached
	tasks    int
	time     time.Duration
}

// pass runs all seeds once, several at a time, and returns the results in the order of the seeds, up to
// and with the first seed that fails. Seeds are taken in order, so each before that one was run.
func (e Exploration) pass(t testing.TB) []result {
	var (
		mu      sync.Mutex // guards what follows
		next    uint64
		end     = e.Seeds // after the first that failed
		results = make([]result, e.Seeds)
		workers sync.WaitGroup
	)
	take := func() (n uint64, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		n = next
		next++
		return n, n < end
	}
	parallel := e.Parallel
	if parallel == 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	for range min(uint64(parallel), e.Seeds) {
		workers.Go(func() {
			for n, ok := take(); ok; n, ok = take() {
				r := e.once(t, e.First+n)
				mu.Lock()
				results[n] = r
				if r.failure != "" {
					end = min(end, n+1)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return results[:end]
}

// once runs one seed.
func (e Exploration) once(t testing.TB, seed uint64) result {
	r := e.run(t, seed, e.script(seed))
	if r.failure != "" {
		return result{failure: r.failure}
	}
	c := r.cluster
	return result{
		hash: c.Hash(), happened: c.happened, timed: c.timing.hits, reached: c.check.updates.reached,
		tasks: len(c.check.updates.order), time: c.sinceStart(),
	}
}

func (e Exploration) script(seed uint64) Faults {
	if e.Steps {
		return TimedFaults(seed, e.Faults, e.Within, e.Kinds...)
	}
	return RandomFaults(seed, e.Faults, e.Within, e.Kinds...)
}

// again runs all seeds a second time, at another GOMAXPROCS, and fails t if any run is not as it was.
func (e Exploration) again(t testing.TB, first []result) {
	t.Helper()
	n := 1
	if runtime.GOMAXPROCS(0) == 1 {
		n = 2
	}
	before := runtime.GOMAXPROCS(n)
	second := e.pass(t)
	runtime.GOMAXPROCS(before)
	for i, r := range second {
		seed := e.First + uint64(i)
		if r.failure != "" {
			t.Fatalf("seed %d holds at GOMAXPROCS %d and fails at %d: %s", seed, before, n, r.failure)
		}
		if r.hash != first[i].hash {
			a, b := e.run(t, seed, e.script(seed)), e.run(t, seed, e.script(seed))
			t.Fatalf("seed %d makes two different runs, %s and %s: something in them does not follow from the seed alone, such as a goroutine, the real time or the order of a map.\n\n%s",
				seed, first[i].hash, r.hash, difference(a.cluster.Trace(), b.cluster.Trace()))
		}
	}
}

// difference is where two texts part, with a few lines before.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("run twice more, the traces part here:\n%s\n- %s\n+ %s", strings.Join(x[max(0, i-5):i], "\n"), x[i], y[i])
		}
	}
	return "run twice more, the ends of the traces are equal"
}
