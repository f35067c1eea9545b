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

// launched is a framework with a task "t" of cpus:1;mem:128.
func launched(t *testing.T) (*bundle, *host, *scheduler) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.launches(h, "t", "cpus:1;mem:128")
	return b, h, f
}

// Agents say the latest state with each update: resources come back when the master knows of the end,
// before the framework has heard of it.
func TestResourcesComeBackWithTheLatestState(t *testing.T) {
	b, h, f := launched(t)
	f.revive()
	require.Equal(t, "cpus:1; mem:896", sum(t, f.offer().Resources))
	h.updateLatest(f, "t", mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_FINISHED, uuid("1"))
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, f.updateOf("t").GetState())
	require.Equal(t, "cpus:1; mem:128", sum(t, f.offer().Resources))
	require.True(t, h.state().Used.IsEmpty())

	// They come back once.
	f.acknowledge(h, "t", uuid("1"))
	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("2"))
	f.acknowledge(h, "t", uuid("2"))
	b.sim.Advance(10 * time.Second)
	require.Empty(t, f.offers())
	require.Equal(t, "cpus(allocated: dev):2; mem(allocated: dev):1024", f.state().Offered.String())
}

func TestATaskThatHasEndedDoesNotChange(t *testing.T) {
	b, h, f := launched(t)
	h.update(f, "t", mesosproto.TaskState_TASK_FAILED, uuid("1"))
	h.update(f, "t", mesosproto.TaskState_TASK_RUNNING, uuid("2"))
	require.Len(t, f.updates(), 2, "both are forwarded")
	for task := range f.state().Tasks.All() {
		require.Equal(t, mesosproto.TaskState_TASK_FAILED, task.State)
	}
	require.Equal(t, int64(1), b.master.Snapshot().Metrics.TasksByState[mesosproto.TaskState_TASK_FAILED])
}

// Of several updates of one state in a row the last is kept, without its data.
func TestStatusesOfATask(t *testing.T) {
	_, h, f := launched(t)
	send := func(state mesosproto.TaskState, healthy bool, id string) {
		h.send(&messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{
			FrameworkId: f.idProto(), SlaveId: h.info.Id, Timestamp: proto.Float64(1), Uuid: []byte(uuid(id)),
			LatestState: state.Enum(),
			Status: &mesosproto.TaskStatus{
				TaskId: &mesosproto.TaskID{Value: proto.String("t")}, State: state.Enum(),
				Data: []byte("large"), Healthy: &healthy,
			},
		}})
	}
	send(mesosproto.TaskState_TASK_RUNNING, false, "1")
	send(mesosproto.TaskState_TASK_RUNNING, true, "2")
	u := f.updates()
	require.Len(t, u, 2)
	require.Equal(t, "large", string(u[0].GetData()), "the framework gets it")
	require.Equal(t, h.id(), u[0].GetAgentId().GetValue(), "filled in")
	require.Equal(t, 1.0, u[0].GetTimestamp(), "filled in")
	require.Equal(t, []byte(uuid("1")), u[0].GetUuid(), "filled in")
	for task := range f.state().Tasks.All() {
		require.Len(t, task.Statuses, 1)
		require.True(t, task.Statuses[0].GetHealthy())
		require.Nil(t, task.Statuses[0].Data)
	}
}

// Nothing is queued for a framework that is away; the master still learns the state.
func TestUpdatesForADisconnectedFrameworkAreLost(t *testing.T) {
	b, h, f := launched(t)
	f.leaves()
	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("1"))
	require.True(t, h.state().Used.IsEmpty())
	f.subscribe()
	require.Empty(t, f.updates())
	require.NotNil(t, last[*messagespb.UpdateFrameworkMessage](h), "makes the agent send it again")
	// An acknowledgement of what this master has not forwarded goes nowhere.
	f.acknowledge(h, "t", uuid("1"))
	require.Empty(t, all[*messagespb.StatusUpdateAcknowledgementMessage](h))
	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("1"))
	f.acknowledge(h, "t", uuid("1"))
	require.Zero(t, f.state().Tasks.Len())
	require.Equal(t, int64(1), b.master.Snapshot().Metrics.InvalidAcknowledgements)
}

// An update is sent again until it is acknowledged: what is known already is no reason for a new snapshot.
func TestAnUpdateThatIsSentAgainChangesNothing(t *testing.T) {
	b, h, f := launched(t)
	running := func(latest mesosproto.TaskState) uint64 {
		h.updateLatest(f, "t", mesosproto.TaskState_TASK_RUNNING, latest, uuid("1"))
		b.settle()
		return b.master.Snapshot().Version
	}
	first := running(mesosproto.TaskState_TASK_RUNNING)
	require.Equal(t, first, running(mesosproto.TaskState_TASK_RUNNING))
	require.Len(t, f.updates(), 2, "the framework hears it again")
	require.NotEqual(t, first, running(mesosproto.TaskState_TASK_FINISHED), "the latest state is news")
	require.True(t, h.state().Used.IsEmpty())

	b.master.Schedulers().Ended(f.stream)
	b.settle()
	away := running(mesosproto.TaskState_TASK_FINISHED)
	require.Equal(t, away, running(mesosproto.TaskState_TASK_FINISHED))
}

func TestUpdatesOfUnknownAgentsAndTasks(t *testing.T) {
	b, h, f := launched(t)
	stranger := &host{b: b, conn: h.conn, info: proto.CloneOf(h.info)}
	stranger.info.Id.Value = proto.String("stranger")
	stranger.update(f, "t", mesosproto.TaskState_TASK_RUNNING, uuid("1"))
	require.Empty(t, f.updates())

	// For a known agent even an unknown task's update goes on, and so does its acknowledgement.
	h.update(f, "other", mesosproto.TaskState_TASK_RUNNING, uuid("2"))
	f.updateOf("other")
	f.acknowledge(h, "other", uuid("2"))
	require.Equal(t, "other", last[*messagespb.StatusUpdateAcknowledgementMessage](h).GetTaskId().GetValue())
}

// Acknowledging twice, or something else than the last update, is harmless.
func TestAcknowledgementsThatDoNotFit(t *testing.T) {
	_, h, f := launched(t)
	h.update(f, "t", mesosproto.TaskState_TASK_RUNNING, uuid("1"))
	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("2"))
	f.acknowledge(h, "t", uuid("1"))
	f.acknowledge(h, "t", uuid("1"))
	f.acknowledge(h, "t", uuid("x"))
	require.Equal(t, 1, f.state().Tasks.Len(), "the end is not acknowledged")
	require.Len(t, all[*messagespb.StatusUpdateAcknowledgementMessage](h), 3, "all go to the agent, which knows")
	f.acknowledge(h, "t", uuid("2"))
	require.Zero(t, f.state().Tasks.Len())
	unknown := &host{info: &mesosproto.AgentInfo{Id: &mesosproto.AgentID{Value: proto.String("nosuch")}}}
	f.acknowledge(unknown, "t", uuid("2"))
	require.Len(t, all[*messagespb.StatusUpdateAcknowledgementMessage](h), 4)
}

func (s *scheduler) kill(task string, agent *mesosproto.AgentID, policy *mesosproto.KillPolicy) {
	s.b.t.Helper()
	s.do(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: &schedulerpb.Call_Kill{
		TaskId: &mesosproto.TaskID{Value: &task}, AgentId: agent, KillPolicy: policy,
	}})
}

// Scheduler API, KILL.
func TestKill(t *testing.T) {
	_, h, f := launched(t)
	grace := &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(1e9)}}
	f.kill("t", nil, nil)
	f.kill("t", h.info.Id, grace)
	kills := all[*messagespb.KillTaskMessage](h)
	require.Len(t, kills, 2, "repeated calls are repeated")
	require.Nil(t, kills[0].KillPolicy)
	require.True(t, proto.Equal(grace, kills[1].KillPolicy))

	f.kill("t", &mesosproto.AgentID{Value: proto.String("elsewhere")}, nil)
	require.Len(t, all[*messagespb.KillTaskMessage](h), 2, "a known task on another agent: dropped")
	require.Empty(t, f.updates())

	f.kill("unknown", h.info.Id, nil)
	s := f.updateOf("unknown")
	require.Equal(t, mesosproto.TaskState_TASK_GONE, s.GetState())
	require.Equal(t, "Reconciliation: Task is unknown to the agent", s.GetMessage())
}

// A kill that may have been lost with the connection is sent again, without its policy, if the agent
// still runs the task.
func TestKillsAreRememberedWhileTheAgentIsAway(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(f.task(h, "on", "cpus:1;mem:32"), f.task(h, "over", "cpus:1;mem:32")))
	h.breaks()
	grace := &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(1e9)}}
	f.kill("on", nil, grace)
	f.kill("over", nil, nil)
	require.Empty(t, all[*messagespb.KillTaskMessage](h))
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil,
		f.running(h, "on", "cpus:1;mem:32"), f.reported(h, "over", "cpus:1;mem:32", mesosproto.TaskState_TASK_FINISHED))
	kills := all[*messagespb.KillTaskMessage](h)
	require.Len(t, kills, 1)
	require.Equal(t, "on", kills[0].GetTaskId().GetValue())
	require.Nil(t, kills[0].KillPolicy)

	back := func() {
		h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, f.running(h, "on", "cpus:1;mem:32"))
	}
	h.breaks()
	back()
	require.Len(t, all[*messagespb.KillTaskMessage](h), 1, "as often as it may have been lost")
	h.breaks()
	b.sim.Advance(time.Hour)
	back()
	require.Len(t, all[*messagespb.KillTaskMessage](h), 1, "also if the agent was given up")
}

// A task that is to be killed while its agent is unreachable is killed when it comes back.
func TestKillsAreRememberedWhileTheAgentIsUnreachable(t *testing.T) {
	b, h, f := launched(t)
	h.breaks()
	b.sim.Advance(time.Hour)
	f.kill("t", &mesosproto.AgentID{Value: proto.String("elsewhere")}, nil)
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, f.running(h, "t", "cpus:1;mem:32"))
	require.Empty(t, all[*messagespb.KillTaskMessage](h), "on another agent: dropped")
	h.breaks()
	b.sim.Advance(time.Hour)
	f.kill("t", nil, nil)
	h.reregister([]*mesosproto.FrameworkInfo{f.registered()}, nil, f.running(h, "t", "cpus:1;mem:32"))
	require.Len(t, all[*messagespb.KillTaskMessage](h), 1)
}

// Scheduler API, SHUTDOWN and MESSAGE, and what executors say.
func TestMessagesAndShutdown(t *testing.T) {
	b, h, f := launched(t)
	executor := &mesosproto.ExecutorID{Value: proto.String("e")}
	nosuch := &mesosproto.AgentID{Value: proto.String("nosuch")}
	for _, agent := range []*mesosproto.AgentID{h.info.Id, nosuch} {
		f.do(&schedulerpb.Call{Type: schedulerpb.Call_MESSAGE.Enum(), Message: &schedulerpb.Call_Message{
			AgentId: agent, ExecutorId: executor, Data: []byte("hi"),
		}})
		f.do(&schedulerpb.Call{Type: schedulerpb.Call_SHUTDOWN.Enum(), Shutdown: &schedulerpb.Call_Shutdown{
			AgentId: agent, ExecutorId: executor,
		}})
	}
	require.Len(t, all[*messagespb.FrameworkToExecutorMessage](h), 1)
	require.Equal(t, "hi", string(last[*messagespb.FrameworkToExecutorMessage](h).GetData()))
	require.Len(t, all[*messagespb.ShutdownExecutorMessage](h), 1)
	require.Equal(t, "e", last[*messagespb.ShutdownExecutorMessage](h).GetExecutorId().GetValue())

	h.send(&messagespb.ExecutorToFrameworkMessage{SlaveId: h.info.Id, FrameworkId: f.idProto(), ExecutorId: executor, Data: []byte("ho")})
	m := f.take(schedulerpb.Event_MESSAGE)
	require.Len(t, m, 1)
	require.Equal(t, "ho", string(m[0].GetMessage().GetData()))
	metrics := b.master.Snapshot().Metrics
	require.Equal(t, int64(1), metrics.ValidToExecutor)
	require.Equal(t, int64(1), metrics.InvalidToExecutor)
	require.Equal(t, int64(1), metrics.ValidToFramework)
}

func TestRequestIsIgnored(t *testing.T) {
	_, _, f := launched(t)
	f.do(&schedulerpb.Call{Type: schedulerpb.Call_REQUEST.Enum(), Request: &schedulerpb.Call_Request{}})
}
