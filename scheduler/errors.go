package scheduler

import (
	"fmt"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// CallError says that a call was refused or lost after the Driver's method had returned. It arrives
// through Scheduler.Error; the driver goes on.
type CallError struct {
	// Call is what was sent. It must not be changed.
	Call *schedulerpb.Call
	// Err says why, with a gRPC code: Unavailable if nobody can tell whether the call arrived.
	Err error
}

func (e *CallError) Error() string {
	return fmt.Sprintf("scheduler call %s: %s", e.Call.GetType(), apierror.Message(e.Err))
}

func (e *CallError) Unwrap() error { return e.Err }

// GRPCStatus gives the error the code of Err, for status.Code and the like.
func (e *CallError) GRPCStatus() *grpcstatus.Status {
	return grpcstatus.New(apierror.Code(e.Err), e.Error())
}

// isFatal tells whether a refused subscription would be refused again.
func isFatal(err error) bool {
	switch apierror.Code(err) {
	case codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented,
		codes.FailedPrecondition:
		return true
	}
	return false
}

// endsSubscription tells whether the refusal of a call means that the master, or this one, does not
// have our subscription any more, though the stream has not ended.
func endsSubscription(err error) bool {
	_, elsewhere := apierror.Leader(err)
	return elsewhere || apierror.Code(err) == codes.FailedPrecondition
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}
