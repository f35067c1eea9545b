package scheduler

import (
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/deepcopy"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// statusUpdate delivers what became of a task, and acknowledges it when the callback has returned.
func (c *core) statusUpdate(conn *connection, e *schedulerpb.Event) {
	status := e.GetUpdate().GetStatus()
	if status == nil {
		c.log.Warn("UPDATE without a status ignored")
		return
	}
	c.deliverUpdate(
		func(s Scheduler) {
			status := status
			if conn.shared { // as forCallback does
				status = deepcopy.TaskStatus(status)
			}
			s.StatusUpdate(c.driver, status)
		},
		acknowledgement(status)) // made now: the callback may change its copy
}

// operationStatusUpdate does the same for an operation.
func (c *core) operationStatusUpdate(conn *connection, e *schedulerpb.Event) {
	status := e.GetUpdateOperationStatus().GetStatus()
	if status == nil {
		c.log.Warn("UPDATE_OPERATION_STATUS without a status ignored")
		return
	}
	c.deliverUpdate(
		func(s Scheduler) {
			s.OperationStatusUpdate(c.driver, conn.forCallback(e).GetUpdateOperationStatus().GetStatus())
		},
		operationAcknowledgement(status))
}

// deliverUpdate runs a callback and then sends ack, unless there is none or that is the framework's.
func (c *core) deliverUpdate(f func(Scheduler), ack *schedulerpb.Call) {
	acknowledge := func(ran bool) {
		if !ran || ack == nil || c.cfg.ExplicitAcknowledgements || c.over || c.teardown {
			return
		}
		c.sendThen(ack, func(err error) {
			if err != nil { // the update will come again, and so will the acknowledgement
				c.log.Debug("acknowledgement lost", zap.Stringer("call", ack.GetType()),
					zap.String("error", apierror.Message(err)))
			}
		})
	}
	if c.guards.Off(guard.AckAfterCallback) {
		acknowledge(true)
		acknowledge = func(bool) {}
	}
	c.deliverThen(f, acknowledge)
}
