package agent

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/statusupdate"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// "resend after 10 s, 20 s, 40 s … max 600 s, forever"
func TestRetriesUntilAcknowledged(t *testing.T) {
	r := registered(t, quietMaster)
	r.tell(r.runTask(commandTask("t"), true))
	require.Equal(t, "t STARTING EXECUTOR", r.story())
	start := r.sim.Now()
	var at []time.Duration
	for len(at) < 9 {
		require.True(t, r.sim.RunUntil(func() bool { return len(r.master.conn().got) > 0 }, time.Hour))
		at = append(at, r.sim.Now().Sub(start).Round(time.Second))
		r.master.conn().got = nil
	}
	s := time.Second
	require.Equal(t, []time.Duration{10 * s, 30 * s, 70 * s, 150 * s, 310 * s, 630 * s, 1230 * s, 1830 * s, 2430 * s}, at)
}

// quietMaster never says how long it may be silent, so the agent waits a day.
func quietMaster(cfg *Config) {
	cfg.Detector.(*master).pingTimeout = 24 * time.Hour
}

// "Ack must match the head's uuid, else ignored."
func TestWrongAcknowledgementsAreIgnored(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("t"), true))
	u := r.updates()[0]
	wrong := proto.CloneOf(u)
	wrong.Update.Uuid = make([]byte, 16)
	r.acknowledge(wrong)
	wrong = proto.CloneOf(u)
	wrong.Update.Status.TaskId = tid("other")
	r.acknowledge(wrong)
	wrong = proto.CloneOf(u)
	wrong.Update.FrameworkId = fid("other")
	r.acknowledge(wrong)
	require.Empty(t, r.story())
	r.acknowledge(u)
	require.Equal(t, "t RUNNING EXECUTOR", r.story())
	r.acknowledge(u)
	require.Empty(t, r.story(), "acknowledged twice")
}

// "reset … on UpdateFrameworkMessage (all heads resent at once)"
func TestNewSchedulerGetsPendingUpdatesAtOnce(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("t"), true))
	r.updates()
	info := frameworkInfo("f")
	info.Name = proto.String("renamed")
	r.tell(&messagespb.UpdateFrameworkMessage{FrameworkId: fid("f"), Pid: proto.String("scheduler@10.0.0.9:1"), FrameworkInfo: info})
	require.Equal(t, "t STARTING EXECUTOR", r.story())
	require.Equal(t, "renamed", r.agent.Snapshot().Frameworks[0].Info.GetName())
	require.Equal(t, "scheduler@10.0.0.9:1", r.agent.Snapshot().Frameworks[0].PID)
}

// "second terminal update (other uuid) ⇒ acked to the executor but not forwarded"
func TestNothingFollowsTheTerminalUpdate(t *testing.T) {
	r, p := subscribed(t)
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 2))
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FAILED, 3))
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_RUNNING, 4))
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 2))
	require.Equal(t, []string{"ACKNOWLEDGED", "ACKNOWLEDGED", "ACKNOWLEDGED", "ACKNOWLEDGED"}, p.types())
	require.Equal(t, "a FINISHED EXECUTOR", r.acknowledgeAll(time.Second))
}

// Updates for tasks that the executor does not have are passed on, but not without bound.
func TestUpdatesForUnknownTasks(t *testing.T) {
	r, p := subscribed(t)
	require.NoError(t, p.update("made-up", mesosproto.TaskState_TASK_RUNNING, 5))
	u := r.updates()
	require.Len(t, u, 1)
	require.Nil(t, u[0].GetUpdate().LatestState)
	require.Nil(t, u[0].GetUpdate().GetStatus().GetContainerStatus())
	r.acknowledge(u[0])
	require.Len(t, r.agent.core.streams.byTask, 1, "nothing is kept of it")

	c := r.agent.core
	for i := range maxStrangers + 10 {
		c.updateFrom(c.frameworks["f"].executors["e"], status16(string(rune('A'+i)), mesosproto.TaskState_TASK_RUNNING, byte(i)), func(error) {})
	}
	require.Equal(t, codes.ResourceExhausted, status.Code(p.update("one-more", mesosproto.TaskState_TASK_RUNNING, 6)))
}

func TestUpdatesThatNobodyAcknowledgesAreBounded(t *testing.T) {
	r, p := subscribed(t)
	c := r.agent.core
	ex := c.frameworks["f"].executors["e"]
	for i := range statusupdate.MaxPending {
		s := status16("a", mesosproto.TaskState_TASK_RUNNING, 0)
		s.Uuid[0], s.Uuid[1] = byte(i), byte(i>>8)+1
		c.updateFrom(ex, s, func(err error) { require.NoError(t, err) })
	}
	require.Equal(t, codes.ResourceExhausted, status.Code(p.update("a", mesosproto.TaskState_TASK_RUNNING, 6)))
	require.Len(t, ex.task("a").statuses, 1, "one for each state")
}

func TestContainerStatusKeepsWhatTheExecutorSays(t *testing.T) {
	r, p := subscribed(t)
	s := status16("a", mesosproto.TaskState_TASK_RUNNING, 9)
	nested := &mesosproto.ContainerID{Value: proto.String("n"), Parent: &mesosproto.ContainerID{Value: proto.String("p")}}
	s.ContainerStatus = &mesosproto.ContainerStatus{ContainerId: nested}
	r.agent.core.updateFrom(r.agent.core.frameworks["f"].executors["e"], s, func(error) {})
	require.NotNil(t, p)
	got := r.updates()[0].GetUpdate().GetStatus().GetContainerStatus()
	require.True(t, proto.Equal(nested, got.GetContainerId()))
	require.EqualValues(t, 17057, got.GetExecutorPid())
	require.Len(t, got.GetNetworkInfos(), 1)
}

// Drain: "kill policy sent = max_grace_period if task has none or a larger one"; new tasks are dropped;
// "KILLING/KILLED get reason AGENT_DRAINING (state GONE_BY_OPERATOR if mark_gone and P)".
func TestDraining(t *testing.T) {
	r := registered(t)
	r.tell(&messagespb.DrainSlaveMessage{Config: &mesosproto.DrainConfig{}})
	require.Nil(t, r.agent.core.drain, "nothing runs: nothing to do")
	r.tell(r.runTask(commandTask("t"), true))
	r.acknowledgeAll(time.Second)
	r.box.deaf = true
	r.tell(&messagespb.DrainSlaveMessage{Config: &mesosproto.DrainConfig{
		MaxGracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(time.Second))},
		MarkGone:       proto.Bool(true),
	}})
	r.tell(r.runTask(commandTask("late"), true))
	require.Equal(t, lines(
		"t KILLING EXECUTOR AGENT_DRAINING",
		"late DROPPED AGENT AGENT_DRAINING: Task was received while agent was already draining",
		"t GONE_BY_OPERATOR EXECUTOR AGENT_DRAINING: Command terminated with signal Killed",
	), r.acknowledgeAll(2*time.Second))
	require.Nil(t, r.agent.core.drain, "over")
	r.tell(r.runTask(commandTask("next"), true))
	require.Contains(t, r.acknowledgeAll(time.Second), "next RUNNING")
}

func TestOperationsThatWereLostAreReported(t *testing.T) {
	r := registered(t)
	r.tell(&messagespb.ReconcileOperationsMessage{Operations: []*messagespb.ReconcileOperationsMessage_Operation{{OperationUuid: &mesosproto.UUID{Value: make([]byte, 16)}}}})
	got := find[*messagespb.UpdateOperationStatusMessage](r)
	require.Len(t, got, 1)
	require.Equal(t, mesosproto.OperationState_OPERATION_DROPPED, got[0].GetStatus().GetState())
}

// An agent that is killed before it has written an acknowledgement sends that update again. If the next
// one had gone out already the framework would see its task go backwards.
func TestTheNextUpdateWaitsUntilTheAcknowledgementIsWritten(t *testing.T) {
	r := registered(t)
	m := checkpointed(r.runTask(commandTask("t"), true))
	r.tell(m)
	u := r.updates()[0]
	require.Equal(t, mesosproto.TaskState_TASK_STARTING, u.GetUpdate().GetStatus().GetState())
	r.run(time.Second)
	r.sim.WorkTime = func(*rand.Rand) time.Duration { return 5 * time.Second } // a slow disk
	r.acknowledge(u)
	r.run(4 * time.Second)
	require.Empty(t, r.story())
	r.tell(&messagespb.UpdateFrameworkMessage{FrameworkId: fid("f"), Pid: proto.String(""), FrameworkInfo: m.Framework})
	require.Empty(t, r.story(), "not for a new scheduler either")
	r.run(2 * time.Second)
	require.Equal(t, "t RUNNING EXECUTOR", r.story())
}

// A terminal update is on the disk; if the acknowledgement of the one before it were not when it goes
// out, a machine that died then would send that one after it.
func TestAcknowledgementsAreSyncedBeforeTheTerminalUpdateGoesOut(t *testing.T) {
	r, store := remembering(t)
	r.tell(checkpointed(r.runTask(commandTask("t"), true)))
	first := r.updates()
	r.acknowledge(first[0])
	second := r.updates()
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, second[0].GetUpdate().GetStatus().GetState())
	r.box.end(r.box.last(), containerizer.Termination{Exited: true})
	r.run(time.Second)
	require.Empty(t, r.story(), "RUNNING is not acknowledged yet")
	r.acknowledge(second[0])
	require.Contains(t, r.story(), "t FINISHED")
	store.LoseUnsynced()
	r.crash()
	story := r.acknowledgeAll(time.Minute)
	require.Contains(t, story, "t FINISHED")
	require.NotContains(t, story, "RUNNING")
}
