package master

import (
	"bytes"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// acknowledge handles ACKNOWLEDGE: the agent is told, so that it stops sending the update again, and a
// task whose end is acknowledged leaves the active ones.
//
// Mesos: scheduler API, Call ACKNOWLEDGE; src/master/master.cpp, Master::acknowledge.
func (c *core) acknowledge(f *framework, m *schedulerpb.Call_Acknowledge) {
	c.counters.Messages[StatusUpdateAcknowledgement]++
	a := c.agents.get(m.GetAgentId().GetValue())
	if a == nil || !a.connected() {
		c.counters.InvalidAcknowledgements++
		return
	}
	if t := a.task(f.id, m.GetTaskId().GetValue()); t != nil {
		if !t.forwarded {
			// Meant for an update that another master forwarded: the agent will send it again.
			c.counters.InvalidAcknowledgements++
			return
		}
		if transitions.Terminal(t.forwardedState) && bytes.Equal(t.forwardedUUID, m.GetUuid()) {
			c.removeTask(t, false)
		}
	}
	if a.strangers.len() > 0 {
		a.strangers.remove(f.id + "/" + m.GetTaskId().GetValue())
	}
	c.counters.ValidAcknowledgements++
	a.send(&messagespb.StatusUpdateAcknowledgementMessage{
		SlaveId:     m.AgentId,
		FrameworkId: f.idProto,
		TaskId:      m.TaskId,
		Uuid:        m.Uuid,
	})
}
