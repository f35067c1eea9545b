package schedulertest_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// three is a cluster of three masters and two agents that run a task for a minute and one for long.
func three(t *testing.T) (*schedulertest.Cluster, *launcher, *schedulertest.Framework) {
	c := schedulertest.New(t, schedulertest.Config{Masters: 3, Agents: 2})
	l := &launcher{commands: []string{"sleep 60", "server"}}
	f := c.Run(scheduler.Config{Framework: info(partitionAware), Scheduler: l})
	f.WaitForState("task-0", running)
	f.WaitForState("task-1", running)
	return c, l, f
}

func TestAnotherMasterTakesOver(t *testing.T) {
	const session = 10 * time.Second
	for name, x := range map[string]struct {
		fails  func(*schedulertest.Cluster)
		within time.Duration // another leads
	}{
		"it crashes": {func(c *schedulertest.Cluster) { c.CrashMaster() }, session},
		"it is gone": {func(c *schedulertest.Cluster) { c.Leader().Isolate() }, session},
		"it can't write": {func(c *schedulertest.Cluster) {
			c.Inject(schedulertest.Faults{{Kind: schedulertest.FailRegistry, For: 15 * time.Second}})
			c.AddAgent(schedulertest.DefaultResources) // has to be written
		}, 2 * time.Second},
		"it can't vote":          {inject(schedulertest.CutElection, 15*time.Second), session},
		"it hears nothing":       {inject(schedulertest.CutMasterIn, 5*time.Minute), 2 * session},
		"nobody hears it":        {inject(schedulertest.CutMasterOut, 5*time.Minute), session},
		"it stands still":        {inject(schedulertest.PauseMaster, 30*time.Second), session},
		"it stands still longer": {inject(schedulertest.PauseMaster, 5*time.Minute), session},
	} {
		t.Run(name, func(t *testing.T) {
			c, l, f := three(t)
			last, agents := c.Leader(), 2
			x.fails(c)
			c.RunUntil(x.within+time.Second, "another master to lead", func() bool {
				return c.Leader() != nil && c.Leader() != last
			})
			next := c.Leader()

			f.WaitForState("task-0", finished)
			require.Equal(t, []mesosproto.TaskState{starting, running, finished}, f.States("task-0"))
			c.Advance(20 * time.Minute)
			require.Equal(t, []mesosproto.TaskState{starting, running}, f.States("task-1"))
			require.Same(t, next, c.Leader(), "the old one is back, and waits")
			if name == "it can't write" {
				agents++
			}
			require.Equal(t, agents, c.Master().Agents.Len())
			require.Equal(t, 1, c.Master().Frameworks.Len())
			require.Len(t, l.ids, 1, "it came back as the same framework")
			c.CheckSettled()
		})
	}
}

// inject is a fault that happens at once.
func inject(kind schedulertest.FaultKind, long time.Duration) func(*schedulertest.Cluster) {
	return func(c *schedulertest.Cluster) { c.Inject(schedulertest.Faults{{Kind: kind, For: long}}) }
}

// withMasters is the exploration with three masters.
func withMasters() schedulertest.Exploration {
	e := exploration()
	e.Config.Masters = 3
	return e
}

func TestTheInvariantsHoldWithThreeMasters(t *testing.T) {
	e := withMasters()
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
}

func TestTheSameFaultsMakeTheSameRunWithThreeMasters(t *testing.T) {
	e := withMasters()
	script := schedulertest.RandomFaults(*seed, 20, 10*time.Minute)
	first := schedulertest.Replay(t, e, *seed, script).Hash()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	require.Equal(t, first, schedulertest.Replay(t, e, *seed, script).Hash())
}
