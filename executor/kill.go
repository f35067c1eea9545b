package executor

import (
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// kill delivers the wish to end a task.
func (c *core) kill(conn *connection, e *executorpb.Event) {
	if c.busy("KILL") {
		return
	}
	c.log.Info("task to be killed", zap.String("task_id", e.GetKill().GetTaskId().GetValue()))
	c.deliver(func(x Executor) {
		k := conn.forCallback(e).GetKill()
		x.KillTask(c.driver, k.GetTaskId(), k.GetKillPolicy())
	})
}
