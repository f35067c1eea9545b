package schedulertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// struck runs one task while one fault waits, and returns the trace from the fault on, and before it.
func struck(t *testing.T, f schedulertest.Fault) (before, after string) {
	c := schedulertest.New(t, schedulertest.Config{})
	c.Inject(schedulertest.Faults{f})
	c.RunProcess(func(bool) scheduler.Config {
		return scheduler.Config{Framework: info(partitionAware), Scheduler: &launcher{commands: []string{"sleep 10"}}}
	})
	c.Advance(time.Minute)
	before, after, found := strings.Cut(c.Trace(), "fault: ")
	require.True(t, found, "%s", c.Trace())
	return before, after
}

func TestAFaultHappensAtItsMomentOfAMessagesWay(t *testing.T) {
	for _, test := range []struct {
		moment  schedulertest.Moment
		arrives bool
	}{
		{schedulertest.MomentSent, false},
		{schedulertest.MomentUnderWay, false},
		{schedulertest.MomentArriving, false},
		{schedulertest.MomentHandled, true},
	} {
		before, after := struck(t, schedulertest.Fault{Kind: schedulertest.BreakAgentLink, Step: schedulertest.StepLaunch, Moment: test.moment})
		require.Contains(t, before, "ACCEPT", test.moment)
		if test.arrives {
			require.Contains(t, before, "RunTask task", "%q", test.moment)
		} else {
			require.NotContains(t, before+after[strings.Index(after, "\n"):], "RunTask task", "%q: it is lost with its connection", test.moment)
		}
	}
}

func TestAFaultHitsTheStepItWaitsFor(t *testing.T) {
	for _, test := range []struct {
		fault  schedulertest.Fault
		during string
	}{
		{schedulertest.Fault{Kind: schedulertest.CrashAgent, Step: schedulertest.StepRegister}, "RegisterSlave"},
		{schedulertest.Fault{Kind: schedulertest.CrashMaster, Step: schedulertest.StepRegister, Skip: 3}, "registry"},
		{schedulertest.Fault{Kind: schedulertest.CrashFramework, Step: schedulertest.StepRegister}, "SUBSCRIBE"},
		{schedulertest.Fault{Kind: schedulertest.CrashFramework, Step: schedulertest.StepRegister, Skip: 1}, "SUBSCRIBED"},
		{schedulertest.Fault{Kind: schedulertest.CrashAgent, Step: schedulertest.StepOffer}, "OFFERS"},
		{schedulertest.Fault{Kind: schedulertest.PauseMaster, Step: schedulertest.StepAccept}, "ACCEPT"},
		{schedulertest.Fault{Kind: schedulertest.LoseCall, Step: schedulertest.StepAccept}, "ACCEPT"},
		{schedulertest.Fault{Kind: schedulertest.LoseFramework, Step: schedulertest.StepLaunch}, "RunTask"},
		{schedulertest.Fault{Kind: schedulertest.FailDisk, Step: schedulertest.StepLaunch, Skip: 1}, "checkpoint"},
		{schedulertest.Fault{Kind: schedulertest.RebootAgent, Step: schedulertest.StepLaunch, Skip: 2}, "container"},
		{schedulertest.Fault{Kind: schedulertest.CrashAgent, Step: schedulertest.StepUpdate}, "checkpoint"},
		{schedulertest.Fault{Kind: schedulertest.CrashAgent, Step: schedulertest.StepUpdate, Skip: 1}, "StatusUpdate"},
		{schedulertest.Fault{Kind: schedulertest.PauseFramework, Step: schedulertest.StepUpdate, Skip: 2}, "UPDATE"},
		{schedulertest.Fault{Kind: schedulertest.LoseAnswer, Step: schedulertest.StepAcknowledge}, "ACKNOWLEDGE"},
		{schedulertest.Fault{Kind: schedulertest.SlowDisk, Step: schedulertest.StepAcknowledge, Skip: 1}, "StatusUpdateAcknowledgement"},
		{schedulertest.Fault{Kind: schedulertest.CrashAgent, Step: schedulertest.StepAcknowledge, Skip: 2}, "checkpoint"},
	} {
		_, after := struck(t, test.fault)
		line, _, _ := strings.Cut(after, "\n")
		require.Contains(t, line, "("+test.during, "%v", test.fault)
	}
}

// A write of the registry has its moments, be it on the master's own disk or on the other side of a
// network: the master that stands still there knows the agent that was to be admitted, or not.
func TestAFaultHappensAtItsMomentOfTheRegistrysWrite(t *testing.T) {
	for _, masters := range []int{1, 3} {
		for moment, known := range map[schedulertest.Moment]int{
			schedulertest.MomentSent: 0, schedulertest.MomentUnderWay: 0, schedulertest.MomentArriving: 0, schedulertest.MomentHandled: 1,
		} {
			c := schedulertest.New(t, schedulertest.Config{Masters: masters, Agents: -1})
			c.RunUntil(time.Minute, "a leader", func() bool { return c.Leader() != nil })
			leader := c.Leader()
			c.AddAgent(schedulertest.DefaultResources)
			c.Inject(schedulertest.Faults{{Kind: schedulertest.PauseMaster, Step: schedulertest.StepRegister, Moment: moment, Skip: 1, For: time.Hour}})
			c.Advance(8 * time.Second)
			require.Contains(t, c.Trace(), "(registry)", "%d masters, %q", masters, moment)
			require.Equal(t, known, leader.Snapshot().Agents.Len(), "%d masters, %q", masters, moment)
		}
	}
}

func TestALostCallIsTheOneThatWasWaitedFor(t *testing.T) {
	before, after := struck(t, schedulertest.Fault{Kind: schedulertest.LoseCall, Step: schedulertest.StepAccept})
	require.Contains(t, before, "OFFERS")
	require.NotContains(t, before, "ACCEPT")
	require.NotContains(t, after[strings.Index(after, "\n"):], "RunTask task", "nobody else asks for it")
}

// What is recorded can be lost before it is on the disk, and after, when nobody knows that it is.
func TestAnAgentCanCrashOnEitherSideOfAWrite(t *testing.T) {
	for _, moment := range []schedulertest.Moment{schedulertest.MomentSent, schedulertest.MomentUnderWay, schedulertest.MomentArriving, schedulertest.MomentHandled} {
		_, after := struck(t, schedulertest.Fault{
			Kind: schedulertest.CrashAgent, Step: schedulertest.StepLaunch, Skip: 1, Moment: moment, For: time.Second,
		})
		if moment == schedulertest.MomentSent {
			require.NotContains(t, after, "RUNNING", "the agent does not remember the task")
			require.Contains(t, after, "DROPPED")
		}
		require.NotContains(t, after, "VIOLATED", "%q", moment)
	}
}

func TestAFaultDoesNotWaitForever(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	over := c.Inject(schedulertest.Faults{{At: time.Minute, Kind: schedulertest.CrashMaster, Step: schedulertest.StepLaunch, For: time.Second}})
	require.Equal(t, c.Now().Add(time.Minute+5*time.Minute+time.Second), over)
	c.Advance(6*time.Minute - time.Second)
	require.NotContains(t, c.Trace(), "fault:", "there is no framework that could launch anything")
	c.Advance(2 * time.Second)
	require.Contains(t, c.Trace(), "fault: 1m0s crash master")
}

func TestEveryKindWaitsForEveryStepInTurn(t *testing.T) {
	seen := map[schedulertest.Cell]bool{}
	cells := len(schedulertest.AllFaults()) * len(schedulertest.AllSteps())
	for seed := range uint64(cells/5 + 1) {
		for _, f := range schedulertest.TimedFaults(seed, 10, time.Minute) {
			seen[schedulertest.Cell{Kind: f.Kind, Step: f.Step}] = f.Step != ""
		}
	}

	forEachCell(func(x schedulertest.Cell) { require.True(t, seen[x], "%v", x) })
}

// forEachCell goes through all kinds of faults and steps, but for those of executors that they have no
// part in: what is offered and accepted is not yet theirs.
func forEachCell(f func(schedulertest.Cell)) {
	for _, kind := range schedulertest.AllFaults() {
		for _, step := range schedulertest.AllSteps() {
			if !ofExecutors(kind) || step != schedulertest.StepOffer && step != schedulertest.StepAccept {
				f(schedulertest.Cell{Kind: kind, Step: step})
			}
		}
	}
}

// busy is a careful framework that ends its servers, so that there is always something to launch.
type busy struct{ *careful }

func (f busy) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, m *mesosproto.MasterInfo) {
	f.careful.Registered(d, id, m)
	f.endServers(d)
}

func (f busy) Reregistered(d *scheduler.Driver, m *mesosproto.MasterInfo) {
	f.careful.Reregistered(d, m)
	f.endServers(d)
}

// endServers kills the servers that run, now and every minute: a kill may be lost.
func (f busy) endServers(d *scheduler.Driver) {
	for n, id := range f.disk.order {
		if n%3 == 0 && f.disk.tasks[id] == running {
			_ = d.Kill(&mesosproto.TaskID{Value: proto.String(id)})
		}
	}
	d.AfterFunc(time.Minute, func() { f.endServers(d) })
}

func TestTheInvariantsHoldWhateverFailsAtWhichStep(t *testing.T) {
	e := exploration()
	for _, kind := range schedulertest.AllFaults() {
		if !ofExecutors(kind) { // there are none
			e.Kinds = append(e.Kinds, kind)
		}
	}
	e.Scenario = func(_ testing.TB, c *schedulertest.Cluster) {
		for _, begin := range []func(bool) scheduler.Config{process("aware", 4, partitionAware), process("plain", 3)} {
			c.RunProcess(func(disk bool) scheduler.Config {
				cfg := begin(disk)
				cfg.Scheduler = busy{cfg.Scheduler.(*careful)}
				return cfg
			})
		}
		c.Advance(5 * time.Second)
	}
	if testing.Short() {
		e.Seeds = min(e.Seeds, 30)
	}
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	requireKnown(t, ran.Reached)
	if ran.Seeds < 250 {
		return
	}
	forEachCell(func(x schedulertest.Cell) {
		if !ofExecutors(x.Kind) && !ofElection(x.Kind) {
			require.Positive(t, ran.Timed[x], "%s at %s", x.Kind, x.Step)
		}
	})
}

func ofExecutors(kind schedulertest.FaultKind) bool {
	return strings.Contains(string(kind), "executor")
}
