package apierror

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

func TestEveryCodeSurvivesTheWire(t *testing.T) {
	for name, table := range map[string]Table{"scheduler": Scheduler, "executor": Executor} {
		for _, row := range table {
			body := row.Body + " x"
			err := table.Error(row.HTTP, body)
			require.Equal(t, row.Code, Code(err), "%s: %d %q", name, row.HTTP, body)
			code, text := table.HTTP(err)
			require.Equal(t, row.Code, Code(table.Error(code, text)), "%s: %v", name, row)
		}
	}
}

func TestTheReferencesAnswers(t *testing.T) {
	for _, c := range []struct {
		table Table
		code  codes.Code
		text  string
		http  int
	}{
		{Scheduler, codes.NotFound, "Framework cannot be found", 400},
		{Scheduler, codes.FailedPrecondition, "Framework is not subscribed", 403},
		{Scheduler, codes.InvalidArgument, "Failed to validate scheduler::Call: Expecting 'type' to be present", 400},
		{Scheduler, codes.Unavailable, "Master has not finished recovery", 503},
		{Scheduler, codes.Unimplemented, "501 Not Implemented.", 501},
		{Executor, codes.NotFound, "Executor cannot be found", 400},
		{Executor, codes.FailedPrecondition, "Executor is not subscribed", 403},
	} {
		code, body := c.table.HTTP(status.Error(c.code, c.text))
		require.Equal(t, c.http, code, c.text)
		require.Equal(t, c.text, body)
		require.Equal(t, c.code, Code(c.table.Error(code, body)), c.text)
	}
}

func TestCodeAndMessageLookBehindWrapping(t *testing.T) {
	inner := status.Error(codes.NotFound, "no such framework: f")
	outer := fmt.Errorf("kill task t: %w", inner)
	require.Equal(t, codes.NotFound, Code(outer))
	require.Equal(t, "kill task t: no such framework: f", Message(outer))
	require.Equal(t, "no such framework: f", Message(inner))
	require.Equal(t, codes.OK, Code(nil))
	require.Equal(t, codes.Unknown, Code(errors.New("x")))
}

func TestNotLeader(t *testing.T) {
	address, ok := Leader(fmt.Errorf("subscribe: %w", &NotLeaderError{Leader: "10.0.0.1:5050"}))
	require.True(t, ok)
	require.Equal(t, "10.0.0.1:5050", address)
	code, body := Scheduler.HTTP(&NotLeaderError{})
	require.Equal(t, 503, code)
	require.Equal(t, "No leader elected", body)
	_, ok = Leader(errors.New("x"))
	require.False(t, ok)
}

func TestAnswersThatNobodyExpected(t *testing.T) {
	require.NoError(t, Scheduler.Error(202, ""))
	err := Scheduler.Error(418, "short and stout")
	require.Equal(t, codes.Unknown, Code(err))
	require.Contains(t, err.Error(), "418")
	code, _ := Scheduler.HTTP(errors.New("boom"))
	require.Equal(t, 500, code)
}
