package transitions

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
)

func TestTerminalTaskStatesAreTheReferences(t *testing.T) {
	terminal := map[string]bool{
		"TASK_FINISHED": true, "TASK_FAILED": true, "TASK_KILLED": true, "TASK_LOST": true, "TASK_ERROR": true,
		"TASK_DROPPED": true, "TASK_GONE": true, "TASK_GONE_BY_OPERATOR": true,
	}
	for n, name := range mesosproto.TaskState_name {
		require.Equal(t, terminal[name], Terminal(mesosproto.TaskState(n)), name)
	}
}

func TestEveryTaskStateButUnknownIsInTheTable(t *testing.T) {
	require.Len(t, Task.States(), len(mesosproto.TaskState_name)-1)
	require.NotContains(t, Task.States(), mesosproto.TaskState_TASK_UNKNOWN)
}

func TestTasksNeverGoBack(t *testing.T) {
	order := []mesosproto.TaskState{staging, starting, running, killing, finished}
	for i, from := range order {
		for _, to := range order[:i] {
			require.False(t, Task.Allowed(from, to), "%v → %v", from, to)
		}
		for _, to := range order[i+1:] {
			require.True(t, Task.Allowed(from, to), "%v → %v", from, to)
		}
	}
	require.True(t, Task.Allowed(running, unreachable))
	require.True(t, Task.Allowed(unreachable, running))
	require.False(t, Task.Allowed(finished, finished))
}

func checkClosed[S comparable](t *testing.T, table Table[S]) {
	ends := 0
	for _, s := range table.States() {
		if table.Terminal(s) {
			ends++
		}
		for _, n := range table.Next(s) {
			require.Contains(t, table.States(), n)
		}
	}
	require.Positive(t, ends)
	require.NotEmpty(t, table.String())
}

func TestEveryFollowingStateHasARowOfItsOwn(t *testing.T) {
	checkClosed(t, Task)
	checkClosed(t, Agent)
	checkClosed(t, Framework)
	checkClosed(t, Executor)
}
