package framework_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

var (
	seeds = flag.Uint64("framework.seeds", 40, "how many random fault scripts to run")
	seed  = flag.Uint64("framework.seed", 1, "the first of them")
)

func TestTheFrameworkStandsWhateverFails(t *testing.T) {
	e := suite(func() subject { return &right{} })
	e.First, e.Seeds, e.Twice = *seed, *seeds, true
	if testing.Short() {
		e.Seeds = min(e.Seeds, 20)
	}
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	if ran.Seeds >= 100 {
		for _, kind := range schedulertest.AllFaults() {
			require.Positive(t, ran.Faults[kind], "%s", kind)
		}
	}
}

func TestTheFrameworkStandsUnderEachFaultAlone(t *testing.T) {
	for _, kind := range schedulertest.AllFaults() {
		e := suite(func() subject { return &right{} })
		e.Seeds, e.Kinds = 1, []schedulertest.FaultKind{kind}
		t.Run(string(kind), func(t *testing.T) { schedulertest.Explore(t, e) })
	}
}
