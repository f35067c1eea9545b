package executor

import (
	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// message delivers what the framework sends to the executor.
func (c *core) message(conn *connection, e *executorpb.Event) {
	if c.busy("MESSAGE") {
		return
	}
	c.deliver(func(x Executor) { x.FrameworkMessage(c.driver, conn.forCallback(e).GetMessage().GetData()) })
}

// SendFrameworkMessage sends data to the framework's scheduler, which gets it at most once. Returns once
// the call is queued, in order with updates; never waits. data is copied. Safe in callbacks and for
// concurrent use.
//
// Errors: FailedPrecondition while the driver is not subscribed. Later refusals arrive through
// Executor.Error.
// Mesos: executor Call MESSAGE.
func (d *Driver) SendFrameworkMessage(data []byte) error {
	if !d.session.Load().subscribed && !d.life.Halted() {
		return status.Errorf(codes.FailedPrecondition,
			"%s: not subscribed to agent %v; wait for Registered or Reregistered", executorpb.Call_MESSAGE, d.cfg.Agent)
	}
	data = append([]byte{}, data...) // never nil, which would read as a missing field
	return d.post(executorpb.Call_MESSAGE, func(c *core) { c.sendMessage(data) })
}

func (c *core) sendMessage(data []byte) {
	if c.over {
		return
	}
	call := c.call(executorpb.Call_MESSAGE)
	call.Message = &executorpb.Call_Message{Data: data}
	if c.conn == nil || !c.conn.subscribed {
		c.refused(call, status.Error(codes.Unavailable, "the connection to the agent was lost before the call was sent"))
		return
	}
	c.send(c.conn, call, func(err error) {
		if err != nil {
			c.refused(call, err)
		}
	})
}
