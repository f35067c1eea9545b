package scheduler

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

func offer(id, text string) *mesosproto.Offer {
	o := offers(id).GetOffers().GetOffers()[0]
	o.Resources = resources.MustParse(text).Allocate("dev").Proto()
	o.AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: proto.String("dev")}
	return o
}

func textOf(t testing.TB, list []*mesosproto.Resource) string {
	r, err := resources.FromProto(list)
	require.NoError(t, err)
	return r.String()
}

func TestRoomFills(t *testing.T) {
	room := RoomIn(offer("o1", "cpus:2;mem:100"))
	var placed int
	for i := range 10 {
		task := CommandTask(fmt.Sprint(i), "x", small)
		if !room.Put(task) {
			require.Nil(t, task.AgentId, "what does not fit is not changed")
			break
		}
		placed++
		require.Equal(t, "a-1", task.GetAgentId().GetValue())
		require.Equal(t, "cpus:0.5; mem:32", textOf(t, task.Resources))
	}
	require.Equal(t, 3, placed, "memory is what runs out")
	require.Equal(t, "cpus:0.5; mem:4", room.Left().String())
	require.True(t, room.Fits(resources.MustParse("cpus:0.5")))
	require.False(t, room.Fits(resources.MustParse("cpus:0.6")))
	require.Equal(t, "o1", room.Offers()[0].GetValue())
}

func TestRoomOfSeveralOffers(t *testing.T) {
	room := RoomIn(offer("o1", "cpus:1"), offer("o2", "cpus:1;mem:32"))
	require.True(t, room.Put(CommandTask("t", "x", resources.MustParse("cpus:2;mem:32"))))
	require.True(t, room.Left().IsEmpty())
	require.Len(t, room.Offers(), 2)
}

func TestRoomUsesReservedResources(t *testing.T) {
	room := RoomIn(offer("o1", "cpus:1;cpus(dev):1;mem(dev):64"))
	task := CommandTask("t", "x", resources.MustParse("cpus:1.5;mem:32"))
	require.True(t, room.Put(task))
	got, err := resources.FromProto(task.Resources)
	require.NoError(t, err)
	require.Equal(t, 1.5, got.CPUs())
	require.Equal(t, 0.5, got.ReservedTo("dev").CPUs(), "unreserved first")
	require.Equal(t, 32.0, got.ReservedTo("dev").Mem())
	for _, r := range task.Resources {
		require.Nil(t, r.AllocationInfo, "the master fills it in")
	}
	require.Equal(t, 0.5, room.Left().CPUs())
}

func TestRoomWithoutOffers(t *testing.T) {
	room := RoomIn()
	require.Nil(t, room.Agent())
	require.Empty(t, room.Offers())
	require.False(t, room.Put(CommandTask("t", "x", resources.Resources{})))
}

func TestPortsAreTakenWithTheTask(t *testing.T) {
	room := RoomIn(offer("o1", "cpus:4;mem:1000;ports:[31000-31001, 31005-31005]"))
	require.Equal(t, []uint32{31000, 31001, 31005}, room.Ports(3))
	require.Nil(t, room.Ports(4))
	require.Empty(t, room.Ports(0))
	for _, want := range []uint32{31000, 31001, 31005} {
		ports := room.Ports(1)
		require.Equal(t, []uint32{want}, ports)
		require.True(t, room.Put(DockerTask("t", "nginx", small, WithPort(ports[0], 80, "tcp"))))
	}
	require.Nil(t, room.Ports(1))
	require.False(t, room.Put(DockerTask("t", "nginx", small, WithPort(31000, 80, "tcp"))), "not twice")
	require.Equal(t, 2.5, room.Left().CPUs())
}

func TestPortsOfAnOddOffer(t *testing.T) {
	room := RoomIn(offer("o1", "ports:[65535-99999999]"))
	require.Equal(t, []uint32{65535}, room.Ports(1))
	require.Nil(t, room.Ports(2))
}

func TestExecutorTakesRoomOnce(t *testing.T) {
	room := RoomIn(offer("o1", "cpus:2;mem(dev):256"))
	executor := CustomExecutor("e", "./e", resources.MustParse("cpus:0.5;mem:64"))
	first := ExecutorTask("1", executor, small)
	second := ExecutorTask("2", executor, small)
	require.True(t, room.Put(first))
	require.Equal(t, "cpus:1; mem(reservations: [(STATIC,dev)]):160", room.Left().String())
	require.True(t, room.Put(second))
	require.Equal(t, "cpus:0.5; mem(reservations: [(STATIC,dev)]):128", room.Left().String())
	require.True(t, proto.Equal(first.Executor, second.Executor), "infos of one executor must be equal, says the master")
	require.Equal(t, 64.0, mem(t, first.Executor.Resources).ReservedTo("dev").Mem())
	require.True(t, mem(t, executor.Resources).ReservedTo("dev").IsEmpty(), "the caller's is not changed")

	there := offer("o2", "cpus:0.5;mem:32")
	there.ExecutorIds = []*mesosproto.ExecutorID{executorID("e")}
	require.True(t, RoomIn(there).Put(ExecutorTask("3", executor, small)), "it runs there already")
	require.False(t, RoomIn(offer("o3", "cpus:0.9;mem:320")).Put(ExecutorTask("4", executor, small)), "0.5 for each")
}

func mem(t *testing.T, list []*mesosproto.Resource) resources.Resources {
	r, err := resources.FromProto(list)
	require.NoError(t, err)
	return r
}

func TestGroupFitsAsAWhole(t *testing.T) {
	room := RoomIn(offer("o1", "cpus:1.2;mem:256"))
	executor := DefaultExecutor("e", resources.MustParse("cpus:0.1;mem:32"))
	three := []*mesosproto.TaskInfo{CommandTask("1", "x", small), CommandTask("2", "x", small), CommandTask("3", "x", small)}
	require.False(t, room.PutGroup(executor, three...))
	require.Nil(t, three[0].AgentId)
	require.Equal(t, 1.2, room.Left().CPUs())
	require.True(t, room.PutGroup(executor, three[:2]...))
	require.Equal(t, "a-1", three[1].GetAgentId().GetValue())
	require.InDelta(t, 0.1, room.Left().CPUs(), 1e-9)
}

func TestIllegalResources(t *testing.T) {
	o := offer("o1", "cpus:1")
	o.Resources = append(o.Resources, &mesosproto.Resource{Name: proto.String("")}, nil)
	room := RoomIn(o)
	require.Equal(t, "cpus:1", room.Left().String())
	bad := CommandTask("t", "x", small)
	bad.Resources[0].Scalar.Value = proto.Float64(-1)
	require.False(t, room.Put(bad))
}

// TestRoomNeverGivesMoreThanItHas: whatever is put, what tasks got and what is left is what was offered.
func TestRoomNeverGivesMoreThanItHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := func(top int, label string) string { return fmt.Sprint(rapid.IntRange(1, top).Draw(t, label)) }
		room := RoomIn(offer("o1", "cpus:"+amount(8, "cpus")+";cpus(dev):"+amount(8, "reserved")+";ports:[1-"+amount(9, "ports")+"]"))
		total, used := room.Left(), resources.Resources{}
		for range rapid.IntRange(0, 10).Draw(t, "tasks") {
			task := CommandTask("t", "x", resources.MustParse("cpus:"+amount(4, "need")))
			if ports := room.Ports(rapid.IntRange(0, 3).Draw(t, "n")); ports != nil {
				WithHostPorts(ports...)(task)
			}
			before := room.Left()
			if !room.Put(task) {
				require.True(t, before.Equal(room.Left()))
				continue
			}
			got, err := resources.FromProto(task.Resources)
			require.NoError(t, err)
			used = used.Add(got)
		}
		require.True(t, total.Equal(used.Add(room.Left())), "%s used, %s left of %s", used, room.Left(), total)
	})
}
