package executor

import (
	"fmt"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// CallError says that a call was refused or lost after the Driver's method had returned. It arrives
// through Executor.Error; the driver goes on. An update that was refused is not sent again; lost are
// only messages to the framework.
type CallError struct {
	// Call is what was sent. It must not be changed.
	Call *executorpb.Call
	// Err says why, with a gRPC code: Unavailable if nobody can tell whether the call arrived.
	Err error
}

func (e *CallError) Error() string {
	return fmt.Sprintf("executor call %s: %s", e.Call.GetType(), apierror.Message(e.Err))
}

func (e *CallError) Unwrap() error { return e.Err }

// GRPCStatus gives the error the code of Err, for status.Code and the like.
func (e *CallError) GRPCStatus() *grpcstatus.Status {
	return grpcstatus.New(apierror.Code(e.Err), e.Error())
}

// isFatal tells whether a refused subscription would be refused again.
func isFatal(err error) bool {
	switch apierror.Code(err) {
	case codes.NotFound, codes.FailedPrecondition: // the agent does not know the executor, or does not want it
		return true
	}
	return isRefusal(err)
}

// isRefusal tells whether the agent has looked at a call and does not want it, now or later.
func isRefusal(err error) bool {
	switch apierror.Code(err) {
	case codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		return true
	}
	return false
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}
