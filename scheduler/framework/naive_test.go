package framework_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// A framework by hand that makes none of the mistakes stands the suite as this package's does, so it is
// the mistake that each of the following fails by.
func TestACarefulFrameworkByHandStandsTheSuite(t *testing.T) {
	e := suite(func() subject { return &byHand{} })
	e.First, e.Seeds = *seed, max(*seeds/4, 1)
	t.Log(schedulertest.Explore(t, e))
}

// Each classic mistake fails the suite within a few seeds, by an invariant of its own.
func TestNaiveFrameworksFailTheSuite(t *testing.T) {
	for _, c := range []struct {
		mistake   mistake
		invariant string
		kinds     []schedulertest.FaultKind // none: all
	}{
		{hoardsOffers, schedulertest.InvariantHoarded, nil},
		{ignoresStale, schedulertest.InvariantStale, nil},
		{forgetsID, schedulertest.InvariantIdentity, nil},
		// What agents and masters forget with their disks it does not hear either, but that breaks truth.
		{neverAsks, schedulertest.InvariantBounded, []schedulertest.FaultKind{
			schedulertest.LoseCall, schedulertest.LoseAnswer, schedulertest.BreakFrameworkLink, schedulertest.BreakAgentLink,
			schedulertest.CrashMaster, schedulertest.CrashFramework,
		}},
		{letsStick, schedulertest.InvariantStuck, nil},
		{acksBeforeSave, schedulertest.InvariantSaved, nil},
	} {
		t.Run(string(c.mistake), func(t *testing.T) {
			n, violated := uint64(1), ""
			for ; n <= 40 && violated == ""; n++ {
				e := suite(func() subject { return &byHand{mistake: c.mistake} })
				e.First, e.Seeds, e.NoShrink, e.Kinds = n, 1, true, c.kinds
				violated = violation(t, e)
			}
			require.Equal(t, c.invariant, violated)
			t.Logf("after %d seeds", n-1)
		})
	}
}

// violation names the first invariant that an exploration finds violated; empty if it finds none.
func violation(t *testing.T, e schedulertest.Exploration) string {
	f := &failure{TB: t}
	func() {
		defer func() {
			if x := recover(); x != nil && x != any(f) {
				panic(x)
			}
		}()
		schedulertest.Explore(f, e)
	}()
	if m := regexp.MustCompile(`invariant violated: ([a-z ]+):`).FindStringSubmatch(f.text); m != nil {
		return m[1]
	}
	return ""
}

// failure is a testing.TB that takes the failure of an exploration.
type failure struct {
	testing.TB
	text string
}

func (f *failure) Helper() {}

func (f *failure) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}
