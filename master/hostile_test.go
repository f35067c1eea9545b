package master_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

var partial = proto.UnmarshalOptions{AllowPartial: true}

// Whatever a framework sends, well-formed or with required fields missing, the master goes on and serves
// others.
func FuzzCalls(f *testing.F) {
	for kind := range schedulerpb.Call_Type_name {
		c := &schedulerpb.Call{Type: schedulerpb.Call_Type(kind).Enum()}
		id := &mesosproto.OfferID{Value: proto.String(masterID + "-O0")}
		agent := &mesosproto.AgentID{Value: proto.String(masterID + "-S0")}
		c.Accept = &schedulerpb.Call_Accept{OfferIds: []*mesosproto.OfferID{id}, Operations: []*mesosproto.Offer_Operation{
			{},
			launchOf(&mesosproto.TaskInfo{}),
			launchOf(&mesosproto.TaskInfo{TaskId: &mesosproto.TaskID{Value: proto.String("x")}, AgentId: agent,
				Resources: []*mesosproto.Resource{{Name: proto.String("cpus"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: proto.Float64(1)}}},
				Command:   &mesosproto.CommandInfo{}}),
			groupOf(&mesosproto.TaskInfo{}),
			{Type: mesosproto.Offer_Operation_LAUNCH_GROUP.Enum()},
			operationOf(mesosproto.Offer_Operation_RESERVE, "o", []*mesosproto.Resource{{}}),
			operationOf(mesosproto.Offer_Operation_CREATE, "o", []*mesosproto.Resource{{}}),
			{Type: mesosproto.Offer_Operation_GROW_VOLUME.Enum(), GrowVolume: &mesosproto.Offer_Operation_GrowVolume{}},
			{Type: mesosproto.Offer_Operation_SHRINK_VOLUME.Enum()},
		}}
		c.Decline = &schedulerpb.Call_Decline{OfferIds: []*mesosproto.OfferID{id, {}}}
		c.AcceptInverseOffers = &schedulerpb.Call_AcceptInverseOffers{InverseOfferIds: []*mesosproto.OfferID{id}}
		c.DeclineInverseOffers = &schedulerpb.Call_DeclineInverseOffers{InverseOfferIds: []*mesosproto.OfferID{id}}
		c.Kill = &schedulerpb.Call_Kill{}
		c.Shutdown = &schedulerpb.Call_Shutdown{}
		c.Message = &schedulerpb.Call_Message{AgentId: agent}
		c.Acknowledge = &schedulerpb.Call_Acknowledge{AgentId: agent, Uuid: make([]byte, 16)}
		c.AcknowledgeOperationStatus = &schedulerpb.Call_AcknowledgeOperationStatus{AgentId: agent, Uuid: make([]byte, 16)}
		c.Reconcile = &schedulerpb.Call_Reconcile{Tasks: []*schedulerpb.Call_Reconcile_Task{{}}}
		c.ReconcileOperations = &schedulerpb.Call_ReconcileOperations{Operations: []*schedulerpb.Call_ReconcileOperations_Operation{{}}}
		c.Request = &schedulerpb.Call_Request{}
		c.Revive = &schedulerpb.Call_Revive{Roles: []string{"x"}}
		c.UpdateFramework = &schedulerpb.Call_UpdateFramework{FrameworkInfo: &mesosproto.FrameworkInfo{Id: &mesosproto.FrameworkID{Value: proto.String(masterID + "-0000")}}}
		c.Subscribe = &schedulerpb.Call_Subscribe{FrameworkInfo: &mesosproto.FrameworkInfo{}}
		b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(c)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &schedulerpb.Call{}
		if partial.Unmarshal(data, c) != nil {
			return
		}
		b := start(t)
		h := b.agent("1", "cpus:2;mem:1024")
		s := b.framework(modern("dev"))
		if c.GetType() == schedulerpb.Call_SUBSCRIBE {
			b.master.Schedulers().Subscribe(link.Caller{}, c, &stream{}, func(string, error) {})
			b.settle()
		} else {
			c.FrameworkId = s.idProto()
			_ = s.call(c)
		}
		require.NotNil(t, h.state())
		other := b.framework(modern("other"))
		other.do(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		checkBooks(t, b)
	})
}

// Whatever an agent sends, the master goes on.
func FuzzAgentMessages(f *testing.F) {
	agent := &mesosproto.AgentID{Value: proto.String(masterID + "-S0")}
	for i, m := range agentMessages(agent) {
		b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
		require.NoError(f, err)
		f.Add(i, b)
	}
	f.Fuzz(func(t *testing.T, kind int, data []byte) {
		list := agentMessages(agent)
		m := list[((kind%len(list))+len(list))%len(list)]
		proto.Reset(m)
		if partial.Unmarshal(data, m) != nil {
			return
		}
		b, h, s := launched(t)
		h.send(m)
		stranger := b.newHost("7", "cpus:1")
		stranger.send(m)
		s.reconcile()
		checkSums(t, b)
	})
}

func agentMessages(agent *mesosproto.AgentID) []proto.Message {
	return []proto.Message{
		&messagespb.RegisterSlaveMessage{Slave: &mesosproto.AgentInfo{Hostname: proto.String("h")}, Version: proto.String("1.0.0")},
		&messagespb.ReregisterSlaveMessage{
			Slave: &mesosproto.AgentInfo{Hostname: proto.String("agent1.example"), Id: agent}, Version: proto.String("1.0.0"),
			Frameworks:    []*mesosproto.FrameworkInfo{{Id: &mesosproto.FrameworkID{Value: proto.String("f")}}},
			Tasks:         []*mesosproto.Task{{FrameworkId: &mesosproto.FrameworkID{Value: proto.String("f")}, AgentId: agent}},
			ExecutorInfos: []*mesosproto.ExecutorInfo{{FrameworkId: &mesosproto.FrameworkID{Value: proto.String("f")}}},
		},
		&messagespb.UnregisterSlaveMessage{SlaveId: agent},
		&messagespb.UpdateSlaveMessage{SlaveId: agent, Operations: &messagespb.UpdateSlaveMessage_Operations{Operations: []*mesosproto.Operation{{}}}},
		&messagespb.PongSlaveMessage{},
		&messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{SlaveId: agent}},
		&messagespb.ExecutorToFrameworkMessage{SlaveId: agent},
		&messagespb.ExitedExecutorMessage{SlaveId: agent},
		&messagespb.UpdateOperationStatusMessage{SlaveId: agent},
		&messagespb.RunTaskMessage{},
	}
}

// Messages that came without a wire between may have nil where a message is expected.
func TestNilMessagesAreHarmless(t *testing.T) {
	b, h, f, o := ready(t)
	f.accept(0, []*mesosproto.Offer{o}, nil, launchOf(nil, f.task(h, "t", "cpus:1;mem:32")), groupOf(nil),
		operationOf(mesosproto.Offer_Operation_RESERVE, "o", []*mesosproto.Resource{nil}))
	require.Equal(t, "t", last[*messagespb.RunTaskMessage](h).GetTask().GetTaskId().GetValue())
	h.send(&messagespb.StatusUpdateMessage{})
	h.send(&messagespb.ReregisterSlaveMessage{Slave: h.info, Version: proto.String("1.12.0"), Tasks: []*mesosproto.Task{nil}, Frameworks: []*mesosproto.FrameworkInfo{nil}})
	h.send(&messagespb.UpdateSlaveMessage{SlaveId: h.info.Id, Operations: &messagespb.UpdateSlaveMessage_Operations{Operations: []*mesosproto.Operation{nil}}})
	checkBooks(t, b)
}
