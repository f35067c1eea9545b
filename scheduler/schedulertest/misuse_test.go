package schedulertest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// A test that asks for what can't be is told what there is.
func TestWhatTestsDoWrongIsSaid(t *testing.T) {
	begin := func(t testing.TB) *schedulertest.Framework {
		c := schedulertest.New(t, schedulertest.Config{})
		return c.RunProcess(func(bool) scheduler.Config {
			return scheduler.Config{Framework: info(), Scheduler: &launcher{commands: []string{"sleep 10"}}}
		})
	}
	for _, c := range []struct {
		want string
		do   func(*schedulertest.Framework)
	}{
		{`task "task-7" to be TASK_RUNNING; nothing was heard of it, only of ["task-0"]`, func(f *schedulertest.Framework) { f.WaitForState("task-7", running) }},
		{`task "task-0" to be TASK_FAILED; it is TASK_FINISHED`, func(f *schedulertest.Framework) { f.WaitForState("task-0", failed) }},
		{"framework-3 runs; let it Crash first", func(f *schedulertest.Framework) { f.Restart(true) }},
	} {
		require.Contains(t, schedulertest.Fails(t, func(t testing.TB) { c.do(begin(t)) }), c.want)
	}
}
