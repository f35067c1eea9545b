package scheduler

import (
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// calls has every method that makes a call, and what the master should get.
var calls = []struct {
	name string
	make func(d *Driver) error
	want string // prototext, without framework_id
}{
	{"Accept", func(d *Driver) error {
		return d.Accept(ids("o1", "o2"), []*mesosproto.Offer_Operation{WithID(Reserve(cpus(1)), "op"), Unreserve(cpus(1)),
			CreateVolumes(cpus(2)), DestroyVolumes(cpus(2))}, RefuseFor(1500*time.Millisecond))
	}, `type:ACCEPT accept:{offer_ids:{value:"o1"} offer_ids:{value:"o2"}
		operations:{type:RESERVE id:{value:"op"} reserve:{resources:{name:"cpus" type:SCALAR scalar:{value:1}}}}
		operations:{type:UNRESERVE unreserve:{resources:{name:"cpus" type:SCALAR scalar:{value:1}}}}
		operations:{type:CREATE create:{volumes:{name:"cpus" type:SCALAR scalar:{value:2}}}}
		operations:{type:DESTROY destroy:{volumes:{name:"cpus" type:SCALAR scalar:{value:2}}}}
		filters:{refuse_seconds:1.5}}`},
	{"Accept nothing", func(d *Driver) error { return d.Accept(ids("o1"), nil) },
		`type:ACCEPT accept:{offer_ids:{value:"o1"}}`},
	{"LaunchTasks", func(d *Driver) error {
		return d.LaunchTasks(ids("o1"), []*mesosproto.TaskInfo{task("t")})
	}, `type:ACCEPT accept:{offer_ids:{value:"o1"} operations:{type:LAUNCH launch:{
		task_infos:{name:"t" task_id:{value:"t"} agent_id:{value:"a-1"}}}}}`},
	{"LaunchGroup", func(d *Driver) error {
		return d.LaunchGroup(ids("o1"), &mesosproto.ExecutorInfo{ExecutorId: executorID("e")},
			[]*mesosproto.TaskInfo{task("t")}, RefuseFor(0))
	}, `type:ACCEPT accept:{offer_ids:{value:"o1"} operations:{type:LAUNCH_GROUP launch_group:{
		executor:{executor_id:{value:"e"} framework_id:{value:"f-1"}}
		task_group:{tasks:{name:"t" task_id:{value:"t"} agent_id:{value:"a-1"}}}}} filters:{refuse_seconds:0}}`},
	{"LaunchGroup of another framework, which is for the master to refuse", func(d *Driver) error {
		return d.LaunchGroup(ids("o1"), &mesosproto.ExecutorInfo{ExecutorId: executorID("e"), FrameworkId: &mesosproto.FrameworkID{Value: proto.String("f-0")}}, nil)
	}, `type:ACCEPT accept:{offer_ids:{value:"o1"} operations:{type:LAUNCH_GROUP launch_group:{
		executor:{executor_id:{value:"e"} framework_id:{value:"f-0"}} task_group:{}}}}`},
	{"LaunchTasks under an executor, whose framework the master fills in", func(d *Driver) error {
		t := task("t")
		t.Executor = &mesosproto.ExecutorInfo{ExecutorId: executorID("e")}
		return d.LaunchTasks(ids("o1"), []*mesosproto.TaskInfo{t})
	}, `type:ACCEPT accept:{offer_ids:{value:"o1"} operations:{type:LAUNCH launch:{
		task_infos:{name:"t" task_id:{value:"t"} agent_id:{value:"a-1"} executor:{executor_id:{value:"e"}}}}}}`},
	{"Decline", func(d *Driver) error { return d.Decline(ids("o1"), RefuseFor(-time.Second)) },
		`type:DECLINE decline:{offer_ids:{value:"o1"} filters:{refuse_seconds:-1}}`},
	{"Decline by default", func(d *Driver) error { return d.Decline(ids("o1")) },
		`type:DECLINE decline:{offer_ids:{value:"o1"}}`},
	{"AcceptInverseOffers", func(d *Driver) error { return d.AcceptInverseOffers(ids("i"), RefuseFor(time.Second)) },
		`type:ACCEPT_INVERSE_OFFERS accept_inverse_offers:{inverse_offer_ids:{value:"i"} filters:{refuse_seconds:1}}`},
	{"DeclineInverseOffers", func(d *Driver) error { return d.DeclineInverseOffers(ids("i")) },
		`type:DECLINE_INVERSE_OFFERS decline_inverse_offers:{inverse_offer_ids:{value:"i"}}`},
	{"Suppress", func(d *Driver) error { return d.Suppress("r") }, `type:SUPPRESS suppress:{roles:"r"}`},
	{"Revive", func(d *Driver) error { return d.Revive() }, `type:REVIVE revive:{}`},
	{"Request", func(d *Driver) error { return d.Request(&mesosproto.Request{AgentId: agentID("a")}) },
		`type:REQUEST request:{requests:{agent_id:{value:"a"}}}`},
	{"Kill", func(d *Driver) error { return d.Kill(taskID("t")) }, `type:KILL kill:{task_id:{value:"t"}}`},
	{"Kill with options", func(d *Driver) error {
		return d.Kill(taskID("t"), OnAgent(agentID("a")), WithGrace(time.Second))
	}, `type:KILL kill:{task_id:{value:"t"} agent_id:{value:"a"} kill_policy:{grace_period:{nanoseconds:1000000000}}}`},
	{"ShutdownExecutor", func(d *Driver) error { return d.ShutdownExecutor(executorID("e"), agentID("a")) },
		`type:SHUTDOWN shutdown:{executor_id:{value:"e"} agent_id:{value:"a"}}`},
	{"Reconcile all", func(d *Driver) error { return d.Reconcile() }, `type:RECONCILE reconcile:{}`},
	{"Reconcile", func(d *Driver) error {
		return d.Reconcile(&mesosproto.TaskStatus{TaskId: taskID("t"), AgentId: agentID("a")}, &mesosproto.TaskStatus{TaskId: taskID("u")})
	}, `type:RECONCILE reconcile:{tasks:{task_id:{value:"t"} agent_id:{value:"a"}} tasks:{task_id:{value:"u"}}}`},
	{"ReconcileOperations", func(d *Driver) error {
		return d.ReconcileOperations(&mesosproto.OperationStatus{OperationId: &mesosproto.OperationID{Value: proto.String("op")}, AgentId: agentID("a")})
	}, `type:RECONCILE_OPERATIONS reconcile_operations:{operations:{operation_id:{value:"op"} agent_id:{value:"a"}}}`},
	{"SendMessage", func(d *Driver) error { return d.SendMessage(executorID("e"), agentID("a"), []byte("hi")) },
		`type:MESSAGE message:{agent_id:{value:"a"} executor_id:{value:"e"} data:"hi"}`},
	{"SendMessage of nothing", func(d *Driver) error { return d.SendMessage(executorID("e"), agentID("a"), nil) },
		`type:MESSAGE message:{agent_id:{value:"a"} executor_id:{value:"e"} data:""}`},
	{"UpdateFramework", func(d *Driver) error {
		return d.UpdateFramework(&schedulerpb.Call_UpdateFramework{FrameworkInfo: &mesosproto.FrameworkInfo{User: proto.String("u"), Name: proto.String("n")}})
	}, `type:UPDATE_FRAMEWORK update_framework:{framework_info:{user:"u" name:"n" id:{value:"f-1"}}}`},
	{"Call", func(d *Driver) error { return d.Call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}) }, `type:REVIVE`},
}

func TestCallsReachTheMaster(t *testing.T) {
	p := subscribed(t)
	for _, c := range calls {
		require.NoError(t, c.make(p.driver), c.name)
		require.Empty(t, p.link().calls, "%s: queued, not sent within the method", c.name)
		p.sim.Settle()
		want := &schedulerpb.Call{}
		require.NoError(t, prototext.Unmarshal([]byte(c.want+` framework_id:{value:"f-1"}`), want), c.name)
		require.Len(t, p.link().calls, 1, c.name)
		require.True(t, proto.Equal(want, p.link().calls[0]), "%s: expected %v, got %v", c.name, want, p.link().calls[0])
		p.link().calls = nil
	}
	require.Empty(t, p.actor.take())
}

func TestCallsBeforeRegisteredFail(t *testing.T) {
	p := prepare(t)
	for _, c := range calls {
		require.Equal(t, codes.FailedPrecondition, status.Code(c.make(p.driver)), "%s before Start", c.name)
	}
	require.NoError(t, p.driver.Start())
	p.sim.Settle()
	for _, c := range calls {
		require.Equal(t, codes.FailedPrecondition, status.Code(c.make(p.driver)), "%s before SUBSCRIBED", c.name)
	}
	p.link().subscribed("f-1")
	p.sim.Settle()
	require.Empty(t, p.link().calls)
}

func TestCallsKeepTheirOrder(t *testing.T) {
	p := subscribed(t)
	require.NoError(t, p.driver.Suppress())
	require.NoError(t, p.driver.Decline(ids("o")))
	require.NoError(t, p.driver.Kill(taskID("t")))
	require.NoError(t, p.driver.Revive())
	p.sim.Settle()
	require.Equal(t, "SUPPRESS DECLINE KILL REVIVE", p.link().sent())
}

func TestCallsAreCopied(t *testing.T) {
	p := subscribed(t)
	info, offer := task("t"), offerID("o")
	require.NoError(t, p.driver.LaunchTasks([]*mesosproto.OfferID{offer}, []*mesosproto.TaskInfo{info}))
	info.TaskId.Value, offer.Value = proto.String("changed"), proto.String("changed")
	data := []byte("data")
	require.NoError(t, p.driver.SendMessage(executorID("e"), agentID("a"), data))
	data[0] = 'X'
	p.sim.Settle()
	accept := p.link().calls[0].GetAccept()
	require.Equal(t, "t", accept.GetOperations()[0].GetLaunch().GetTaskInfos()[0].GetTaskId().GetValue())
	require.Equal(t, "o", accept.GetOfferIds()[0].GetValue())
	require.Equal(t, "data", string(p.link().calls[1].GetMessage().GetData()))
}

func TestMalformedCallsAreRefusedAtOnce(t *testing.T) {
	p := subscribed(t)
	d := p.driver
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"no offers", d.Decline(nil), "DECLINE: no offers given"},
		{"no offers", d.Accept(nil, nil), "ACCEPT: no offers given"},
		{"no offers", d.AcceptInverseOffers(nil), "no offers given"},
		{"no offers", d.DeclineInverseOffers(nil), "no offers given"},
		{"offer without value", d.Decline([]*mesosproto.OfferID{{}}), "OfferID.value not set"},
		{"nil offer", d.Decline([]*mesosproto.OfferID{nil}), "OfferID.value not set"},
		{"task without agent", d.LaunchTasks(ids("o"), []*mesosproto.TaskInfo{{Name: proto.String("n"), TaskId: taskID("t")}}), "TaskInfo.agent_id not set"},
		{"operation without type", d.Accept(ids("o"), []*mesosproto.Offer_Operation{{}}), "operation 0 has no known type"},
		{"nil operation", d.Accept(ids("o"), []*mesosproto.Offer_Operation{nil}), "operation 0 has no known type"},
		{"operation without body", d.Accept(ids("o"), []*mesosproto.Offer_Operation{Launch(), {Type: mesosproto.Offer_Operation_RESERVE.Enum()}}), "operation 1 is a RESERVE without"},
		{"no task", d.Kill(nil), "KILL: required field"},
		{"no executor", d.ShutdownExecutor(nil, agentID("a")), "SHUTDOWN"},
		{"no task to reconcile", d.Reconcile(nil), "RECONCILE"},
		{"no framework", d.UpdateFramework(nil), "UPDATE_FRAMEWORK"},
		{"no call", d.Call(nil), "unknown type 0"},
		{"unknown call", d.Call(&schedulerpb.Call{Type: schedulerpb.Call_Type(99).Enum()}), "unknown type 99"},
		{"SUBSCRIBE", d.Call(&schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum()}), "SUBSCRIBE is sent by the driver"},
		{"no body", d.Call(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum()}), "KILL: the field of that name is not set"},
		{"bad uuid", d.Call(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS.Enum(),
			AcknowledgeOperationStatus: &schedulerpb.Call_AcknowledgeOperationStatus{Uuid: []byte("x"),
				OperationId: &mesosproto.OperationID{Value: proto.String("op")}}}), "the uuid has 1 bytes"},
	} {
		require.Equal(t, codes.InvalidArgument, status.Code(c.err), "%s: %v", c.name, c.err)
		require.ErrorContains(t, c.err, c.says, c.name)
	}
	p.sim.Settle()
	require.Empty(t, p.link().calls)
}

func TestEveryEventHasItsCallback(t *testing.T) {
	p := subscribed(t)
	for _, c := range []struct{ event, want string }{
		{`type:RESCIND rescind:{offer_id:{value:"o"}}`, "Rescinded o"},
		{`type:INVERSE_OFFERS inverse_offers:{inverse_offers:{id:{value:"i"} framework_id:{value:"f"} unavailability:{start:{nanoseconds:1}}}}`, "InverseOffers i"},
		{`type:RESCIND_INVERSE_OFFER rescind_inverse_offer:{inverse_offer_id:{value:"i"}}`, "InverseRescinded i"},
		{`type:MESSAGE message:{agent_id:{value:"a"} executor_id:{value:"e"} data:"d"}`, "Message e a d"},
		{`type:FAILURE failure:{agent_id:{value:"a"}}`, "AgentLost a"},
		{`type:FAILURE failure:{agent_id:{value:"a"} executor_id:{value:"e"} status:256}`, "ExecutorLost e a 256"},
		{`type:FAILURE failure:{agent_id:{value:"a"} executor_id:{value:"e"}}`, "ExecutorLost e a -1"},
		{`type:HEARTBEAT`, ""},
	} {
		e := &schedulerpb.Event{}
		require.NoError(t, prototext.Unmarshal([]byte(c.event), e))
		p.link().send(e)
		p.sim.Settle()
		require.Equal(t, c.want, p.actor.take(), c.event)
	}
}

func ids(values ...string) []*mesosproto.OfferID {
	return OfferIDs(offers(values...).GetOffers().GetOffers()...)
}

func task(id string) *mesosproto.TaskInfo {
	return &mesosproto.TaskInfo{Name: &id, TaskId: taskID(id), AgentId: agentID("a-1")}
}

func cpus(n float64) *mesosproto.Resource {
	return &mesosproto.Resource{Name: proto.String("cpus"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: &n}}
}
