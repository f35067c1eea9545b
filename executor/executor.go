package executor

import (
	"github.com/mesokit/mesokit/mesosproto"
)

// Executor is the task author's half: how tasks run. Embed [Base] and implement only LaunchTask and
// KillTask to begin with.
//
// Callbacks run one at a time, in the order of the agent's events, on the executor's own goroutine (in
// a simulation, on its own loop). They may call any method of the Driver but Join and Run. They should
// not run tasks themselves: while one is slow, the next task waits. What runs a task reports through the
// Driver, from any goroutine.
//
// The messages handed in belong to the callback: keep them, change them. No callback begins after
// Stop or Abort has been called.
//
// Mesos: include/mesos/executor.hpp, class Executor; org.apache.mesos.Executor.
type Executor interface {
	// Registered says that the agent knows the executor, and what it knows of it. It is the first
	// callback, unless the executor is not wanted any more: then Shutdown is.
	Registered(d *Driver, executor *mesosproto.ExecutorInfo, framework *mesosproto.FrameworkInfo, agent *mesosproto.AgentInfo)

	// Reregistered says that the driver is subscribed again, after Disconnected. The agent may have been
	// restarted. Updates that it had not acknowledged have been sent again.
	Reregistered(d *Driver, agent *mesosproto.AgentInfo)

	// Disconnected says that the connection to the agent is lost. Tasks go on, and their updates are
	// kept. Reregistered or Shutdown follows.
	Disconnected(d *Driver)

	// LaunchTask asks to run a task. The executor reports what becomes of it: at least one update, and
	// one that is terminal in the end. It comes at most once for each task.
	LaunchTask(d *Driver, task *mesosproto.TaskInfo)

	// LaunchTaskGroup asks to run tasks that belong together: all, or none.
	LaunchTaskGroup(d *Driver, group *mesosproto.TaskGroupInfo)

	// KillTask asks to end a task. policy, which may be nil, overrides the task's own KillPolicy. It may
	// come again, with another policy, and after the task has ended.
	KillTask(d *Driver, task *mesosproto.TaskID, policy *mesosproto.KillPolicy)

	// FrameworkMessage brings data from the scheduler. It is delivered at most once.
	FrameworkMessage(d *Driver, data []byte)

	// Shutdown asks to end all tasks, report that, and call Stop. It comes at most once, when the
	// framework or the agent wants it, or when the agent is lost for good. The driver ends by itself
	// Config.ShutdownGrace later.
	Shutdown(d *Driver)

	// Error says that something went wrong. A *CallError, to be found with errors.As, means that one
	// call was refused or lost and the driver goes on. Any other error is fatal: it is the last
	// callback, and Run and Join return the error.
	Error(d *Driver, err error)
}

// Base implements the callbacks that a simple executor can do without. Tasks of groups are reported as
// TASK_FAILED, Shutdown stops the driver, and the rest does nothing. (The driver logs errors by itself.)
// LaunchTask and KillTask are left to the executor, so that the compiler asks for them.
type Base struct{}

func (Base) Registered(*Driver, *mesosproto.ExecutorInfo, *mesosproto.FrameworkInfo, *mesosproto.AgentInfo) {
}
func (Base) Reregistered(*Driver, *mesosproto.AgentInfo) {}
func (Base) Disconnected(*Driver)                        {}
func (Base) FrameworkMessage(*Driver, []byte)            {}
func (Base) Shutdown(d *Driver)                          { d.Stop() }
func (Base) Error(*Driver, error)                        {}

func (Base) LaunchTaskGroup(d *Driver, group *mesosproto.TaskGroupInfo) {
	for _, task := range group.GetTasks() {
		d.Failed(task.GetTaskId(), "this executor does not run task groups")
	}
}
