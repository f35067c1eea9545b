package executor

import (
	"io"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

func TestUpdateIsCompletedAndSent(t *testing.T) {
	p := subscribed(t)
	given := &mesosproto.TaskStatus{
		TaskId: taskID("t"), State: mesosproto.TaskState_TASK_RUNNING.Enum(), Data: []byte("data"),
		Uuid: []byte("ours"), Source: mesosproto.TaskStatus_SOURCE_MASTER.Enum()}
	require.NoError(t, p.driver.SendStatusUpdate(given))
	given.Data[0] = 'X' // it was copied
	p.sim.Settle()
	require.Len(t, p.link().calls, 1)
	call := p.link().calls[0]
	require.Equal(t, executorpb.Call_UPDATE, call.GetType())
	require.Equal(t, "e-1", call.GetExecutorId().GetValue())
	require.Equal(t, "f-1", call.GetFrameworkId().GetValue())
	s := call.GetUpdate().GetStatus()
	require.Len(t, s.GetUuid(), 16)
	require.EqualValues(t, 4, s.GetUuid()[6]>>4, "a random UUID says so")
	require.True(t, proto.Equal(&mesosproto.TaskStatus{
		TaskId: taskID("t"), State: mesosproto.TaskState_TASK_RUNNING.Enum(), Data: []byte("data"), Uuid: s.GetUuid(),
		Source:     mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum(),
		ExecutorId: &mesosproto.ExecutorID{Value: proto.String("e-1")},
		Timestamp:  proto.Float64(float64(p.sim.Now().Unix())),
	}, s), "%v", s)
	require.Equal(t, []byte("ours"), given.GetUuid(), "the caller's message is not changed")

	given.Timestamp = proto.Float64(7)
	require.NoError(t, p.driver.SendStatusUpdate(given))
	p.sim.Settle()
	again := p.link().calls[1].GetUpdate().GetStatus()
	require.NotEqual(t, s.GetUuid(), again.GetUuid(), "each update has its own")
	require.Equal(t, 7.0, again.GetTimestamp())
}

func TestUpdatesThatTheAgentWouldRefuse(t *testing.T) {
	p := subscribed(t)
	for _, c := range []struct {
		s    *mesosproto.TaskStatus
		says string
	}{
		{nil, "TaskStatus.TaskId is not set"},
		{&mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_RUNNING.Enum()}, "TaskStatus.TaskId is not set"},
		{Status(taskID(""), mesosproto.TaskState_TASK_RUNNING, ""), "TaskStatus.TaskId is not set"},
		{&mesosproto.TaskStatus{TaskId: taskID("t")}, "TaskStatus.State is not set"},
		{Status(taskID("t"), mesosproto.TaskState_TASK_STAGING, ""), "TASK_STAGING is the state before"},
		{&mesosproto.TaskStatus{TaskId: taskID("t"), State: mesosproto.TaskState_TASK_RUNNING.Enum(),
			Labels: &mesosproto.Labels{Labels: []*mesosproto.Label{{}}}}, "UPDATE of task t: required field mesos.v1.Label.key not set"},
	} {
		err := p.driver.SendStatusUpdate(c.s)
		require.Equal(t, codes.InvalidArgument, status.Code(err), c.says)
		require.ErrorContains(t, err, c.says)
	}
	p.sim.Settle()
	require.Empty(t, p.link().calls)
}

func TestReportsOfStates(t *testing.T) {
	p := subscribed(t)
	d, id := p.driver, taskID("t")
	for _, send := range []func(*mesosproto.TaskID) error{d.Starting, d.Running, d.Killing, d.Killed, d.Finished} {
		require.NoError(t, send(id))
	}
	require.NoError(t, d.Failed(id, "because"))
	p.sim.Settle()
	require.Equal(t, "because", p.link().calls[5].GetUpdate().GetStatus().GetMessage())
	require.Nil(t, p.link().calls[4].GetUpdate().GetStatus().Message)
	require.Equal(t, "t TASK_STARTING; t TASK_RUNNING; t TASK_KILLING; t TASK_KILLED; t TASK_FINISHED; t TASK_FAILED", p.link().sent())
}

// "Keep every update until ACKNOWLEDGED (by uuid) and every task until any update for it is
// acknowledged; resend both in SUBSCRIBE."
func TestWhatIsNotAcknowledgedIsSentAgain(t *testing.T) {
	p := subscribed(t)
	p.link().send(launch("t1"), launchGroup("t2", "t3"), launch("t4"))
	p.sim.Settle()
	require.NoError(t, p.driver.Running(taskID("t3")))
	require.NoError(t, p.driver.Running(taskID("t1")))
	require.NoError(t, p.driver.Running(taskID("t2")))
	require.NoError(t, p.driver.Finished(taskID("t1")))
	p.sim.Settle()
	p.link().acknowledge(2) // t3, and t1 for the first time
	p.sim.Settle()

	p.link().breaks(io.EOF)
	p.sim.Settle()
	require.NoError(t, p.driver.Failed(taskID("t2"), "meanwhile"))
	p.reconnected()
	require.Equal(t, "SUBSCRIBE[task t2, task t4, t2 TASK_RUNNING, t1 TASK_FINISHED, t2 TASK_FAILED]", describe(p.link().subscribe))
	require.Equal(t, p.links[0].calls[2].GetUpdate().GetStatus().GetUuid(),
		p.link().unacknowledged()[0].GetUuid(), "the agent knows it by its uuid")
	require.Empty(t, p.link().calls, "nothing is sent twice on one connection")

	p.link().acknowledge()
	p.link().acknowledge() // twice: the agent got it twice
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.reconnected()
	require.Equal(t, "SUBSCRIBE[task t4]", describe(p.link().subscribe))
}

func TestUpdatesBetweenSubscribeAndSubscribedFollow(t *testing.T) {
	p := prepare(t)
	require.NoError(t, p.driver.Start())
	require.NoError(t, p.driver.Running(taskID("t1")))
	p.sim.Settle()
	require.Equal(t, "SUBSCRIBE[]", describe(p.link().subscribe))
	require.NoError(t, p.driver.Running(taskID("t2")))
	p.sim.Settle()
	require.Empty(t, p.link().calls, "not before SUBSCRIBED")
	p.link().subscribed()
	p.sim.Settle()
	require.Equal(t, "t1 TASK_RUNNING; t2 TASK_RUNNING", p.link().sent())
}

func TestAcknowledgementsThatDoNotFit(t *testing.T) {
	p := subscribed(t)
	p.link().send(launch("t1"), launch("t2"))
	p.sim.Settle()
	require.NoError(t, p.driver.Running(taskID("t1")))
	p.sim.Settle()
	p.link().send(ack("t1", []byte("0123456789abcdef")), ack("unknown", nil), &executorpb.Event{Type: executorpb.Event_ACKNOWLEDGED.Enum()})
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.reconnected()
	require.Equal(t, "SUBSCRIBE[task t2, t1 TASK_RUNNING]", describe(p.link().subscribe), "the agent knows t1, but not this update")
}

func TestUpdateWithoutAcknowledgementIsSentAgain(t *testing.T) {
	for _, checkpoint := range []bool{true, false} {
		p := subscribed(t, func(c *Config) { c.Checkpoint = checkpoint })
		require.NoError(t, p.driver.Running(taskID("t1")))
		p.sim.Advance(20 * time.Second)
		require.NoError(t, p.driver.Running(taskID("t2")))
		p.sim.Settle()
		p.link().acknowledge(1)
		p.sim.Advance(29 * time.Second)
		require.Len(t, p.links, 1, "t2 is 29s old")
		p.sim.Advance(4 * time.Second)
		require.Len(t, p.links, 2)
		require.Equal(t, "SUBSCRIBE[t2 TASK_RUNNING]", describe(p.link().subscribe))
		p.link().subscribed()
		p.sim.Advance(40 * time.Second)
		require.Len(t, p.links, 3, "one that came with SUBSCRIBE is watched, too")
		p.link().subscribed()
		p.link().acknowledge()
		p.sim.Advance(time.Hour)
		require.Len(t, p.links, 3)
		require.NotContains(t, p.actor.take(), "Shutdown")
	}
}

func TestAMissingAcknowledgementIsNoticedAlsoAfterTheClockWentBack(t *testing.T) {
	p := subscribed(t)
	require.NoError(t, p.driver.Running(taskID("t1")))
	p.sim.Settle()
	p.core.SetSkew(-time.Hour)
	p.sim.Advance(2*ackTimeout + 2*time.Second)
	require.Len(t, p.links, 2)
}

func TestAcknowledgementBeforeSubscribedCounts(t *testing.T) {
	p := subscribed(t)
	require.NoError(t, p.driver.Running(taskID("t")))
	p.sim.Settle()
	p.link().breaks(io.EOF)
	n := len(p.links)
	require.True(t, p.sim.RunUntil(func() bool { return len(p.links) > n }, 3*time.Second))
	p.link().acknowledge()
	p.link().subscribed()
	p.sim.Settle()
	require.Empty(t, p.link().calls)
	p.link().breaks(io.EOF)
	p.reconnected()
	require.Equal(t, "SUBSCRIBE[]", describe(p.link().subscribe))
}

func TestLostCallMakesANewConnection(t *testing.T) {
	for _, checkpoint := range []bool{true, false} { // the agent is there, so it does not matter
		for _, err := range []error{
			status.Error(codes.Unavailable, "connection reset"), io.ErrUnexpectedEOF,
			status.Error(codes.FailedPrecondition, "Executor is not subscribed"),
		} {
			p := subscribed(t, func(c *Config) { c.Checkpoint = checkpoint })
			p.link().answer = func(*executorpb.Call) error { return err }
			require.NoError(t, p.driver.Running(taskID("t1")))
			require.NoError(t, p.driver.Running(taskID("t2")))
			p.sim.Settle()
			require.True(t, p.links[0].cancelled)
			p.reconnected()
			require.Equal(t, "SUBSCRIBE[t1 TASK_RUNNING, t2 TASK_RUNNING]", describe(p.link().subscribe))
			require.Equal(t, "Disconnected; Reregistered a-1", p.actor.take(), "no error: nothing is lost")
		}
	}
}

func TestRefusedUpdateIsReportedAndNotSentAgain(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented} {
		p := subscribed(t)
		p.link().answer = func(c *executorpb.Call) error {
			if describe(c) == "bad TASK_RUNNING" {
				return status.Error(code, "no")
			}
			return nil
		}
		require.NoError(t, p.driver.Running(taskID("bad")))
		require.NoError(t, p.driver.Running(taskID("good")))
		p.sim.Settle()
		require.Equal(t, "Error executor call UPDATE: no", p.actor.take())
		var refused *CallError
		require.ErrorAs(t, p.actor.err, &refused)
		require.Equal(t, "bad", refused.Call.GetUpdate().GetStatus().GetTaskId().GetValue())
		require.Equal(t, code, status.Code(p.actor.err))
		require.False(t, p.links[0].cancelled)
		p.link().breaks(io.EOF)
		p.reconnected()
		require.Equal(t, "SUBSCRIBE[good TASK_RUNNING]", describe(p.link().subscribe))
	}
}

func TestLateRefusalOverAnOldConnection(t *testing.T) {
	p := subscribed(t)
	p.link().hold = true
	require.NoError(t, p.driver.Running(taskID("t1")))
	require.NoError(t, p.driver.Running(taskID("t2")))
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.reconnected()
	p.core.Post(func() {
		p.links[0].held[0](status.Error(codes.InvalidArgument, "no"))
		p.links[0].held[1](status.Error(codes.Unavailable, "reset"))
	})
	p.sim.Settle()
	require.Equal(t, "Disconnected; Reregistered a-1; Error executor call UPDATE: no", p.actor.take())
	require.Len(t, p.links, 2, "the present connection is not to blame")
	p.link().breaks(io.EOF)
	p.reconnected()
	require.Equal(t, "SUBSCRIBE[t2 TASK_RUNNING]", describe(p.link().subscribe))
}

func TestUpdatesAreNotKeptWithoutBound(t *testing.T) {
	p := subscribed(t)
	for range maxUnacknowledged {
		require.NoError(t, p.driver.Running(taskID("t")))
	}
	err := p.driver.Running(taskID("t"))
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	p.sim.Settle()
	p.link().acknowledge(1)
	p.sim.Settle()
	require.NoError(t, p.driver.Running(taskID("t")))
	require.Error(t, p.driver.Running(taskID("t")))
}

func TestTasksAreNotKeptWithoutBound(t *testing.T) {
	p := subscribed(t)
	ids := make([]string, maxUnacknowledged)
	for i := range ids {
		ids[i] = time.Duration(i).String()
	}
	p.link().send(launchGroup(ids...))
	p.sim.Settle()
	require.False(t, p.ended())
	p.link().send(launch(ids[0]))
	p.sim.Settle()
	require.False(t, p.ended(), "no more than before")
	p.link().send(launch("one more"))
	p.sim.Settle()
	require.True(t, p.ended())
	require.Equal(t, codes.ResourceExhausted, status.Code(p.driver.Err()))
}

// An agent that loses streams and calls at random, and that acknowledges at random, gets every update at
// least once, and the first time in the order in which they were sent.
func TestUpdatesArriveInOrderWhateverBreaks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := subscribed(t)
		var got []string // tasks, as they arrive for the first time
		seen := map[string]bool{}
		arrive := func(l *testLink) {
			for _, s := range l.unacknowledged() {
				if id := s.GetTaskId().GetValue(); !seen[id] {
					seen[id] = true
					got = append(got, id)
				}
			}
		}
		var sent []string
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{"send", "send", "settle", "ack", "break", "lose", "wait"}).Draw(r, "step") {
			case "send":
				id := time.Duration(len(sent)).String()
				sent = append(sent, id)
				require.NoError(r, p.driver.Running(taskID(id)))
			case "settle":
				p.sim.Settle()
			case "ack":
				l := p.link()
				p.sim.Settle()
				arrive(l)
				l.acknowledge(rapid.IntRange(0, len(l.unacknowledged())).Draw(r, "acks"))
			case "break":
				arrive(p.link()) // what was not delivered yet is lost with the stream
				p.link().breaks(io.EOF)
			case "lose": // the rest of the calls do not arrive
				l := p.link()
				arrive(l)
				l.calls = nil
				l.answer = func(*executorpb.Call) error {
					l.calls = nil
					return status.Error(codes.Unavailable, "reset")
				}
			case "wait":
				n := len(p.links)
				if p.sim.RunUntil(func() bool { return len(p.links) > n }, 3*time.Second) {
					p.link().subscribed()
				}
			}
		}
		p.sim.Settle()
		arrive(p.link())
		p.link().breaks(io.EOF)
		p.sim.Settle()
		if !p.links[len(p.links)-1].cancelled {
			p.link().breaks(io.EOF)
		}
		p.reconnected()
		p.sim.Settle()
		arrive(p.link())
		require.Equal(r, sent, got)
	})
}
