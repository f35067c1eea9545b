package agent

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// started is a rig on which a supervised task runs, its updates so far acknowledged.
func started(t *testing.T, info *mesosproto.TaskInfo) (*rig, *container) {
	r := registered(t)
	r.tell(r.runTask(info, true))
	require.Contains(t, r.acknowledgeAll(time.Second), "RUNNING")
	return r, r.box.last()
}

func dockerTask(id string) *mesosproto.TaskInfo {
	info := commandTask(id)
	info.Container = &mesosproto.ContainerInfo{
		Type:   mesosproto.ContainerInfo_DOCKER.Enum(),
		Docker: &mesosproto.ContainerInfo_DockerInfo{Image: proto.String("busybox")},
	}
	return info
}

func (r *rig) kill(id string, grace time.Duration) {
	m := &messagespb.KillTaskMessage{FrameworkId: fid("f"), TaskId: tid(id)}
	if grace >= 0 {
		m.KillPolicy = &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(grace))}}
	}
	r.tell(m)
}

// The texts are those of executor-loss and v1-docker as captured.
func TestTerminalUpdates(t *testing.T) {
	lost := mesosproto.TaskState_TASK_FAILED
	memory := mesosproto.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY
	limited, err := resources.Parse("mem:64")
	require.NoError(t, err)
	for _, c := range []struct {
		end             containerizer.Termination
		command, docker string
	}{
		{exited(0), "t FINISHED EXECUTOR: Command exited with status 0", "t FINISHED EXECUTOR: Container exited with status 0"},
		{exited(3), "t FAILED EXECUTOR: Command exited with status 3", "t FAILED EXECUTOR: Container exited with status 3"},
		{exited(127), "t FAILED EXECUTOR: Command exited with status 127", "t FAILED EXECUTOR: Container exited with status 127"},
		{signalled(syscall.SIGKILL), "t FAILED EXECUTOR: Command terminated with signal Killed", "t FAILED EXECUTOR: Container terminated with signal Killed"},
		{signalled(syscall.SIGSEGV | 0x80), "t FAILED EXECUTOR: Command terminated with signal Segmentation fault (core dumped)", "t FAILED EXECUTOR: Container terminated with signal Segmentation fault (core dumped)"},
		{containerizer.Termination{}, "t FAILED AGENT EXECUTOR_TERMINATED: Executor terminated", "t FAILED AGENT EXECUTOR_TERMINATED: Executor terminated"},
		{
			containerizer.Termination{Exited: true, WaitStatus: 9, State: &lost, Reason: &memory, Message: "Memory limit exceeded", LimitedResources: limited},
			"t FAILED AGENT CONTAINER_LIMITATION_MEMORY: Memory limit exceeded", "t FAILED AGENT CONTAINER_LIMITATION_MEMORY: Memory limit exceeded",
		},
	} {
		for _, info := range []*mesosproto.TaskInfo{commandTask("t"), dockerTask("t")} {
			r, k := started(t, info)
			r.box.end(k, c.end)
			want := c.command
			if info.Container != nil {
				want = c.docker
			}
			r.run(100 * time.Millisecond)
			u := r.updates()
			require.Len(t, u, 1)
			s := u[0].GetUpdate().GetStatus()
			require.Equal(t, want, line(s))
			require.Equal(t, c.end.Reason != nil, s.GetLimitation() != nil)
			r.acknowledge(u[0])
			require.True(t, k.removed)
		}
	}
}

// "KILL: grace: Kill.kill_policy > TaskInfo.kill_policy > 3 s. SIGTERM, TASK_KILLING first, SIGKILL
// after grace." "docker: … > shutdown_grace_period (not 3 s)".
func TestKillGrace(t *testing.T) {
	withPolicy := func(info *mesosproto.TaskInfo, d time.Duration) *mesosproto.TaskInfo {
		info.KillPolicy = &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(d))}}
		return info
	}
	for _, c := range []struct {
		name string
		info *mesosproto.TaskInfo
		kill time.Duration
		want time.Duration
	}{
		{"default", commandTask("t"), -1, 3 * time.Second},
		{"the task's", withPolicy(commandTask("t"), 7*time.Second), -1, 7 * time.Second},
		{"the kill's", withPolicy(commandTask("t"), 7*time.Second), time.Second, time.Second},
		{"none", commandTask("t"), 0, time.Millisecond}, // which the signal takes
		{"docker", dockerTask("t"), -1, 5 * time.Second},
		{"docker, the task's", withPolicy(dockerTask("t"), 4*time.Second), -1, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, k := started(t, c.info)
			r.box.deaf = true
			r.master.conn().deliver(&messagespb.KillTaskMessage{FrameworkId: fid("f"), TaskId: tid("t"), KillPolicy: func() *mesosproto.KillPolicy {
				if c.kill < 0 {
					return nil
				}
				return &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(c.kill))}}
			}()})
			at := r.sim.Now()
			require.True(t, r.sim.RunUntil(func() bool { return k.ended != nil }, time.Minute))
			require.Equal(t, c.want, r.sim.Now().Sub(at))
			require.Equal(t, []syscall.Signal{syscall.SIGTERM}, k.signals)
			what := "Command"
			if c.info.Container != nil {
				what = "Container"
			}
			require.Equal(t, lines("t KILLING EXECUTOR", "t KILLED EXECUTOR: "+what+" terminated with signal Killed"), r.acknowledgeAll(time.Second))
		})
	}
}

// "Killed even when the process exits 0 after SIGTERM", and TASK_KILLING only for who asked for it.
func TestKilledTaskThatEndsWellIsStillKilled(t *testing.T) {
	r := registered(t)
	m := r.runTask(commandTask("t"), true)
	m.Framework.Capabilities = nil
	r.tell(m)
	r.acknowledgeAll(time.Second)
	r.box.deaf = true
	r.kill("t", -1)
	require.Empty(t, r.story())
	r.box.end(r.box.last(), exited(0))
	require.Equal(t, "t KILLED EXECUTOR: Command exited with status 0", r.acknowledgeAll(time.Second))
}

// "Repeated kills can only shorten (to max(0, new−elapsed)), never lengthen"; docker stop starts over.
func TestRepeatedKills(t *testing.T) {
	for _, c := range []struct {
		info *mesosproto.TaskInfo
		kill time.Duration
		want time.Duration // after the second kill, which comes after 2s
	}{
		{commandTask("t"), 20 * time.Second, 8 * time.Second},
		{commandTask("t"), 5 * time.Second, 3 * time.Second},
		{commandTask("t"), time.Second, 0},
		{dockerTask("t"), 20 * time.Second, 20 * time.Second},
		{dockerTask("t"), time.Second, time.Second},
	} {
		r, k := started(t, c.info)
		r.box.deaf = true
		r.kill("t", 10*time.Second)
		r.run(time.Second - 50*time.Millisecond)
		require.Equal(t, "t KILLING EXECUTOR", r.acknowledgeAll(0))
		r.run(time.Second - 50*time.Millisecond)
		at := r.sim.Now()
		r.master.conn().deliver(&messagespb.KillTaskMessage{FrameworkId: fid("f"), TaskId: tid("t"), KillPolicy: &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(c.kill))}}})
		require.True(t, r.sim.RunUntil(func() bool { return k.ended != nil }, time.Minute))
		require.Equal(t, c.want, r.sim.Now().Sub(at), fmt.Sprint(c))
		require.NotContains(t, r.acknowledgeAll(time.Second), "KILLING", "said once")
	}
}

func TestKillBeforeTheContainerRuns(t *testing.T) {
	r := registered(t)
	r.box.hang = true
	r.tell(r.runTask(commandTask("t"), true))
	r.kill("t", -1)
	require.Equal(t, "t KILLED AGENT TASK_KILLED_DURING_LAUNCH: Killed before delivery to the executor", r.acknowledgeAll(time.Second))
	require.NotNil(t, r.box.last().ended)
	require.Empty(t, r.agent.Snapshot().Frameworks)
}

// A task that is killed while its sandbox fails is killed, not dropped too.
func TestKillWhileTheSandboxFails(t *testing.T) {
	r := registered(t, func(cfg *Config) { cfg.WorkDir = t.TempDir() })
	for _, info := range []*mesosproto.TaskInfo{commandTask("t"), executorTask("t", "e")} {
		m := r.runTask(info, true)
		m.Framework.User = proto.String("nosuchuser")
		r.master.conn().deliver(m)
		r.master.conn().deliver(&messagespb.KillTaskMessage{FrameworkId: fid("f"), TaskId: tid("t")})
		require.Equal(t, "t KILLED AGENT TASK_KILLED_DURING_LAUNCH: Killed before delivery to the executor", r.acknowledgeAll(time.Second))
		require.Empty(t, r.agent.Snapshot().Frameworks)
	}
}

func TestKillOfADockerTaskWhileItStarts(t *testing.T) {
	r := registered(t)
	r.box.hang = true
	r.tell(r.runTask(dockerTask("t"), true))
	require.Equal(t, "t STARTING EXECUTOR", r.acknowledgeAll(0))
	r.kill("t", time.Second)
	require.Empty(t, r.box.last().signals)
	k := r.box.last()
	k.up = true
	k.launched(containerizer.Launched{}, nil)
	require.Equal(t, lines("t RUNNING EXECUTOR", "t KILLING EXECUTOR", "t KILLED EXECUTOR: Container terminated with signal Terminated"), r.acknowledgeAll(time.Second))

	r = registered(t)
	r.box.hang = true
	r.tell(r.runTask(dockerTask("t"), true))
	r.kill("t", time.Second)
	require.Equal(t, lines("t STARTING EXECUTOR", "t KILLED EXECUTOR: Container terminated with signal Killed"), r.acknowledgeAll(3*time.Second), "it never came up")
}

func TestKillOfATaskThatNobodyHas(t *testing.T) {
	r, _ := started(t, commandTask("t"))
	r.kill("other", -1)
	require.Equal(t, "other DROPPED AGENT EXECUTOR_TERMINATED: Cannot find executor", r.story())
	r.tell(&messagespb.KillTaskMessage{FrameworkId: fid("unknown"), TaskId: tid("x")})
	require.Empty(t, r.story(), "unknown framework: ignored")
}

// "max_completion_time: kill with zero grace, FAILED, MAX_COMPLETION_TIME_REACHED, no TASK_KILLING"
func TestMaxCompletionTime(t *testing.T) {
	info := commandTask("t")
	info.MaxCompletionTime = &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(time.Minute))}
	r, k := started(t, info)
	r.box.deaf = true
	r.run(58 * time.Second)
	require.Nil(t, k.ended)
	require.Equal(t, "t FAILED EXECUTOR MAX_COMPLETION_TIME_REACHED: Command terminated with signal Killed", r.acknowledgeAll(2*time.Second))
	require.Equal(t, []syscall.Signal{syscall.SIGTERM}, k.signals)

	r, k = started(t, info)
	r.box.deaf = true
	r.kill("t", 2*time.Minute)
	r.run(90 * time.Second)
	require.Nil(t, k.ended, "a kill ends the timer")
}

func TestLaunchFailures(t *testing.T) {
	t.Run("image", func(t *testing.T) {
		r := registered(t)
		r.box.pullErr = errors.New("no such image: busybox")
		r.tell(r.runTask(dockerTask("t"), true))
		require.Equal(t, "t FAILED AGENT CONTAINER_LAUNCH_FAILED: Failed to launch container: no such image: busybox", r.acknowledgeAll(time.Second), "no TASK_STARTING")
		require.Empty(t, r.agent.Snapshot().Frameworks)
	})
	t.Run("URIs", func(t *testing.T) {
		r := registered(t)
		info := commandTask("t")
		info.Command.Uris = []*mesosproto.CommandInfo_URI{{Value: proto.String("/nosuch/file")}}
		r.tell(r.runTask(info, true))
		require.Contains(t, r.acknowledgeAll(time.Second), "t FAILED AGENT CONTAINER_LAUNCH_FAILED: Failed to launch container: Failed to fetch all URIs for container '")
	})
	t.Run("container", func(t *testing.T) {
		r := registered(t)
		r.box.launchErr = errors.New("out of pids")
		r.tell(r.runTask(commandTask("t"), true))
		require.Equal(t, "t FAILED AGENT CONTAINER_LAUNCH_FAILED: Failed to launch container: out of pids", r.acknowledgeAll(time.Second))
	})
	t.Run("docker container", func(t *testing.T) {
		r := registered(t)
		r.box.launchErr = errors.New("port is in use")
		r.tell(r.runTask(dockerTask("t"), true))
		require.Equal(t, lines("t STARTING EXECUTOR", "t FAILED EXECUTOR: Failed to run docker container: port is in use"), r.acknowledgeAll(time.Second))
	})
	t.Run("no containerizer", func(t *testing.T) {
		r := registered(t)
		r.box.launchErr = fmt.Errorf("compose: %w", containerizer.ErrNotSupported)
		r.tell(r.runTask(commandTask("t"), true))
		require.Contains(t, r.acknowledgeAll(time.Second), "CONTAINER_LAUNCH_FAILED: Failed to launch container: no containerizer of this agent (mesos) runs such a container")
	})
	t.Run("sandbox", func(t *testing.T) {
		r := registered(t, func(cfg *Config) { cfg.WorkDir = t.TempDir() })
		info := commandTask("t")
		info.Command.User = proto.String("nosuchuser")
		r.tell(r.runTask(info, true))
		require.Len(t, find[*messagespb.ExitedExecutorMessage](r), 1, "the master must free what it charged")
		story := r.acknowledgeAll(time.Second)
		require.Contains(t, story, "t DROPPED AGENT EXECUTOR_TERMINATED: Failed to create executor directory '")
		require.Contains(t, story, "Failed to chown directory to 'nosuchuser': No such user 'nosuchuser'")
		require.Empty(t, r.agent.Snapshot().Frameworks)
	})
}
