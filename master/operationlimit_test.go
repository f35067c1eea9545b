package master_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

func pendingStatus(h *host, id string) *mesosproto.OperationStatus {
	return &mesosproto.OperationStatus{
		OperationId: &mesosproto.OperationID{Value: proto.String("o")}, AgentId: h.info.Id,
		State: mesosproto.OperationState_OPERATION_PENDING.Enum(), Uuid: &mesosproto.UUID{Value: []byte(uuid(id))},
	}
}

// Whatever an agent says of an operation, the master remembers the last few statuses, and each of them once:
// these are what frameworks acknowledge.
func TestTheLastFewStatusesOfAnOperationAreKept(t *testing.T) {
	acknowledged := func(f *scheduler, h *host, id string) bool {
		f.acknowledgeOperation(h, "o", uuid(id))
		list := all[*messagespb.AcknowledgeOperationStatusMessage](h)
		return len(list) > 0 && string(list[len(list)-1].GetStatusUuid().GetValue()) == uuid(id)
	}
	for name, say := range map[string]func(f *scheduler, h *host, o *mesosproto.Offer){
		"told one by one": func(f *scheduler, h *host, o *mesosproto.Offer) {
			f.accept(0, []*mesosproto.Offer{o}, operationOf(mesosproto.Offer_Operation_RESERVE, "o", reserved(t, "cpus:1", "dev")))
			m := last[*messagespb.ApplyOperationMessage](h)
			tell := func(id string) {
				h.send(&messagespb.UpdateOperationStatusMessage{SlaveId: h.info.Id, OperationUuid: m.GetOperationUuid(), Status: pendingStatus(h, id)})
			}
			for i := range 10 {
				tell(fmt.Sprint("s", i))
			}
			for range 10 { // these two again and again: no news
				tell("s9")
				tell("s8")
			}
		},
		"in a list": func(f *scheduler, h *host, _ *mesosproto.Offer) {
			m := &mesosproto.Operation{
				FrameworkId: f.idProto(), AgentId: h.info.Id, Uuid: &mesosproto.UUID{Value: []byte(uuid("of o"))},
				Info: operationOf(mesosproto.Offer_Operation_RESERVE, "o", nil), LatestStatus: pendingStatus(h, "s9"),
			}
			for i := range 10 {
				m.Statuses = append(m.Statuses, pendingStatus(h, fmt.Sprint("s", i)))
			}
			h.listOperations(m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, h, f, o := ready(t)
			say(f, h, o)
			for i := range 10 {
				require.Equal(t, i >= 6, acknowledged(f, h, fmt.Sprint("s", i)), "s%d", i)
			}
		})
	}
}

func (h *host) listOperations(list ...*mesosproto.Operation) {
	h.send(&messagespb.UpdateSlaveMessage{
		SlaveId: h.info.Id, UpdateOversubscribedResources: proto.Bool(false),
		Operations: &messagespb.UpdateSlaveMessage_Operations{Operations: list},
	})
}

// An agent can have only so many operations that nobody has acknowledged: what it lists beyond is ignored,
// what frameworks ask for beyond is refused.
func TestTheOperationsOfAnAgentAreBounded(t *testing.T) {
	const bound = 4096
	b, h, f, o := ready(t)
	var list []*mesosproto.Operation
	for i := range bound + 10 {
		id := fmt.Sprint(i)
		list = append(list, &mesosproto.Operation{
			FrameworkId: f.idProto(), AgentId: h.info.Id, Uuid: &mesosproto.UUID{Value: []byte(uuid(id))},
			Info: operationOf(mesosproto.Offer_Operation_RESERVE, id, nil), LatestStatus: pendingStatus(h, id),
			Statuses: []*mesosproto.OperationStatus{pendingStatus(h, id)},
		})
	}
	h.listOperations(list[:bound-1]...)
	require.Equal(t, bound-1, len(f.reconcileOperations()))
	h.listOperations(list...)
	require.Equal(t, bound, len(f.reconcileOperations()))

	f.accept(0, []*mesosproto.Offer{o}, operationOf(mesosproto.Offer_Operation_RESERVE, "more", reserved(t, "cpus:1", "dev")))
	s := f.operations()
	require.Len(t, s, 1)
	require.Equal(t, mesosproto.OperationState_OPERATION_ERROR, s[0].GetState())
	require.Contains(t, s[0].GetMessage(), "4096 operations")
	require.Empty(t, all[*messagespb.ApplyOperationMessage](h))
	require.Equal(t, bound, len(f.reconcileOperations()))

	// When one is over there is room for another.
	status := pendingStatus(h, "over")
	status.OperationId, status.State = list[0].Info.Id, mesosproto.OperationState_OPERATION_FINISHED.Enum()
	h.send(&messagespb.UpdateOperationStatusMessage{SlaveId: h.info.Id, OperationUuid: list[0].Uuid, Status: status})
	f.acknowledgeOperation(h, "0", uuid("over"))
	f.operations()
	b.sim.Advance(2 * time.Second)
	f.accept(0, f.offers(), operationOf(mesosproto.Offer_Operation_RESERVE, "more", reserved(t, "cpus:1", "dev")))
	require.Empty(t, f.operations())
	require.Len(t, all[*messagespb.ApplyOperationMessage](h), 1)
}
