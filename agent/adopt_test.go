package agent

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// The disk was full when the task came, and still is when the agent starts again: its executor knows of it.
func TestTasksThatWereNotWrittenAreTakenBackFromTheirExecutor(t *testing.T) {
	r, store, _ := idle(t)
	store.Fail(syscall.ENOSPC)
	info := executorTask("b", "e")
	r.tell(r.runTask(info, false))
	p := &peer{rig: r, id: "e"}
	require.NoError(t, p.update("b", mesosproto.TaskState_TASK_RUNNING, 7))
	require.Equal(t, "b RUNNING EXECUTOR", r.acknowledgeAll(time.Second))
	r.crash()
	r.run(time.Second)

	claims := func(change func(*mesosproto.TaskInfo)) *mesosproto.TaskInfo {
		m := proto.CloneOf(info)
		m.TaskId.Value = proto.String("made-up")
		change(m)
		return m
	}
	p = r.subscribe("e", &executorpb.Call_Subscribe{
		UnacknowledgedTasks: []*mesosproto.TaskInfo{
			info, executorTask("a", "e"), // which is over
			claims(func(m *mesosproto.TaskInfo) { m.AgentId.Value = proto.String("another") }),
			claims(func(m *mesosproto.TaskInfo) { m.Executor.ExecutorId.Value = proto.String("another") }),
			claims(func(m *mesosproto.TaskInfo) { m.TaskId.Value = proto.String("../b") }),
			claims(func(m *mesosproto.TaskInfo) { m.Resources[0].Name = proto.String("") }),
			claims(func(m *mesosproto.TaskInfo) { m.Resources = dev("cpus:1.5;mem:64") }), // 0.6 of 2 are in use
			claims(func(m *mesosproto.TaskInfo) { m.Resources = dev("gpus:1") }),
		},
		UnacknowledgedUpdates: []*executorpb.Call_Update{{Status: status16("b", mesosproto.TaskState_TASK_RUNNING, 7)}},
	})
	r.run(4 * time.Second)
	tasks := find[*messagespb.ReregisterSlaveMessage](r)[0].GetTasks()
	require.Len(t, tasks, 1)
	require.Equal(t, "b", tasks[0].GetTaskId().GetValue())
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, tasks[0].GetState())
	require.Equal(t, "b RUNNING EXECUTOR", r.acknowledgeAll(time.Second))

	store.Fail(nil)
	r.run(time.Minute)
	require.Equal(t, []string{"SUBSCRIBED", "ACKNOWLEDGED"}, p.types(), "once it is written")
	require.NoError(t, p.update("b", mesosproto.TaskState_TASK_FINISHED, 8))
	require.Equal(t, "b FINISHED EXECUTOR", r.acknowledgeAll(time.Second))
	r.box.end(r.box.last(), exited(0))
	r.run(time.Second)
	require.Equal(t, []string{"agent"}, keys(t, store))
}
