package framework_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

var half = resources.MustParse("cpus:0.5;mem:64")

// executed is a service of tasks for an executor.
func executed(n int) framework.Service {
	return framework.Service{
		Name: "web", Instances: n, Ports: []framework.Port{{}},
		Task: scheduler.ExecutorTask("", scheduler.CustomExecutor("x", "executor", half), half),
	}
}

// Instances share the executor of their agent.
func TestAServiceOfTasksForAnExecutor(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, executed(6))
	for _, task := range w.ready("web", 6).Tasks {
		labels := map[string]string{}
		for _, l := range w.runs.Task(task.ID).GetLabels().GetLabels() {
			labels[l.GetKey()] = l.GetValue()
		}
		require.Equal(t, map[string]string{"INSTANCE": strconv.Itoa(task.Index), "PORT0": strconv.Itoa(int(task.Ports[0]))}, labels)
	}
	w.settled("web", 6)
	require.Len(t, w.runs.Updates, 6, "none failed")
	w.runs.Crash()
	w.begin()
	w.settled("web", 6)
	require.NoError(t, w.f.Apply(executed(1)))
	w.settled("web", 1)
}

func TestAServiceOfDockerContainers(t *testing.T) {
	w := start(t, schedulertest.Config{}, framework.Service{
		Name: "web", Instances: 2, Ports: []framework.Port{{Container: 80}},
		Task: scheduler.DockerTask("", "nginx", half, scheduler.WithCommand("server")),
	})
	for _, task := range w.ready("web", 2).Tasks {
		docker := w.runs.Task(task.ID).GetContainer().GetDocker()
		require.Equal(t, "nginx", docker.GetImage())
		require.Equal(t, task.Ports[0], docker.GetPortMappings()[0].GetHostPort())
	}
	w.settled("web", 2)
}

// stuck is an executor whose first task stays in a state: STAGING, of which it says nothing, STARTING, or
// KILLING. When it is to be killed, it says so and does not end.
type stuck struct {
	executor.Base
	in   mesosproto.TaskState
	done *bool
}

func (x stuck) LaunchTask(d *executor.Driver, t *mesosproto.TaskInfo) {
	say := func(s mesosproto.TaskState) { _ = d.SendStatusUpdate(executor.Status(t.GetTaskId(), s, "")) }
	if !*x.done {
		*x.done = true
		switch x.in {
		case mesosproto.TaskState_TASK_STARTING:
			say(x.in)
		case mesosproto.TaskState_TASK_KILLING:
			say(mesosproto.TaskState_TASK_RUNNING)
			say(x.in)
		}
		return
	}
	say(mesosproto.TaskState_TASK_RUNNING)
}

func (x stuck) KillTask(d *executor.Driver, id *mesosproto.TaskID, _ *mesosproto.KillPolicy) {
	_ = d.SendStatusUpdate(executor.Status(id, mesosproto.TaskState_TASK_KILLING, ""))
}

func TestATaskThatIsStuckInAnyStateIsReplaced(t *testing.T) {
	for state, patience := range map[mesosproto.TaskState]time.Duration{
		mesosproto.TaskState_TASK_STAGING:  5 * time.Minute,
		mesosproto.TaskState_TASK_STARTING: 15 * time.Minute,
		mesosproto.TaskState_TASK_KILLING:  15 * time.Minute,
	} {
		t.Run(state.String(), func(t *testing.T) {
			done := false
			w := start(t, schedulertest.Config{
				Behave: schedulertest.Executors(func() executor.Executor { return stuck{in: state, done: &done} }),
				Bound:  -1, // what is killed stays as it is
			}, executed(1))
			w.Advance(patience - time.Second)
			require.Len(t, w.runs.Launched, 1)
			require.NotContains(t, w.Trace(), "KILL web.0")
			w.until("another to run", func(s *framework.Snapshot) bool { return s.Spec("web").Ready == 1 })
			require.Less(t, w.Now().Sub(w.f.Snapshot().Spec("web").Tasks[0].Launched), patience+10*time.Second)
			w.Advance(time.Hour)
			require.Greater(t, strings.Count(w.Trace(), " KILL web.0"), 10, "the kill is repeated")
		})
	}
}
