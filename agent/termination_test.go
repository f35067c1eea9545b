package agent

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// "message = pending.message; termination.message, or Executor terminated"; nothing is said twice.
func TestWhatTheEndOfAContainerSays(t *testing.T) {
	for _, c := range []struct{ pending, termination, want string }{
		{"", "", "Executor terminated"},
		{"", "out of memory", "out of memory"},
		{"Executor did not register within 1mins", "", "Executor did not register within 1mins"},
		{"Container preempted", "killed", "Container preempted; killed"},
		{"Failed to launch container: no such program", "no such program", "Failed to launch container: no such program"},
	} {
		ex := &executor{}
		if c.pending != "" {
			ex.pending = &ending{reason: mesosproto.TaskStatus_REASON_CONTAINER_LAUNCH_FAILED, message: c.pending}
		}
		s := terminationStatus(ex, containerizer.Termination{Message: c.termination})
		require.Equal(t, c.want, s.GetMessage())
	}
}
