package schedulertest_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// Of a script that fails is left what it takes, at times that a person would choose.
func TestTheFaultsThatAreLeftAreMadePlain(t *testing.T) {
	for _, c := range []struct {
		name   string
		kinds  []schedulertest.FaultKind
		fails  func(c *schedulertest.Cluster) bool
		script []string
	}{
		{"an agent crashes", []schedulertest.FaultKind{schedulertest.CrashAgent, schedulertest.PauseFramework}, func(c *schedulertest.Cluster) bool {
			return strings.Contains(c.Trace(), "crash: agent")
		}, []string{"0s crash agent 0"}},
		{"two machines die", []schedulertest.FaultKind{schedulertest.RebootAgent, schedulertest.DelayAgent}, func(c *schedulertest.Cluster) bool {
			return strings.Count(c.Trace(), "destroyed: agent") > 1
		}, []string{"0s reboot agent 0", "0s reboot agent 1"}},
		{"an agent is given up", []schedulertest.FaultKind{schedulertest.CutAgent, schedulertest.SlowDisk}, func(c *schedulertest.Cluster) bool {
			return c.Reached().Changes[schedulertest.Change{From: running, To: unreachable}] > 0
		}, []string{"0s cut agent 0 for 2m0s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := exploration()
			e.First, e.Seeds, e.Kinds = 1, 10, c.kinds
			var runs atomic.Int64
			e.Settled = func(t testing.TB, x *schedulertest.Cluster) {
				runs.Add(1)
				if c.fails(x) {
					t.Error("as it should")
				}
			}
			require.Equal(t, c.script, script(explore(t, e)))
			require.Less(t, runs.Load(), int64(10+1+200), "the seeds, the one that fails again, and what it takes to shrink that")
		})
	}
}
