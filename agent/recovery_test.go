package agent

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// crash kills the agent as kill -9 does and starts it again; its checkpoint and its containers stay.
func (r *rig) crash(change ...func(*Config)) {
	r.t.Helper()
	r.loop.Close()
	for _, k := range r.box.order {
		k.up = k.up || k.launched != nil // what was starting starts without the agent
		k.waiters, k.launched = nil, nil
	}
	r.loop = r.sim.Loop("agent, once more")
	r.box.loop = r.loop
	r.cfg.Loop = r.loop
	for _, f := range change {
		f(&r.cfg)
	}
	var err error
	r.agent, err = New(r.cfg)
	require.NoError(r.t, err)
	r.agent.Start()
}

// remembering is a rig with a checkpoint.
func remembering(t *testing.T) (*rig, *memory.Store) {
	s := &memory.Store{}
	return registered(t, func(cfg *Config) { cfg.Checkpoint = s }), s
}

func checkpointed(m *messagespb.RunTaskMessage) *messagespb.RunTaskMessage {
	m.Framework.Checkpoint = proto.Bool(true)
	return m
}

func keys(t *testing.T, s checkpoint.Store) (list []string) {
	entries, err := s.Load()
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Key)
	}
	return list
}

func TestSupervisedTaskLivesThroughARestart(t *testing.T) {
	r, store := remembering(t)
	r.tell(checkpointed(r.runTask(commandTask("t"), true)))
	require.Equal(t, "t STARTING EXECUTOR", r.story())
	r.run(time.Second)
	r.crash()
	require.Equal(t, codes.Unavailable, status.Code(r.subscribeNow("e")))
	r.run(5 * time.Second)

	require.Len(t, r.box.known, 1, "the containerizer is told what should still run")
	require.Equal(t, 17057, r.box.known[0].Pid)
	require.Equal(t, r.box.order[0].spec.ID.GetValue(), r.box.known[0].Spec.ID.GetValue())
	require.Equal(t, "echo hi; sleep 1", r.box.known[0].Spec.Command.GetValue())
	got := find[*messagespb.ReregisterSlaveMessage](r)
	require.Len(t, got, 1, "under the old id")
	require.Equal(t, "m-S0", got[0].GetSlave().GetId().GetValue())
	require.Len(t, got[0].GetTasks(), 1)
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, got[0].GetTasks()[0].GetState())
	require.Len(t, got[0].GetTasks()[0].GetStatuses(), 2)
	require.Equal(t, mesosproto.TaskState_TASK_STARTING, got[0].GetTasks()[0].GetStatusUpdateState(), "what comes next, though it runs")

	require.Equal(t, lines("t STARTING EXECUTOR", "t RUNNING EXECUTOR"), r.acknowledgeAll(time.Second), "the updates live too")
	r.box.end(r.box.order[0], exited(3))
	require.Equal(t, "t FAILED EXECUTOR: Command exited with status 3", r.acknowledgeAll(time.Second))
	require.Len(t, r.box.order, 1, "nothing was launched twice")
	require.Equal(t, []string{"agent"}, keys(t, store), "nothing is left behind")
}

// The end of a task is told when it is on the disk, by a registration, too: a machine that dies before that
// has forgotten it.
func TestARegistrationTellsNoEndThatIsNotWritten(t *testing.T) {
	r, _ := remembering(t)
	r.tell(checkpointed(r.runTask(commandTask("t"), true)))
	require.Equal(t, lines("t STARTING EXECUTOR", "t RUNNING EXECUTOR"), r.acknowledgeAll(time.Second))
	r.sim.WorkTime = func(*rand.Rand) time.Duration { return 20 * time.Second } // a slow disk
	r.box.end(r.box.order[0], exited(0))
	told := func() *mesosproto.Task {
		r.master.conn().breaks()
		r.run(5 * time.Second)
		got := find[*messagespb.ReregisterSlaveMessage](r)
		require.NotEmpty(t, got)
		return got[len(got)-1].GetTasks()[0]
	}
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, told().GetStatusUpdateState())
	r.run(20 * time.Second)
	require.Equal(t, mesosproto.TaskState_TASK_FINISHED, told().GetStatusUpdateState())
}

// Whatever the moment, a task that was accepted is heard of until its end.
func TestNoMomentOfACrashLosesATask(t *testing.T) {
	for after := range 40 {
		r, store := remembering(t)
		r.master.conn().deliver(checkpointed(r.runTask(commandTask("t"), true)))
		r.run(time.Duration(after) * 300 * time.Microsecond)
		accepted := slices.Contains(keys(t, store), "executor/f/t")
		r.crash()
		r.run(10 * time.Second)
		if !accepted {
			require.Empty(t, r.agent.Snapshot().Frameworks, "the master learns it from the re-registration")
			continue
		}
		for _, k := range r.box.order {
			r.box.end(k, exited(0))
		}
		story := r.acknowledgeAll(5 * time.Second)
		require.Contains(t, story, "t FINISHED EXECUTOR", "crash after %d", after)
		require.Equal(t, []string{"agent"}, keys(t, store))
	}
}

func TestTaskThatEndedWhileTheAgentWasAway(t *testing.T) {
	r, _ := remembering(t)
	r.tell(checkpointed(r.runTask(commandTask("t"), true)))
	r.acknowledgeAll(time.Second)
	k := r.box.last()
	r.loop.Close()
	r.box.end(k, signalled(syscall.SIGKILL))
	r.crash()
	require.Equal(t, "t FAILED EXECUTOR: Command terminated with signal Killed", r.acknowledgeAll(5*time.Second))
}

func TestKillGoesOnAfterARestart(t *testing.T) {
	r, _ := remembering(t)
	r.tell(checkpointed(r.runTask(commandTask("t"), true)))
	r.acknowledgeAll(time.Second)
	r.box.deaf = true
	r.kill("t", -1)
	require.Equal(t, "t KILLING EXECUTOR", r.story())
	r.crash()
	require.Equal(t, lines("t KILLING EXECUTOR", "t KILLED EXECUTOR: Command terminated with signal Killed"), r.acknowledgeAll(10*time.Second))
}

func TestMaxCompletionTimeCountsFromTheStart(t *testing.T) {
	r, _ := remembering(t)
	info := commandTask("t")
	info.MaxCompletionTime = &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(time.Minute))}
	r.tell(checkpointed(r.runTask(info, true)))
	r.acknowledgeAll(40 * time.Second)
	r.crash()
	require.Empty(t, r.acknowledgeAll(15*time.Second))
	require.Contains(t, r.acknowledgeAll(10*time.Second), "MAX_COMPLETION_TIME_REACHED")
}

func TestWithoutCheckpointNothingIsRemembered(t *testing.T) {
	r, store := remembering(t)
	r.tell(r.runTask(commandTask("t"), true))
	r.acknowledgeAll(time.Second)
	require.Equal(t, []string{"agent"}, keys(t, store))
	require.False(t, r.box.last().spec.Checkpointed)
	r.crash()
	r.run(5 * time.Second)
	require.Empty(t, r.box.known, "so the containerizer destroys what it finds")
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
}

// "After it, executors not back are destroyed (GONE, EXECUTOR_REREGISTRATION_TIMEOUT). The agent does
// not contact the master before it elapses."
func TestExecutorsComeBackOrAreLost(t *testing.T) {
	r, store := remembering(t)
	r.tell(checkpointed(r.runTask(executorTask("a", "back"), true)))
	r.tell(checkpointed(r.runTask(executorTask("b", "lost"), true)))
	for _, id := range []string{"back", "lost"} {
		p := r.subscribe(id, nil)
		require.NoError(t, p.update(map[string]string{"back": "a", "lost": "b"}[id], mesosproto.TaskState_TASK_RUNNING, 1))
	}
	r.tell(checkpointed(r.runTask(executorTask("undelivered", "back"), false)))
	r.acknowledgeAll(time.Second)
	r.crash()
	r.run(500 * time.Millisecond)
	dialled := len(r.master.conns)
	p := r.subscribe("back", &executorpb.Call_Subscribe{
		UnacknowledgedTasks:   []*mesosproto.TaskInfo{executorTask("undelivered", "back")},
		UnacknowledgedUpdates: []*executorpb.Call_Update{{Status: status16("a", mesosproto.TaskState_TASK_RUNNING, 1)}, {Status: status16("a", mesosproto.TaskState_TASK_FINISHED, 2)}},
	})
	require.Equal(t, []string{"SUBSCRIBED", "ACKNOWLEDGED", "ACKNOWLEDGED"}, p.types(), "the terminal one once it is on the disk")
	require.Equal(t, codes.Unavailable, status.Code(p.update("undelivered", mesosproto.TaskState_TASK_RUNNING, 3)))
	require.Len(t, r.master.conns, dialled)
	r.run(4 * time.Second) // 2 s, and a random wait before it dials
	require.Greater(t, len(r.master.conns), dialled)
	require.Equal(t, lines("a FINISHED EXECUTOR", "b GONE AGENT EXECUTOR_REREGISTRATION_TIMEOUT: Executor did not reregister within 2secs"), r.acknowledgeAll(3*time.Second))
	require.NoError(t, p.update("undelivered", mesosproto.TaskState_TASK_FINISHED, 4))
	require.Equal(t, "undelivered FINISHED EXECUTOR", r.acknowledgeAll(time.Second))
	require.Equal(t, []string{"agent", "completed/f/back/a", "completed/f/back/undelivered", "executor/f/back", "framework/f"}, keys(t, store))
}

func TestTheMasterHearsOfTheAgentAtOnceWhenAllExecutorsAreBack(t *testing.T) {
	r, _ := remembering(t)
	r.cfg.ExecutorReregistrationTimeout = 15 * time.Second
	r.tell(checkpointed(r.runTask(executorTask("a", "e"), true)))
	require.NoError(t, r.subscribe("e", nil).update("a", mesosproto.TaskState_TASK_RUNNING, 1))
	r.crash()
	r.run(time.Second)
	require.Equal(t, "RECOVERING", r.agent.Snapshot().State)
	require.NoError(t, r.subscribe("e", nil).err)
	r.run(2 * time.Second)
	require.Equal(t, "RUNNING", r.agent.Snapshot().State)
}

// Tasks that no executor has yet are launched after a restart, groups as groups.
func TestQueuedTasksAreStillLaunched(t *testing.T) {
	r, _ := remembering(t)
	group := []*mesosproto.TaskInfo{executorTask("y", "e"), executorTask("x", "e")}
	info := frameworkInfo("f")
	info.Checkpoint = proto.Bool(true)
	r.tell(checkpointed(r.runTask(executorTask("first", "e"), true)))
	r.tell(&messagespb.RunTaskGroupMessage{Framework: info, Executor: group[0].Executor, TaskGroup: &mesosproto.TaskGroupInfo{Tasks: group}, LaunchExecutor: proto.Bool(false)})
	r.run(time.Second)
	r.crash()
	r.run(5 * time.Second)
	p := r.subscribe("e", nil)
	require.Equal(t, "first", p.events[1].GetLaunch().GetTask().GetTaskId().GetValue())
	require.Equal(t, "y", p.events[2].GetLaunchGroup().GetTaskGroup().GetTasks()[0].GetTaskId().GetValue())
	require.Equal(t, []string{"SUBSCRIBED", "LAUNCH", "LAUNCH_GROUP"}, p.types())
}

// An executor's terminal update is acknowledged only once it is on the disk; what the machine's death
// can take is not yet.
func TestTerminalUpdatesAreSyncedBeforeTheyAreAcknowledged(t *testing.T) {
	r, store := remembering(t)
	r.tell(checkpointed(r.runTask(executorTask("a", "e"), true)))
	p := r.subscribe("e", nil)
	p.types()
	store.Fail(syscall.ENOSPC)
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 1))
	require.Empty(t, p.types(), "not safe")
	require.Equal(t, "a FINISHED EXECUTOR", r.story(), "the master hears it all the same")
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 1))
	require.Empty(t, p.types(), "nor when the executor tries again")
	store.Fail(nil)
	r.run(checkpoint.RetryFirst)
	require.Equal(t, []string{"ACKNOWLEDGED", "ACKNOWLEDGED"}, p.types(), "when it is written")
	store.LoseUnsynced()
	r.crash()
	require.Equal(t, "a FINISHED EXECUTOR", r.acknowledgeAll(4*time.Second))
}

// A disk that was full for a while leaves no gap: what happened meanwhile is not forgotten by a crash
// after it.
func TestADiskThatRecoversIsBroughtUpToDate(t *testing.T) {
	r, store := remembering(t)
	r.tell(checkpointed(r.runTask(commandTask("before"), true)))
	r.acknowledgeAll(time.Second)
	store.Fail(syscall.ENOSPC)
	r.box.end(r.box.last(), exited(0))
	r.tell(checkpointed(r.runTask(commandTask("meanwhile"), true)))
	require.Equal(t, lines("before FINISHED EXECUTOR: Command exited with status 0", "meanwhile STARTING EXECUTOR", "meanwhile RUNNING EXECUTOR"), r.acknowledgeAll(time.Minute))
	store.Fail(nil)
	r.run(checkpoint.RetryMax)
	r.crash()
	require.Empty(t, r.acknowledgeAll(20*time.Second), "all was said")
	tasks := r.agent.core.reregisterMessage().GetTasks()
	require.Len(t, tasks, 1)
	require.Equal(t, "meanwhile", tasks[0].GetTaskId().GetValue())
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, tasks[0].GetState())
}

// What is said of a task that never arrived survives the agent like all else: after a restart it is the
// same update, not another one beside it.
func TestTheEndOfATaskThatNeverArrivedIsRemembered(t *testing.T) {
	r, store := remembering(t)
	info := frameworkInfo("f")
	info.Checkpoint = proto.Bool(true)
	unknown := &messagespb.SlaveReregisteredMessage{
		SlaveId:         agentIDOf("m-S0"),
		Reconciliations: []*messagespb.ReconcileTasksMessage{{FrameworkId: fid("f"), Framework: info, Statuses: []*mesosproto.TaskStatus{{TaskId: tid("t")}}}},
	}
	r.tell(unknown)
	first := r.updates()
	require.Len(t, first, 1)
	r.crash()
	r.run(5 * time.Second)
	r.tell(unknown)
	again := r.updates()
	require.NotEmpty(t, again)
	for _, u := range again {
		require.Equal(t, first[0].GetUpdate().GetUuid(), u.GetUpdate().GetUuid())
	}
	r.acknowledge(again[0])
	r.run(time.Hour)
	require.Empty(t, r.updates())
	require.Equal(t, []string{"agent"}, keys(t, store), "nothing is left of it")
}

// The machine died after the kill was on the disk and before the end of the executor was: it must not be
// begun again.
func TestATaskThatWasKilledBeforeItsLaunchIsNotLaunchedByTheNextProcess(t *testing.T) {
	r, store := remembering(t)
	r.sim.WorkTime = func(*rand.Rand) time.Duration { return 10 * time.Millisecond }
	m := checkpointed(r.runTask(commandTask("t"), true))
	r.master.conn().deliver(m)
	r.run(5 * time.Millisecond)
	r.master.conn().deliver(&messagespb.KillTaskMessage{FrameworkId: fid("f"), TaskId: tid("t")})
	r.run(time.Second)
	require.Len(t, r.updates(), 1)
	store.LoseUnsynced()
	require.Contains(t, keys(t, store), "executor/f/t")
	r.crash()
	require.Equal(t, "t KILLED AGENT TASK_KILLED_DURING_LAUNCH: Killed before delivery to the executor", r.acknowledgeAll(5*time.Second))
	require.Empty(t, r.box.order)
	require.Equal(t, []string{"agent"}, keys(t, store))
}

// The framework has acknowledged how a task under an executor ended, but that the task is over is not on
// the disk. The executor must still know it: after a crash it is the only one.
func TestAnExecutorKeepsAnUpdateUntilAllIsWritten(t *testing.T) {
	r, store := remembering(t)
	r.tell(checkpointed(r.runTask(executorTask("a", "e"), true)))
	p := r.subscribe("e", nil)
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_RUNNING, 1))
	r.acknowledgeAll(time.Second)
	p.types()
	store.Fail(syscall.ENOSPC)
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 2))
	require.Equal(t, "a FINISHED EXECUTOR", r.acknowledgeAll(time.Minute))
	require.Empty(t, p.types())
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 2))
	require.Empty(t, p.types(), "nor when it comes again")
	store.Fail(nil)
	r.run(checkpoint.RetryMax)
	require.Contains(t, p.types(), "ACKNOWLEDGED")
	require.Equal(t, []string{"agent", "completed/f/e/a", "executor/f/e", "framework/f"}, keys(t, store))
	require.NoError(t, p.update("a", mesosproto.TaskState_TASK_FINISHED, 2))
	require.Equal(t, []string{"ACKNOWLEDGED"}, p.types())
}

// The agent is killed as soon as the executor has the task; the next process neither launches it again, nor
// takes it for one that nobody has and that can be killed without the executor.
func TestWhatAnExecutorWasGivenIsKnownToTheNextProcess(t *testing.T) {
	r, _ := remembering(t)
	r.sim.WorkTime = func(*rand.Rand) time.Duration { return 100 * time.Millisecond }
	r.tell(checkpointed(r.runTask(executorTask("t", "e"), true)))
	r.run(time.Second)
	p := r.subscribe("e", nil)
	for len(p.events) < 2 {
		r.run(time.Millisecond)
	}
	require.Equal(t, []string{"SUBSCRIBED", "LAUNCH"}, p.types())
	r.crash()
	r.run(time.Second)
	require.Equal(t, "RECOVERING", r.agent.Snapshot().State, "it waits for the executor")
	p = r.subscribe("e", &executorpb.Call_Subscribe{
		UnacknowledgedTasks:   []*mesosproto.TaskInfo{executorTask("t", "e")},
		UnacknowledgedUpdates: []*executorpb.Call_Update{{Status: status16("t", mesosproto.TaskState_TASK_RUNNING, 1)}},
	})
	r.run(3 * time.Second)
	r.kill("t", -1)
	require.Equal(t, []string{"SUBSCRIBED", "ACKNOWLEDGED", "KILL"}, p.types())
	require.Equal(t, "t RUNNING EXECUTOR", r.acknowledgeAll(time.Second))
}

// "Configuration changes are diffed and applied where additive, instead of refused."
func TestChangedDescriptions(t *testing.T) {
	more, err := resources.Parse("cpus:4;mem:4096;disk:4096;ports:[31000-32000]")
	require.NoError(t, err)
	less, err := resources.Parse("cpus:1;mem:4096;disk:4096;ports:[31000-32000]")
	require.NoError(t, err)
	for _, c := range []struct {
		name, want string
		change     func(*mesosproto.AgentInfo)
	}{
		{"the same", "", func(*mesosproto.AgentInfo) {}},
		{"more resources", "", func(i *mesosproto.AgentInfo) { i.Resources = more.Proto() }},
		{"fewer resources", "--resources may grow but not shrink", func(i *mesosproto.AgentInfo) { i.Resources = less.Proto() }},
		{"new attribute", "", func(i *mesosproto.AgentInfo) {
			i.Attributes = []*mesosproto.Attribute{{Name: proto.String("rack"), Type: mesosproto.Value_TEXT.Enum(), Text: &mesosproto.Value_Text{Value: proto.String("r")}}}
		}},
		{"hostname", "give it its old --hostname", func(i *mesosproto.AgentInfo) { i.Hostname = proto.String("other") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := remembering(t)
			info := proto.CloneOf(r.cfg.Info)
			c.change(info)
			r.crash(func(cfg *Config) { cfg.Info = info })
			r.run(5 * time.Second)
			if c.want == "" {
				require.Empty(t, r.exits)
				require.Equal(t, "m-S0", r.agent.Snapshot().Info.GetId().GetValue())
				return
			}
			require.Len(t, r.exits, 1)
			require.ErrorContains(t, r.exits[0], c.want)
		})
	}
}

func TestUnreadableCheckpoints(t *testing.T) {
	for key, value := range map[string]string{
		"agent":           "{",
		"agent/x":         "{}",
		"framework/f":     `{"Version":99}`,
		"executor/f/e":    "null",
		"task/f/t":        "[]",
		"update/f/t/0":    "{}",
		"update/f/t/zzz":  "{}",
		"completed/f/e/t": `{"Version":99}`,
		"unknown/x":       "?",
		"framework":       "{}",
	} {
		s := &memory.Store{}
		require.NoError(t, s.Append([]checkpoint.Entry{{Key: key, Value: []byte(value)}}, true))
		r := newRig(t, func(cfg *Config) { cfg.Checkpoint = s })
		r.run(10 * time.Second)
		if len(r.exits) > 0 {
			require.ErrorContains(t, r.exits[0], key)
			require.Equal(t, codes.DataLoss, status.Code(r.exits[0].(interface{ Unwrap() error }).Unwrap()))
		}
	}
}

func FuzzRestore(f *testing.F) {
	f.Add("agent", []byte(`{"Version":1,"Info":"CgFo"}`))
	f.Add("framework/f", []byte(`{"Version":1,"Seq":3,"Info":"CgA="}`))
	f.Add("update/f/t/00", []byte(`{"Version":1}`))
	f.Add("completed/f/e/t", []byte(`{"Version":1,"Seq":7}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		s := &memory.Store{}
		known := frameworkRecord{Version: 1, Info: encoded(frameworkInfo("f"))}
		ex := executorRecord{Version: 1, Info: encoded(executorTask("t", "e").Executor), Container: "c", Launched: true, Subscribed: true}
		task := taskRecord{Version: 1, Executor: "e", Info: encoded(executorTask("t", "e"))}
		if s.Append([]checkpoint.Entry{entry("framework/f", known), entry("executor/f/e", ex), entry("task/f/t", task), {Key: key, Value: value}}, true) != nil {
			return
		}
		r := newRig(t, func(cfg *Config) { cfg.Checkpoint = s })
		r.run(time.Minute)
	})
}
