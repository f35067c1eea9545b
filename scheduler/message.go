package scheduler

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// message delivers what an executor sends to its framework.
func (c *core) message(conn *connection, e *schedulerpb.Event) {
	c.deliver(func(s Scheduler) {
		m := conn.forCallback(e).GetMessage()
		s.FrameworkMessage(c.driver, m.GetExecutorId(), m.GetAgentId(), m.GetData())
	})
}

// failure delivers the loss of an executor or, without an executor's id, of an agent.
func (c *core) failure(conn *connection, e *schedulerpb.Event) {
	c.deliver(func(s Scheduler) {
		f := conn.forCallback(e).GetFailure()
		if f.GetExecutorId() == nil {
			s.AgentLost(c.driver, f.GetAgentId())
			return
		}
		status := -1
		if f.Status != nil {
			status = int(f.GetStatus())
		}
		s.ExecutorLost(c.driver, f.GetExecutorId(), f.GetAgentId(), status)
	})
}

// SendMessage sends data to an executor, which gets it at most once. Returns once the call is queued,
// in order; never waits. data is copied. Safe in callbacks and for concurrent use.
//
// Errors: InvalidArgument without an id; FailedPrecondition while not subscribed. Later refusals
// arrive through Scheduler.Error.
// Mesos: scheduler Call MESSAGE.
func (d *Driver) SendMessage(executor *mesosproto.ExecutorID, agent *mesosproto.AgentID, data []byte) error {
	if data == nil {
		data = []byte{} // nil would read as a missing field
	}
	return d.call(&schedulerpb.Call{
		Type: schedulerpb.Call_MESSAGE.Enum(),
		Message: &schedulerpb.Call_Message{
			AgentId:    proto.CloneOf(agent),
			ExecutorId: proto.CloneOf(executor),
			Data:       bytes.Clone(data),
		},
	})
}

// UpdateFramework replaces what the master knows of the framework: its FrameworkInfo (Id is filled in),
// suppressed roles and offer constraints. User, checkpoint and principal can't change. Once accepted,
// it also counts for later subscriptions. Queued, with errors, as SendMessage is; a refusal arrives
// through Scheduler.Error.
//
// Mesos: scheduler Call UPDATE_FRAMEWORK.
func (d *Driver) UpdateFramework(update *schedulerpb.Call_UpdateFramework) error {
	return d.call(&schedulerpb.Call{
		Type:            schedulerpb.Call_UPDATE_FRAMEWORK.Enum(),
		UpdateFramework: proto.CloneOf(update),
	})
}
