package apierror

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
)

// Row says that errors of a code are answered with an HTTP status. Body, if not empty, is the
// beginning of the body that tells rows of one status apart on the way back.
type Row struct {
	Code codes.Code
	HTTP int
	Body string
}

// Table is the translation of one endpoint. From code to status the first row of the code counts;
// from status to code the first row whose status and Body fit.
type Table []Row

// Scheduler is the table of /api/v1/scheduler.
var Scheduler = Table{
	{codes.NotFound, http.StatusBadRequest, "Framework cannot be found"},
	{codes.InvalidArgument, http.StatusBadRequest, ""},
	{codes.Unauthenticated, http.StatusUnauthorized, ""},
	{codes.FailedPrecondition, http.StatusForbidden, "Framework is not"},
	{codes.PermissionDenied, http.StatusForbidden, ""},
	{codes.Unavailable, http.StatusServiceUnavailable, ""},
	{codes.Unavailable, http.StatusNotFound, ""}, // the routes are not up yet
	{codes.InvalidArgument, http.StatusMethodNotAllowed, ""},
	{codes.InvalidArgument, http.StatusNotAcceptable, ""},
	{codes.InvalidArgument, http.StatusUnsupportedMediaType, ""},
	{codes.InvalidArgument, http.StatusRequestEntityTooLarge, ""},
	{codes.Unimplemented, http.StatusNotImplemented, ""},
	{codes.ResourceExhausted, http.StatusTooManyRequests, ""},
	{codes.Internal, http.StatusInternalServerError, ""},
}

// Executor is the table of the agent's /api/v1/executor.
var Executor = Table{
	{codes.NotFound, http.StatusBadRequest, "Framework cannot be found"},
	{codes.NotFound, http.StatusBadRequest, "Executor cannot be found"},
	{codes.InvalidArgument, http.StatusBadRequest, ""},
	{codes.Unauthenticated, http.StatusUnauthorized, ""},
	{codes.FailedPrecondition, http.StatusForbidden, "Executor is not"},
	{codes.PermissionDenied, http.StatusForbidden, ""},
	{codes.Unavailable, http.StatusServiceUnavailable, ""},
	{codes.Unavailable, http.StatusNotFound, ""},
	{codes.InvalidArgument, http.StatusMethodNotAllowed, ""},
	{codes.InvalidArgument, http.StatusNotAcceptable, ""},
	{codes.InvalidArgument, http.StatusUnsupportedMediaType, ""},
	{codes.InvalidArgument, http.StatusRequestEntityTooLarge, ""},
	{codes.Unimplemented, http.StatusNotImplemented, ""},
	{codes.ResourceExhausted, http.StatusTooManyRequests, ""},
	{codes.Internal, http.StatusInternalServerError, ""},
}

// HTTP is what the endpoint answers for err: a status, and the message as the body. An error that
// carries no code, or one that the table lacks, is an internal error (500).
func (t Table) HTTP(err error) (code int, body string) {
	c := Code(err)
	for _, row := range t {
		if row.Code == c {
			return row.HTTP, Message(err)
		}
	}
	return http.StatusInternalServerError, Message(err)
}

// Error is the error that an answer stands for. A status that the table lacks becomes Unknown, with
// the status in the message; 2xx are no errors and give nil.
func (t Table) Error(code int, body string) error {
	if code >= 200 && code < 300 {
		return nil
	}
	body = strings.TrimSpace(body)
	for _, row := range t {
		if row.HTTP == code && strings.HasPrefix(body, row.Body) {
			if body == "" {
				body = fmt.Sprintf("%d %s", code, http.StatusText(code))
			}
			return status.Error(row.Code, body)
		}
	}
	return status.Errorf(codes.Unknown, "unexpected answer %d %s: %s", code, http.StatusText(code), body)
}

type coder interface{ GRPCStatus() *grpcstatus.Status }

// Code is the code of the first error in err's chain that has one: OK for nil, Unknown if none has.
// Unlike gogo/status it looks behind %w.
func Code(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	var c coder
	if errors.As(err, &c) {
		return c.GRPCStatus().Code()
	}
	return codes.Unknown
}

// Message is the text of an error for people and for the wire: without the "rpc error: code = …" that
// a status error's Error puts before it.
func Message(err error) string {
	if err == nil {
		return ""
	}
	if s, ok := err.(coder); ok {
		return s.GRPCStatus().Message()
	}
	var c coder
	if errors.As(err, &c) {
		inner := c.(error).Error()
		return strings.Replace(err.Error(), inner, c.GRPCStatus().Message(), 1)
	}
	return err.Error()
}

// NotLeaderError is returned by a master that is not the leader.
type NotLeaderError struct {
	// Leader is the leading master's host:port; empty if there is none.
	Leader string
}

func (e *NotLeaderError) Error() string {
	if e.Leader == "" {
		return "No leader elected"
	}
	return "not the leading master; the leader is " + e.Leader
}

// GRPCStatus makes the code Unavailable: the caller should ask the leader, or later.
func (e *NotLeaderError) GRPCStatus() *grpcstatus.Status {
	return grpcstatus.New(codes.Unavailable, e.Error())
}

// Leader returns where err says the leader is. ok is false if err is of another kind.
func Leader(err error) (address string, ok bool) {
	var e *NotLeaderError
	if errors.As(err, &e) {
		return e.Leader, true
	}
	return "", false
}
