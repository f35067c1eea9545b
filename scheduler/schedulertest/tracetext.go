package schedulertest

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// quiet reports whether a message says no more than that its sender is alive.
func quiet(m proto.Message) bool {
	switch m := m.(type) {
	case *messagespb.PingSlaveMessage:
		return m.GetConnected()
	case *messagespb.PongSlaveMessage:
		return true
	case *schedulerpb.Event:
		return m.GetType() == schedulerpb.Event_HEARTBEAT
	}
	return false
}

// describe is a message in a line: what it is and what it is about, by ids, states and reasons.
func describe(m proto.Message) string {
	var l line
	switch m := m.(type) {
	case *schedulerpb.Call:
		l.call(m)
	case *schedulerpb.Event:
		l.event(m)
	default:
		l.add(strings.TrimSuffix(string(m.ProtoReflect().Descriptor().Name()), "Message"))
		l.internal(m)
	}
	return strings.Join(l.words, " ")
}

// line collects words.
type line struct{ words []string }

func (l *line) add(words ...string) { l.words = append(l.words, words...) }

// named adds a value with its name in front, unless it is empty.
func (l *line) named(name, value string) {
	if value != "" {
		l.add(name, value)
	}
}

// several adds a few names as they are, more of them as first, last and count.
func (l *line) several(kind string, ids []string) {
	switch n := len(ids); {
	case n == 0:
	case n <= 4:
		l.add(kind, strings.Join(ids, ","))
	default:
		l.add(kind, fmt.Sprintf("%s..%s (%d)", ids[0], ids[n-1], n))
	}
}

// uuid adds the beginning of one; that is enough to find it again.
func (l *line) uuid(b []byte) {
	if len(b) > 0 {
		l.add(fmt.Sprintf("uuid %x", b[:min(2, len(b))]))
	}
}

func (l *line) call(m *schedulerpb.Call) {
	l.add(m.GetType().String())
	switch m.GetType() {
	case schedulerpb.Call_SUBSCRIBE:
		l.named("framework", m.GetSubscribe().GetFrameworkInfo().GetId().GetValue())
	case schedulerpb.Call_ACCEPT:
		l.several("offer", values(m.GetAccept().GetOfferIds()))
		for _, op := range m.GetAccept().GetOperations() {
			l.add(op.GetType().String())
			l.several("task", tasks(op.GetLaunch().GetTaskInfos()))
			l.several("task", tasks(op.GetLaunchGroup().GetTaskGroup().GetTasks()))
		}
		l.refuse(m.GetAccept().GetFilters())
	case schedulerpb.Call_DECLINE:
		l.several("offer", values(m.GetDecline().GetOfferIds()))
		l.refuse(m.GetDecline().GetFilters())
	case schedulerpb.Call_KILL:
		l.add(m.GetKill().GetTaskId().GetValue())
		l.named("agent", m.GetKill().GetAgentId().GetValue())
	case schedulerpb.Call_ACKNOWLEDGE:
		l.add(m.GetAcknowledge().GetTaskId().GetValue())
		l.uuid(m.GetAcknowledge().GetUuid())
	case schedulerpb.Call_RECONCILE:
		ids := []string{}
		for _, t := range m.GetReconcile().GetTasks() {
			ids = append(ids, t.GetTaskId().GetValue())
		}
		l.several("task", ids)
	case schedulerpb.Call_SHUTDOWN:
		l.named("executor", m.GetShutdown().GetExecutorId().GetValue())
		l.named("agent", m.GetShutdown().GetAgentId().GetValue())
	}
}

func (l *line) event(m *schedulerpb.Event) {
	l.add(m.GetType().String())
	switch m.GetType() {
	case schedulerpb.Event_SUBSCRIBED:
		l.named("framework", m.GetSubscribed().GetFrameworkId().GetValue())
	case schedulerpb.Event_OFFERS:
		var ids, agents []string
		for _, o := range m.GetOffers().GetOffers() {
			ids, agents = append(ids, o.GetId().GetValue()), append(agents, o.GetAgentId().GetValue())
		}
		l.several("offer", ids)
		l.several("agent", agents)
	case schedulerpb.Event_RESCIND:
		l.add(m.GetRescind().GetOfferId().GetValue())
	case schedulerpb.Event_UPDATE:
		l.status(m.GetUpdate().GetStatus())
	case schedulerpb.Event_FAILURE:
		l.named("agent", m.GetFailure().GetAgentId().GetValue())
		l.named("executor", m.GetFailure().GetExecutorId().GetValue())
	case schedulerpb.Event_ERROR:
		l.add(m.GetError().GetMessage())
	}
}

// internal is what agents and master say to each other.
func (l *line) internal(m proto.Message) {
	switch m := m.(type) {
	case *messagespb.RegisterSlaveMessage:
		l.add(m.GetSlave().GetHostname())
	case *messagespb.ReregisterSlaveMessage:
		l.named("agent", m.GetSlave().GetId().GetValue())
		ids := []string{}
		for _, t := range m.GetTasks() {
			ids = append(ids, t.GetTaskId().GetValue()+" "+t.GetState().String())
		}
		l.several("task", ids)
	case *messagespb.ReconcileTasksMessage:
		for _, s := range m.GetStatuses() {
			l.status(s)
		}
	case *messagespb.SlaveReregisteredMessage:
		l.named("agent", m.GetSlaveId().GetValue())
		for _, r := range m.GetReconciliations() {
			l.internal(r)
		}
	case *messagespb.PingSlaveMessage:
		l.add("disconnected")
	case *messagespb.RunTaskMessage:
		l.add(m.GetTask().GetTaskId().GetValue())
		l.named("framework", m.GetFramework().GetId().GetValue())
	case *messagespb.RunTaskGroupMessage:
		l.several("task", tasks(m.GetTaskGroup().GetTasks()))
		l.named("executor", m.GetExecutor().GetExecutorId().GetValue())
		l.named("framework", m.GetFramework().GetId().GetValue())
	case *messagespb.StatusUpdateMessage:
		l.status(m.GetUpdate().GetStatus())
		if m.GetUpdate().LatestState != nil && m.GetUpdate().GetLatestState() != m.GetUpdate().GetStatus().GetState() {
			l.named("latest", m.GetUpdate().GetLatestState().String())
		}
	case *messagespb.ShutdownMessage:
		l.add(m.GetMessage())
	default:
		l.ids(m)
	}
}

// ids adds whatever a message that is not known better is about.
func (l *line) ids(m proto.Message) {
	if x, ok := m.(interface{ GetTaskId() *mesosproto.TaskID }); ok {
		l.add(x.GetTaskId().GetValue())
	}
	if x, ok := m.(interface{ GetExecutorId() *mesosproto.ExecutorID }); ok {
		l.named("executor", x.GetExecutorId().GetValue())
	}
	if x, ok := m.(interface {
		GetFrameworkId() *mesosproto.FrameworkID
	}); ok {
		l.named("framework", x.GetFrameworkId().GetValue())
	}
	if x, ok := m.(interface{ GetSlaveId() *mesosproto.AgentID }); ok {
		l.named("agent", x.GetSlaveId().GetValue())
	}
	if x, ok := m.(interface{ GetUuid() []byte }); ok {
		l.uuid(x.GetUuid())
	}
}

func (l *line) status(s *mesosproto.TaskStatus) {
	l.add(s.GetTaskId().GetValue(), s.GetState().String())
	if s.Reason != nil {
		l.add(s.GetReason().String())
	}
	l.uuid(s.GetUuid())
}

func (l *line) refuse(f *mesosproto.Filters) {
	if f != nil {
		l.add(fmt.Sprintf("refuse %gs", f.GetRefuseSeconds()))
	}
}

func values[T interface{ GetValue() string }](ids []T) (out []string) {
	for _, id := range ids {
		out = append(out, id.GetValue())
	}
	return out
}

func tasks(list []*mesosproto.TaskInfo) (out []string) {
	for _, t := range list {
		out = append(out, t.GetTaskId().GetValue())
	}
	return out
}
