package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

func lines(l ...string) string { return strings.Join(l, "\n") }

// "Sequence per task: STARTING, (fork), RUNNING, terminal."
func TestCommandTaskRunsAndFinishes(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(commandTask("hello"), true))
	require.Equal(t, "hello STARTING EXECUTOR", r.story(), "the next waits for the acknowledgement")
	k := r.box.last()
	require.Equal(t, "hello", k.spec.ExecutorID)
	require.Equal(t, "echo hi; sleep 1", k.spec.Command.GetValue())
	require.Equal(t, "dev", k.spec.Environment["MESOS_ALLOCATION_ROLE"])
	require.Equal(t, "hello", k.spec.Environment["MESOS_EXECUTOR_ID"])
	require.Equal(t, "5secs", k.spec.Environment["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"])
	require.Equal(t, "slave(1)@127.0.0.1:5051", k.spec.Variables()["MESOS_SLAVE_PID"])

	r.run(10 * time.Second)
	u := r.updates()
	require.Len(t, u, 1, "sent again after 10s")
	s := u[0].GetUpdate()
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, s.GetLatestState())
	require.Equal(t, "slave(1)@127.0.0.1:5051", u[0].GetPid())
	require.Equal(t, k.spec.ID.GetValue(), s.GetStatus().GetContainerStatus().GetContainerId().GetValue())
	require.EqualValues(t, 17057, s.GetStatus().GetContainerStatus().GetExecutorPid())
	require.Equal(t, "127.0.0.1", s.GetStatus().GetContainerStatus().GetNetworkInfos()[0].GetIpAddresses()[0].GetIpAddress())
	require.Equal(t, s.GetUuid(), s.GetStatus().GetUuid())
	require.Equal(t, "hello", s.GetExecutorId().GetValue())

	r.acknowledge(u[0])
	require.Equal(t, "hello RUNNING EXECUTOR", r.story())
	r.box.end(k, exited(0))
	r.run(time.Second)
	require.Empty(t, r.story())
	r.run(10 * time.Second)
	u = r.updates()
	require.Equal(t, mesosproto.TaskState_TASK_FINISHED, u[0].GetUpdate().GetLatestState(), "the master learns the latest state early")
	r.acknowledge(u[0])
	require.Equal(t, "hello FINISHED EXECUTOR: Command exited with status 0", r.acknowledgeAll(time.Second))
	require.True(t, k.removed)
	require.Empty(t, r.agent.Snapshot().Frameworks)
	require.Len(t, r.agent.Snapshot().CompletedFrameworks, 1)
	require.Empty(t, find[*messagespb.ExitedExecutorMessage](r), "not sent for command tasks")
	r.run(time.Hour)
	require.Empty(t, r.story())
}

func TestCustomExecutorSubscribesAndRunsItsTask(t *testing.T) {
	r := registered(t)
	r.tell(r.runTask(executorTask("a", "e"), true))
	r.tell(r.runTask(executorTask("b", "e"), false))
	require.Len(t, r.box.order, 1, "one container for both")
	require.Equal(t, "./executor", r.box.last().spec.Command.GetValue())
	p := r.subscribe("e", nil)
	require.NoError(t, p.err)
	require.Equal(t, "m-S0", p.events[0].GetSubscribed().GetAgentInfo().GetId().GetValue())
	require.Equal(t, "f", p.events[0].GetSubscribed().GetExecutorInfo().GetFrameworkId().GetValue())
	require.Equal(t, r.box.last().spec.ID.GetValue(), p.events[0].GetSubscribed().GetContainerId().GetValue())
	require.Equal(t, []string{"SUBSCRIBED", "LAUNCH", "LAUNCH"}, p.types())

	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_RUNNING, 1))
	require.Equal(t, []string{"ACKNOWLEDGED"}, p.types())
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 2))
	require.Equal(t, lines("a RUNNING EXECUTOR", "a FINISHED EXECUTOR"), r.acknowledgeAll(time.Second))
	require.Len(t, r.box.updates, 2, "room for a and b, then less")

	r.box.end(r.box.last(), exited(4))
	r.run(time.Second)
	gone := find[*messagespb.ExitedExecutorMessage](r)
	require.Len(t, gone, 1)
	require.EqualValues(t, 1024, gone[0].GetStatus(), "the raw wait status")
	require.Equal(t, "b FAILED AGENT EXECUTOR_TERMINATED: Executor terminated", r.acknowledgeAll(time.Second))
	require.Empty(t, r.agent.Snapshot().Frameworks)
}

// "Drop checks, each ⇒ DROPPED/LOST for all tasks of the message."
func TestDroppedTasks(t *testing.T) {
	for _, c := range []struct {
		name, want string
		setup      func(r *rig) *messagespb.RunTaskMessage
		exited     bool
	}{
		{"stale resources", "t DROPPED AGENT INVALID_OFFERS: Task assumes outdated resource state", func(r *rig) *messagespb.RunTaskMessage {
			m := r.runTask(commandTask("t"), true)
			m.ResourceVersionUuids[0].Uuid = &mesosproto.UUID{Value: make([]byte, 16)}
			return m
		}, true},
		{"executor expected", "t DROPPED AGENT EXECUTOR_TERMINATED: No executor is expected to launch and there is none running", func(r *rig) *messagespb.RunTaskMessage {
			return r.runTask(executorTask("t", "e"), false)
		}, false},
		{"executor exists", "t DROPPED AGENT EXECUTOR_TERMINATED: Master wants to launch executor, but one already exists", func(r *rig) *messagespb.RunTaskMessage {
			r.tell(r.runTask(executorTask("first", "e"), true))
			return r.runTask(executorTask("t", "e"), true)
		}, true},
		{"executor of that id", "t DROPPED AGENT TASK_INVALID: Cannot launch a command task: an executor with ID 't' exists; use another task ID", func(r *rig) *messagespb.RunTaskMessage {
			r.tell(r.runTask(executorTask("first", "t"), true))
			return r.runTask(commandTask("t"), true)
		}, true},
		{"not partition-aware", "t LOST AGENT EXECUTOR_TERMINATED: No executor is expected to launch and there is none running", func(r *rig) *messagespb.RunTaskMessage {
			m := r.runTask(executorTask("t", "e"), false)
			m.Framework.Capabilities = nil
			return m
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := registered(t)
			m := c.setup(r)
			r.tell(m)
			require.Equal(t, c.want, r.story())
			require.Equal(t, c.exited, len(find[*messagespb.ExitedExecutorMessage](r)) == 1, "the master must free the executor's resources")
		})
	}
}

func TestLaunchesThatAreNotForThisAgentOrUnfitForPathsAreIgnored(t *testing.T) {
	r := registered(t)
	for _, change := range []func(*messagespb.RunTaskMessage){
		func(m *messagespb.RunTaskMessage) { m.Task.AgentId = agentIDOf("other") },
		func(m *messagespb.RunTaskMessage) { m.Task.TaskId = tid("../x") },
		func(m *messagespb.RunTaskMessage) { m.Framework.Id = fid("..") },
		func(m *messagespb.RunTaskMessage) { m.Framework.Id = nil },
		func(m *messagespb.RunTaskMessage) { m.Task = nil },
		func(m *messagespb.RunTaskMessage) { m.Task.Executor = &mesosproto.ExecutorInfo{} },
	} {
		m := r.runTask(commandTask("t"), true)
		change(m)
		r.tell(m)
	}
	require.Empty(t, r.box.order)
	require.Empty(t, r.story())
	require.Empty(t, r.agent.Snapshot().Frameworks)
	r.tell(r.runTask(commandTask("t"), true))
	require.Len(t, r.box.order, 1)
	r.tell(r.runTask(commandTask("t"), true))
	require.Len(t, r.box.order, 1, "the same task again")
}

func TestTaskGroupReachesACustomExecutorAtOnce(t *testing.T) {
	r := registered(t)
	e := executorTask("x", "e").Executor
	r.tell(&messagespb.RunTaskGroupMessage{
		Framework:      frameworkInfo("f"),
		Executor:       e,
		TaskGroup:      &mesosproto.TaskGroupInfo{Tasks: []*mesosproto.TaskInfo{executorTask("a", "e"), executorTask("b", "e")}},
		LaunchExecutor: proto.Bool(true),
	})
	p := r.subscribe("e", nil)
	require.Len(t, p.events[1].GetLaunchGroup().GetTaskGroup().GetTasks(), 2)
	require.Equal(t, []string{"SUBSCRIBED", "LAUNCH_GROUP"}, p.types())
}

// What a master sent before it had the latest registration is older than what that says.
func TestDropsTasksOfAMasterThatHasNotSeenTheLatestRegistration(t *testing.T) {
	r := registered(t)
	r.master.auto = false
	r.master.conn().breaks()
	r.run(30 * time.Second)
	sent := find[*messagespb.ReregisterSlaveMessage](r)
	require.Greater(t, len(sent), 1)
	stale, task := r.runTask(commandTask("stale"), true), r.runTask(commandTask("good"), true)
	stale.ResourceVersionUuids = []*messagespb.ResourceVersionUUID{{Uuid: sent[0].GetResourceVersionUuid()}}
	task.ResourceVersionUuids = []*messagespb.ResourceVersionUUID{{Uuid: sent[len(sent)-1].GetResourceVersionUuid()}}
	r.tell(&messagespb.SlaveReregisteredMessage{SlaveId: agentIDOf("m-S0")})
	r.tell(stale)
	require.Equal(t, "stale DROPPED AGENT INVALID_OFFERS: Task assumes outdated resource state", r.story())
	r.tell(task)
	require.Equal(t, "good STARTING EXECUTOR", r.story())
	require.Len(t, r.box.order, 1)
}
