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

func reserved(t *testing.T, text, role string) []*mesosproto.Resource {
	list := parse(t, text)
	for _, r := range list {
		r.Reservations = []*mesosproto.Resource_ReservationInfo{{
			Type: mesosproto.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String(role),
		}}
	}
	return list
}

func volume(t *testing.T, text, role, id string) []*mesosproto.Resource {
	list := reserved(t, text, role)
	list[0].Disk = &mesosproto.Resource_DiskInfo{
		Persistence: &mesosproto.Resource_DiskInfo_Persistence{Id: &id},
		Volume:      &mesosproto.Volume{ContainerPath: proto.String("data"), Mode: mesosproto.Volume_RW.Enum()},
	}
	return list
}

func operationOf(kind mesosproto.Offer_Operation_Type, id string, list []*mesosproto.Resource) *mesosproto.Offer_Operation {
	op := &mesosproto.Offer_Operation{Type: kind.Enum()}
	if id != "" {
		op.Id = &mesosproto.OperationID{Value: &id}
	}
	switch kind {
	case mesosproto.Offer_Operation_RESERVE:
		op.Reserve = &mesosproto.Offer_Operation_Reserve{Resources: list}
	case mesosproto.Offer_Operation_UNRESERVE:
		op.Unreserve = &mesosproto.Offer_Operation_Unreserve{Resources: list}
	case mesosproto.Offer_Operation_CREATE:
		op.Create = &mesosproto.Offer_Operation_Create{Volumes: list}
	case mesosproto.Offer_Operation_DESTROY:
		op.Destroy = &mesosproto.Offer_Operation_Destroy{Volumes: list}
	case mesosproto.Offer_Operation_CREATE_DISK:
		op.CreateDisk = &mesosproto.Offer_Operation_CreateDisk{Source: list[0], TargetType: mesosproto.Resource_DiskInfo_Source_MOUNT.Enum()}
	}
	return op
}

// operations takes the operation updates that came.
func (s *scheduler) operations() (list []*mesosproto.OperationStatus) {
	for _, e := range s.take(schedulerpb.Event_UPDATE_OPERATION_STATUS) {
		list = append(list, e.UpdateOperationStatus.Status)
	}
	return list
}

// finish reports the last operation that an agent was told of as finished.
func (h *host) finish(id string) {
	m := last[*messagespb.ApplyOperationMessage](h)
	status := &mesosproto.OperationStatus{
		OperationId: m.GetOperationInfo().Id,
		State:       mesosproto.OperationState_OPERATION_FINISHED.Enum(),
		Uuid:        &mesosproto.UUID{Value: []byte(uuid(id))},
		AgentId:     h.info.Id,
	}
	h.send(&messagespb.UpdateOperationStatusMessage{
		FrameworkId: m.FrameworkId, SlaveId: h.info.Id, Status: status, LatestStatus: status, OperationUuid: m.OperationUuid,
	})
}

func (s *scheduler) acknowledgeOperation(h *host, operation, uuid string) {
	s.b.t.Helper()
	s.do(&schedulerpb.Call{
		Type: schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS.Enum(),
		AcknowledgeOperationStatus: &schedulerpb.Call_AcknowledgeOperationStatus{
			AgentId: h.info.Id, OperationId: &mesosproto.OperationID{Value: &operation}, Uuid: []byte(uuid),
		},
	})
}

func (s *scheduler) reconcileOperations(list ...[2]string) []*mesosproto.OperationStatus {
	s.b.t.Helper()
	m := &schedulerpb.Call_ReconcileOperations{}
	for _, q := range list {
		o := &schedulerpb.Call_ReconcileOperations_Operation{OperationId: &mesosproto.OperationID{Value: proto.String(q[0])}}
		if q[1] != "" {
			o.AgentId = &mesosproto.AgentID{Value: proto.String(q[1])}
		}
		m.Operations = append(m.Operations, o)
	}
	s.do(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE_OPERATIONS.Enum(), ReconcileOperations: m})
	return s.operations()
}

// A reservation, a volume on it, a task that uses it, all in one ACCEPT; then back again.
func TestReserveCreateLaunchDestroyUnreserve(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024;disk:1024")
	f := b.framework(modern("dev"))
	task := f.task(h, "t", "cpus:1;mem:32")
	task.Resources = append(task.Resources, volume(t, "disk:64", "dev", "v1")...)
	f.accept(0, []*mesosproto.Offer{f.offer()},
		operationOf(mesosproto.Offer_Operation_RESERVE, "r", reserved(t, "disk:128", "dev")),
		operationOf(mesosproto.Offer_Operation_CREATE, "c", volume(t, "disk:64", "dev", "v1")),
		launchOf(task))
	require.Empty(t, f.updates())
	require.Empty(t, f.operations())
	applied := all[*messagespb.ApplyOperationMessage](h)
	require.Len(t, applied, 2)
	require.Equal(t, f.id, applied[0].GetFrameworkId().GetValue())
	require.Len(t, applied[0].GetOperationUuid().GetValue(), 16)
	require.Equal(t, resourceVersion, applied[0].GetResourceVersionUuid().GetUuid())
	require.Equal(t, "dev", applied[0].GetOperationInfo().GetReserve().GetResources()[0].GetAllocationInfo().GetRole())
	require.Equal(t, "t", last[*messagespb.RunTaskMessage](h).GetTask().GetTaskId().GetValue())
	require.Equal(t, "cpus:2; mem:1024; disk:896; disk(reservations: [(DYNAMIC,dev)]):64; disk(reservations: [(DYNAMIC,dev)])[v1:data]:64",
		h.state().Total.String())
	b.sim.Advance(2 * time.Second)
	rest := f.offer()
	require.Equal(t, "cpus:1; mem:992; disk:960", sum(t, rest.Resources))
	f.decline(proto.Float64(0), rest)

	h.finish("u1")
	s := f.operations()
	require.Len(t, s, 1)
	require.Equal(t, "c", s[0].GetOperationId().GetValue())
	require.Equal(t, []byte(uuid("u1")), s[0].GetUuid().GetValue())
	require.Equal(t, h.id(), s[0].GetAgentId().GetValue())
	known := f.reconcileOperations()
	require.Len(t, known, 2)
	require.Equal(t, mesosproto.OperationState_OPERATION_PENDING, known[0].GetState())
	require.Equal(t, mesosproto.OperationState_OPERATION_FINISHED, known[1].GetState())
	require.Nil(t, known[1].Uuid, "an answer is not acknowledged")

	f.acknowledgeOperation(h, "c", uuid("other"))
	require.Empty(t, all[*messagespb.AcknowledgeOperationStatusMessage](h), "no such status")
	f.acknowledgeOperation(h, "c", uuid("u1"))
	ack := last[*messagespb.AcknowledgeOperationStatusMessage](h)
	require.Equal(t, []byte(uuid("u1")), ack.GetStatusUuid().GetValue())
	require.Equal(t, applied[1].GetOperationUuid(), ack.GetOperationUuid())
	require.Len(t, f.reconcileOperations(), 1)

	h.update(f, "t", mesosproto.TaskState_TASK_FINISHED, uuid("t"))
	b.sim.Advance(2 * time.Second)
	f.accept(0, f.offers(),
		operationOf(mesosproto.Offer_Operation_DESTROY, "", volume(t, "disk:64", "dev", "v1")))
	h.finish("u2")
	require.Empty(t, f.operations(), "the framework did not want to know")
	require.Equal(t, []byte(uuid("u2")), last[*messagespb.AcknowledgeOperationStatusMessage](h).GetStatusUuid().GetValue())
	b.sim.Advance(2 * time.Second)
	f.accept(0, f.offers(),
		operationOf(mesosproto.Offer_Operation_UNRESERVE, "un", reserved(t, "disk:128", "dev")))
	require.Empty(t, f.operations())
	require.Equal(t, "cpus:2; mem:1024; disk:1024", h.state().Total.String())
	b.sim.Advance(2 * time.Second)
	require.Equal(t, "cpus:2; mem:1024; disk:1024", sum(t, f.offer().Resources))
}

// Operations that can't be done: told if they have an id, dropped otherwise; the offer comes back.
// Texts from a capture of the reference.
func TestOperationsThatCannotBeDone(t *testing.T) {
	for _, c := range []struct {
		op   func(id string) *mesosproto.Offer_Operation
		want string
	}{
		{func(id string) *mesosproto.Offer_Operation {
			return operationOf(mesosproto.Offer_Operation_UNRESERVE, id, reserved(t, "cpus:50", "dev"))
		}, "cpus(allocated: dev):2; mem(allocated: dev):1024 does not contain cpus(allocated: dev)(reservations: [(DYNAMIC,dev)]):50"},
		{func(id string) *mesosproto.Offer_Operation {
			return operationOf(mesosproto.Offer_Operation_RESERVE, id, parse(t, "cpus:0.1"))
		}, "Resource cpus(allocated: dev):0.1 is not dynamically reserved; on agent " + masterID + "-S0 at slave(1)@10.0.0.1:5051 (agent1.example)"},
		{func(id string) *mesosproto.Offer_Operation {
			return operationOf(mesosproto.Offer_Operation_RESERVE, id, reserved(t, "cpus:0.1", "ops"))
		}, "A reserve operation was attempted for a resource with role 'ops', but the resource is allocated to role 'dev'; on agent " + masterID + "-S0 at slave(1)@10.0.0.1:5051 (agent1.example)"},
		{func(id string) *mesosproto.Offer_Operation {
			return operationOf(mesosproto.Offer_Operation_CREATE_DISK, id, parse(t, "disk:1"))
		}, "CREATE_DISK needs a resource provider, and the agent has none; on agent " + masterID + "-S0 at slave(1)@10.0.0.1:5051 (agent1.example)"},
		{func(id string) *mesosproto.Offer_Operation {
			op := operationOf(mesosproto.Offer_Operation_RESERVE, id, nil)
			op.Reserve = nil
			return op
		}, "Operation RESERVE contains no resources; on agent " + masterID + "-S0 at slave(1)@10.0.0.1:5051 (agent1.example)"},
	} {
		for _, id := range []string{"o", ""} {
			b, h, f, o := ready(t)
			f.accept(0, []*mesosproto.Offer{o}, c.op(id))
			s := f.operations()
			if id == "" {
				require.Empty(t, s)
			} else {
				require.Len(t, s, 1)
				require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, s[0].GetState())
				require.Equal(t, c.want, s[0].GetMessage())
				require.Nil(t, s[0].Uuid)
				require.Nil(t, s[0].AgentId)
			}
			require.Empty(t, all[*messagespb.ApplyOperationMessage](h))
			b.sim.Advance(2 * time.Second)
			require.Equal(t, "cpus:2; mem:1024", sum(t, f.offer().Resources))
		}
	}
}

func TestOperationsOnInvalidOffersFail(t *testing.T) {
	_, h, f, _ := ready(t)
	f.accept(0, []*mesosproto.Offer{{Id: &mesosproto.OfferID{Value: proto.String("x")}}},
		operationOf(mesosproto.Offer_Operation_RESERVE, "o", reserved(t, "cpus:1", "dev")))
	s := f.operations()
	require.Len(t, s, 1)
	require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, s[0].GetState())
	require.Contains(t, s[0].GetMessage(), "Offer x is no longer valid")
	require.Empty(t, all[*messagespb.ApplyOperationMessage](h))
}

// A task that has an operation id is refused: tasks have updates of their own.
func TestLaunchWithAnOperationIDIsRefused(t *testing.T) {
	_, h, f, o := ready(t)
	op := launchOf(f.task(h, "t", "cpus:1;mem:32"))
	op.Id = &mesosproto.OperationID{Value: proto.String("o")}
	f.accept(0, []*mesosproto.Offer{o}, op)
	require.Equal(t, mesosproto.TaskStatus_REASON_TASK_INVALID, f.updateOf("t").GetReason())
	require.Empty(t, all[*messagespb.RunTaskMessage](h))
}

// Texts from a capture of the reference.
func TestReconciliationOfUnknownOperations(t *testing.T) {
	b, h, f, _ := ready(t)
	away := b.agent("2", "disk:1")
	away.conn.deaf = true
	b.sim.Advance(91 * time.Second)
	answers := f.reconcileOperations([2]string{"a", h.id()}, [2]string{"b", ""}, [2]string{"c", "nosuch"}, [2]string{"d", away.id()})
	require.Len(t, answers, 4)
	for i, want := range []struct {
		state mesosproto.OperationState
		text  string
	}{
		{mesosproto.OperationState_OPERATION_UNKNOWN, "Reconciliation: Operation is unknown"},
		{mesosproto.OperationState_OPERATION_UNKNOWN, "Reconciliation: Operation is unknown and no 'agent_id' was provided"},
		{mesosproto.OperationState_OPERATION_UNKNOWN, "Reconciliation: Both operation and agent are unknown"},
		{mesosproto.OperationState_OPERATION_UNREACHABLE, "Reconciliation: Agent is unreachable"},
	} {
		require.Equal(t, want.state, answers[i].GetState())
		require.Equal(t, want.text, answers[i].GetMessage())
	}
}

// An agent that lost its operations, or its master, tells what it knows; the master asks about the rest.
func TestOperationsAreComparedWithTheAgent(t *testing.T) {
	_, h, f, o := ready(t)
	f.accept(0, []*mesosproto.Offer{o}, operationOf(mesosproto.Offer_Operation_RESERVE, "o", reserved(t, "cpus:1", "dev")))
	applied := last[*messagespb.ApplyOperationMessage](h)
	h.send(&messagespb.UpdateSlaveMessage{
		SlaveId: h.info.Id, UpdateOversubscribedResources: proto.Bool(false),
		Operations: &messagespb.UpdateSlaveMessage_Operations{Operations: []*mesosproto.Operation{{
			FrameworkId: f.idProto(), AgentId: h.info.Id, Uuid: &mesosproto.UUID{Value: []byte(uuid("other"))},
			Info: operationOf(mesosproto.Offer_Operation_RESERVE, "older", nil),
			LatestStatus: &mesosproto.OperationStatus{
				OperationId: &mesosproto.OperationID{Value: proto.String("older")},
				State:       mesosproto.OperationState_OPERATION_FINISHED.Enum(),
			},
		}}},
	})
	ask := last[*messagespb.ReconcileOperationsMessage](h)
	require.Len(t, ask.GetOperations(), 1)
	require.Equal(t, applied.GetOperationUuid(), ask.GetOperations()[0].GetOperationUuid())
	require.Len(t, f.reconcileOperations(), 2)

	// The agent answers once, and does not know whose it was.
	h.send(&messagespb.UpdateOperationStatusMessage{
		SlaveId: h.info.Id, OperationUuid: applied.GetOperationUuid(),
		Status: &mesosproto.OperationStatus{State: mesosproto.OperationState_OPERATION_DROPPED.Enum(), AgentId: h.info.Id},
	})
	s := f.operations()
	require.Len(t, s, 1)
	require.Equal(t, "o", s[0].GetOperationId().GetValue())
	require.Equal(t, mesosproto.OperationState_OPERATION_DROPPED, s[0].GetState())
	require.Len(t, f.reconcileOperations(), 1, "nobody acknowledges that: it is over")
}

// After an election agents may come back before the frameworks whose operations they bring. What became of
// these waits for the frameworks for ten minutes.
func TestOperationsWaitForTheirFrameworks(t *testing.T) {
	b := start(t)
	h := b.newHost("1", "cpus:2;mem:1024")
	h.info.Id = &mesosproto.AgentID{Value: proto.String("former-S0")}
	h.reregister(nil, nil)
	early := b.framework(modern("dev"))
	s := early.reconcileOperations([2]string{"o", "former-S0"})
	require.Len(t, s, 1)
	require.Equal(t, mesosproto.OperationState_OPERATION_RECOVERING, s[0].GetState(), "the agent has not said yet what it has")
	outcome := func(framework string) *messagespb.UpdateOperationStatusMessage {
		status := &mesosproto.OperationStatus{
			OperationId: &mesosproto.OperationID{Value: proto.String("o")}, AgentId: h.info.Id,
			State: mesosproto.OperationState_OPERATION_FINISHED.Enum(), Uuid: &mesosproto.UUID{Value: []byte(uuid(framework))},
		}
		return &messagespb.UpdateOperationStatusMessage{
			FrameworkId: &mesosproto.FrameworkID{Value: &framework}, SlaveId: h.info.Id, Status: status, LatestStatus: status,
			OperationUuid: &mesosproto.UUID{Value: []byte(uuid("of " + framework))},
		}
	}
	brought := &messagespb.UpdateSlaveMessage_Operations{}
	for _, id := range []string{"back", "away"} {
		m := outcome(id)
		brought.Operations = append(brought.Operations, &mesosproto.Operation{
			FrameworkId: m.FrameworkId, AgentId: h.info.Id, Uuid: m.OperationUuid, LatestStatus: m.Status, Statuses: []*mesosproto.OperationStatus{m.Status},
			Info: operationOf(mesosproto.Offer_Operation_RESERVE, "o", nil),
		})
	}
	h.send(&messagespb.UpdateSlaveMessage{SlaveId: h.info.Id, UpdateOversubscribedResources: proto.Bool(false), Operations: brought})
	h.send(outcome("back"))
	h.send(outcome("away"))
	require.Empty(t, all[*messagespb.AcknowledgeOperationStatusMessage](h))

	info := modern("dev")
	info.Id = &mesosproto.FrameworkID{Value: proto.String("back")}
	f := b.framework(info)
	require.Len(t, f.reconcileOperations(), 1)
	h.send(outcome("back"))
	require.Len(t, f.operations(), 1)
	require.Empty(t, all[*messagespb.AcknowledgeOperationStatusMessage](h))
	f.acknowledgeOperation(h, "o", uuid("back"))
	require.Equal(t, []byte(uuid("back")), last[*messagespb.AcknowledgeOperationStatusMessage](h).GetStatusUuid().GetValue())
	s = early.reconcileOperations([2]string{"o", "former-S0"})
	require.Len(t, s, 1)
	require.Equal(t, mesosproto.OperationState_OPERATION_UNKNOWN, s[0].GetState())

	b.sim.Advance(9 * time.Minute)
	h.send(outcome("away"))
	require.Len(t, all[*messagespb.AcknowledgeOperationStatusMessage](h), 1)
	b.sim.Advance(time.Minute)
	h.send(outcome("away"))
	require.Equal(t, []byte(uuid("away")), last[*messagespb.AcknowledgeOperationStatusMessage](h).GetStatusUuid().GetValue())
}

// Revocable resources that the agent does not use itself are offered to frameworks that can handle it.
func TestOversubscribedResources(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	info := modern("dev")
	info.Capabilities = append(info.Capabilities, capabilities(mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES)...)
	f := b.framework(info)
	f.offer()
	revocable := parse(t, "cpus:1")
	revocable[0].Revocable = &mesosproto.Resource_RevocableInfo{}
	h.send(&messagespb.UpdateSlaveMessage{SlaveId: h.info.Id, OversubscribedResources: revocable})
	require.Equal(t, "cpus:2; mem:1024; cpus{REV}:1", h.state().Total.String())
	b.sim.Advance(2 * time.Second)
	require.NotNil(t, f.offer().GetResources()[0].Revocable)
	h.send(&messagespb.UpdateSlaveMessage{SlaveId: h.info.Id})
	require.Equal(t, "cpus:2; mem:1024", h.state().Total.String())
	require.Len(t, f.take(schedulerpb.Event_RESCIND), 1, "the offer of what there is no more")
}
