package schedulertest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// A framework that was torn down has no tasks: it is not held to what it last heard of them. Nothing of it
// may run, whoever was away when it ended.
func TestAFrameworkThatWasTornDownHasNoTasks(t *testing.T) {
	for _, away := range []bool{false, true} {
		c := schedulertest.New(t, schedulertest.Config{Behave: scripted(schedulertest.ScriptedExecutor{})})
		f := c.Run(scheduler.Config{Framework: info(), Scheduler: under(custom("x"), "", "")})
		f.WaitForState("task-1", running)
		if away {
			c.Agent(0).Crash()
		}
		f.Driver().Stop(false)
		c.Advance(time.Minute)
		c.CheckSettled()
		if away {
			require.Equal(t, 1, c.Agent(0).Executors(), "it waits for its agent")
			c.Agent(0).Restart()
			c.Advance(time.Minute)
			c.CheckSettled()
		}
		require.Zero(t, c.Agent(0).Executors())
		require.Equal(t, running, last(t, f, "task-1").GetState(), "it has not heard of the end")
	}
}

// A driver that was stopped tells its framework no more, while its tasks run on for the next one.
func TestAFrameworkThatWaitsForItsNextProcessIsNotHeldToItsTasks(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{Behave: schedulertest.Executors(func() executor.Executor { return &schedulertest.ScriptedExecutor{} })})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: under(custom("x"), "sleep 60")})
	f.WaitForState("task-0", running)
	f.Driver().Stop(true)
	c.Advance(2 * time.Minute)
	c.CheckSettled()
}
