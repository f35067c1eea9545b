package master

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// reconcile handles RECONCILE: the present state of the tasks asked for, or of all.
//
// Mesos: docs/reconciliation.md; src/master/master.cpp, Master::reconcile.
func (c *core) reconcile(f *framework, m *schedulerpb.Call_Reconcile) {
	c.counters.Messages[ReconcileTasks]++
	if len(m.GetTasks()) == 0 {
		for _, t := range tasksInOrder(f.tasks) {
			c.sendState(f, t)
		}
		return
	}
	for _, t := range m.GetTasks() {
		c.reconcileTask(f, t.TaskId, t.AgentId)
	}
}

// sendState tells a framework about a task of its own that is known.
func (c *core) sendState(f *framework, t *task) {
	c.sendUpdate(f, c.withLast(t, c.masterStatus(t, t.told(), "Reconciliation: Latest task state",
		mesosproto.TaskStatus_REASON_RECONCILIATION)))
}

// withLast adds what the last update of the task said of its health and container.
func (c *core) withLast(t *task, s *mesosproto.TaskStatus) *mesosproto.TaskStatus {
	if last := t.last(); last != nil {
		s.Healthy = last.Healthy
		s.CheckStatus = last.CheckStatus
		s.ContainerStatus = last.ContainerStatus
	}
	return s
}

// reconcileTask answers an explicit question about a task; the first row that fits counts.
func (c *core) reconcileTask(f *framework, id *mesosproto.TaskID, agentID *mesosproto.AgentID) {
	if t := f.tasks[id.GetValue()]; t != nil {
		c.sendState(f, t)
		return
	}
	var state mesosproto.TaskState
	var text string
	var since *mesosproto.TimeInfo
	agent := agentID.GetValue()
	switch {
	case agentID == nil && c.awaited.len() > 0, agentID != nil && c.awaited.has(agent):
		return // the agent may still come back with the task
	case agentID != nil && c.agents.has(agent) && c.speaksOf(c.agents.get(agent), f.id, id.GetValue()):
		return // what became of it is on its way, and comes again if it was lost
	case agentID != nil && c.agents.has(agent):
		state, text = mesosproto.TaskState_TASK_GONE, "Task is unknown to the agent"
	case agentID != nil && c.unreachable.has(agent):
		state, text = mesosproto.TaskState_TASK_UNREACHABLE, "Task is unreachable"
		since = timeInfo(c.unreachable.get(agent).since)
	case agentID != nil && c.gone.has(agent):
		state, text = mesosproto.TaskState_TASK_GONE_BY_OPERATOR, "Task is gone"
	default:
		state, text = mesosproto.TaskState_TASK_UNKNOWN, "Task is unknown"
	}
	s := c.status(id, agentID, f.lost(state), "Reconciliation: "+text, mesosproto.TaskStatus_REASON_RECONCILIATION)
	s.UnreachableTime = since
	c.sendUpdate(f, s)
}

// sendUpdate sends a status update that the master made.
func (c *core) sendUpdate(f *framework, s *mesosproto.TaskStatus) {
	f.send(updateEvent(s))
	c.touchFramework(f)
}

// operationAnswer is an answer to RECONCILE_OPERATIONS; it carries no uuid.
func operationAnswer(s *mesosproto.OperationStatus) *schedulerpb.Event {
	return &schedulerpb.Event{
		Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(),
		UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: &mesosproto.OperationStatus{
			OperationId:        s.OperationId,
			State:              s.State,
			Message:            s.Message,
			ConvertedResources: s.ConvertedResources,
			AgentId:            s.AgentId,
			ResourceProviderId: s.ResourceProviderId,
		}},
	}
}

// reconcileOperations handles RECONCILE_OPERATIONS: the last status of the operations asked for, or of
// all that have an id.
func (c *core) reconcileOperations(f *framework, m *schedulerpb.Call_ReconcileOperations) {
	c.counters.Messages[ReconcileOperations]++
	if len(m.GetOperations()) == 0 {
		for _, o := range operationsInOrder(f.operations) {
			f.send(operationAnswer(o.latest))
		}
		return
	}
	for _, q := range m.GetOperations() {
		if o := f.operations[q.GetOperationId().GetValue()]; o != nil {
			f.send(operationAnswer(o.latest))
			continue
		}
		f.send(operationAnswer(c.unknownOperation(q)))
	}
}

func (c *core) unknownOperation(q *schedulerpb.Call_ReconcileOperations_Operation) *mesosproto.OperationStatus {
	s := &mesosproto.OperationStatus{
		OperationId:        q.OperationId,
		AgentId:            q.AgentId,
		ResourceProviderId: q.ResourceProviderId,
	}
	agent := q.GetAgentId().GetValue()
	var state mesosproto.OperationState
	var text string
	switch {
	case q.AgentId == nil:
		state, text = mesosproto.OperationState_OPERATION_UNKNOWN, "Operation is unknown and no 'agent_id' was provided"
	case c.awaited.has(agent):
		state, text = mesosproto.OperationState_OPERATION_RECOVERING, "Agent is recovered but has not re-registered"
	case c.agents.has(agent) && c.agents.get(agent).arriving: // it has not said yet which operations it has (the reference says unknown)
		state, text = mesosproto.OperationState_OPERATION_RECOVERING, "Agent has re-registered but has not told its operations"
	case c.agents.has(agent):
		state, text = mesosproto.OperationState_OPERATION_UNKNOWN, "Operation is unknown"
	case c.unreachable.has(agent):
		state, text = mesosproto.OperationState_OPERATION_UNREACHABLE, "Agent is unreachable"
	case c.gone.has(agent):
		state, text = mesosproto.OperationState_OPERATION_GONE_BY_OPERATOR, "Agent marked gone by operator"
	default:
		state, text = mesosproto.OperationState_OPERATION_UNKNOWN, "Both operation and agent are unknown"
	}
	s.State = state.Enum()
	s.Message = proto.String("Reconciliation: " + text)
	return s
}
