package executor

import (
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// acknowledged forgets an update that the agent has stored, and the task that it is of: from now on the
// agent answers for both. The uuid may be unknown, if the update was sent twice.
func (c *core) acknowledged(a *executorpb.Event_Acknowledged) {
	c.tasks.remove(a.GetTaskId().GetValue())
	if !c.forget(string(a.GetUuid())) {
		c.log.Debug("acknowledgement of an unknown update", zap.String("task_id", a.GetTaskId().GetValue()))
	}
	c.finishIfIdle()
}

// forget drops an update, and reports whether it was there.
func (c *core) forget(uuid string) bool {
	if !c.updates.remove(uuid) {
		return false
	}
	c.driver.unacked.Add(-1)
	return true
}
