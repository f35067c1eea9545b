package framework_test

import (
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

// unheard loses a launch: nobody will tell the framework what became of its tasks unless it asks.
var unheard = schedulertest.Faults{{Kind: schedulertest.LoseCall, Step: schedulertest.StepAccept}}

// Each classic mistake fails the suite within a few seeds, by an invariant of its own: one under this
// script, the others under random faults.
func TestNaiveFrameworksFailTheSuite(t *testing.T) {
	for _, c := range []struct {
		mistake   mistake
		invariant string
		script    schedulertest.Faults // nil: random ones
	}{
		{hoardsOffers, schedulertest.InvariantHoarded, nil},
		{ignoresStale, schedulertest.InvariantStale, nil},
		{forgetsID, schedulertest.InvariantIdentity, nil},
		{neverAsks, schedulertest.InvariantBounded, unheard},
		{letsStick, schedulertest.InvariantStuck, nil},
		{acksBeforeSave, schedulertest.InvariantSaved, nil},
	} {
		t.Run(string(c.mistake), func(t *testing.T) {
			n, violated := uint64(1), ""
			for ; n <= 40 && violated == ""; n++ {
				e := suite(func() subject { return &byHand{mistake: c.mistake} })
				e.First, e.Seeds, e.NoShrink = n, 1, true
				violated = violation(t, func(t testing.TB) {
					if c.script == nil {
						schedulertest.Explore(t, e)
					} else {
						schedulertest.Replay(t, e, n, c.script)
					}
				})
			}
			require.Equal(t, c.invariant, violated)
			t.Logf("after %d seeds", n-1)
		})
	}
	schedulertest.Replay(t, suite(func() subject { return &byHand{} }), 1, unheard)
}

// violation names the first invariant that is found violated; empty if none is.
func violation(t *testing.T, explore func(testing.TB)) string {
	if m := regexp.MustCompile(`invariant violated: ([a-z ]+):`).FindStringSubmatch(schedulertest.Fails(t, explore)); m != nil {
		return m[1]
	}
	return ""
}
