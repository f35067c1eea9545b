package agent

import (
	"errors"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// subscribed is a rig with executor e, which runs task a.
func subscribed(t *testing.T) (*rig, *peer) {
	r := registered(t)
	r.tell(r.runTask(executorTask("a", "e"), true))
	p := r.subscribe("e", nil)
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_RUNNING, 1))
	r.acknowledgeAll(time.Second)
	p.types()
	return r, p
}

func TestEnvironmentOfExecutors(t *testing.T) {
	r := registered(t, func(cfg *Config) { cfg.ExecutorEnvironment = map[string]string{"A": "b"} })
	m := r.runTask(executorTask("a", "e"), true)
	m.Framework.Checkpoint = proto.Bool(true)
	m.Task.Executor.ShutdownGracePeriod = &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(90 * time.Second))}
	r.tell(m)
	require.Equal(t, map[string]string{
		"A":                                    "b",
		"PATH":                                 DefaultPath,
		"MESOS_FRAMEWORK_ID":                   "f",
		"MESOS_EXECUTOR_ID":                    "e",
		"MESOS_SLAVE_ID":                       "m-S0",
		"MESOS_DIRECTORY":                      "",
		"MESOS_SANDBOX":                        "",
		"MESOS_SLAVE_PID":                      "slave(1)@127.0.0.1:5051",
		"MESOS_AGENT_ENDPOINT":                 "127.0.0.1:5051",
		"MESOS_CHECKPOINT":                     "1",
		"MESOS_RECOVERY_TIMEOUT":               "15mins",
		"MESOS_SUBSCRIPTION_BACKOFF_MAX":       "2secs",
		"MESOS_HTTP_COMMAND_EXECUTOR":          "0",
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "1.5mins",
		"LIBPROCESS_PORT":                      "0",
	}, r.box.last().spec.Variables())
	require.True(t, r.box.last().spec.Checkpointed)
}

// "--executor_registration_timeout 1 min ⇒ container destroyed, tasks FAILED"
func TestExecutorThatDoesNotSubscribe(t *testing.T) {
	r := registered(t, func(cfg *Config) { cfg.ExecutorRegistrationTimeout = 4 * time.Second })
	r.tell(r.runTask(executorTask("silent", "silent"), true))
	r.run(3 * time.Second)
	require.Empty(t, r.story())
	require.Equal(t, "silent FAILED AGENT EXECUTOR_REGISTRATION_TIMEOUT: Executor did not register within 4secs", r.acknowledgeAll(2*time.Second))
	gone := find[*messagespb.ExitedExecutorMessage](r)
	require.Len(t, gone, 1)
	require.EqualValues(t, 9, gone[0].GetStatus())
	require.Empty(t, r.agent.Snapshot().Frameworks)
}

func TestOrderOfChecksOfCalls(t *testing.T) {
	r, p := subscribed(t)
	code := func(err error) codes.Code { return status.Code(err) }
	message := func(c *executorpb.Call) { c.Message = &executorpb.Call_Message{Data: []byte("x")} }

	c := p.call(executorpb.Call_MESSAGE, message)
	c.FrameworkId = fid("unknown")
	require.Equal(t, codes.NotFound, code(p.send(c)))
	require.ErrorContains(t, p.send(c), "Framework cannot be found")
	c = p.call(executorpb.Call_MESSAGE, message)
	c.ExecutorId = eid("unknown")
	require.ErrorContains(t, p.send(c), "Executor cannot be found")
	require.NoError(t, p.send(p.call(executorpb.Call_HEARTBEAT, func(c *executorpb.Call) { c.FrameworkId = fid("unused") })), "ids are not looked at")
	require.Equal(t, codes.Unimplemented, code(p.send(p.call(executorpb.Call_UNKNOWN, func(*executorpb.Call) {}))))
	require.Equal(t, codes.InvalidArgument, code(p.send(p.call(executorpb.Call_UPDATE, func(*executorpb.Call) {}))))
	require.Equal(t, codes.InvalidArgument, code(p.send(p.call(executorpb.Call_SUBSCRIBE, func(c *executorpb.Call) { c.Subscribe = &executorpb.Call_Subscribe{} }))))
	require.Equal(t, codes.InvalidArgument, code(p.update("../a", mesosproto.TaskState_TASK_RUNNING, 7)), "ids become paths and keys")

	r.tell(r.runTask(executorTask("b", "registering"), true))
	other := &peer{rig: r, id: "registering"}
	require.Equal(t, codes.FailedPrecondition, code(other.send(other.call(executorpb.Call_MESSAGE, message))))
	r.tell(r.runTask(commandTask("command"), true))
	require.Equal(t, codes.NotFound, code(r.subscribe("command", nil).err), "supervised tasks have no executor")
	require.Equal(t, codes.NotFound, code(r.subscribe("unknown", nil).err))

	early := newRig(t)
	require.Equal(t, codes.Unavailable, code(early.subscribeNow("e")))
}

func TestMessagesBothWays(t *testing.T) {
	r, p := subscribed(t)
	require.NoError(t, p.send(p.call(executorpb.Call_MESSAGE, func(c *executorpb.Call) { c.Message = &executorpb.Call_Message{Data: []byte("up")} })))
	up := find[*messagespb.ExecutorToFrameworkMessage](r)
	require.Len(t, up, 1)
	require.Equal(t, "up", string(up[0].GetData()))
	down := &messagespb.FrameworkToExecutorMessage{SlaveId: agentIDOf("m-S0"), FrameworkId: fid("f"), ExecutorId: eid("e"), Data: []byte("down")}
	r.tell(down)
	require.Equal(t, "down", string(p.events[0].GetMessage().GetData()))
	down.ExecutorId = eid("unknown")
	r.tell(down)
	require.Len(t, p.events, 1)
}

func TestHeartbeats(t *testing.T) {
	r, p := subscribed(t)
	r.run(29 * time.Minute)
	require.Empty(t, p.types(), "the first comes after 30min")
	r.run(61 * time.Minute)
	require.Equal(t, []string{"HEARTBEAT", "HEARTBEAT", "HEARTBEAT"}, p.types())
}

// "A previous stream is closed"; "every launched task still STAGING and not in unacknowledged_tasks ⇒
// DROPPED"; "each unacknowledged update is processed as a normal UPDATE (duplicates re-ACKNOWLEDGED)".
func TestResubscription(t *testing.T) {
	r, p := subscribed(t)
	r.tell(r.runTask(executorTask("had", "e"), false))
	r.tell(r.runTask(executorTask("missed", "e"), false))
	require.Equal(t, []string{"LAUNCH", "LAUNCH"}, p.types())
	again := r.subscribe("e", &executorpb.Call_Subscribe{
		UnacknowledgedTasks: []*mesosproto.TaskInfo{executorTask("had", "e")},
		UnacknowledgedUpdates: []*executorpb.Call_Update{
			{Status: status16("a", mesosproto.TaskState_TASK_RUNNING, 1)},
			{Status: status16("a", mesosproto.TaskState_TASK_FINISHED, 2)},
			{Status: &mesosproto.TaskStatus{TaskId: tid("bad")}},
		},
	})
	require.True(t, p.closed)
	require.Equal(t, []string{"SUBSCRIBED", "ACKNOWLEDGED", "ACKNOWLEDGED"}, again.types())
	require.Equal(t, lines("a FINISHED EXECUTOR", "missed DROPPED AGENT AGENT_RESTARTED: Task launched during agent restart"), r.acknowledgeAll(time.Second))
}

func TestTasksWaitForAnExecutorThatIsAway(t *testing.T) {
	r, p := subscribed(t)
	r.agent.Executors().Ended(p)
	r.tell(r.runTask(executorTask("b", "e"), false))
	r.kill("a", -1)
	require.Empty(t, p.types())
	again := r.subscribe("e", nil)
	require.Equal(t, []string{"SUBSCRIBED", "KILL", "LAUNCH"}, again.types())
}

func TestKillReachesTheExecutor(t *testing.T) {
	r, p := subscribed(t)
	r.kill("a", time.Second)
	require.Equal(t, "a", p.events[0].GetKill().GetTaskId().GetValue())
	require.EqualValues(t, time.Second, p.events[0].GetKill().GetKillPolicy().GetGracePeriod().GetNanoseconds())
}

// "pending/queued/undelivered ⇒ TASK_KILLED from agent (whole group if any member)"; "nothing was ever
// delivered and nothing is queued ⇒ SHUTDOWN, no SUBSCRIBED".
func TestKillOfQueuedTasks(t *testing.T) {
	r := registered(t)
	group := []*mesosproto.TaskInfo{executorTask("x", "e"), executorTask("y", "e")}
	r.tell(&messagespb.RunTaskGroupMessage{Framework: frameworkInfo("f"), Executor: group[0].Executor, TaskGroup: &mesosproto.TaskGroupInfo{Tasks: group}, LaunchExecutor: proto.Bool(true)})
	r.tell(r.runTask(executorTask("z", "e"), false))
	r.kill("y", -1)
	const text = ": A task within the task group was killed before delivery to the executor"
	require.Equal(t, lines("x KILLED AGENT TASK_KILLED_DURING_LAUNCH"+text, "y KILLED AGENT TASK_KILLED_DURING_LAUNCH"+text), r.acknowledgeAll(time.Second))
	r.kill("z", -1)
	require.Equal(t, "z KILLED AGENT TASK_KILLED_DURING_LAUNCH: Killed before delivery to the executor", r.acknowledgeAll(time.Second))
	p := r.subscribe("e", nil)
	require.Equal(t, []string{"SHUTDOWN"}, p.types())
	r.run(6 * time.Second)
	require.NotNil(t, r.box.last().ended, "destroyed after the grace period")
	require.Empty(t, r.agent.Snapshot().Frameworks)
}

// "Shutdown: state TERMINATING, SHUTDOWN event, after grace period container destroyed."
func TestShutdownOfAnExecutor(t *testing.T) {
	r, p := subscribed(t)
	r.tell(&messagespb.ShutdownExecutorMessage{FrameworkId: fid("f"), ExecutorId: eid("e")})
	require.Equal(t, []string{"SHUTDOWN"}, p.types())
	r.tell(r.runTask(executorTask("b", "e"), false))
	require.Equal(t, "b DROPPED AGENT EXECUTOR_TERMINATED: Executor terminating/terminated", r.acknowledgeAll(time.Second))
	late := r.subscribe("e", nil)
	require.Equal(t, []string{"SHUTDOWN"}, late.types())
	require.True(t, late.closed)
	require.Nil(t, r.box.last().ended)
	r.run(4 * time.Second)
	require.NotNil(t, r.box.last().ended)
	require.Equal(t, "a FAILED AGENT EXECUTOR_TERMINATED: Executor terminated", r.acknowledgeAll(time.Second))
}

func TestShutdownOfAFramework(t *testing.T) {
	r, p := subscribed(t)
	r.tell(r.runTask(commandTask("t"), true))
	require.Contains(t, r.story(), "STARTING")
	r.box.deaf = true
	r.tell(&messagespb.ShutdownFrameworkMessage{FrameworkId: fid("f")})
	require.Equal(t, []string{"SHUTDOWN"}, p.types())
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_KILLED, 9))
	r.tell(r.runTask(commandTask("late"), true))
	r.run(20 * time.Second)
	require.Empty(t, r.story(), "no further updates for it")
	require.Len(t, find[*messagespb.ExitedExecutorMessage](r), 1)
	require.Empty(t, r.agent.Snapshot().Frameworks)
	require.Empty(t, r.agent.core.streams.byTask)
	require.Len(t, r.box.order, 2)
}

// "update failure → container destroyed, tasks TASK_GONE, REASON_CONTAINER_UPDATE_FAILED"
func TestContainerThatCanNotGrow(t *testing.T) {
	r, _ := subscribed(t)
	r.box.updateErr = errors.New("cgroup is gone")
	r.tell(r.runTask(executorTask("b", "e"), false))
	require.Equal(t, lines(
		"a GONE AGENT CONTAINER_UPDATE_FAILED: Failed to update resources for container: cgroup is gone",
		"b GONE AGENT CONTAINER_UPDATE_FAILED: Failed to update resources for container: cgroup is gone",
	), r.acknowledgeAll(time.Second))
}

func TestDefaultExecutorNeedsACommand(t *testing.T) {
	task := executorTask("a", "e")
	task.Executor.Command = nil
	task.Executor.Type = mesosproto.ExecutorInfo_DEFAULT.Enum()
	r := registered(t)
	r.tell(r.runTask(task, true))
	require.Contains(t, r.acknowledgeAll(time.Second), "a FAILED AGENT CONTAINER_LAUNCH_FAILED: Failed to launch container: this agent has no default executor")
	r = registered(t, func(cfg *Config) {
		cfg.DefaultExecutor = &mesosproto.CommandInfo{Value: proto.String("mesos-default-executor")}
	})
	r.tell(r.runTask(task, true))
	require.Equal(t, "mesos-default-executor", r.box.last().spec.Command.GetValue())
}

func TestTerminationStateOfTheContainerizerCounts(t *testing.T) {
	r, _ := subscribed(t)
	reason := mesosproto.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY
	r.box.end(r.box.last(), containerizer.Termination{Exited: true, WaitStatus: 9, Reason: &reason, Message: "Memory limit exceeded"})
	require.Equal(t, "a FAILED AGENT CONTAINER_LIMITATION_MEMORY: Memory limit exceeded", r.acknowledgeAll(time.Second))
}
