package schedulertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// explore returns how an exploration fails; empty if it does not.
func explore(t *testing.T, e schedulertest.Exploration) string {
	return schedulertest.Fails(t, func(t testing.TB) { schedulertest.Explore(t, e) })
}

// script is the part of a failure that lists the faults.
func script(text string) []string {
	_, text, _ = strings.Cut(text, "faults:\n")
	text, _, _ = strings.Cut(text, "\nto repeat it:")
	return strings.Split(strings.TrimSpace(text), "\n")
}

// unasking is a framework that never asks: what it was not told it does not know.
type unasking struct{ *careful }

func (f unasking) Registered(*scheduler.Driver, *mesosproto.FrameworkID, *mesosproto.MasterInfo) {}
func (f unasking) Reregistered(*scheduler.Driver, *mesosproto.MasterInfo)                        {}

func TestAFrameworkThatNeverReconcilesIsCaughtByLostCalls(t *testing.T) {
	e := exploration()
	e.First, e.Seeds, e.Faults = 1, 50, 60
	e.Kinds = []schedulertest.FaultKind{schedulertest.LoseCall, schedulertest.DelayAgent, schedulertest.SkewAgent}
	e.Scenario = func(_ testing.TB, c *schedulertest.Cluster) {
		begin := process("task", 4, partitionAware)
		c.RunProcess(func(disk bool) scheduler.Config {
			cfg := begin(disk)
			cfg.Scheduler = unasking{cfg.Scheduler.(*careful)}
			return cfg
		})
	}
	text := explore(t, e)
	require.Contains(t, text, schedulertest.InvariantBounded+":")
	require.Equal(t, []string{"0s lose call 0"}, script(text), "other faults and times have nothing to do with it")
	require.Contains(t, text, "schedulertest.Faults{", "it can be repeated")
}

// Conditions of the test itself are explored in the same way.
func TestWhatTheScenarioWantsIsShrunkLikeAnInvariant(t *testing.T) {
	e := exploration()
	e.First, e.Seeds, e.Within = 3, 20, time.Minute
	e.Kinds = []schedulertest.FaultKind{schedulertest.CrashAgent, schedulertest.DelayFramework}
	e.Settled = func(t testing.TB, c *schedulertest.Cluster) {
		if strings.Contains(c.Trace(), "crash: agent") {
			t.Error("no agent may ever crash")
		}
	}
	text := explore(t, e)
	require.Contains(t, text, "no agent may ever crash")
	require.Len(t, script(text), 1)
	require.Contains(t, script(text)[0], string(schedulertest.CrashAgent))
}

// A framework that panics fails like one that violates an invariant: with its seed and a short script.
func TestAPanicIsAFailureOfItsSeed(t *testing.T) {
	e := exploration()
	e.First, e.Seeds, e.Kinds = 1, 3, []schedulertest.FaultKind{schedulertest.CrashAgent, schedulertest.RebootAgent, schedulertest.DelayAgent}
	e.Scenario = func(_ testing.TB, c *schedulertest.Cluster) {
		c.Run(scheduler.Config{Framework: info(), Scheduler: panicking{&launcher{commands: []string{"server"}}}})
	}
	text := explore(t, e)
	require.Contains(t, text, "panic: an agent is lost, and so am I")
	require.Contains(t, text, "AgentLost")
	require.Contains(t, text, "to repeat it: schedulertest.Replay(t, exploration, ")
	require.NotEmpty(t, script(text))
}

type panicking struct{ *launcher }

func (panicking) AgentLost(*scheduler.Driver, *mesosproto.AgentID) {
	panic("an agent is lost, and so am I")
}

func TestAnExplorationThatCanNotBeMeantIsRefused(t *testing.T) {
	e := exploration()
	e.Kinds = []schedulertest.FaultKind{"nonsense"}
	require.Contains(t, explore(t, e), `there is no kind of fault "nonsense"`)
	e.Kinds, e.Scenario = nil, nil
	require.Contains(t, explore(t, e), "needs a Scenario")
}

func TestAScriptAsGo(t *testing.T) {
	require.Equal(t, `schedulertest.Faults{
	{At: 7 * time.Second, Kind: "reset agent", Target: 2, For: 1500 * time.Microsecond},
	{At: 0, Kind: "break agent link", Step: "launch", Moment: "handled", Skip: 1, Target: 0, Notice: schedulertest.Notice{Client: schedulertest.Never, Server: 0}},
	{At: 7, Kind: "cut pair", Target: 1, Other: 3, By: -3600 * time.Second},
}`, schedulertest.Faults{
		{At: 7 * time.Second, Kind: schedulertest.ResetAgent, Target: 2, For: 1500 * time.Microsecond},
		{Kind: schedulertest.BreakAgentLink, Step: schedulertest.StepLaunch, Moment: schedulertest.MomentHandled, Skip: 1, Notice: schedulertest.Notice{Client: schedulertest.Never}},
		{At: 7, Kind: schedulertest.CutPair, Target: 1, Other: 3, By: -time.Hour},
	}.Go())
}

// What can do nothing is not counted: a framework that can't be started again is not crashed, and a single
// master needs no election.
func TestFaultsThatDoNothingAreNotCounted(t *testing.T) {
	e := exploration()
	e.First, e.Seeds, e.Kinds = 1, 2, []schedulertest.FaultKind{schedulertest.CrashFramework, schedulertest.StopElection, schedulertest.CrashExecutor, schedulertest.CrashAgent}
	e.Scenario = func(_ testing.TB, c *schedulertest.Cluster) {
		c.Run(scheduler.Config{Framework: info(), Scheduler: &launcher{}})
	}
	ran := schedulertest.Explore(t, e)
	require.Positive(t, ran.Faults[schedulertest.CrashAgent])
	for _, kind := range e.Kinds[:3] {
		require.Zero(t, ran.Faults[kind], "%s", kind)
	}
	for cell := range ran.Timed {
		require.Equal(t, schedulertest.CrashAgent, cell.Kind)
	}
}

// A run that is skipped has shown nothing, so its seed does not hold.
func TestASeedCanNotBeSkipped(t *testing.T) {
	e := exploration()
	e.First, e.Seeds, e.NoShrink = 1, 2, true
	for name, skip := range map[string]func(testing.TB){
		"Skip":    func(t testing.TB) { t.Skip("not today") },
		"Skipf":   func(t testing.TB) { t.Skipf("not %s", "today") },
		"SkipNow": func(t testing.TB) { t.SkipNow() },
	} {
		e.Settled = func(t testing.TB, _ *schedulertest.Cluster) { skip(t) }
		require.Contains(t, explore(t, e), "seed 1 fails", name)
	}
}
