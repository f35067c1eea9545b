package executor

import (
	"io"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

func TestStopWaitsUntilEverythingHasArrived(t *testing.T) {
	p := subscribed(t)
	p.link().hold = true
	require.NoError(t, p.driver.Finished(taskID("t")))
	require.NoError(t, p.driver.SendFrameworkMessage([]byte("bye")))
	p.driver.Stop()
	p.link().send(launch("t2"))
	err := p.driver.Running(taskID("t2"))
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "at once")
	require.ErrorContains(t, err, "UPDATE: the driver was stopped")
	require.ErrorContains(t, p.driver.SendFrameworkMessage(nil), "MESSAGE: the driver was stopped")
	p.sim.Settle()
	require.False(t, p.ended())
	p.link().acknowledge()
	p.sim.Settle()
	require.False(t, p.ended(), "the message is under way")
	for _, done := range p.link().held {
		p.core.Post(func() { done(nil) })
	}
	p.sim.Settle()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Err())
	require.Empty(t, p.actor.take(), "no callback begins after Stop")
	require.True(t, p.link().cancelled)
	require.True(t, p.link().closed)
}

func TestStopWithNothingToSay(t *testing.T) {
	for name, p := range map[string]*play{"subscribed": subscribed(t), "not yet": setup(t)} {
		p.driver.Stop()
		p.driver.Stop()
		p.sim.Settle()
		require.True(t, p.ended(), name)
		require.NoError(t, p.driver.Err(), name)
	}
}

func TestStopOverABrokenConnection(t *testing.T) {
	p := subscribed(t)
	require.NoError(t, p.driver.Finished(taskID("t")))
	p.driver.Stop()
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.reconnected()
	require.Equal(t, "SUBSCRIBE[t TASK_FINISHED]", describe(p.link().subscribe))
	require.False(t, p.ended())
	p.link().acknowledge()
	p.sim.Settle()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Err())
	require.Empty(t, p.actor.take())
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	p := subscribed(t)
	require.NoError(t, p.driver.Finished(taskID("t")))
	p.driver.Stop()
	p.sim.Advance(stopTimeout - 1)
	require.False(t, p.ended())
	p.sim.Advance(1)
	require.True(t, p.ended())
	require.Equal(t, codes.DeadlineExceeded, status.Code(p.driver.Err()))
	require.ErrorContains(t, p.driver.Err(), "Stop was called 1m0s ago: 1 status updates were not acknowledged")
}

func TestStopWhenTheAgentIsLostForGood(t *testing.T) {
	p := subscribed(t, notCheckpointing)
	require.NoError(t, p.driver.Finished(taskID("t")))
	p.driver.Stop()
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.sim.Settle()
	require.True(t, p.ended())
	require.Equal(t, codes.Unavailable, status.Code(p.driver.Err()))
}

func TestStopAndRefusedAtReconnection(t *testing.T) {
	p := subscribed(t)
	require.NoError(t, p.driver.Finished(taskID("t")))
	p.driver.Stop()
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.sim.Settle()
	require.True(t, p.sim.RunUntil(func() bool { return len(p.links) > 1 }, 3*time.Second))
	p.link().breaks(status.Error(codes.NotFound, "Executor cannot be found"))
	p.sim.Settle()
	require.True(t, p.ended())
	require.Equal(t, codes.NotFound, status.Code(p.driver.Err()))
	require.Empty(t, p.actor.take())
}

func TestStopInACallback(t *testing.T) {
	p := subscribed(t)
	p.actor.launch = func(d *Driver, task *mesosproto.TaskInfo) {
		d.Finished(task.GetTaskId())
		d.Stop()
	}
	p.link().send(launch("t1"), launch("t2"))
	p.sim.Settle()
	require.Equal(t, "Launch t1", p.actor.take())
	p.link().acknowledge()
	p.sim.Settle()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Err())
}

func TestAbort(t *testing.T) {
	p := subscribed(t)
	require.NoError(t, p.driver.Running(taskID("t")))
	p.driver.Abort()
	p.link().send(launch("t"))
	p.sim.Settle()
	require.True(t, p.ended())
	require.Equal(t, codes.Aborted, status.Code(p.driver.Join()))
	require.Empty(t, p.actor.take())
	p.driver.Stop() // has no effect any more
	p.sim.Settle()
}

func TestStartOnce(t *testing.T) {
	p := setup(t)
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.Start()))
	p.driver.Stop()
	p.sim.Settle()
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.Start()))

	p = prepare(t)
	require.ErrorContains(t, p.driver.Running(taskID("t")), "the driver has not started")
	p.driver.Stop()
	p.driver.Stop()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Join())
	require.ErrorContains(t, p.driver.Start(), "make a new one")
}

func TestStopRightAfterStart(t *testing.T) {
	p := prepare(t)
	require.NoError(t, p.driver.Start())
	p.driver.Abort()
	p.sim.Settle()
	require.True(t, p.ended())

	p = prepare(t)
	require.NoError(t, p.driver.Start())
	require.NoError(t, p.driver.Running(taskID("t")))
	p.driver.Abort()
	p.sim.Settle()
	require.True(t, p.ended())
}

func TestClockOfTheCluster(t *testing.T) {
	p := prepare(t)
	require.False(t, p.driver.AfterFunc(0, func() { t.Error("before Start nothing runs") })())
	require.Nil(t, p.driver.Rand())
	require.NoError(t, p.driver.Start())
	require.Equal(t, p.sim.Now(), p.driver.Now())
	var ran []time.Duration
	start := p.driver.Now()
	note := func() { ran = append(ran, p.driver.Now().Sub(start)) }
	p.driver.AfterFunc(time.Minute, note)
	p.driver.AfterFunc(0, note)
	stop := p.driver.AfterFunc(time.Second, note)
	require.Empty(t, ran)
	p.sim.Settle()
	require.True(t, stop())
	require.False(t, stop())
	p.sim.Advance(time.Hour)
	require.Equal(t, []time.Duration{0, time.Minute}, ran)

	p = subscribed(t)
	require.NotNil(t, p.driver.Rand())
	p.driver.AfterFunc(time.Second, note)
	p.driver.Stop()
	p.sim.Advance(time.Hour)
	require.Len(t, ran, 2, "nothing runs after Stop")
}

func TestCallbacksAndTimersDoNotOverlap(t *testing.T) {
	p := subscribed(t)
	inside, ran := false, 0
	alone := func() {
		require.False(t, inside)
		inside = true
		require.NoError(t, p.driver.Running(taskID("t")))
		p.driver.AfterFunc(0, func() { require.False(t, inside) })
		inside = false
		ran++
	}
	p.actor.on = func(string) { alone() }
	p.driver.AfterFunc(0, alone)
	p.link().send(launch("t1"), launch("t2"))
	p.sim.Settle()
	require.Equal(t, 3, ran)
}

func TestConfigIsChecked(t *testing.T) {
	good := func() Config {
		return Config{
			Executor: &actor{}, Dialer: &play{},
			FrameworkID: &mesosproto.FrameworkID{Value: proto.String("f")},
			ExecutorID:  &mesosproto.ExecutorID{Value: proto.String("e")},
		}
	}
	_, err := New(good())
	require.NoError(t, err)
	for field, spoil := range map[string]func(*Config){
		"Config.Executor is not set":        func(c *Config) { c.Executor = nil },
		"Config.Dialer is not set":          func(c *Config) { c.Dialer = nil },
		"Config.FrameworkID is not set":     func(c *Config) { c.FrameworkID = nil },
		"Config.ExecutorID is not set":      func(c *Config) { c.ExecutorID = &mesosproto.ExecutorID{} },
		"Config.RecoveryTimeout is -1s":     func(c *Config) { c.RecoveryTimeout = -time.Second },
		"Config.BackoffMax is -1s":          func(c *Config) { c.BackoffMax = -time.Second },
		"Config.ShutdownGrace is -1s":       func(c *Config) { c.ShutdownGrace = -time.Second },
		"Config.ExecutorLoop is set and Co": func(c *Config) { c.ExecutorLoop = prepare(t).executor },
	} {
		c := good()
		spoil(&c)
		_, err := New(c)
		require.Equal(t, codes.InvalidArgument, status.Code(err), field)
		require.ErrorContains(t, err, field)
	}
	given := good()
	c, err := given.filled()
	require.NoError(t, err)
	require.Equal(t, 15*time.Minute, c.RecoveryTimeout)
	require.Equal(t, 2*time.Second, c.BackoffMax)
	require.Equal(t, 5*time.Second, c.ShutdownGrace)
	given.ExecutorID.Value = proto.String("changed")
	require.Equal(t, "e", c.ExecutorID.GetValue(), "it was copied")
}

func TestCallErrorHasTheCodeOfItsCause(t *testing.T) {
	cause := status.Error(codes.NotFound, "Framework cannot be found")
	err := error(&CallError{Call: &executorpb.Call{Type: executorpb.Call_UPDATE.Enum()}, Err: cause})
	require.Equal(t, codes.NotFound, status.Code(err))
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "executor call UPDATE: Framework cannot be found")
}

func TestAgentIsNamedWithoutItsToken(t *testing.T) {
	for want, a := range map[string]Agent{
		"h:1":           {Endpoint: "h:1", PID: "slave(1)@h:1", Token: "secret"},
		"/a.sock":       {Endpoint: "h:1", DomainSocket: "/a.sock", Token: "secret"},
		"slave(1)@h:1 ": {PID: "slave(1)@h:1 ", Token: "secret"},
	} {
		require.Equal(t, want, a.String())
	}
}
