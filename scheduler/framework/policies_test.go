package framework_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// says lets the framework hear a status that no part of the cluster has sent.
func (w *world) says(task string, state mesosproto.TaskState, reason mesosproto.TaskStatus_Reason) {
	w.t.Helper()
	w.core.StatusUpdate(w.runs.Driver(), &mesosproto.TaskStatus{
		TaskId: &mesosproto.TaskID{Value: &task}, State: state.Enum(),
		Source: mesosproto.TaskStatus_SOURCE_MASTER.Enum(), Reason: reason.Enum(),
	})
	w.Advance(10 * time.Millisecond)
}

// What follows when a task is said to be away or at its end, though the framework did not want it.
func TestWhatFollowsEachState(t *testing.T) {
	const (
		staging = mesosproto.TaskState_TASK_STAGING
		running = mesosproto.TaskState_TASK_RUNNING

		unreachable = mesosproto.TaskState_TASK_UNREACHABLE
		unknown     = mesosproto.TaskState_TASK_UNKNOWN
		lost        = mesosproto.TaskState_TASK_LOST
		dropped     = mesosproto.TaskState_TASK_DROPPED
		gone        = mesosproto.TaskState_TASK_GONE
		goneByOp    = mesosproto.TaskState_TASK_GONE_BY_OPERATOR
		failed      = mesosproto.TaskState_TASK_FAILED
		errored     = mesosproto.TaskState_TASK_ERROR
		killed      = mesosproto.TaskState_TASK_KILLED
		finished    = mesosproto.TaskState_TASK_FINISHED

		reconciliation = mesosproto.TaskStatus_REASON_RECONCILIATION
		staleOffer     = mesosproto.TaskStatus_REASON_INVALID_OFFERS
	)
	for _, c := range []struct {
		was, is mesosproto.TaskState
		reason  mesosproto.TaskStatus_Reason
		kept    bool // the task is still the framework's
		waits   bool // before the instance is launched again
		counts  bool // as a failure
	}{
		// It was somebody else's fault: the instance goes on elsewhere, at once.
		{running, unreachable, reconciliation, true, false, false},
		{running, unknown, reconciliation, false, false, false},
		{running, lost, reconciliation, false, false, false},
		{running, dropped, reconciliation, false, false, false},
		{running, gone, reconciliation, false, false, false},
		{running, goneByOp, reconciliation, false, false, false},
		{staging, dropped, staleOffer, false, false, false},
		{staging, lost, staleOffer, false, false, false},
		// It never got there, and may not the next time either.
		{staging, unknown, reconciliation, false, true, false},
		{staging, lost, reconciliation, false, true, false},
		{staging, dropped, reconciliation, false, true, false},
		{staging, gone, reconciliation, false, true, false},
		{staging, goneByOp, reconciliation, false, true, false},
		{staging, killed, reconciliation, false, true, false},
		{running, killed, reconciliation, false, true, false},
		// It ended by itself.
		{staging, errored, reconciliation, false, true, true},
		{running, failed, reconciliation, false, true, true},
		{running, finished, reconciliation, false, true, true},
	} {
		for _, kind := range []string{"service", "batch"} {
			t.Run(kind+" "+c.was.String()+" "+c.is.String()+" "+c.reason.String(), func(t *testing.T) {
				cluster := schedulertest.Config{Behave: but(schedulertest.Command, func(b *schedulertest.Behaviour) {
					if c.was == staging {
						b.Start = time.Minute
					}
				})}
				task := scheduler.CommandTask("", "server", resources.MustParse("cpus:1;mem:64"))
				spec := framework.Spec(framework.Service{Name: "x", Instances: 1, Task: task})
				if kind == "batch" {
					spec = framework.Batch{Name: "x", Retries: 1, Task: task}
				}
				w := start(t, cluster, spec)
				w.until("a task", func(s *framework.Snapshot) bool {
					tasks := s.Spec("x").Tasks
					return len(tasks) == 1 && tasks[0].State == c.was
				})
				id := w.f.Snapshot().Spec("x").Tasks[0].ID
				launched, at := len(w.runs.Launched), w.Now()
				w.says(id, c.is, c.reason)

				if kind == "batch" && c.is == finished {
					require.True(t, w.f.Snapshot().Spec("x").Done())
					return
				}
				require.Equal(t, c.kept, slices.Contains(ids(w.f.Snapshot().Spec("x").Tasks), id))
				waiting := w.f.Explain("x")
				if c.waits {
					require.Len(t, waiting, 1)
					require.Equal(t, time.Second, waiting[0].Until.Sub(w.Now()).Round(time.Second))
					require.Equal(t, c.counts, waiting[0].Failures > 0)
					require.Contains(t, waiting[0].Last, c.is.String())
				}
				w.until("another", func(*framework.Snapshot) bool { return len(w.runs.Launched) > launched })
				require.Equal(t, c.waits, w.Now().Sub(at) >= time.Second, "%v", w.Now().Sub(at))
				w.Advance(30 * time.Minute)
				st := w.f.Snapshot().Spec("x")
				require.Equal(t, 1, st.Ready, "there is one, whatever was true")
				require.Equal(t, ids(st.Tasks), w.active())
			})
		}
	}
}

// A task that is waited for as long as its agent may come back is replaced when it will not.
func TestAnUnreachableInstanceIsReplacedWhenItsAgentIsGoneForGood(t *testing.T) {
	for _, state := range []mesosproto.TaskState{
		mesosproto.TaskState_TASK_GONE_BY_OPERATOR, mesosproto.TaskState_TASK_GONE, mesosproto.TaskState_TASK_LOST, mesosproto.TaskState_TASK_UNKNOWN,
	} {
		s := service(1, "server")
		s.ReplaceAfter = -1
		w := start(t, schedulertest.Config{}, s)
		id := w.ready("web", 1).Tasks[0].ID
		w.Agent(0).Destroy()
		w.AddAgent(schedulertest.DefaultResources)
		w.Advance(time.Hour)
		require.Equal(t, mesosproto.TaskState_TASK_UNREACHABLE, w.f.Snapshot().Spec("web").Tasks[0].State)
		w.says(id, state, mesosproto.TaskStatus_REASON_RECONCILIATION)
		require.NotContains(t, ids(w.ready("web", 1).Tasks), id, "%v", state)
	}
}

// One that was killed while it was unreachable needs no kill any more.
func TestAKilledInstanceWhoseAgentIsGoneForGoodIsOver(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(1, "server"))
	id := w.ready("web", 1).Tasks[0].ID
	w.Agent(0).Destroy()
	w.f.Remove("web")
	w.Advance(time.Hour)
	require.Len(t, w.f.Snapshot().Strangers, 1)
	w.says(id, mesosproto.TaskState_TASK_GONE_BY_OPERATOR, mesosproto.TaskStatus_REASON_RECONCILIATION)
	require.Empty(t, w.f.Snapshot().Strangers)
}
