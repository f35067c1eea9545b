package executor

import (
	"io"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

var away = status.Error(codes.Unavailable, "connection refused")

func TestSubscribe(t *testing.T) {
	p := setup(t)
	require.Nil(t, p.driver.ContainerID())
	call := p.link().subscribe
	require.Equal(t, executorpb.Call_SUBSCRIBE, call.GetType())
	require.Equal(t, "e-1", call.GetExecutorId().GetValue())
	require.Equal(t, "f-1", call.GetFrameworkId().GetValue())
	require.NotNil(t, call.GetSubscribe(), "which agents ask for though it is empty")
	require.Equal(t, Agent{Endpoint: "agent:5051"}, p.link().agent)
	p.link().subscribed()
	p.link().subscribed() // one too many
	p.sim.Settle()
	require.Equal(t, "Registered e-1 f-1 a-1", p.actor.take())
	require.Equal(t, "c-1", p.driver.ContainerID().GetValue())
	require.Equal(t, "e-1", p.driver.ExecutorID().GetValue())
	require.Equal(t, "f-1", p.driver.FrameworkID().GetValue())
}

// "Disconnection, MESOS_CHECKPOINT=1: reconnect attempts at random delay 0..MESOS_SUBSCRIPTION_BACKOFF_MAX".
func TestWaitsAreRandomAndBounded(t *testing.T) {
	p := subscribed(t, func(c *Config) { c.BackoffMax, c.RecoveryTimeout = 4*time.Second, 24*time.Hour })
	p.link().breaks(io.EOF)
	var longest, shortest time.Duration = 0, time.Hour
	for range 200 {
		before, n := p.sim.Now(), len(p.links)
		require.True(t, p.sim.RunUntil(func() bool { return len(p.links) > n }, 4*time.Second))
		wait := p.sim.Now().Sub(before)
		longest, shortest = max(longest, wait), min(shortest, wait)
		p.link().breaks(away)
	}
	require.Greater(t, longest, 3500*time.Millisecond)
	require.Less(t, shortest, 500*time.Millisecond)
	require.Equal(t, "Disconnected", p.actor.take(), "once")
}

// "recovery timer MESOS_RECOVERY_TIMEOUT started once per disconnection, …; on expiry … a local SHUTDOWN
// event is delivered."
func TestAgentThatDoesNotComeBack(t *testing.T) {
	p := subscribed(t, func(c *Config) { c.RecoveryTimeout, c.ShutdownGrace = time.Minute, 10*time.Second })
	p.link().breaks(io.EOF)
	refuse := func() {
		if l := p.link(); l != p.links[0] && !l.cancelled {
			l.breaks(away)
		}
	}
	for range 59 {
		p.sim.Advance(time.Second)
		refuse()
	}
	require.Equal(t, "Disconnected", p.actor.take())
	p.sim.Advance(time.Second)
	require.Equal(t, "Shutdown", p.actor.take())
	n := len(p.links)
	p.sim.Advance(9 * time.Second)
	require.Len(t, p.links, n, "nothing is tried any more")
	require.True(t, p.link().cancelled)

	require.NoError(t, p.driver.Killed(taskID("t")))
	p.driver.Stop()
	p.sim.Settle()
	require.True(t, p.ended())
	require.Equal(t, codes.Unavailable, status.Code(p.driver.Err()))
	require.ErrorContains(t, p.driver.Err(), "the agent is lost: 1 status updates were not acknowledged")
	require.Zero(t, p.exits)
}

func TestAgentThatComesBackStopsTheClock(t *testing.T) {
	p := subscribed(t, func(c *Config) { c.RecoveryTimeout = time.Minute })
	for range 5 {
		p.link().breaks(io.EOF)
		p.sim.Settle()
		require.True(t, p.sim.RunUntil(func() bool { return !p.link().cancelled }, 3*time.Second))
		p.sim.Advance(25 * time.Second)
		p.link().breaks(away)
		p.sim.Advance(25 * time.Second)
		p.link().subscribed()
		p.sim.Advance(time.Hour)
		require.Equal(t, "Disconnected; Reregistered a-1", p.actor.take())
	}
}

// "… (or at once when not checkpointing)".
func TestWithoutCheckpointALostAgentIsTheEnd(t *testing.T) {
	p := subscribed(t, notCheckpointing)
	p.link().breaks(io.EOF)
	p.sim.Settle()
	require.Equal(t, "Disconnected; Shutdown", p.actor.take())
	require.Len(t, p.links, 1)
	p.driver.Stop()
	p.sim.Settle()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Err(), "nothing was left to say")
}

func TestAgentThatIsNotUpAtFirst(t *testing.T) {
	for _, checkpoint := range []bool{true, false} {
		p := setup(t, func(c *Config) { c.Checkpoint = checkpoint })
		for range 10 {
			n := len(p.links)
			p.link().breaks(status.Error(codes.Unavailable, "Agent has not finished recovery"))
			require.True(t, p.sim.RunUntil(func() bool { return len(p.links) > n }, 2*time.Second))
		}
		require.Empty(t, p.actor.take())
		p.link().subscribed()
		p.sim.Advance(20 * time.Minute)
		require.Equal(t, "Registered e-1 f-1 a-1", p.actor.take())
	}
}

func TestAgentThatIsNeverThere(t *testing.T) {
	for checkpoint, patience := range map[bool]time.Duration{true: 15 * time.Minute, false: time.Minute} {
		p := setup(t, func(c *Config) { c.Checkpoint = checkpoint })
		p.link().breaks(away)
		p.sim.Advance(patience - 1)
		require.Empty(t, p.actor.take())
		require.False(t, p.ended())
		p.link().breaks(away)
		p.sim.Settle()
		p.sim.Advance(1)
		require.True(t, p.ended())
		require.Equal(t, codes.Unavailable, status.Code(p.driver.Err()))
		require.ErrorContains(t, p.driver.Err(), "not subscribed to agent agent:5051 for "+patience.String()+": ")
		require.Equal(t, p.actor.err, p.driver.Err())
		require.Len(t, p.actor.played, 1, "no Shutdown: nothing had begun")
	}
}

func TestAgentThatDoesNotAnswerIsTriedAgain(t *testing.T) {
	p := setup(t)
	p.sim.Advance(29 * time.Second)
	require.Len(t, p.links, 1)
	p.sim.Advance(3 * time.Second)
	require.Len(t, p.links, 2)
	require.True(t, p.links[0].cancelled)
	require.True(t, p.links[0].closed)
	p.sim.Advance(15*time.Minute - 32*time.Second)
	require.ErrorContains(t, p.driver.Err(), "no answer to SUBSCRIBE within 30s")
}

// "503/404 ⇒ retry; other unexpected code ⇒ ERROR event."
func TestRefusedSubscriptionIsTheEnd(t *testing.T) {
	for code, fatal := range map[codes.Code]bool{
		codes.NotFound: true, codes.InvalidArgument: true, codes.PermissionDenied: true, codes.Unauthenticated: true,
		codes.Unimplemented: true, codes.FailedPrecondition: true,
		codes.Unavailable: false, codes.Internal: false, codes.Unknown: false, codes.ResourceExhausted: false,
	} {
		for _, before := range []bool{false, true} { // never subscribed; subscribed before
			p := setup(t)
			if before {
				p.link().subscribed()
				p.link().breaks(io.EOF)
				p.sim.Settle()
				require.True(t, p.sim.RunUntil(func() bool { return len(p.links) > 1 }, 3*time.Second))
				p.actor.take()
			}
			refusal := status.Error(code, "Executor cannot be found")
			p.link().breaks(refusal)
			p.sim.Settle()
			require.Equal(t, fatal, p.ended(), code)
			if fatal {
				require.Equal(t, refusal, p.driver.Err())
				require.Equal(t, "Error "+refusal.Error(), p.actor.take())
				require.True(t, p.link().closed)
			}
		}
	}
}

func TestErrorEventIsTheEnd(t *testing.T) {
	for _, registered := range []bool{true, false} {
		p := setup(t)
		if registered {
			p.link().subscribed()
		}
		text := "no more"
		p.link().send(&executorpb.Event{Type: executorpb.Event_ERROR.Enum(), Error: &executorpb.Event_Error{Message: &text}})
		p.sim.Settle()
		require.True(t, p.ended())
		require.Equal(t, codes.Aborted, status.Code(p.driver.Err()))
		require.Equal(t, "no more", status.Convert(p.driver.Err()).Message())
		require.Equal(t, p.driver.Err(), p.actor.err)
	}
}

func TestHeartbeatsOfTheDriver(t *testing.T) {
	p := subscribed(t)
	p.sim.Advance(31 * time.Minute)
	require.Equal(t, "HEARTBEAT", p.link().sent())
	p.link().answer = func(*executorpb.Call) error { return status.Error(codes.Unimplemented, "unknown call") }
	p.sim.Advance(time.Hour)
	require.Equal(t, "HEARTBEAT; HEARTBEAT", p.link().sent())
	require.Len(t, p.links, 1, "agents before 1.10 do not know it")
	p.link().answer = func(*executorpb.Call) error { return away }
	p.sim.Advance(30 * time.Minute)
	p.reconnected()
	require.Empty(t, p.links[1].calls, "not yet")
	p.link().breaks(away)
	p.sim.Advance(time.Hour)
	require.Empty(t, p.links[1].calls, "not any more")
}

func TestSilenceOfTheAgentMeansNothing(t *testing.T) {
	p := subscribed(t, notCheckpointing) // agents before 1.10 send no heartbeats
	p.sim.Advance(365 * 24 * time.Hour)
	require.Len(t, p.links, 1)
	require.Empty(t, p.actor.take())
}

func TestExecutorThatIsFarBehindLosesItsStream(t *testing.T) {
	p := subscribed(t, notCheckpointing)
	p.executor.Pause() // a callback that takes very long
	for range link.MaxQueuedEvents + 10 {
		p.link().send(message("m"))
	}
	p.sim.Advance(10 * time.Minute)
	require.True(t, p.links[0].cancelled)
	require.Len(t, p.links, 1, "first the executor has to catch up")
	p.executor.Resume()
	p.sim.Advance(3 * time.Second)
	require.Len(t, p.links, 2, "caught up")
	require.Equal(t, link.MaxQueuedEvents+2, len(p.actor.played))
	require.Equal(t, "Disconnected", p.actor.played[link.MaxQueuedEvents+1], "in order")
}
