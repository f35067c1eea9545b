package scheduler

import (
	"io"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

const running, finished = mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_FINISHED

func operationUpdate(id, uuid string) *schedulerpb.Event {
	return &schedulerpb.Event{
		Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(),
		UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: &mesosproto.OperationStatus{
			OperationId: &mesosproto.OperationID{Value: &id},
			State:       mesosproto.OperationState_OPERATION_FINISHED.Enum(),
			Uuid:        &mesosproto.UUID{Value: []byte(uuid)},
			AgentId:     agentID("a-1"),
		}},
	}
}

func TestUpdateIsAcknowledgedAfterTheCallback(t *testing.T) {
	p := subscribed(t)
	p.actor.update = func(d *Driver, s *mesosproto.TaskStatus) {
		require.Empty(t, p.link().calls, "not before the callback has returned")
		require.NoError(t, d.Kill(s.GetTaskId()))
		s.TaskId.Value, s.Uuid = proto.String("changed"), nil // it is the callback's
	}
	e := update("t-1", running, uuid1)
	p.link().send(e)
	p.sim.Settle()
	require.Equal(t, "t-1", e.GetUpdate().GetStatus().GetTaskId().GetValue(), "the sender's message is its own")
	ack := p.link().calls[1]
	require.Equal(t, "KILL ACKNOWLEDGE", p.link().sent(), "calls made in the callback come first")
	require.Equal(t, "f-1", ack.GetFrameworkId().GetValue())
	require.Equal(t, "a-1", ack.GetAcknowledge().GetAgentId().GetValue())
	require.Equal(t, "t-1", ack.GetAcknowledge().GetTaskId().GetValue())
	require.Equal(t, uuid1, string(ack.GetAcknowledge().GetUuid()))
}

func TestUpdateWithoutUUIDNeedsNoAcknowledgement(t *testing.T) {
	p := subscribed(t)
	p.link().send(update("t-1", running, ""))
	p.sim.Settle()
	require.Equal(t, "Update t-1 TASK_RUNNING", p.actor.take())
	require.Empty(t, p.link().calls)
}

func TestOperationUpdateIsAcknowledged(t *testing.T) {
	p := subscribed(t)
	p.link().send(operationUpdate("op", uuid1))
	p.sim.Settle()
	require.Equal(t, "Operation op OPERATION_FINISHED", p.actor.take())
	ack := p.link().calls[0].GetAcknowledgeOperationStatus()
	require.Equal(t, "op", ack.GetOperationId().GetValue())
	require.Equal(t, uuid1, string(ack.GetUuid()))
	require.Equal(t, "a-1", ack.GetAgentId().GetValue())
}

func TestAcknowledgementsKeepTheOrderOfUpdates(t *testing.T) {
	p := subscribed(t)
	p.link().send(update("t-1", running, uuid1), update("t-2", running, uuid2), update("t-1", finished, uuid2))
	p.sim.Settle()
	var acked []string
	for _, c := range p.link().calls {
		acked = append(acked, c.GetAcknowledge().GetTaskId().GetValue()+string(c.GetAcknowledge().GetUuid()))
	}
	require.Equal(t, []string{"t-1" + uuid1, "t-2" + uuid2, "t-1" + uuid2}, acked)
}

func TestLostAcknowledgementIsNoError(t *testing.T) {
	p := subscribed(t)
	p.link().answer = func(*schedulerpb.Call) error { return status.Error(codes.Unavailable, "reset") }
	p.link().send(update("t-1", running, uuid1))
	p.sim.Settle()
	require.Equal(t, "Update t-1 TASK_RUNNING", p.actor.take(), "the update will come again")
}

func TestUpdateHandledAfterReconnectionIsAcknowledgedThere(t *testing.T) {
	p := subscribed(t)
	p.framework.Pause()
	p.link().send(update("t-1", running, uuid1))
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.sim.Advance(time.Second)
	p.link().subscribed("f-1")
	p.sim.Settle()
	p.framework.Resume()
	p.sim.Settle()
	require.Equal(t, "Update t-1 TASK_RUNNING; Disconnected; Reregistered at m1", p.actor.take())
	require.Empty(t, p.links[0].calls)
	require.Equal(t, "ACKNOWLEDGE", p.links[1].sent())
}

func TestExplicitAcknowledgements(t *testing.T) {
	p := subscribed(t, func(c *Config) { c.ExplicitAcknowledgements = true })
	var kept *mesosproto.TaskStatus
	p.actor.update = func(_ *Driver, s *mesosproto.TaskStatus) { kept = s }
	p.link().send(update("t-1", running, uuid1), operationUpdate("op", uuid2))
	p.sim.Settle()
	require.Empty(t, p.link().calls)
	require.NoError(t, p.driver.Acknowledge(kept))
	require.NoError(t, p.driver.AcknowledgeOperation(operationUpdate("op", uuid2).GetUpdateOperationStatus().GetStatus()))
	p.sim.Settle()
	require.Equal(t, "ACKNOWLEDGE ACKNOWLEDGE_OPERATION_STATUS", p.link().sent())

	require.NoError(t, p.driver.Acknowledge(&mesosproto.TaskStatus{TaskId: taskID("t")}), "no uuid, nothing to do")
	require.NoError(t, p.driver.AcknowledgeOperation(&mesosproto.OperationStatus{}))
	for _, bad := range []*mesosproto.TaskStatus{
		{Uuid: []byte(uuid1), TaskId: taskID("t")},
		{Uuid: []byte(uuid1), AgentId: agentID("a")},
		{Uuid: []byte("short"), TaskId: taskID("t"), AgentId: agentID("a")},
	} {
		require.Equal(t, codes.InvalidArgument, status.Code(p.driver.Acknowledge(bad)), bad)
	}
	p.sim.Settle()
	require.Empty(t, p.link().calls)
}

func TestAcknowledgeIsTheDriversByDefault(t *testing.T) {
	p := subscribed(t)
	err := p.driver.Acknowledge(update("t-1", running, uuid1).GetUpdate().GetStatus())
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	require.ErrorContains(t, err, "ExplicitAcknowledgements")
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.AcknowledgeOperation(nil)))
}

func TestUpdatesWithoutContentAreIgnored(t *testing.T) {
	p := subscribed(t)
	p.link().send(
		&schedulerpb.Event{Type: schedulerpb.Event_UPDATE.Enum()},
		&schedulerpb.Event{Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum()},
		&schedulerpb.Event{}, &schedulerpb.Event{Type: schedulerpb.Event_Type(99).Enum()})
	p.sim.Settle()
	require.Empty(t, p.actor.take())
	require.NoError(t, p.driver.Err())
}
