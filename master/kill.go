package master

import (
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// kill handles KILL. It is remembered until the task is over: the message may get lost with the
// agent's connection, and is sent again each time that the agent re-registers. A task that is not known
// is answered as by RECONCILE; one whose agent is unreachable is killed, too, if it comes back. (The
// reference repeats a kill once, and forgets it when the agent becomes unreachable.)
//
// Mesos: scheduler API, Call KILL; src/master/master.cpp, Master::kill.
func (c *core) kill(f *framework, m *schedulerpb.Call_Kill) {
	c.counters.Messages[KillTask]++
	id := m.GetTaskId().GetValue()
	t, away := f.tasks[id], f.unreachable.get(id)
	meant := func(t *task) bool { return m.AgentId == nil || m.AgentId.GetValue() == t.agentID }
	if t == nil {
		if away != nil && meant(away) {
			c.rememberKill(away)
		}
		c.reconcileTask(f, m.TaskId, m.AgentId)
		return
	}
	if !meant(t) {
		return
	}
	c.rememberKill(t)
	c.agents.get(t.agentID).send(&messagespb.KillTaskMessage{FrameworkId: f.idProto, TaskId: m.TaskId, KillPolicy: m.KillPolicy})
}

func (c *core) rememberKill(t *task) { t.killed = !c.guards.Off(guard.KillMemoryOfMaster) }

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
