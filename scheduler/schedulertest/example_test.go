package schedulertest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// A test of one's own framework: run it, break something, see what becomes of it. In a test, t is the
// *testing.T.
func ExampleCluster() {
	t := outside{}
	c := schedulertest.New(t, schedulertest.Config{Agents: 2})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: &launcher{commands: []string{"sleep 3600", "exit 1"}}})
	f.WaitForState("task-0", mesosproto.TaskState_TASK_RUNNING)
	f.WaitForState("task-1", mesosproto.TaskState_TASK_FAILED)

	c.CrashMaster()
	c.Advance(time.Minute)
	c.RestartMaster()
	f.WaitForState("task-0", mesosproto.TaskState_TASK_FINISHED)
	fmt.Println(f.States("task-0"))
	// Output: [TASK_STARTING TASK_RUNNING TASK_FINISHED]
}

// The same framework under 20 scripts of random faults.
func ExampleExplore() {
	t := outside{}
	ran := schedulertest.Explore(t, schedulertest.Exploration{
		Config: schedulertest.Config{Agents: 2},
		Seeds:  20,
		Kinds:  []schedulertest.FaultKind{schedulertest.CrashMaster, schedulertest.CrashAgent, schedulertest.BreakAgentLink},
		Scenario: func(_ testing.TB, c *schedulertest.Cluster) {
			c.RunProcess(process("task", 3, partitionAware))
		},
	})
	fmt.Println(ran.Seeds, "seeds hold")
	// Output: 20 seeds hold
}

// ExampleReplay repeats a script, such as one that an exploration has printed.
func ExampleReplay() {
	t := outside{}
	c := schedulertest.Replay(t, schedulertest.Exploration{
		Scenario: func(_ testing.TB, c *schedulertest.Cluster) {
			c.RunProcess(process("task", 2, partitionAware))
		},
	}, 7, schedulertest.Faults{
		{At: time.Minute, Kind: schedulertest.CutAgentOut, For: 3 * time.Minute},
		{At: 2 * time.Minute, Kind: schedulertest.CrashMaster, For: time.Second},
	})
	fmt.Println(len(c.Violations()), "violations")
	// Output: 0 violations
}

// keeper is a framework that never answers an offer.
type keeper struct{ scheduler.Base }

func (keeper) ResourceOffers(*scheduler.Driver, []*mesosproto.Offer)  {}
func (keeper) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

// The mistake of a framework, and that it is found.
func ExampleFails() {
	t := outside{}
	text := schedulertest.Fails(t, func(t testing.TB) {
		schedulertest.Explore(t, schedulertest.Exploration{
			Seeds: 1,
			Scenario: func(_ testing.TB, c *schedulertest.Cluster) {
				c.Run(scheduler.Config{Framework: info(), Scheduler: keeper{}})
			},
		})
	})
	fmt.Println(strings.Contains(text, "invariant violated: "+schedulertest.InvariantHoarded))
	// Output: true
}

// outside is the testing.TB of examples, which have none.
type outside struct{ testing.TB }

func (outside) Helper()                      {}
func (outside) Failed() bool                 { return false }
func (outside) Cleanup(func())               {}
func (outside) Logf(string, ...any)          {}
func (outside) Errorf(f string, args ...any) { fmt.Printf(f+"\n", args...) }
func (outside) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (outside) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (outside) FailNow()                     { panic("failed") }
