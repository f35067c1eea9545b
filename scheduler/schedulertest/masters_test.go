package schedulertest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
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

// What waits for a leader that stands still is handled when it wakes, before it hears that its time is
// over. It must not get into the registry.
func TestADeposedLeaderCanNotWrite(t *testing.T) {
	c, _, f := three(t)
	last := c.Leader()
	was := last.Snapshot().Info.GetId()
	inject(schedulertest.PauseMaster, 30*time.Second)(c)
	c.AddAgent(schedulertest.DefaultResources) // registers with it
	c.Advance(29 * time.Second)
	require.NotSame(t, last, c.Leader())
	require.Equal(t, 3, c.Master().Agents.Len())
	require.True(t, last.Snapshot().Elected, "for all it knows")

	c.Advance(time.Second + time.Millisecond)
	require.Contains(t, c.Trace(), "election: refused: the registry is not for "+was)
	require.False(t, last.Snapshot().Elected)
	c.Advance(20 * time.Minute)
	require.Equal(t, 3, c.Master().Agents.Len())
	require.Equal(t, []mesosproto.TaskState{starting, running}, f.States("task-1"))
	c.CheckSettled()
}

// holder keeps the first offer that it gets.
type holder struct {
	scheduler.Base
	offer *mesosproto.Offer
}

func (h *holder) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		if h.offer == nil {
			h.offer = o
		} else {
			_ = d.Decline([]*mesosproto.OfferID{o.GetId()})
		}
	}
}

func (h *holder) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

// An agent that has not heard yet that another master leads takes what the last one says; the next one
// learns of it from the agent.
func TestWhatADeposedLeaderLaunchesIsKnownToTheNext(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{Masters: 3})
	h := &holder{}
	f := c.Run(scheduler.Config{Framework: info(partitionAware), Scheduler: h})
	c.RunUntil(time.Minute, "an offer", func() bool { return h.offer != nil })
	last := c.Leader()
	const election, agent = 3, 4 // after the masters
	c.Inject(schedulertest.Faults{
		{Kind: schedulertest.PauseMaster, For: 14 * time.Second},
		{At: 5 * time.Second, Kind: schedulertest.CutPair, Target: 2*election + 1, Other: agent, For: time.Minute},
	})
	c.Advance(time.Second)
	task := scheduler.CommandTask("task-0", "server", resources.MustParse("cpus:1;mem:64"))
	task.AgentId = h.offer.GetAgentId()
	require.NoError(t, f.Driver().LaunchTasks([]*mesosproto.OfferID{h.offer.GetId()}, []*mesosproto.TaskInfo{task}))

	c.Advance(13*time.Second + 10*time.Millisecond)
	require.NotSame(t, last, c.Leader())
	require.Equal(t, 0, c.Master().Agents.Len(), "it has not heard")
	require.Len(t, c.Agent(0).Snapshot().Frameworks, 1, "it has got the task, from whom it takes for the leader")
	require.Empty(t, f.States("task-0"))
	f.WaitForState("task-0", running)
	require.Equal(t, []mesosproto.TaskState{starting, running}, f.States("task-0"))
	c.CheckSettled()
}

func TestWithoutAnElectionTasksRunOn(t *testing.T) {
	c, l, f := three(t)
	inject(schedulertest.StopElection, 10*time.Minute)(c)
	c.Advance(time.Minute)
	require.Nil(t, c.Leader())
	c.Advance(8 * time.Minute)
	require.Equal(t, []mesosproto.TaskState{starting, running}, f.States("task-0"), "it has ended, but nobody can say so")
	f.WaitForState("task-0", finished)
	require.Equal(t, []mesosproto.TaskState{starting, running}, f.States("task-1"))
	require.Len(t, l.ids, 1)
	c.Advance(20 * time.Minute)
	c.CheckSettled()
}

// inject is a fault that happens at once.
func inject(kind schedulertest.FaultKind, long time.Duration) func(*schedulertest.Cluster) {
	return func(c *schedulertest.Cluster) { c.Inject(schedulertest.Faults{{Kind: kind, For: long}}) }
}

// withMasters is the exploration with three masters.
func withMasters() schedulertest.Exploration {
	e := exploration()
	e.Config.Masters = 3
	e.Settled = func(t testing.TB, c *schedulertest.Cluster) {
		if c.Leader() == nil {
			t.Error("nobody leads")
		}
	}
	return e
}

func TestTheInvariantsHoldWithThreeMasters(t *testing.T) {
	e := withMasters()
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	requireKnown(t, ran.Reached)
	if ran.Seeds >= 100 {
		for _, kind := range faultsBut(ofExecutors) {
			require.Positive(t, ran.Faults[kind], "%s", kind)
		}
	}
	if ran.Seeds >= 250 {
		forEachCell(func(x schedulertest.Cell) {
			if ofElection(x.Kind) {
				require.Positive(t, ran.Timed[x], "%s at %s", x.Kind, x.Step)
			}
		})
	}
}

func TestTheInvariantsHoldWithThreeMastersUnderEachFaultAlone(t *testing.T) {
	eachAlone(t, withMasters, []schedulertest.FaultKind{
		schedulertest.CrashMaster, schedulertest.PauseMaster, schedulertest.DelayMaster, schedulertest.BreakElectionLink,
		schedulertest.CutElection, schedulertest.CutMaster, schedulertest.CutMasterOut, schedulertest.CutMasterIn,
		schedulertest.CutPair, schedulertest.CutPairOneWay, schedulertest.StopElection,
	})
}

func TestTheSameFaultsMakeTheSameRunWithThreeMasters(t *testing.T) {
	sameRun(t, withMasters())
}
