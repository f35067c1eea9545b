package executor

import (
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

func TestCallbacksInTheOrderOfEvents(t *testing.T) {
	p := subscribed(t)
	p.link().send(launch("t1"), launchGroup("t2", "t3"), heartbeat, message("hello"), kill("t1", 0),
		kill("t2", 3*time.Second), launch("t4"))
	p.sim.Settle()
	require.Equal(t, "Launch t1; LaunchGroup t2,t3; Message hello; Kill t1; Kill t2 within 3s; Launch t4", p.actor.take())
}

func TestEventsThatMakeNoSense(t *testing.T) {
	p := setup(t)
	p.link().send(launch("early"), message("early"), kill("early", 0), ack("early", nil), heartbeat)
	p.sim.Settle()
	require.Empty(t, p.actor.take(), "before SUBSCRIBED")
	p.link().subscribed()
	p.sim.Settle()
	p.actor.take()
	for name := range executorpb.Event_Type_value {
		if name != "ERROR" && name != "SHUTDOWN" { // which need no field
			p.link().send(&executorpb.Event{Type: executorpb.Event_Type(executorpb.Event_Type_value[name]).Enum()})
		}
	}
	p.link().send(&executorpb.Event{}, &executorpb.Event{Type: executorpb.Event_Type(99).Enum()}, nil)
	p.sim.Settle()
	require.ElementsMatch(t, []string{"Kill ", "Message "}, p.actor.played)
	require.False(t, p.ended())
}

func TestMessagesBelongToTheCallback(t *testing.T) {
	p := subscribed(t)
	event := launch("t")
	p.actor.launch = func(_ *Driver, task *mesosproto.TaskInfo) { task.Name = proto.String("changed") }
	p.link().send(event)
	p.sim.Settle()
	require.Equal(t, "Launch t", p.actor.take())
	require.True(t, proto.Equal(launch("t"), event), "the agent's copy is not changed")
	p.link().breaks(status.Error(codes.Unavailable, ""))
	p.reconnected()
	require.True(t, proto.Equal(taskInfo("t"), p.link().subscribe.GetSubscribe().GetUnacknowledgedTasks()[0]),
		"nor is what the driver tells it")
}

func TestFrameworkMessages(t *testing.T) {
	p := setup(t)
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.SendFrameworkMessage([]byte("early"))))
	p.link().subscribed()
	p.sim.Settle()
	data := []byte("hello")
	require.NoError(t, p.driver.SendFrameworkMessage(data))
	data[0] = 'X'
	require.NoError(t, p.driver.Running(taskID("t")))
	require.NoError(t, p.driver.SendFrameworkMessage(nil))
	p.sim.Settle()
	require.NotNil(t, p.link().calls[2].GetMessage().Data, "no data is data, too")
	require.Equal(t, "MESSAGE hello; t TASK_RUNNING; MESSAGE ", p.link().sent())
	p.actor.take()

	for code, connections := range map[codes.Code]int{codes.InvalidArgument: 1, codes.Unavailable: 2} {
		p := subscribed(t)
		p.link().answer = func(*executorpb.Call) error { return status.Error(code, "no") }
		require.NoError(t, p.driver.SendFrameworkMessage([]byte("x")))
		p.sim.Advance(3 * time.Second)
		require.Contains(t, p.actor.take(), "Error executor call MESSAGE: no")
		require.Equal(t, code, status.Code(p.actor.err))
		require.Len(t, p.links, connections)
	}

	p.link().breaks(status.Error(codes.Unavailable, "")) // handled before the call
	require.NoError(t, p.driver.SendFrameworkMessage([]byte("late")))
	p.sim.Settle()
	require.Contains(t, p.actor.take(), "Error executor call MESSAGE: the connection to the agent was lost before the call was sent")
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.SendFrameworkMessage([]byte("later"))))
}

// only embeds Base and implements what the compiler asks for.
type only struct{ Base }

func (only) LaunchTask(*Driver, *mesosproto.TaskInfo)                     {}
func (only) KillTask(*Driver, *mesosproto.TaskID, *mesosproto.KillPolicy) {}

func TestBase(t *testing.T) {
	p := setup(t, func(c *Config) { c.Executor = only{} })
	p.link().subscribed()
	p.link().send(launchGroup("t1", "t2"), message("x"))
	p.sim.Settle()
	require.Equal(t, "this executor does not run task groups", p.link().unacknowledged()[0].GetMessage())
	require.Equal(t, "t1 TASK_FAILED; t2 TASK_FAILED", p.link().sent())
	p.link().breaks(status.Error(codes.Unavailable, ""))
	p.reconnected()
	p.link().send(shutdown)
	p.sim.Settle()
	require.False(t, p.ended(), "acknowledgements are waited for")
	p.link().acknowledge()
	p.sim.Settle()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Err())
}
