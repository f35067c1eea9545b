package framework_test

import (
	"flag"
	"strings"
	"testing"
	"time"

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
	requireAll(t, ran, func(kind schedulertest.FaultKind) bool {
		return !strings.Contains(string(kind), "election") // a single master has none
	})
}

// requireAll: every kind that can do anything has done it, if enough seeds ran for that.
func requireAll(t *testing.T, ran schedulertest.Explored, can func(schedulertest.FaultKind) bool) {
	t.Helper()
	for _, kind := range schedulertest.AllFaults() {
		if can(kind) && ran.Seeds >= 100 {
			require.Positive(t, ran.Faults[kind], "%s", kind)
		}
	}
}

// The same with three masters, of which one leads.
func TestTheFrameworkStandsWithThreeMasters(t *testing.T) {
	e := suite(func() subject { return &right{} })
	e.Config.Masters = 3
	e.First, e.Seeds, e.Twice = *seed, max(*seeds/4, 1), true
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	requireAll(t, ran, func(schedulertest.FaultKind) bool { return true })
}

func TestTheFrameworkStandsUnderEachFaultAlone(t *testing.T) {
	for _, kind := range schedulertest.AllFaults() {
		e := suite(func() subject { return &right{} })
		e.First, e.Seeds, e.Kinds = *seed, max(*seeds/20, 1), []schedulertest.FaultKind{kind}
		t.Run(string(kind), func(t *testing.T) { schedulertest.Explore(t, e) })
	}
}

// Scripts that a framework once failed under.
func TestScriptsThatOnceFailed(t *testing.T) {
	for _, c := range []struct {
		name   string
		seed   uint64
		script schedulertest.Faults
	}{
		{"the answers to declined offers are lost", 100, schedulertest.Faults{
			{At: 451073494 * time.Microsecond, Kind: schedulertest.PauseMaster, For: 122395484 * time.Microsecond},
			{At: 573367062 * time.Microsecond, Kind: schedulertest.LoseAnswer},
		}},
		{"an agent forgets the end of a task while the framework can't save it", 7781, schedulertest.Faults{
			{At: 12627600 * time.Microsecond, Kind: schedulertest.FailDisk, Target: 147, For: 357554519 * time.Microsecond},
			{At: 62223708 * time.Microsecond, Kind: schedulertest.CrashAgent, Target: 123, For: 8460072 * time.Microsecond},
		}},
		{"an agent that can't write its id registers as another again and again", 2993, schedulertest.Faults{
			{At: 58353 * time.Microsecond, Kind: schedulertest.CutAgentIn, Target: 358, For: 11582389 * time.Microsecond},
			{At: 14673456 * time.Microsecond, Kind: schedulertest.FailDisk, Target: 7, For: 25795429 * time.Microsecond},
			{At: 320532876 * time.Microsecond, Kind: schedulertest.CrashMaster, Target: 420, For: 599688542 * time.Microsecond},
		}},
		{"reports of before return to a master that has given the agent up", 50, schedulertest.Faults{
			{At: 4290166 * time.Microsecond, Kind: schedulertest.CutMasterIn, Step: schedulertest.StepAcknowledge, Skip: 2, For: 2717002 * time.Microsecond},
			{At: 29175784 * time.Microsecond, Kind: schedulertest.CutMasterIn, Step: schedulertest.StepUpdate, Moment: schedulertest.MomentUnderWay, Skip: 2, For: 18906848 * time.Microsecond},
			{At: 126135466500, Kind: schedulertest.CutMasterIn, Step: schedulertest.StepRegister, Moment: schedulertest.MomentHandled, For: 14359410 * time.Microsecond},
			{At: 126436560 * time.Microsecond, Kind: schedulertest.CutMasterIn, Step: schedulertest.StepLaunch, For: 57382829 * time.Microsecond},
			{At: 188778806 * time.Microsecond, Kind: schedulertest.CutMasterIn, For: 63101558 * time.Microsecond},
			{At: 202801409 * time.Microsecond, Kind: schedulertest.CutMasterIn, Step: schedulertest.StepUpdate, Moment: schedulertest.MomentArriving, Skip: 2, For: 29997056 * time.Microsecond},
			{At: 256561437 * time.Microsecond, Kind: schedulertest.CutMasterIn, Step: schedulertest.StepOffer, Moment: schedulertest.MomentUnderWay, For: 618238842 * time.Microsecond},
			{At: 280857842 * time.Microsecond, Kind: schedulertest.CutMasterIn, Step: schedulertest.StepRegister, Moment: schedulertest.MomentUnderWay, For: 18635137 * time.Microsecond},
		}},
		{"an executor ends while its agent stands still and is given up", 3896, schedulertest.Faults{
			{At: 19050321 * time.Microsecond, Kind: schedulertest.CutMaster, Step: schedulertest.StepAcknowledge, Target: 210, For: 440885233 * time.Microsecond},
			{At: 284827478 * time.Microsecond, Kind: schedulertest.PauseAgent, Target: 638, For: 677156880 * time.Microsecond},
			{At: 420828605 * time.Microsecond, Kind: schedulertest.CrashExecutor, Target: 381},
		}},
		{"an agent stands still as its registration is answered", 41810, schedulertest.Faults{
			{At: 65631593 * time.Microsecond, Kind: schedulertest.ResetAgent, Step: schedulertest.StepOffer, Moment: schedulertest.MomentArriving, Target: 383, For: 200514351 * time.Microsecond},
			{At: 77794721500, Kind: schedulertest.FailDisk, Step: schedulertest.StepOffer, Moment: schedulertest.MomentArriving, Skip: 2, Target: 218, For: 661106964 * time.Microsecond},
			{At: 95939035 * time.Microsecond, Kind: schedulertest.CrashMaster, For: 25619693 * time.Microsecond},
			{At: 270081902500, Kind: schedulertest.SlowRegistry, Step: schedulertest.StepOffer, Skip: 2, For: 73395469 * time.Microsecond, By: 2048795701},
			{At: 283663847 * time.Microsecond, Kind: schedulertest.PauseAgent, Step: schedulertest.StepOffer, Moment: schedulertest.MomentUnderWay, Target: 626, For: 352629211 * time.Microsecond},
			{At: 588799804 * time.Microsecond, Kind: schedulertest.FailDisk, Target: 263, For: 6526371 * time.Microsecond},
		}},
		{"the clock goes back as the stream breaks unnoticed", 51665, schedulertest.Faults{
			{At: 5696560 * time.Microsecond, Kind: schedulertest.SkewFramework, Step: schedulertest.StepRegister, Moment: schedulertest.MomentHandled, For: 328491750 * time.Microsecond, By: -2746210249681},
			{At: 5696560 * time.Microsecond, Kind: schedulertest.BreakFrameworkLink, Notice: schedulertest.Notice{Client: schedulertest.Never, Server: schedulertest.Never}},
			{At: 28689028 * time.Microsecond, Kind: schedulertest.ResetAgent, Step: schedulertest.StepRegister, Target: 515, For: 45565955 * time.Microsecond},
			{At: 28689028 * time.Microsecond, Kind: schedulertest.BreakAgentLink, Target: 515},
			{At: 297097423 * time.Microsecond, Kind: schedulertest.LoseMaster, Step: schedulertest.StepRegister, Moment: schedulertest.MomentHandled, For: 11014966 * time.Microsecond},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			schedulertest.Replay(t, suite(func() subject { return &right{} }), c.seed, c.script)
		})
	}
}
