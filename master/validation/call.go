package validation

import (
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// uuidLength is the length of the uuid of an update, in bytes.
const uuidLength = 16

// SchedulerCall checks the shape of a call: what its type needs is there.
func SchedulerCall(call *schedulerpb.Call) error {
	if call.Type == nil {
		return expecting("type")
	}
	if call.GetType() == schedulerpb.Call_SUBSCRIBE {
		if call.Subscribe == nil {
			return expecting("subscribe")
		}
		if call.Subscribe.GetFrameworkInfo().GetId().GetValue() != call.GetFrameworkId().GetValue() {
			return reason("'framework_id' differs from 'subscribe.framework_info.id'")
		}
		return nil
	}
	if call.FrameworkId == nil {
		return expecting("framework_id")
	}
	if field := missingPayload(call); field != "" {
		return expecting(field)
	}
	switch call.GetType() {
	case schedulerpb.Call_ACKNOWLEDGE:
		return updateUUID(call.Acknowledge.GetUuid())
	case schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS:
		if err := updateUUID(call.AcknowledgeOperationStatus.GetUuid()); err != nil {
			return err
		}
		if call.AcknowledgeOperationStatus.AgentId == nil {
			return expecting("agent_id")
		}
	case schedulerpb.Call_UPDATE_FRAMEWORK:
		if call.UpdateFramework.GetFrameworkInfo().GetId().GetValue() != call.GetFrameworkId().GetValue() {
			return reason("'framework_id' differs from 'update_framework.framework_info.id'")
		}
	}
	return nil
}

// Principal checks that what a framework says it is agrees with what it has proved to be. An empty
// principal on either side agrees with everything.
func Principal(authenticated string, info *mesosproto.FrameworkInfo) error {
	if declared := info.GetPrincipal(); authenticated != "" && declared != "" && authenticated != declared {
		return reason("Authenticated principal '%s' does not match principal '%s' set in `FrameworkInfo`", authenticated, declared)
	}
	return nil
}

// missingPayload names the field that a call of this type needs and that call lacks; empty if none.
// TEARDOWN, REVIVE and SUPPRESS need nothing; UNKNOWN is refused elsewhere.
func missingPayload(call *schedulerpb.Call) string {
	missing, field := false, ""
	switch call.GetType() {
	case schedulerpb.Call_ACCEPT:
		missing, field = call.Accept == nil, "accept"
	case schedulerpb.Call_DECLINE:
		missing, field = call.Decline == nil, "decline"
	case schedulerpb.Call_ACCEPT_INVERSE_OFFERS:
		missing, field = call.AcceptInverseOffers == nil, "accept_inverse_offers"
	case schedulerpb.Call_DECLINE_INVERSE_OFFERS:
		missing, field = call.DeclineInverseOffers == nil, "decline_inverse_offers"
	case schedulerpb.Call_KILL:
		missing, field = call.Kill == nil, "kill"
	case schedulerpb.Call_SHUTDOWN:
		missing, field = call.Shutdown == nil, "shutdown"
	case schedulerpb.Call_ACKNOWLEDGE:
		missing, field = call.Acknowledge == nil, "acknowledge"
	case schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS:
		missing, field = call.AcknowledgeOperationStatus == nil, "acknowledge_operation_status"
	case schedulerpb.Call_RECONCILE:
		missing, field = call.Reconcile == nil, "reconcile"
	case schedulerpb.Call_RECONCILE_OPERATIONS:
		missing, field = call.ReconcileOperations == nil, "reconcile_operations"
	case schedulerpb.Call_MESSAGE:
		missing, field = call.Message == nil, "message"
	case schedulerpb.Call_REQUEST:
		missing, field = call.Request == nil, "request"
	case schedulerpb.Call_UPDATE_FRAMEWORK:
		missing, field = call.UpdateFramework == nil, "update_framework"
	}
	if !missing {
		return ""
	}
	return field
}

func updateUUID(b []byte) error {
	if len(b) != uuidLength {
		return reason("Not a valid UUID")
	}
	return nil
}
