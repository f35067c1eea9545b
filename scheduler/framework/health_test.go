package framework_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// checked is a service whose instances are checked every ten seconds from the start.
func checked(command string) framework.Service {
	check := scheduler.CommandCheck("check")
	delay := 0.0
	check.DelaySeconds = &delay
	return framework.Service{
		Name: "web", Instances: 3,
		Task: scheduler.CommandTask("", command, resources.MustParse("cpus:1;mem:64"), scheduler.WithHealthCheck(check)),
	}
}

func TestAnInstanceIsReadyWhenItIsHealthy(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, checked("server"))
	for _, task := range w.ready("web", 3).Tasks {
		require.Equal(t, mesosproto.TaskState_TASK_RUNNING, task.State)
		require.NotNil(t, task.Healthy)
		require.True(t, *task.Healthy)
	}
}

func TestARolloutOfWhatIsNotHealthyLeavesWhatIs(t *testing.T) {
	sick := false
	behave := func(b *schedulertest.Behaviour) {
		if sick {
			b.Check = func(*mesosproto.CommandInfo) int { return 1 }
		}
	}
	w := start(t, schedulertest.Config{Agents: 2, Behave: but(schedulertest.Command, behave)}, checked("server"))
	old := ids(w.ready("web", 3).Tasks)
	sick = true
	require.NoError(t, w.f.Apply(checked("server --sick")))
	w.Advance(time.Hour)
	require.Subset(t, w.active(), old, "they are as they were")
	require.Zero(t, w.f.Snapshot().Spec("web").Ready)
	sick = false
	require.NoError(t, w.f.Apply(checked("server --well")))
	w.settled("web", 3)
	require.NotSubset(t, w.active(), old)
}

func TestAnInstanceThatBecomesUnhealthyIsReplaced(t *testing.T) {
	sick := false
	behave := func(b *schedulertest.Behaviour) {
		if !sick {
			return
		}
		b.Check = func(*mesosproto.CommandInfo) int { return 1 }
		sick = false
	}
	sick = true // the first container is
	w := start(t, schedulertest.Config{Agents: 2, Behave: but(schedulertest.Command, behave)}, checked("server"))
	w.settled("web", 3)
	require.Len(t, w.runs.Updates, 4)
}

func TestATaskThatIgnoresBeingKilledIsKilledAllTheSame(t *testing.T) {
	stubborn := func(b *schedulertest.Behaviour) { b.IgnoreTerm = true }
	w := start(t, schedulertest.Config{Behave: but(schedulertest.Command, stubborn)}, service(2, "server"))
	w.ready("web", 2)
	w.f.Remove("web")
	w.RunUntil(time.Minute, "them to go", func() bool { return len(w.f.Snapshot().Strangers) == 0 && len(w.active()) == 0 })
}

func TestAKillIsRepeatedUntilTheTaskHasEnded(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(1, "server"))
	w.ready("web", 1)
	w.Agent(0).Crash()
	w.f.Remove("web")
	w.Advance(65 * time.Second) // at 0s, 10s, 30s
	require.Equal(t, 3, strings.Count(w.Trace(), "KILL"), w.Trace())
	w.Agent(0).Restart()
	w.RunUntil(5*time.Minute, "it to go", func() bool { return len(w.f.Snapshot().Strangers) == 0 && len(w.active()) == 0 })
}
