package mesokit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
)

// A COMMAND health check runs in the task's sandbox, as the task's user, with its environment; a task that
// fails it too often is killed.
func TestARealTaskIsCheckedAndKilledWhenUnhealthy(t *testing.T) {
	c, err := mesokit.StartCluster(t.Context(), mesokit.ClusterConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	p := join(t, func(cfg *scheduler.Config) { cfg.Dialer = c.Dialer() }, nil)
	// It counts its runs in the sandbox: the first two succeed.
	check := scheduler.CommandCheck(`n=$(cat $COUNT); echo $((n+1)) >$COUNT; test ${n:-0} -lt 2`)
	check.DelaySeconds, check.IntervalSeconds, check.GracePeriodSeconds = proto.Float64(0), proto.Float64(0.05), proto.Float64(0)
	check.ConsecutiveFailures = proto.Uint32(2)
	check.Command.Environment = &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{{Name: proto.String("COUNT"), Value: proto.String("runs")}}}
	p.launch(t, "checked", "sleep 1000", func(task *mesosproto.TaskInfo) {
		task.HealthCheck = check
		task.KillPolicy = &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(time.Second))}}
	})
	p.expect(t, "checked TASK_STARTING SOURCE_EXECUTOR", "checked TASK_RUNNING SOURCE_EXECUTOR")
	var seen []bool
	for {
		s := next(t, "news of the check", p.updates)
		if s.GetState() == mesosproto.TaskState_TASK_KILLED {
			require.False(t, s.GetHealthy())
			require.NotNil(t, s.Healthy)
			break
		}
		require.Equal(t, mesosproto.TaskState_TASK_RUNNING, s.GetState())
		require.Equal(t, mesosproto.TaskStatus_REASON_TASK_HEALTH_CHECK_STATUS_UPDATED, s.GetReason())
		seen = append(seen, s.GetHealthy())
	}
	require.Contains(t, seen, true, "it was healthy first")
	require.Equal(t, []bool{false, false}, seen[len(seen)-2:], "then it failed twice in a row")
}
