package schedulertest_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

func TestSeedsAtTheSameTimeAreTheSeedsOneAfterAnother(t *testing.T) {
	e := exploration()
	e.First, e.Seeds, e.Twice = 5, 6, false
	e.Parallel = 1
	one := schedulertest.Explore(t, e)
	e.Parallel, e.Twice = 4, true
	four := schedulertest.Explore(t, e)
	require.True(t, four.Twice)
	require.Contains(t, four.String(), "6 seeds, each run twice with the same hash, ")
	four.Twice = false
	require.Equal(t, one, four)
}

// crashed fails for every seed whose script lets a master crash.
func crashed() schedulertest.Exploration {
	e := exploration()
	e.First, e.Seeds, e.Faults, e.Within, e.Twice = 3, 40, 2, time.Minute, false
	e.Kinds = []schedulertest.FaultKind{schedulertest.CrashMaster, schedulertest.DelayAgent, schedulertest.SlowDisk, schedulertest.PauseAgent}
	e.Settled = func(t testing.TB, c *schedulertest.Cluster) {
		if strings.Contains(c.Trace(), "crash: master") {
			t.Error("no master may ever crash")
		}
	}
	return e
}

func TestOfSeveralSeedsThatFailTheFirstIsReported(t *testing.T) {
	e := crashed()
	e.Parallel = 1
	one := explore(t, e)
	require.Contains(t, one, "no master may ever crash")
	e.Parallel = 4
	require.Equal(t, one, explore(t, e))
}

func TestARunThatDoesNotFollowFromItsSeedIsFound(t *testing.T) {
	var runs atomic.Int64
	e := exploration()
	e.Seeds, e.Twice = 2, true
	inner := e.Scenario
	e.Scenario = func(t testing.TB, c *schedulertest.Cluster) {
		c.Advance(time.Duration(runs.Add(1)) * time.Second)
		inner(t, c)
	}
	text := explore(t, e)
	require.Contains(t, text, "makes two different runs")
	require.Contains(t, text, "the traces part here:")
}

func TestARunThatFailsWithoutAWordFails(t *testing.T) {
	for _, fail := range []func(testing.TB){testing.TB.Fail, testing.TB.FailNow} {
		e := exploration()
		e.Seeds, e.Faults, e.Twice = 1, 1, false
		e.Settled = func(t testing.TB, _ *schedulertest.Cluster) { fail(t) }
		require.Contains(t, explore(t, e), "it failed without a word")
	}
}
