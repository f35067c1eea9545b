package agent

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// idle is a rig with a checkpoint and executor e, whose only task a is over: the framework has
// acknowledged its end. said are the updates that e has sent.
func idle(t *testing.T) (r *rig, store *memory.Store, said []*executorpb.Call_Update) {
	r, store = remembering(t)
	r.tell(checkpointed(r.runTask(executorTask("a", "e"), true)))
	p := r.subscribe("e", nil)
	for i, state := range []mesosproto.TaskState{mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_FINISHED} {
		uuid := byte(i + 1)
		require.NoError(t, p.update("a", state, uuid))
		said = append(said, &executorpb.Call_Update{Status: status16("a", state, uuid)})
	}
	require.Equal(t, lines("a RUNNING EXECUTOR", "a FINISHED EXECUTOR"), r.acknowledgeAll(time.Second))
	return r, store, said
}

// An executor may wait for its next task as long as it likes, whatever becomes of the agent.
func TestAnIdleExecutorIsKeptThroughARestart(t *testing.T) {
	r, _, _ := idle(t)
	for range 2 {
		r.crash()
		r.run(time.Second)
		p := r.subscribe("e", nil)
		require.Equal(t, []string{"SUBSCRIBED"}, p.types())
		r.run(5 * time.Second)
		r.tell(r.runTask(executorTask("b", "e"), false))
		require.Equal(t, []string{"LAUNCH"}, p.types())
		require.NoError(t, p.update("b", mesosproto.TaskState_TASK_FINISHED, 3))
		require.Equal(t, "b FINISHED EXECUTOR", r.acknowledgeAll(time.Second))
	}
}

// "Executor::everSentTask": an executor that no task has reached is shut down when none is left for it,
// or it would wait for ever. A delivery is not enough: it may have been lost.
func TestAnExecutorThatNoTaskHasReachedIsShutDown(t *testing.T) {
	const dropped = "a DROPPED AGENT AGENT_RESTARTED: Task launched during agent restart"
	for _, c := range []struct {
		name string
		has  *executorpb.Call_Subscribe
		want []string
	}{
		{"the task was lost", nil, []string{"SHUTDOWN"}},
		{"it has the task", &executorpb.Call_Subscribe{UnacknowledgedTasks: []*mesosproto.TaskInfo{executorTask("a", "e")}}, []string{"SUBSCRIBED"}},
		{"it has done the task", &executorpb.Call_Subscribe{UnacknowledgedUpdates: []*executorpb.Call_Update{{Status: status16("a", mesosproto.TaskState_TASK_FINISHED, 1)}}}, []string{"SUBSCRIBED", "ACKNOWLEDGED"}},
	} {
		for _, crash := range []bool{false, true} {
			r, _ := remembering(t)
			r.tell(checkpointed(r.runTask(executorTask("a", "e"), true)))
			p := r.subscribe("e", nil)
			require.Equal(t, []string{"SUBSCRIBED", "LAUNCH"}, p.types())
			if crash {
				r.cfg.ExecutorReregistrationTimeout = time.Hour // nobody else is waited for
				r.crash()
				r.run(time.Second)
			} else {
				r.agent.Executors().Ended(p)
			}
			p = r.subscribe("e", c.has)
			require.Equal(t, c.want, p.types(), "%s, crash %v", c.name, crash)
			if story := r.acknowledgeAll(5 * time.Second); c.has == nil {
				require.Equal(t, dropped, story)
				r.run(10 * time.Second)
				require.Empty(t, r.agent.Snapshot().Frameworks)
			}
		}
	}
}

// Both acknowledgements to the executor were lost with the agent; the framework has heard the end.
func TestUpdatesOfATaskThatWasCompletedBeforeARestartAreNotForwardedAgain(t *testing.T) {
	r, store, said := idle(t)
	for range 2 {
		r.crash()
		r.run(time.Second)
		p := r.subscribe("e", &executorpb.Call_Subscribe{UnacknowledgedUpdates: said})
		require.Empty(t, r.acknowledgeAll(5*time.Second))
		require.Equal(t, []string{"SUBSCRIBED", "ACKNOWLEDGED", "ACKNOWLEDGED"}, p.types())
	}
	r.box.end(r.box.last(), exited(0))
	r.run(time.Second)
	require.Equal(t, []string{"agent"}, keys(t, store), "nothing is left of the executor")
}

// What is remembered of completed tasks is bounded, in memory and on the disk, and the latest is kept.
func TestTheMemoryOfCompletedTasksIsBounded(t *testing.T) {
	r, store, said := idle(t)
	c := r.agent.core
	one := func(id string) {
		r.tell(r.runTask(executorTask(id, "e"), false))
		p := &peer{rig: r, id: "e"}
		require.NoError(t, p.update(id, mesosproto.TaskState_TASK_FINISHED, 9))
		for _, u := range r.updates() {
			r.acknowledge(u)
		}
	}
	for i := range maxCompletedTasks - 1 {
		one(fmt.Sprint("t", i))
	}
	require.True(t, c.frameworks["f"].executors["e"].completed("a"))
	before := len(keys(t, store))
	one("last")
	require.False(t, c.frameworks["f"].executors["e"].completed("a"))
	require.Len(t, keys(t, store), before)

	r.crash()
	r.run(time.Second)
	ex := r.agent.core.frameworks["f"].executors["e"]
	require.False(t, ex.completed("a"))
	require.True(t, ex.completed("t0"))
	require.Equal(t, "last", ex.over[len(ex.over)-1].task, "in the order of their ends")
	r.subscribe("e", &executorpb.Call_Subscribe{UnacknowledgedUpdates: said})
	require.Contains(t, r.acknowledgeAll(5*time.Second), "a FINISHED", "it is a stranger now")
	one("one more")
	require.False(t, ex.completed("t0"))
	require.Len(t, keys(t, store), before)
}

// An agent that is killed while it writes that a task is over has forgotten all of it or nothing: it must
// neither launch the task again nor say that it was lost.
func TestATaskIsForgottenAtOnceOrNotAtAll(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(r *rig)
	}{
		{"killed before its delivery", func(r *rig) { r.kill("a", -1) }},
		{"finished", func(r *rig) {
			p := r.subscribe("e", nil)
			require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 1))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := remembering(t)
			r.tell(checkpointed(r.runTask(executorTask("a", "e"), true)))
			c.end(r)
			u := r.updates()
			require.Len(t, u, 1)
			r.run(time.Second)
			usual := r.sim.WorkTime
			r.sim.WorkTime = func(*rand.Rand) time.Duration { return 5 * time.Second } // the second write waits for the first
			r.acknowledge(u[0])
			r.crash()
			r.sim.WorkTime = usual
			r.run(time.Second)
			require.NotContains(t, r.subscribe("e", nil).types(), "LAUNCH")
			r.run(5 * time.Second)
			for _, again := range r.updates() {
				require.Equal(t, u[0].GetUpdate().GetUuid(), again.GetUpdate().GetUuid(), "only what was said may be said again")
			}
		})
	}
}

// An executor that repeats itself while the disk stands still makes one write, and is answered a bounded
// number of times.
func TestRepeatedUpdatesOfACompletedTaskDoNotPileUp(t *testing.T) {
	r, _, _ := idle(t)
	p := r.subscribe("e", nil)
	p.types()
	usual := r.sim.WorkTime
	r.sim.WorkTime = func(*rand.Rand) time.Duration { return time.Hour }
	for range 200 {
		require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 2))
	}
	require.Empty(t, p.types())
	ex := r.agent.core.frameworks["f"].executors["e"]
	require.Len(t, ex.forgetting["a"].told, maxTold)
	r.sim.WorkTime = usual
	r.run(2 * time.Hour)
	answers := slices.DeleteFunc(p.types(), func(event string) bool { return event != "ACKNOWLEDGED" })
	require.Len(t, answers, maxTold)
	require.Empty(t, ex.forgetting)
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 2))
	require.Equal(t, []string{"ACKNOWLEDGED"}, p.types())
}
