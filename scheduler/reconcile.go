package scheduler

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Reconcile asks for the state of tasks; the answers are StatusUpdates with REASON_RECONCILIATION.
// Of each status only TaskId and AgentId, if known, are used. Without any, the master tells about all
// tasks that it knows of this framework, which leaves out those it does not know.
//
// There is no answer for a task whose agent may still come back after a change of leader: ask again,
// with backoff, until each task was heard of. Returns once the call is queued, in order; never waits.
// Safe in callbacks and for concurrent use.
//
// Errors: InvalidArgument without a task id; FailedPrecondition while not subscribed. Later refusals
// arrive through Scheduler.Error.
// Mesos: scheduler Call RECONCILE.
func (d *Driver) Reconcile(tasks ...*mesosproto.TaskStatus) error {
	r := &schedulerpb.Call_Reconcile{}
	for _, t := range tasks {
		r.Tasks = append(r.Tasks, &schedulerpb.Call_Reconcile_Task{
			TaskId:  proto.CloneOf(t.GetTaskId()),
			AgentId: proto.CloneOf(t.GetAgentId()),
		})
	}
	return d.call(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: r})
}

// ReconcileOperations asks for the state of operations; the answers are OperationStatusUpdates. Of each
// status OperationId and, if known, AgentId and ResourceProviderId are used. Without any, the master
// tells about all operations with an id that it knows. Queued, with errors, as Reconcile is.
//
// Mesos: scheduler Call RECONCILE_OPERATIONS.
func (d *Driver) ReconcileOperations(operations ...*mesosproto.OperationStatus) error {
	r := &schedulerpb.Call_ReconcileOperations{}
	for _, o := range operations {
		r.Operations = append(r.Operations, &schedulerpb.Call_ReconcileOperations_Operation{
			OperationId:        proto.CloneOf(o.GetOperationId()),
			AgentId:            proto.CloneOf(o.GetAgentId()),
			ResourceProviderId: proto.CloneOf(o.GetResourceProviderId()),
		})
	}
	return d.call(&schedulerpb.Call{
		Type: schedulerpb.Call_RECONCILE_OPERATIONS.Enum(), ReconcileOperations: r,
	})
}
