package master

import (
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// kill handles KILL. It is remembered until the task is over: the message may get lost with the
// agent's connection, and is then sent again when the agent re-registers. A task that is not known is
// answered as by RECONCILE.
//
// Mesos: scheduler API, Call KILL; src/master/master.cpp, Master::kill.
func (c *core) kill(f *framework, m *schedulerpb.Call_Kill) {
	c.counters.Messages[KillTask]++
	t := f.tasks[m.GetTaskId().GetValue()]
	if t == nil {
		c.reconcileTask(f, m.TaskId, m.AgentId)
		return
	}
	if m.AgentId != nil && m.AgentId.GetValue() != t.agentID {
		return
	}
	a := c.agents.get(t.agentID)
	if !c.guards.Off(guard.KillMemoryOfMaster) {
		a.killed.put(f.id+"/"+t.id, taskKey{f.id, t.id})
	}
	a.send(&messagespb.KillTaskMessage{FrameworkId: f.idProto, TaskId: m.TaskId, KillPolicy: m.KillPolicy})
}

// shutdownExecutor handles SHUTDOWN.
func (c *core) shutdownExecutor(f *framework, m *schedulerpb.Call_Shutdown) {
	if a := c.agents.get(m.GetAgentId().GetValue()); a != nil {
		a.send(&messagespb.ShutdownExecutorMessage{ExecutorId: m.ExecutorId, FrameworkId: f.idProto})
	}
}

// messageToExecutor handles MESSAGE, which is not reliable.
func (c *core) messageToExecutor(f *framework, m *schedulerpb.Call_Message) {
	c.counters.Messages[FrameworkToExecutor]++
	a := c.agents.get(m.GetAgentId().GetValue())
	if a == nil || !a.connected() {
		c.counters.InvalidToExecutor++
		return
	}
	c.counters.ValidToExecutor++
	a.send(&messagespb.FrameworkToExecutorMessage{
		SlaveId:     m.AgentId,
		FrameworkId: f.idProto,
		ExecutorId:  m.ExecutorId,
		Data:        m.Data,
	})
}

// messageToFramework passes on what an executor says, which is not reliable either.
func (c *core) messageToFramework(m *messagespb.ExecutorToFrameworkMessage) {
	c.counters.Messages[ExecutorToFramework]++
	f := c.frameworks[m.GetFrameworkId().GetValue()]
	if f == nil || !f.connected() {
		c.counters.InvalidToFramework++
		return
	}
	c.counters.ValidToFramework++
	c.touchFramework(f)
	f.send(&schedulerpb.Event{
		Type: schedulerpb.Event_MESSAGE.Enum(),
		Message: &schedulerpb.Event_Message{
			AgentId:    m.SlaveId,
			ExecutorId: m.ExecutorId,
			Data:       m.Data,
		},
	})
}

// executorExited hears that an executor has ended. The agent tells about its tasks itself; executors
// that agents made for command tasks are not known here, and nobody hears of them.
//
// Mesos: src/master/master.cpp, Master::exitedExecutor.
func (c *core) executorExited(m *messagespb.ExitedExecutorMessage) {
	c.counters.Messages[ExitedExecutor]++
	a := c.agents.get(m.GetSlaveId().GetValue())
	if a == nil {
		return
	}
	e := a.executor(m.GetFrameworkId().GetValue(), m.GetExecutorId().GetValue())
	if e == nil {
		return
	}
	c.removeExecutor(e)
	e.framework.send(failureEvent(m.SlaveId, m.ExecutorId, m.Status))
}

func failureEvent(agent *mesosproto.AgentID, executor *mesosproto.ExecutorID, status *int32) *schedulerpb.Event {
	return &schedulerpb.Event{
		Type:    schedulerpb.Event_FAILURE.Enum(),
		Failure: &schedulerpb.Event_Failure{AgentId: agent, ExecutorId: executor, Status: status},
	}
}
