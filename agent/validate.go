package agent

import (
	"fmt"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// ValidateCall says what is wrong with a call by itself, whoever sent it. Transports call it before they
// look at anything that the reference looks at later; the agent calls it for all.
//
// Errors: InvalidArgument with the reference's text. Mesos: src/slave/validation.cpp.
func ValidateCall(call *executorpb.Call) error {
	missing := func(field string) error { return invalidCall("Expecting '%s' to be present", field) }
	switch {
	case call == nil || call.Type == nil:
		return missing("type")
	case call.GetExecutorId() == nil:
		return missing("executor_id")
	case call.GetFrameworkId() == nil:
		return missing("framework_id")
	}
	switch call.GetType() {
	case executorpb.Call_SUBSCRIBE:
		if call.GetSubscribe() == nil {
			return missing("subscribe")
		}
	case executorpb.Call_UPDATE:
		if call.GetUpdate() == nil {
			return missing("update")
		}
		return validateUpdate(call, call.GetUpdate().GetStatus())
	case executorpb.Call_MESSAGE:
		if call.GetMessage() == nil {
			return missing("message")
		}
	}
	return nil
}

func validateUpdate(call *executorpb.Call, s *mesosproto.TaskStatus) error {
	from := fmt.Sprintf("executor %s of framework %s", call.GetExecutorId().GetValue(), call.GetFrameworkId().GetValue())
	switch {
	case s == nil:
		return invalidCall("Expecting 'status' to be present")
	case s.GetTaskId().GetValue() == "":
		return invalidCall("Expecting 'task_id' to be present")
	case !validID(s.GetTaskId().GetValue()):
		return invalidCall("Not a valid TaskID: %q; at most 255 bytes without control characters, / and \\ are expected", s.GetTaskId().GetValue())
	case s.State == nil:
		return invalidCall("Expecting 'state' to be present")
	case s.Uuid == nil:
		return invalidCall("Expecting 'uuid' to be present")
	case len(s.GetUuid()) != 16:
		return invalidCall("Not a valid UUID: it has %d bytes, 16 are expected", len(s.GetUuid()))
	case s.GetExecutorId() != nil && s.GetExecutorId().GetValue() != call.GetExecutorId().GetValue():
		return invalidCall("ExecutorID in Call: %s does not match ExecutorID in TaskStatus: %s", call.GetExecutorId().GetValue(), s.GetExecutorId().GetValue())
	case s.Source == nil || s.GetSource() != mesosproto.TaskStatus_SOURCE_EXECUTOR:
		return invalidCall("Received Call from %s with invalid source, expecting 'SOURCE_EXECUTOR'", from)
	case s.GetState() == mesosproto.TaskState_TASK_STAGING:
		return invalidCall("Received TASK_STAGING from %s", from)
	}
	return validateCheckStatus(s.GetCheckStatus())
}

func validateCheckStatus(s *mesosproto.CheckStatusInfo) error {
	if s == nil {
		return nil
	}
	is := map[mesosproto.CheckInfo_Type]bool{
		mesosproto.CheckInfo_COMMAND: s.GetCommand() != nil,
		mesosproto.CheckInfo_HTTP:    s.GetHttp() != nil,
		mesosproto.CheckInfo_TCP:     s.GetTcp() != nil,
	}
	switch {
	case s.Type == nil:
		return invalidCall("CheckStatusInfo must specify 'type'")
	case s.GetType() == mesosproto.CheckInfo_UNKNOWN:
		return invalidCall("'%s' is not a valid check's status type", s.GetType())
	case !is[s.GetType()]:
		return invalidCall("Expecting the result of the check's type %s to be set", s.GetType())
	}
	return nil
}

func invalidCall(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, "Failed to validate Executor::Call: %s", fmt.Sprintf(format, args...))
}
