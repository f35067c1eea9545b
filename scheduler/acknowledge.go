package scheduler

import (
	"bytes"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/deepcopy"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// uuidSize is the length of the ids of updates, which are bytes on the wire.
const uuidSize = 16

// Acknowledge says that the framework has dealt with an update, so that the next of the task may come.
// Updates without a uuid, such as answers to Reconcile, need none, and give none. Returns once the
// call is queued, in order; never waits. Safe in callbacks and for concurrent use.
//
// Errors: InvalidArgument without task or agent id; FailedPrecondition unless
// Config.ExplicitAcknowledgements is set, and while not subscribed (the update will come again).
// Mesos: scheduler Call ACKNOWLEDGE.
func (d *Driver) Acknowledge(update *mesosproto.TaskStatus) error {
	if err := d.checkExplicit("Acknowledge"); err != nil {
		return err
	}
	switch {
	case len(update.GetUuid()) == 0:
		return nil
	case update.GetTaskId() == nil || update.GetAgentId() == nil:
		return invalid("ACKNOWLEDGE: the update of task %q from agent %q lacks an id; pass it as it came",
			update.GetTaskId().GetValue(), update.GetAgentId().GetValue())
	}
	return d.call(acknowledgement(update))
}

// AcknowledgeOperation is Acknowledge for the update of an operation.
//
// Mesos: scheduler Call ACKNOWLEDGE_OPERATION_STATUS.
func (d *Driver) AcknowledgeOperation(update *mesosproto.OperationStatus) error {
	if err := d.checkExplicit("AcknowledgeOperation"); err != nil {
		return err
	}
	switch {
	case len(update.GetUuid().GetValue()) == 0:
		return nil
	case update.GetOperationId() == nil || update.GetAgentId() == nil:
		return invalid("ACKNOWLEDGE_OPERATION_STATUS: the update of operation %q from agent %q lacks an id; pass it as it came",
			update.GetOperationId().GetValue(), update.GetAgentId().GetValue())
	}
	return d.call(operationAcknowledgement(update))
}

func (d *Driver) checkExplicit(method string) error {
	if d.cfg.ExplicitAcknowledgements {
		return nil
	}
	return status.Errorf(codes.FailedPrecondition,
		"%s: the driver acknowledges by itself; set Config.ExplicitAcknowledgements to do it in the framework", method)
}

// acknowledgement is the call that acknowledges a task's update; nil if it needs none.
func acknowledgement(update *mesosproto.TaskStatus) *schedulerpb.Call {
	if len(update.GetUuid()) == 0 || update.GetAgentId() == nil {
		return nil
	}
	m := &struct { // one allocation for all: there is a call for each update
		call        schedulerpb.Call
		kind        schedulerpb.Call_Type
		acknowledge schedulerpb.Call_Acknowledge
	}{kind: schedulerpb.Call_ACKNOWLEDGE}
	m.call.Type = &m.kind
	m.call.Acknowledge = &m.acknowledge
	m.acknowledge.AgentId = deepcopy.AgentID(update.GetAgentId())
	m.acknowledge.TaskId = deepcopy.TaskID(update.GetTaskId())
	m.acknowledge.Uuid = bytes.Clone(update.GetUuid())
	return &m.call
}

// operationAcknowledgement is the same for an operation's update. Updates that the master makes up, for
// operations without an agent, have no uuid.
func operationAcknowledgement(update *mesosproto.OperationStatus) *schedulerpb.Call {
	if len(update.GetUuid().GetValue()) == 0 || update.GetAgentId() == nil || update.GetOperationId() == nil {
		return nil
	}
	return &schedulerpb.Call{
		Type: schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS.Enum(),
		AcknowledgeOperationStatus: &schedulerpb.Call_AcknowledgeOperationStatus{
			AgentId:            proto.CloneOf(update.GetAgentId()),
			ResourceProviderId: proto.CloneOf(update.GetResourceProviderId()),
			Uuid:               bytes.Clone(update.GetUuid().GetValue()),
			OperationId:        proto.CloneOf(update.GetOperationId()),
		},
	}
}
