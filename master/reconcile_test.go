package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func (s *scheduler) reconcile(tasks ...[2]string) {
	s.b.t.Helper()
	m := &schedulerpb.Call_Reconcile{}
	for _, t := range tasks {
		q := &schedulerpb.Call_Reconcile_Task{TaskId: &mesosproto.TaskID{Value: proto.String(t[0])}}
		if t[1] != "" {
			q.AgentId = &mesosproto.AgentID{Value: proto.String(t[1])}
		}
		m.Tasks = append(m.Tasks, q)
	}
	s.do(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: m})
}

// Implicit reconciliation: one answer for each active task, with the last state that was forwarded.
func TestImplicitReconciliation(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:4;mem:1024")
	f := b.framework(modern("dev"))
	f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(
		f.task(h, "staging", "cpus:1;mem:32"), f.task(h, "running", "cpus:1;mem:32"),
		f.task(h, "over", "cpus:1;mem:32"), f.task(h, "done", "cpus:1;mem:32")))
	h.send(&messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{
		FrameworkId: f.idProto(), SlaveId: h.info.Id, Timestamp: proto.Float64(1), Uuid: []byte(uuid("1")),
		// Its end is known, but was not yet told.
		LatestState: mesosproto.TaskState_TASK_FAILED.Enum(),
		Status: &mesosproto.TaskStatus{
			TaskId: &mesosproto.TaskID{Value: proto.String("running")}, State: mesosproto.TaskState_TASK_RUNNING.Enum(),
			Healthy: proto.Bool(true), ContainerStatus: &mesosproto.ContainerStatus{ExecutorPid: proto.Uint32(7)},
		},
	}})
	h.update(f, "over", mesosproto.TaskState_TASK_FINISHED, uuid("2"))
	h.update(f, "done", mesosproto.TaskState_TASK_FINISHED, uuid("3"))
	f.acknowledge(h, "done", uuid("3"))
	f.updates()

	f.reconcile()
	list := f.updates()
	require.Len(t, list, 3)
	want := []struct {
		id    string
		state mesosproto.TaskState
	}{
		{"staging", mesosproto.TaskState_TASK_STAGING},
		{"running", mesosproto.TaskState_TASK_RUNNING},
		{"over", mesosproto.TaskState_TASK_FINISHED},
	}
	for i, s := range list {
		require.Equal(t, want[i].id, s.GetTaskId().GetValue())
		require.Equal(t, want[i].state, s.GetState())
		require.Equal(t, "Reconciliation: Latest task state", s.GetMessage())
		require.Equal(t, mesosproto.TaskStatus_REASON_RECONCILIATION, s.GetReason())
		require.Equal(t, mesosproto.TaskStatus_SOURCE_MASTER, s.GetSource())
		require.Nil(t, s.Uuid)
		require.Nil(t, s.ExecutorId, "none for command tasks")
	}
	require.True(t, list[1].GetHealthy())
	require.Equal(t, uint32(7), list[1].GetContainerStatus().GetExecutorPid())
}

// Explicit reconciliation: the first row that fits, for frameworks that know partitions and others.
func TestExplicitReconciliation(t *testing.T) {
	for _, aware := range []bool{true, false} {
		b := start(t)
		h := b.agent("1", "cpus:2;mem:1024")
		away := b.newHost("2", "disk:1")
		away.register()
		away.info.Id = last[*messagespb.SlaveRegisteredMessage](away).SlaveId
		info := modern("dev")
		if !aware {
			info.Capabilities = capabilities(multiRole)
		}
		f := b.framework(info)
		for _, o := range f.offers() {
			if o.AgentId.GetValue() == h.id() {
				f.accept(1000, []*mesosproto.Offer{o}, launchOf(f.task(h, "t", "cpus:1;mem:32")))
			}
		}
		away.conn.deaf = true
		b.sim.Advance(91 * time.Second)
		require.Nil(t, away.state(), "unreachable")
		f.stream.events = nil
		for _, c := range []struct {
			task, agent string
			aware       mesosproto.TaskState
			others      mesosproto.TaskState
			text        string
		}{
			{"t", h.id(), mesosproto.TaskState_TASK_STAGING, mesosproto.TaskState_TASK_STAGING, "Latest task state"},
			{"t", "", mesosproto.TaskState_TASK_STAGING, mesosproto.TaskState_TASK_STAGING, "Latest task state"},
			{"x", h.id(), mesosproto.TaskState_TASK_GONE, mesosproto.TaskState_TASK_LOST, "Task is unknown to the agent"},
			{"x", away.id(), mesosproto.TaskState_TASK_UNREACHABLE, mesosproto.TaskState_TASK_LOST, "Task is unreachable"},
			{"x", "nosuch", mesosproto.TaskState_TASK_UNKNOWN, mesosproto.TaskState_TASK_LOST, "Task is unknown"},
			{"x", "", mesosproto.TaskState_TASK_UNKNOWN, mesosproto.TaskState_TASK_LOST, "Task is unknown"},
		} {
			f.reconcile([2]string{c.task, c.agent})
			s := f.updateOf(c.task)
			want := c.others
			if aware {
				want = c.aware
			}
			require.Equal(t, want, s.GetState(), "%v %+v", aware, c)
			require.Equal(t, "Reconciliation: "+c.text, s.GetMessage())
			require.Equal(t, c.text == "Task is unreachable", s.UnreachableTime != nil)
			if c.task == "x" {
				require.Equal(t, c.agent, s.GetAgentId().GetValue(), "as asked")
			}
		}
	}
}

// While an agent may still come back after the master's start, nothing is said about its tasks, nor
// about those whose agent the framework does not name.
func TestReconciliationWaitsForAgentsOfTheRegistry(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	b = startWith(t, b.storage)
	f := b.framework(modern("dev"))
	f.reconcile([2]string{"x", h.id()}, [2]string{"x", ""})
	require.Empty(t, f.updates())
	f.reconcile([2]string{"x", "nosuch"})
	require.Equal(t, mesosproto.TaskState_TASK_UNKNOWN, f.updateOf("x").GetState())

	b.sim.Advance(10 * time.Minute)
	b.settle()
	f.reconcile([2]string{"x", h.id()}, [2]string{"x", ""})
	list := f.updates()
	require.Len(t, list, 2)
	require.Equal(t, mesosproto.TaskState_TASK_UNREACHABLE, list[0].GetState())
	require.Equal(t, mesosproto.TaskState_TASK_UNKNOWN, list[1].GetState())
}

// While the framework was away a task has started and ended. STARTING is what it will hear first, so an
// answer must not run ahead of it.
func TestReconciliationDoesNotTellWhatNobodyHasHeard(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:4;mem:1024")
	f := b.framework(modern("dev"))
	f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(f.task(h, "t", "cpus:1;mem:32")))
	f.leaves()
	h.updateLatest(f, "t", mesosproto.TaskState_TASK_STARTING, mesosproto.TaskState_TASK_FAILED, uuid("1"))
	f.subscribe()
	f.reconcile([2]string{"t", ""})
	require.Equal(t, mesosproto.TaskState_TASK_STAGING, f.updateOf("t").GetState())
}

// A task that the master does not have, of which the agent has something to say: the agent did not list
// it, but knows how it ended. That it is gone would be the answer to a question that is about to be
// answered better.
func TestReconciliationDoesNotContradictAnUpdateOfAnUnknownTask(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:4;mem:1024")
	f := b.framework(modern("dev"))
	f.leaves()
	h.update(f, "t", mesosproto.TaskState_TASK_DROPPED, uuid("1"))
	f.subscribe()
	f.updates()
	f.reconcile([2]string{"t", h.id()}, [2]string{"u", h.id()})
	require.Equal(t, mesosproto.TaskState_TASK_GONE, f.updateOf("u").GetState(), "nothing about t")
	f.stream.events = nil
	h.update(f, "t", mesosproto.TaskState_TASK_DROPPED, uuid("1"))
	require.Equal(t, mesosproto.TaskState_TASK_DROPPED, f.updateOf("t").GetState())
	f.stream.events = nil
	f.acknowledge(h, "t", uuid("1"))
	f.reconcile([2]string{"t", h.id()})
	require.Equal(t, mesosproto.TaskState_TASK_GONE, f.updateOf("t").GetState(), "there is nothing more to say")
	f.stream.events = nil

	// An agent that does not say it again has forgotten it.
	h.update(f, "t", mesosproto.TaskState_TASK_DROPPED, uuid("2"))
	f.stream.events = nil
	b.sim.Advance(10 * time.Minute)
	f.stream.events = nil
	f.reconcile([2]string{"t", h.id()})
	require.Empty(t, f.updates())
	b.sim.Advance(time.Minute)
	f.stream.events = nil
	f.reconcile([2]string{"t", h.id()})
	require.Equal(t, mesosproto.TaskState_TASK_GONE, f.updateOf("t").GetState())
}

// An agent that was given up and comes back sends first what it has to say of tasks that it does not list.
func TestReconciliationWaitsUntilAnAgentHasSaidAll(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:4;mem:1024")
	f := b.framework(modern("dev"))
	h.conn.deaf = true
	b.sim.Advance(91 * time.Second)
	require.Nil(t, h.state(), "unreachable")
	h.reregister(nil, nil)
	f.stream.events = nil
	f.reconcile([2]string{"t", h.id()})
	require.Empty(t, f.updates())
	h.send(&messagespb.UpdateSlaveMessage{SlaveId: h.info.Id})
	f.reconcile([2]string{"t", h.id()})
	require.Equal(t, mesosproto.TaskState_TASK_GONE, f.updateOf("t").GetState())
}
