package executor

import (
	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/deepcopy"
	"github.com/mesokit/mesokit/mesosproto"
)

// maxUnacknowledged is how many tasks and how many updates the agent may leave unacknowledged.
const maxUnacknowledged = 65536

// launch delivers a task. It is kept for SUBSCRIBE until an update of it is acknowledged: only then the
// agent knows for sure that the executor has it.
func (c *core) launch(task *mesosproto.TaskInfo) {
	if task == nil {
		c.log.Warn("LAUNCH without a task ignored")
		return
	}
	if c.busy("LAUNCH") || !c.keep(task) {
		return
	}
	c.log.Info("task launched", zap.String("task_id", task.GetTaskId().GetValue()))
	c.deliver(func(x Executor) { x.LaunchTask(c.driver, deepcopy.TaskInfo(task)) })
}

// launchGroup does the same for tasks that belong together.
func (c *core) launchGroup(group *mesosproto.TaskGroupInfo) {
	if group == nil {
		c.log.Warn("LAUNCH_GROUP without a group ignored")
		return
	}
	if c.busy("LAUNCH_GROUP") || !c.keep(group.GetTasks()...) {
		return
	}
	c.log.Info("task group launched", zap.Int("tasks", len(group.GetTasks())))
	c.deliver(func(x Executor) { x.LaunchTaskGroup(c.driver, proto.CloneOf(group)) })
}

// keep notes tasks that were launched. It reports whether the driver goes on.
func (c *core) keep(tasks ...*mesosproto.TaskInfo) bool {
	for _, t := range tasks {
		c.tasks.put(t.GetTaskId().GetValue(), t)
	}
	if n := c.tasks.len(); n > maxUnacknowledged {
		c.fatal(status.Errorf(codes.ResourceExhausted,
			"%d tasks were launched of which no update was acknowledged; at most %d are kept", n, maxUnacknowledged))
		return false
	}
	return true
}
