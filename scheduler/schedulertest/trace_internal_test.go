package schedulertest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// one launches a task on the first offer.
type one struct {
	scheduler.Base
	launched bool
}

func (o *one) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	room := scheduler.RoomIn(offers...)
	var tasks []*mesosproto.TaskInfo
	if t := scheduler.CommandTask("task-3", "sleep 1", resources.MustParse("cpus:1;mem:64")); !o.launched && room.Put(t) {
		o.launched = true
		tasks = append(tasks, t)
	}
	_ = d.LaunchTasks(room.Offers(), tasks, scheduler.RefuseFor(time.Minute))
}

func (o *one) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

func TestATraceSaysWhatMatters(t *testing.T) {
	c := New(t, Config{})
	c.Run(scheduler.Config{Framework: &mesosproto.FrameworkInfo{Name: proto.String("one"), User: proto.String("nobody")}, Scheduler: &one{}})
	c.Advance(time.Minute)
	text := c.Trace()
	for _, line := range []string{
		`\d\S*s  agent-2 > master-1 RegisterSlave agent1.example`,
		`\d\S*s  framework-3 > master-1 SUBSCRIBE`,
		`\d\S*s  master-1 > framework-3 OFFERS offer \S+-O0 agent \S+-S0`,
		`\d\S*s  framework-3 > master-1 ACCEPT offer \S+-O0 LAUNCH task task-3 refuse 60s`,
		`\d\S*s  master-1 > agent-2 RunTask task-3 framework \S+-0000`,
		`\d\S*s  agent-2 > master-1 StatusUpdate task-3 TASK_RUNNING uuid [0-9a-f]{4}`,
		`\d\S*s  master-1 > framework-3 UPDATE task-3 TASK_FINISHED uuid [0-9a-f]{4}`,
		`\d\S*s  framework-3 > master-1 ACKNOWLEDGE task-3 uuid [0-9a-f]{4}`,
		`\d\S*s  master-1 > agent-2 StatusUpdateAcknowledgement task-3 framework \S+-0000 agent \S+-S0 uuid [0-9a-f]{4}`,
	} {
		require.Regexp(t, regexp.MustCompile(`(?m)^\s*`+line+`$`), text)
	}
	require.NotContains(t, text, "HEARTBEAT")
	require.NotContains(t, text, "P"+"ong")
	for line := range strings.SplitSeq(text, "\n") {
		require.Less(t, len(line), 160, "a message is a line: %s", line)
	}
}

func TestOnlyTheEndOfALongTraceIsKept(t *testing.T) {
	tr := watch(t).cluster.trace
	before := tr.sum()
	for range maxEntries + 10 {
		tr.note("x")
	}
	tr.note("last")
	require.NotEqual(t, before, tr.sum())
	lines := strings.Split(tr.text(), "\n")
	require.Len(t, lines, maxEntries)
	require.Contains(t, lines[maxEntries-1], "last")
	require.Equal(t, strings.Join(lines[maxEntries-3:], "\n"), tr.tail(3))
}

func TestAMessageThatIsChangedOnItsWayIsFound(t *testing.T) {
	for name, m := range map[string]*messagespb.KillTaskMessage{"changed": {TaskId: &mesosproto.TaskID{Value: proto.String("a")}}, "left alone": nil} {
		k := watch(t)
		kept := &messagespb.KillTaskMessage{TaskId: &mesosproto.TaskID{Value: proto.String("a")}}
		if m != nil {
			kept = m
		}
		conn := k.cluster.net.connect("agent-9", "master-1", func() {}, func() {})
		arrived := false
		conn.send(&conn.toClient, kept, func() { arrived = true })
		if m != nil {
			m.TaskId.Value = proto.String("b")
		}
		k.cluster.sim.Advance(0)
		k.cluster.sim.RunUntil(func() bool { return arrived }, time.Second)
		require.True(t, arrived, name)
		if m != nil {
			require.Equal(t, []string{InvariantImmutable}, names(k), name)
		} else {
			require.Empty(t, k.found, name)
		}
	}
}

func TestManyIdsAreCountedNotListed(t *testing.T) {
	call := &schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{}}
	for _, id := range []string{"o1", "o2", "o3", "o4", "o5"} {
		call.Decline.OfferIds = append(call.Decline.OfferIds, &mesosproto.OfferID{Value: proto.String(id)})
	}
	require.Equal(t, "DECLINE offer o1..o5 (5)", describe(call))
	call.Decline.OfferIds = call.Decline.OfferIds[:2]
	require.Equal(t, "DECLINE offer o1,o2", describe(call))
}

// The history that an agent tells again and again counts in the hash like anything else.
func TestTheHistoryOfAnAgentIsHashedToo(t *testing.T) {
	tr := watch(t).cluster.trace
	said := func(task, host string) *messagespb.ReregisterSlaveMessage {
		return &messagespb.ReregisterSlaveMessage{
			Slave: &mesosproto.AgentInfo{Hostname: proto.String(host)},
			CompletedFrameworks: []*messagespb.Archive_Framework{
				{Tasks: []*mesosproto.Task{{TaskId: &mesosproto.TaskID{Value: proto.String(task)}}}},
			},
		}
	}
	require.Equal(t, tr.hashOf("agent-1", said("a", "h")), tr.hashOf("agent-1", said("a", "h")))
	require.NotEqual(t, tr.hashOf("agent-1", said("a", "h")), tr.hashOf("agent-1", said("b", "h")))
	require.NotEqual(t, tr.hashOf("agent-1", said("a", "h")), tr.hashOf("agent-1", said("a", "i")))
}

// A part of the history is checked now and then when it is told.
func TestAHistoryThatIsChangedIsFound(t *testing.T) {
	archive := func(task string) *messagespb.Archive_Framework {
		return &messagespb.Archive_Framework{Tasks: []*mesosproto.Task{{TaskId: &mesosproto.TaskID{Value: proto.String(task)}}}}
	}
	for _, c := range []struct {
		name   string
		change func(*messagespb.ReregisterSlaveMessage)
	}{
		{"a task that has ended", func(m *messagespb.ReregisterSlaveMessage) {
			m.CompletedFrameworks[1].Tasks[0].TaskId.Value = proto.String("c")
		}},
		{"the agent", func(m *messagespb.ReregisterSlaveMessage) { m.Slave.Hostname = proto.String("i") }},
	} {
		tr := watch(t).cluster.trace
		m := &messagespb.ReregisterSlaveMessage{
			Slave:               &mesosproto.AgentInfo{Hostname: proto.String("h")},
			CompletedFrameworks: []*messagespb.Archive_Framework{archive("a"), archive("b")},
		}
		tell := func() bool { return tr.unchanged("agent-1", m, tr.hashOf("agent-1", m)) }
		for range 2 * 3 * looksEvery {
			require.True(t, tell(), c.name)
		}
		c.change(m)
		found := false
		for range 3 * looksEvery {
			found = found || !tell()
		}
		require.True(t, found, c.name)
	}
}
