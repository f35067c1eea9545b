package schedulertest

import (
	"maps"
	"slices"
	"time"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
)

// ScriptedExecutor is an executor whose tasks do what a test says. It reports TASK_STARTING if a task
// takes time to start, TASK_RUNNING, and TASK_FINISHED, TASK_FAILED or TASK_KILLED; it runs task groups,
// whose tasks do not depend on each other. The zero value works.
type ScriptedExecutor struct {
	executor.Base
	// Task says what a task does. Of it Start, Fail, Run, Exit and IgnoreTerm count; the last means that
	// it can't be killed. Default: what [Command] makes of the task's command, or else of its data;
	// without either it runs until it is killed.
	Task func(*mesosproto.TaskInfo) Behaviour
	// Linger is how long the executor stays without a task before it stops. Default 0: until it is told
	// to shut down.
	Linger time.Duration
	// Mute: it tells nobody what becomes of its tasks.
	Mute bool
	// IgnoreShutdown: it goes on when it is told to shut down.
	IgnoreShutdown bool

	tasks map[string]*scriptedTask
	leave func() bool // cancels the end for want of tasks; nil: there are some
}

type scriptedTask struct {
	id   *mesosproto.TaskID
	does Behaviour
	stop func() bool // cancels what it does next
}

var _ executor.Executor = (*ScriptedExecutor)(nil)

// Executors is a Config.Behave for tests of one's own executor: begin is called in each process of an
// executor. Tasks that bring no executor do what [Command] says.
func Executors(begin func() executor.Executor) func(*containerizer.Spec) Behaviour {
	return func(spec *containerizer.Spec) Behaviour {
		if spec.Task != nil {
			return Command(spec)
		}
		return Behaviour{Executor: begin}
	}
}

// LaunchTask begins a task.
func (x *ScriptedExecutor) LaunchTask(d *executor.Driver, t *mesosproto.TaskInfo) {
	if x.tasks == nil {
		x.tasks = map[string]*scriptedTask{}
	}
	if x.leave != nil {
		x.leave()
		x.leave = nil
	}
	does := x.Task
	if does == nil {
		does = ownWords
	}
	s := &scriptedTask{id: t.GetTaskId(), does: does(t)}
	x.tasks[s.id.GetValue()] = s
	if s.does.Start <= 0 {
		x.started(d, s)
		return
	}
	x.report(d, s, mesosproto.TaskState_TASK_STARTING, "")
	s.stop = d.AfterFunc(s.does.Start, func() { x.started(d, s) })
}

// ownWords is what a task's own words make it do.
func ownWords(t *mesosproto.TaskInfo) Behaviour {
	text := t.GetCommand().GetValue()
	if text == "" {
		text = string(t.GetData())
	}
	if text == "" {
		return Behaviour{Run: -1}
	}
	return words(text)
}

func (x *ScriptedExecutor) started(d *executor.Driver, s *scriptedTask) {
	if s.does.Fail != nil {
		x.end(d, s, mesosproto.TaskState_TASK_FAILED, s.does.Fail.Error())
		return
	}
	x.report(d, s, mesosproto.TaskState_TASK_RUNNING, "")
	if s.does.Run < 0 {
		return
	}
	s.stop = d.AfterFunc(s.does.Run, func() {
		if s.does.Exit == 0 {
			x.end(d, s, mesosproto.TaskState_TASK_FINISHED, "")
		} else {
			x.end(d, s, mesosproto.TaskState_TASK_FAILED, "")
		}
	})
}

func (x *ScriptedExecutor) end(d *executor.Driver, s *scriptedTask, state mesosproto.TaskState, why string) {
	if s.stop != nil {
		s.stop()
	}
	delete(x.tasks, s.id.GetValue())
	x.report(d, s, state, why)
	if x.Linger > 0 && len(x.tasks) == 0 {
		x.leave = d.AfterFunc(x.Linger, d.Stop)
	}
}

func (x *ScriptedExecutor) report(d *executor.Driver, s *scriptedTask, state mesosproto.TaskState, why string) {
	if !x.Mute {
		_ = d.SendStatusUpdate(executor.Status(s.id, state, why)) // refused only if it has stopped
	}
}

// LaunchTaskGroup begins the tasks of a group.
func (x *ScriptedExecutor) LaunchTaskGroup(d *executor.Driver, g *mesosproto.TaskGroupInfo) {
	for _, t := range g.GetTasks() {
		x.LaunchTask(d, t)
	}
}

// KillTask ends a task that can be killed.
func (x *ScriptedExecutor) KillTask(d *executor.Driver, id *mesosproto.TaskID, _ *mesosproto.KillPolicy) {
	if s := x.tasks[id.GetValue()]; s != nil && !s.does.IgnoreTerm {
		x.end(d, s, mesosproto.TaskState_TASK_KILLED, "")
	}
}

// Shutdown ends all tasks, and the executor.
func (x *ScriptedExecutor) Shutdown(d *executor.Driver) {
	if x.IgnoreShutdown {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(x.tasks)) {
		x.end(d, x.tasks[id], mesosproto.TaskState_TASK_KILLED, "")
	}
	d.Stop()
}
