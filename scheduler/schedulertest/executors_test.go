package schedulertest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// launching launches what it has as soon as an offer has room for it.
type launching struct {
	scheduler.Base
	parts    []part
	messages []string
}

// part is a task, or a group of tasks under one executor.
type part struct {
	group *mesosproto.ExecutorInfo // nil: a task
	tasks []*mesosproto.TaskInfo
}

func (p part) operation() *mesosproto.Offer_Operation {
	if p.group != nil {
		return scheduler.LaunchTogether(p.group, p.tasks...)
	}
	return scheduler.Launch(p.tasks...)
}

// under is a framework whose tasks, one for each word, run under one executor; task-0, task-1, ...
func under(x *mesosproto.ExecutorInfo, words ...string) *launching {
	l := &launching{}
	for _, w := range words {
		l.parts = append(l.parts, part{tasks: []*mesosproto.TaskInfo{task(len(l.parts), x, w)}})
	}
	return l
}

func task(n int, x *mesosproto.ExecutorInfo, words string) *mesosproto.TaskInfo {
	t := scheduler.ExecutorTask(fmt.Sprintf("task-%d", n), x, resources.MustParse("cpus:0.5;mem:32"))
	t.Data = []byte(words)
	return t
}

func custom(id string) *mesosproto.ExecutorInfo {
	return scheduler.CustomExecutor(id, "executor", resources.MustParse("cpus:0.1;mem:32;disk:32"))
}

func (l *launching) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		var operations []*mesosproto.Offer_Operation
		for len(l.parts) > 0 && room.PutGroup(l.parts[0].group, l.parts[0].tasks...) {
			operations = append(operations, l.parts[0].operation())
			l.parts = l.parts[1:]
		}
		_ = d.Accept(room.Offers(), operations)
	}
}

func (*launching) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

func (l *launching) FrameworkMessage(_ *scheduler.Driver, _ *mesosproto.ExecutorID, _ *mesosproto.AgentID, data []byte) {
	l.messages = append(l.messages, string(data))
}

// scripted lets all executors do the same.
func scripted(x schedulertest.ScriptedExecutor) func(*containerizer.Spec) schedulertest.Behaviour {
	return schedulertest.Executors(func() executor.Executor { y := x; return &y })
}

// last is the last update of a task.
func last(t *testing.T, f *schedulertest.Framework, task string) *mesosproto.TaskStatus {
	u := f.Updates[task]
	require.NotEmpty(t, u, task)
	return u[len(u)-1]
}

func TestTasksUnderAnExecutor(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	l := under(custom("x"), "sleep 10", "sleep 1; exit 3", "")
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: l})
	f.WaitForState("task-0", finished)
	require.Equal(t, []mesosproto.TaskState{running, finished}, f.States("task-0"))
	require.Equal(t, []mesosproto.TaskState{running, failed}, f.States("task-1"))
	require.Equal(t, mesosproto.TaskStatus_SOURCE_EXECUTOR, last(t, f, "task-0").GetSource())
	require.NoError(t, f.Driver().Kill(last(t, f, "task-2").GetTaskId()))
	f.WaitForState("task-2", killed)
	c.CheckSettled()
	require.Equal(t, 1, c.Agent(0).Executors(), "it waits for more tasks")
}

func TestATaskGroupUnderAnExecutor(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{Behave: scripted(schedulertest.ScriptedExecutor{Linger: time.Second})})
	l := &launching{parts: []part{{custom("x"), []*mesosproto.TaskInfo{task(0, nil, "sleep 10"), task(1, nil, "sleep 20; exit 1")}}}}
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: l})
	f.WaitForState("task-1", failed)
	require.Equal(t, []mesosproto.TaskState{running, finished}, f.States("task-0"))
	c.Advance(5 * time.Second)
	require.Zero(t, c.Agent(0).Executors(), "it has stopped")
	for fw := range c.Master().Frameworks.All() {
		require.True(t, fw.Used.IsEmpty())
	}
}

func TestAnExecutorThatDoesNotDoAsItShould(t *testing.T) {
	scriptedAs := func(b schedulertest.Behaviour) func(*containerizer.Spec) schedulertest.Behaviour {
		return func(*containerizer.Spec) schedulertest.Behaviour {
			if b.Executor == nil {
				b.Executor = func() executor.Executor { return &schedulertest.ScriptedExecutor{} }
			}
			return b
		}
	}
	for name, c := range map[string]struct {
		does   func(*containerizer.Spec) schedulertest.Behaviour
		states []mesosproto.TaskState
		reason mesosproto.TaskStatus_Reason
		after  time.Duration
	}{
		"never registers": {
			scriptedAs(schedulertest.Behaviour{Silent: true}),
			[]mesosproto.TaskState{failed}, mesosproto.TaskStatus_REASON_EXECUTOR_REGISTRATION_TIMEOUT, time.Minute,
		},
		"exits early": {
			scriptedAs(schedulertest.Behaviour{Run: 7 * time.Second, Exit: 1}),
			[]mesosproto.TaskState{running, failed}, mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED, 7 * time.Second,
		},
		"says nothing": {
			scripted(schedulertest.ScriptedExecutor{Mute: true}), nil, 0, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := schedulertest.New(t, schedulertest.Config{Behave: c.does, Bound: -1})
			f := cluster.Run(scheduler.Config{Framework: info(), Scheduler: under(custom("x"), "")})
			if c.states == nil {
				cluster.Advance(time.Hour)
				require.Empty(t, f.Updates)
				return
			}
			begin := cluster.Now()
			f.WaitForState("task-0", c.states[len(c.states)-1])
			require.Equal(t, c.states, f.States("task-0"))
			require.Equal(t, c.reason, last(t, f, "task-0").GetReason())
			require.InDelta(t, c.after.Seconds(), cluster.Now().Sub(begin).Seconds(), 2)
		})
	}
}

func TestAnExecutorAndItsTasksOutliveTheAgentsProcess(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: under(custom("x"), "sleep 30", "")})
	f.WaitForState("task-1", running)
	c.Agent(0).Crash()
	c.Advance(time.Minute) // task-0 ends while nobody listens
	c.Agent(0).Restart()
	f.WaitForState("task-0", finished)
	c.Advance(20 * time.Minute)
	require.Equal(t, []mesosproto.TaskState{running}, f.States("task-1"))
	c.CheckSettled()
}

func TestAnExecutorGivesUpAnAgentThatStaysAway(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(partitionAware), Scheduler: under(custom("x"), "")})
	f.WaitForState("task-0", running)
	c.Agent(0).Crash()
	c.Advance(14 * time.Minute)
	require.Equal(t, 1, c.Agent(0).Executors())
	c.Advance(2 * time.Minute)
	require.Zero(t, c.Agent(0).Executors(), "recovery_timeout is 15 min")
	c.Agent(0).Restart()
	f.WaitForState("task-0", failed)
	c.CheckSettled()
}

func TestExecutorsThatAreNotCheckpointedEndWithTheirAgent(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	in := info()
	in.Checkpoint = proto.Bool(false)
	f := c.Run(scheduler.Config{Framework: in, Scheduler: under(custom("x"), "")})
	f.WaitForState("task-0", running)
	c.Agent(0).Crash()
	require.Zero(t, c.Agent(0).Executors())
	f.WaitForState("task-0", lost)
	c.Agent(0).Restart()
	c.Advance(time.Minute)
	c.CheckSettled()
}

func TestACrashOfAnExecutorEndsItsTasks(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: under(custom("x"), "", "")})
	f.WaitForState("task-1", running)
	c.Inject(schedulertest.Faults{{Kind: schedulertest.CrashExecutor}})
	f.WaitForState("task-0", failed)
	f.WaitForState("task-1", failed)
	require.Equal(t, mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED, last(t, f, "task-1").GetReason())
	c.CheckSettled()
}

func TestARebootEndsExecutors(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: under(custom("x"), "")})
	f.WaitForState("task-0", running)
	c.Agent(0).Destroy()
	require.Zero(t, c.Agent(0).Executors())
	c.Agent(0).Restart()
	c.RunUntil(time.Hour, "the task to be over", func() bool {
		s, _ := f.State("task-0")
		return s == lost || s == failed
	})
	c.CheckSettled()
}

func TestAnExecutorThatIgnoresShutdownIsKilled(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{Behave: scripted(schedulertest.ScriptedExecutor{IgnoreShutdown: true})})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: under(custom("x"), "")})
	f.WaitForState("task-0", running)
	begin := c.Now()
	require.NoError(t, f.Driver().ShutdownExecutor(&mesosproto.ExecutorID{Value: proto.String("x")}, last(t, f, "task-0").GetAgentId()))
	f.WaitForState("task-0", failed)
	require.InDelta(t, 5, c.Now().Sub(begin).Seconds(), 0.1, "executor_shutdown_grace_period")
	require.Zero(t, c.Agent(0).Executors())
	c.CheckSettled()
}

// chatty answers each message with the same.
type chatty struct{ schedulertest.ScriptedExecutor }

func (x *chatty) FrameworkMessage(d *executor.Driver, data []byte) { _ = d.SendFrameworkMessage(data) }

func TestMessagesBetweenFrameworkAndExecutor(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{Behave: schedulertest.Executors(func() executor.Executor { return &chatty{} })})
	l := under(custom("x"), "")
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: l})
	f.WaitForState("task-0", running)
	require.NoError(t, f.Driver().SendMessage(&mesosproto.ExecutorID{Value: proto.String("x")}, last(t, f, "task-0").GetAgentId(), []byte("hello")))
	c.RunUntil(time.Minute, "an answer", func() bool { return len(l.messages) > 0 })
	require.Equal(t, []string{"hello"}, l.messages)
}

// What a framework held is free as soon as it is torn down; its executors have a while to end.
func TestTheExecutorsOfARemovedFrameworkEndWhileOthersUseTheirResources(t *testing.T) {
	c := schedulertest.New(t, schedulertest.Config{Behave: scripted(schedulertest.ScriptedExecutor{IgnoreShutdown: true})})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: under(custom("x"), "")})
	f.WaitForState("task-0", running)
	f.Driver().Teardown()
	g := c.Run(scheduler.Config{Framework: info(), Scheduler: &launcher{commands: []string{"server", "server", "server", "server"}}})
	g.WaitForState("task-3", running)
	require.Equal(t, 1, c.Agent(0).Executors(), "executor_shutdown_grace_period is not over")
	c.Advance(10 * time.Second)
	require.Zero(t, c.Agent(0).Executors())
	c.Check()
}
