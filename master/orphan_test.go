package master_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Operations of frameworks that are not here are found by their framework, whatever agents there are, as long as
// there are such operations.
func TestOperationsAreFoundByTheFrameworkThatIsAway(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	owner := func(id string) *mesosproto.FrameworkID { return &mesosproto.FrameworkID{Value: &id} }
	listed := func(h *host, framework string, n int) *mesosproto.Operation {
		s := pendingStatus(h, fmt.Sprint(framework, n))
		s.OperationId = &mesosproto.OperationID{Value: proto.String(fmt.Sprint("o", n))}
		return &mesosproto.Operation{
			FrameworkId: owner(framework), AgentId: h.info.Id, Uuid: &mesosproto.UUID{Value: []byte(uuid(fmt.Sprint("of", framework, n)))},
			Info: operationOf(mesosproto.Offer_Operation_RESERVE, s.OperationId.GetValue(), nil), LatestStatus: s, Statuses: []*mesosproto.OperationStatus{s},
		}
	}
	operators := listed(h, "", 9)
	operators.FrameworkId, operators.Info.Id = nil, nil
	h.listOperations(listed(h, "back", 1), listed(h, "back", 2), listed(h, "away", 3), operators)
	other := b.agent("2", "cpus:1")
	other.listOperations(listed(other, "back", 4), listed(other, "away", 5))
	require.Equal(t, map[string]int{"back": 3, "away": 2}, b.master.Orphans())

	info := modern("dev")
	info.Id = owner("back")
	f := b.framework(info)
	require.Equal(t, map[string]int{"away": 2}, b.master.Orphans())
	var ids []string
	for _, s := range f.reconcileOperations() {
		ids = append(ids, s.GetOperationId().GetValue())
	}
	require.ElementsMatch(t, []string{"o1", "o2", "o4"}, ids)

	// One of those that wait is over.
	over := pendingStatus(h, "over")
	over.State = mesosproto.OperationState_OPERATION_FINISHED.Enum()
	h.send(&messagespb.UpdateOperationStatusMessage{SlaveId: h.info.Id, OperationUuid: listed(h, "away", 3).Uuid, Status: over})
	require.Equal(t, map[string]int{"away": 1}, b.master.Orphans())
	f.do(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	require.Equal(t, map[string]int{"away": 1, "back": 3}, b.master.Orphans())
	for _, x := range []*host{h, other} {
		x.conn.deaf = true
	}
	b.sim.Advance(2 * time.Minute)
	require.Empty(t, b.master.Orphans(), "the agents are gone")
}
