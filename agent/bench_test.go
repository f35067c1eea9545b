package agent_test

import (
	"fmt"
	"testing"

	"github.com/mesokit/mesokit/mesosproto"
)

// B6 (a), the agent's part: from RunTask to RUNNING, with the keeper and a checkpoint on disk.
func BenchmarkStartCommandTask(b *testing.B) {
	_, m, c := node(b, b.TempDir())
	n := 0
	for b.Loop() {
		n++
		c.tell(task(b, fmt.Sprint("t", n), "exit 0"))
		for (<-m.updates).GetStatus().GetState() != mesosproto.TaskState_TASK_RUNNING {
		}
		b.StopTimer()
		for (<-m.updates).GetStatus().GetState() != mesosproto.TaskState_TASK_FINISHED {
		}
		b.StartTimer()
	}
}

// B6 (b): 1,000 command tasks started and reaped on one agent.
func BenchmarkThousandCommandTasks(b *testing.B) {
	_, m, c := node(b, b.TempDir())
	n := 0
	for b.Loop() {
		for range 1000 {
			n++
			c.tell(task(b, fmt.Sprint("t", n), "exit 0"))
		}
		for ended := 0; ended < 1000; {
			if (<-m.updates).GetStatus().GetState() == mesosproto.TaskState_TASK_FINISHED {
				ended++
			}
		}
	}
}
