package executor

import (
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// Status returns a status that says no more than that a task is in a state, for SendStatusUpdate.
// message may be empty.
func Status(task *mesosproto.TaskID, state mesosproto.TaskState, message string) *mesosproto.TaskStatus {
	s := &mesosproto.TaskStatus{TaskId: proto.CloneOf(task), State: state.Enum()}
	if message != "" {
		s.Message = proto.String(message)
	}
	return s
}

// Starting reports TASK_STARTING: the executor has the task and prepares it. Here and below, how it is
// sent and what the errors are is as with SendStatusUpdate.
func (d *Driver) Starting(task *mesosproto.TaskID) error {
	return d.report(task, mesosproto.TaskState_TASK_STARTING, "")
}

// Running reports TASK_RUNNING.
func (d *Driver) Running(task *mesosproto.TaskID) error {
	return d.report(task, mesosproto.TaskState_TASK_RUNNING, "")
}

// Killing reports TASK_KILLING: the task is being killed. Only frameworks with the capability
// TASK_KILLING_STATE expect it; Registered says which the framework has.
func (d *Driver) Killing(task *mesosproto.TaskID) error {
	return d.report(task, mesosproto.TaskState_TASK_KILLING, "")
}

// Finished reports TASK_FINISHED: the task has ended as it should.
func (d *Driver) Finished(task *mesosproto.TaskID) error {
	return d.report(task, mesosproto.TaskState_TASK_FINISHED, "")
}

// Killed reports TASK_KILLED: the task has ended because of KillTask or Shutdown.
func (d *Driver) Killed(task *mesosproto.TaskID) error {
	return d.report(task, mesosproto.TaskState_TASK_KILLED, "")
}

// Failed reports TASK_FAILED, and why.
func (d *Driver) Failed(task *mesosproto.TaskID, message string) error {
	return d.report(task, mesosproto.TaskState_TASK_FAILED, message)
}

func (d *Driver) report(task *mesosproto.TaskID, state mesosproto.TaskState, message string) error {
	return d.SendStatusUpdate(Status(task, state, message))
}

// missing names the required field that proto.CheckInitialized misses. The beginning of its text changes
// from build to build.
func missing(err error) string {
	_, field, _ := strings.Cut(err.Error(), "required field ")
	return "required field " + field
}
