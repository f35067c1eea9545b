package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// An operation that got lost on the way to the agent never happened, nor did the tasks that were to use what
// it makes. Offers of it are void.
func TestWhatGotLostWithItsOperation(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:3;mem:1024")
	f := b.framework(modern("dev"))
	plain, task := f.task(h, "plain", "cpus:1;mem:32"), f.task(h, "t", "mem:32")
	task.Resources = append(task.Resources, reserved(t, "cpus:1", "dev")...)
	f.accept(0, []*mesosproto.Offer{f.offer()},
		launchOf(plain),
		operationOf(mesosproto.Offer_Operation_RESERVE, "", reserved(t, "cpus:2", "dev")),
		launchOf(task))
	require.Empty(t, f.updates())
	b.sim.Advance(2 * time.Second)
	require.Len(t, f.offers(), 1, "of what is left, half of the reservation in it")

	h.reregister(nil, nil) // it had not arrived
	u := f.updateOf("t")
	require.Equal(t, mesosproto.TaskState_TASK_DROPPED, u.GetState())
	require.Equal(t, mesosproto.TaskStatus_REASON_RESOURCES_UNKNOWN, u.GetReason())
	require.Equal(t, mesosproto.TaskStatus_SOURCE_MASTER, u.GetSource())
	require.Len(t, f.take(schedulerpb.Event_RESCIND), 1)
	require.Equal(t, "cpus:3; mem:1024", h.state().Total.String())
	require.Equal(t, "cpus(allocated: dev):1; mem(allocated: dev):32", h.state().Used.String(), "the agent is asked about the other one")
	ask := last[*messagespb.SlaveReregisteredMessage](h).GetReconciliations()
	require.Len(t, ask, 1)
	require.Len(t, ask[0].GetStatuses(), 1)
	require.Equal(t, "plain", ask[0].GetStatuses()[0].GetTaskId().GetValue())
	b.sim.Advance(2 * time.Second)
	require.Equal(t, "cpus:2; mem:992", sum(t, f.offer().Resources))
}

// What is oversubscribed an agent tells after it has registered: until then nobody is lost for the lack of it.
func TestNothingIsLostForWhatIsOversubscribed(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	info := modern("dev")
	info.Capabilities = append(info.Capabilities, capabilities(mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES)...)
	f := b.framework(info)
	revocable := parse(t, "cpus:1")
	revocable[0].Revocable = &mesosproto.Resource_RevocableInfo{}
	h.send(&messagespb.UpdateSlaveMessage{SlaveId: h.info.Id, OversubscribedResources: revocable})
	b.sim.Advance(2 * time.Second)
	extra, task := f.task(h, "extra", "mem:32"), f.task(h, "t", "mem:32")
	extra.Resources = append(extra.Resources, revocable...)
	task.Resources = append(task.Resources, reserved(t, "cpus:1", "dev")...)
	f.accept(1000, f.offers(), launchOf(extra), operationOf(mesosproto.Offer_Operation_RESERVE, "", reserved(t, "cpus:1", "dev")), launchOf(task))
	require.Empty(t, f.updates())

	h.conn = &conn{b: b, peer: h.conn.peer}
	h.send(&messagespb.ReregisterSlaveMessage{
		Slave: proto.CloneOf(h.info), Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities, ResourceVersionUuid: resourceVersion,
		CheckpointedResources: reserved(t, "cpus:1", "dev"),
	})
	require.Empty(t, f.updates(), "both may have got there just now")
	require.Len(t, last[*messagespb.SlaveReregisteredMessage](h).GetReconciliations()[0].GetStatuses(), 2)
}
