package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// sharing is a framework of role dev that may share volumes, and one for it.
func sharing(t *testing.T) (*mesosproto.FrameworkInfo, []*mesosproto.Resource) {
	t.Helper()
	info := modern("dev")
	info.Capabilities = append(info.Capabilities, capabilities(mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES)...)
	shared := volume(t, "disk:64", "dev", "v1")
	shared[0].Shared = &mesosproto.Resource_SharedInfo{}
	return info, shared
}

// A shared volume is offered while tasks use it. It can't be destroyed until nobody does, and then not
// behind the back of those to whom it is offered.
func TestSharedVolumesAreDestroyedWhenNobodyUsesThem(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024;disk:1024")
	info, shared := sharing(t)
	f := b.framework(info)
	task := f.task(h, "t", "cpus:1;mem:32")
	task.Resources = append(task.Resources, shared...)
	destroy := operationOf(mesosproto.Offer_Operation_DESTROY, "d", shared)
	f.accept(0, []*mesosproto.Offer{f.offer()},
		operationOf(mesosproto.Offer_Operation_RESERVE, "", reserved(t, "disk:64", "dev")),
		operationOf(mesosproto.Offer_Operation_CREATE, "", shared),
		launchOf(task))
	h.update(f, "t", mesosproto.TaskState_TASK_RUNNING, uuid("r"))
	b.sim.Advance(2 * time.Second)
	f.accept(0, f.offers(), destroy)
	s := f.operations()
	require.Len(t, s, 1)
	require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, s[0].GetState())
	require.Contains(t, s[0].GetMessage(), "Persistent volumes in use; on agent ")

	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("e"))
	b.sim.Advance(2 * time.Second)
	other := b.framework(info)
	f.accept(1000, f.offers(), launchOf(f.task(h, "t2", "cpus:1.5;mem:512")))
	b.sim.Advance(2 * time.Second)
	require.Contains(t, sum(t, other.offer().Resources), "disk[v1:data]<SHARED>:64", "what f refuses, with the volume")
	h.update(f, "t2", mesosproto.TaskState_TASK_FINISHED, uuid("f"))
	b.sim.Advance(2 * time.Second)
	mine := f.offer()
	require.Contains(t, sum(t, mine.Resources), "disk[v1:data]<SHARED>:64", "the volume, once more")
	f.accept(0, []*mesosproto.Offer{mine}, destroy)
	require.Empty(t, f.operations())
	require.Equal(t, mesosproto.Offer_Operation_DESTROY, last[*messagespb.ApplyOperationMessage](h).GetOperationInfo().GetType())
	require.Len(t, other.take(schedulerpb.Event_RESCIND), 1)
	require.Equal(t, "cpus:2; mem:1024; disk:960; disk(reservations: [(DYNAMIC,dev)]):64", h.state().Total.String())
}

// Tasks may use more copies of a shared volume than are offered: one by one, and as a group.
func TestTasksOfOneAcceptShareAVolume(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:4;mem:1024;disk:1024")
	info, shared := sharing(t)
	f := b.framework(info)
	task := func(id string) *mesosproto.TaskInfo {
		x := f.task(h, id, "cpus:0.5;mem:32")
		x.Resources = append(x.Resources, shared...)
		return x
	}
	group := groupOf(task("e"), task("f"))
	group.LaunchGroup.Executor = f.podExecutor("pod")
	f.accept(0, []*mesosproto.Offer{f.offer()},
		operationOf(mesosproto.Offer_Operation_RESERVE, "", reserved(t, "disk:64", "dev")),
		operationOf(mesosproto.Offer_Operation_CREATE, "", shared),
		launchOf(task("a"), task("b")))
	require.Empty(t, f.updates())
	b.sim.Advance(2 * time.Second)
	f.accept(0, f.offers(), group)
	require.Empty(t, f.updates())
	require.Len(t, last[*messagespb.RunTaskGroupMessage](h).GetTaskGroup().GetTasks(), 2)
	for _, id := range []string{"a", "b", "e", "f"} {
		h.update(f, id, mesosproto.TaskState_TASK_FINISHED, uuid(id))
	}
	require.Len(t, f.updates(), 4)
	b.sim.Advance(2 * time.Second)
	f.accept(0, f.offers())
	b.sim.Advance(2 * time.Second)
	f.accept(0, []*mesosproto.Offer{f.offer()}, operationOf(mesosproto.Offer_Operation_DESTROY, "d", shared))
	require.Empty(t, f.operations())
	require.Equal(t, "cpus:4; mem:1024; disk:960; disk(reservations: [(DYNAMIC,dev)]):64", h.state().Total.String())

	f.accept(0, f.offers(), launchOf(task("g")))
	require.Len(t, f.updates(), 1, "there is none any more")
}

// A framework that would not be offered shared volumes does not make any.
func TestSharedVolumesNeedTheCapability(t *testing.T) {
	_, _, f, o := ready(t)
	shared := volume(t, "disk:64", "dev", "v1")
	shared[0].Shared = &mesosproto.Resource_SharedInfo{}
	f.accept(0, []*mesosproto.Offer{o}, operationOf(mesosproto.Offer_Operation_CREATE, "c", shared))
	s := f.operations()
	require.Len(t, s, 1)
	require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, s[0].GetState())
	require.Contains(t, s[0].GetMessage(), "with no SHARED_RESOURCES capability")
}
