package scheduler

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// KillOption says more about a Kill.
type KillOption func(*schedulerpb.Call_Kill)

// OnAgent kills the task only if it runs on that agent; it also lets a master that does not know the
// task give a better answer.
func OnAgent(id *mesosproto.AgentID) KillOption {
	return func(k *schedulerpb.Call_Kill) { k.AgentId = proto.CloneOf(id) }
}

// WithGrace gives the task d between the request to end and the kill, instead of what its KillPolicy
// says. 0 kills at once.
func WithGrace(d time.Duration) KillOption {
	return func(k *schedulerpb.Call_Kill) {
		k.KillPolicy = &mesosproto.KillPolicy{GracePeriod: duration(d)}
	}
}

// Kill asks for a task to be killed. It ends with an update: TASK_KILLED, or another terminal state if
// it was quicker; for a task that the master does not know the update says what reconciliation would.
// A Kill may be lost with the connection: repeat it until the update comes.
//
// Returns once the call is queued, in order; never waits. Safe in callbacks and for concurrent use.
//
// Errors: InvalidArgument without an id; FailedPrecondition while not subscribed. Later refusals
// arrive through Scheduler.Error.
// Mesos: scheduler Call KILL.
func (d *Driver) Kill(task *mesosproto.TaskID, opts ...KillOption) error {
	kill := &schedulerpb.Call_Kill{TaskId: proto.CloneOf(task)}
	for _, o := range opts {
		o(kill)
	}
	return d.call(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: kill})
}

// ShutdownExecutor asks an executor to end, with all its tasks. It may be lost. Queued, with errors, as
// Kill is.
//
// Mesos: scheduler Call SHUTDOWN.
func (d *Driver) ShutdownExecutor(executor *mesosproto.ExecutorID, agent *mesosproto.AgentID) error {
	return d.call(&schedulerpb.Call{
		Type:     schedulerpb.Call_SHUTDOWN.Enum(),
		Shutdown: &schedulerpb.Call_Shutdown{ExecutorId: proto.CloneOf(executor), AgentId: proto.CloneOf(agent)},
	})
}

// Teardown removes the framework: all its tasks are killed, its executors shut down. The driver ends
// as with Stop(false), which it is another name for.
//
// Mesos: scheduler Call TEARDOWN.
func (d *Driver) Teardown() { d.Stop(false) }
