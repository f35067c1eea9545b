package master_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// One task, from the registration of its agent to the return of its resources.
func TestThePathOfOneTask(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024;ports:[31000-31009]")
	require.Equal(t, masterID+"-S0", h.id())

	f := b.framework(modern("dev"))
	require.Equal(t, masterID+"-0000", f.id)
	require.Equal(t, schedulerpb.Event_HEARTBEAT, f.stream.events[1].GetType())

	o := f.offer()
	require.Equal(t, masterID+"-O0", o.GetId().GetValue())
	require.Equal(t, "agent1.example", o.GetHostname())
	require.Equal(t, "/slave(1)", o.GetUrl().GetPath())
	require.Equal(t, "dev", o.GetAllocationInfo().GetRole())
	require.Equal(t, "cpus:2; mem:1024; ports:[31000-31009]", sum(t, o.Resources))
	require.Equal(t, 1, f.state().Offers.Len())

	f.accept(0, []*mesosproto.Offer{o}, launchOf(f.task(h, "t1", "cpus:0.5;mem:128")))
	run := last[*messagespb.RunTaskMessage](h)
	require.Equal(t, "t1", run.GetTask().GetTaskId().GetValue())
	require.Equal(t, f.id, run.GetFramework().GetId().GetValue())
	require.Equal(t, "@0.0.0.0:0", run.GetPid())
	require.True(t, run.GetLaunchExecutor())
	require.Equal(t, resourceVersion, run.GetResourceVersionUuids()[0].GetUuid())
	require.Equal(t, "dev", run.GetTask().GetResources()[0].GetAllocationInfo().GetRole())
	require.Equal(t, "cpus(allocated: dev):0.5; mem(allocated: dev):128", h.state().Used.String())

	h.update(f, "t1", mesosproto.TaskState_TASK_RUNNING, uuid("u1"))
	running := f.updateOf("t1")
	require.Equal(t, mesosproto.TaskState_TASK_RUNNING, running.GetState())
	require.Equal(t, []byte(uuid("u1")), running.GetUuid())
	f.acknowledge(h, "t1", uuid("u1"))
	ack := last[*messagespb.StatusUpdateAcknowledgementMessage](h)
	require.Equal(t, []byte(uuid("u1")), ack.GetUuid())
	require.Equal(t, "t1", ack.GetTaskId().GetValue())
	require.Equal(t, 1, f.state().Tasks.Len())

	f.offers()
	h.update(f, "t1", mesosproto.TaskState_TASK_FINISHED, uuid("u2"))
	require.Equal(t, mesosproto.TaskState_TASK_FINISHED, f.updateOf("t1").GetState())
	require.True(t, h.state().Used.IsEmpty(), "resources come back with the end, before it is acknowledged")
	require.Equal(t, 1, f.state().Tasks.Len(), "the task is active until then")

	f.acknowledge(h, "t1", uuid("u2"))
	require.Zero(t, f.state().Tasks.Len())
	require.Len(t, f.state().Done, 1)
	done := f.state().Done[0].Proto()
	require.Equal(t, mesosproto.TaskState_TASK_FINISHED, done.GetState())
	require.Len(t, done.Statuses, 2)
}
