package executor

import (
	"io"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

func grace(d time.Duration) func(*Config) { return func(c *Config) { c.ShutdownGrace = d } }

func TestShutdownAndStop(t *testing.T) {
	p := subscribed(t)
	p.link().send(launch("t"), shutdown, shutdown)
	p.sim.Settle()
	require.Equal(t, "Launch t; Shutdown", p.actor.take(), "once")
	require.NoError(t, p.driver.Killed(taskID("t")))
	p.driver.Stop()
	p.sim.Settle()
	require.Equal(t, "t TASK_KILLED", describe(p.link().calls[0]))
	require.False(t, p.ended())
	p.link().acknowledge()
	p.sim.Settle()
	require.True(t, p.ended())
	require.NoError(t, p.driver.Err())
	p.sim.Advance(time.Hour)
	require.Zero(t, p.exits)
}

func TestWorkThatComesDuringShutdownIsDropped(t *testing.T) {
	p := subscribed(t)
	p.link().send(shutdown, launch("t"), launchGroup("t2"), message("m"), kill("t", 0))
	p.sim.Settle()
	require.Equal(t, "Shutdown", p.actor.take())
}

// "On SHUTDOWN the library starts a timer MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD; then killpg(0, SIGKILL)".
func TestExecutorThatDoesNotStop(t *testing.T) {
	p := subscribed(t, grace(7*time.Second))
	p.link().send(shutdown)
	p.sim.Advance(7*time.Second - 1)
	require.False(t, p.ended())
	require.Zero(t, p.exits)
	p.sim.Advance(1)
	require.True(t, p.ended())
	require.Equal(t, 1, p.exits)
	require.Equal(t, codes.DeadlineExceeded, status.Code(p.driver.Err()))
	require.ErrorContains(t, p.driver.Err(), "Shutdown was 7s ago, and Driver.Stop has not been called")
	require.Equal(t, "Shutdown", p.actor.take(), "nobody is told any more")
}

func TestExecutorThatIsStuck(t *testing.T) {
	p := subscribed(t)
	p.executor.Pause()
	p.link().send(shutdown)
	p.sim.Advance(6 * time.Second)
	require.True(t, p.ended(), "the driver does not wait for its callbacks")
	require.Equal(t, 1, p.exits)
}

func TestWithoutExitTheDriverEndsAllTheSame(t *testing.T) {
	p := subscribed(t, func(c *Config) { c.Exit = nil })
	p.link().send(shutdown)
	p.sim.Advance(5 * time.Second)
	require.True(t, p.ended())
}

func TestAgentThatDoesNotAcknowledgeDuringShutdown(t *testing.T) {
	p := subscribed(t)
	p.link().send(shutdown)
	p.sim.Settle()
	require.NoError(t, p.driver.Killed(taskID("t1")))
	require.NoError(t, p.driver.Killed(taskID("t2")))
	p.driver.Stop()
	p.sim.Advance(5 * time.Second)
	require.True(t, p.ended())
	require.Equal(t, codes.DeadlineExceeded, status.Code(p.driver.Err()))
	require.ErrorContains(t, p.driver.Err(), "Shutdown was 5s ago: 2 status updates were not acknowledged by the agent")
	require.Zero(t, p.exits, "it has stopped in time")
}

// "Agent TERMINATING, framework TERMINATING, or executor TERMINATING/TERMINATED ⇒ SHUTDOWN event then
// stream closed".
func TestShutdownInsteadOfSubscribed(t *testing.T) {
	p := setup(t)
	p.link().send(shutdown)
	p.link().breaks(io.EOF)
	p.sim.Advance(4 * time.Second)
	require.Equal(t, "Shutdown", p.actor.take())
	require.Len(t, p.links, 1, "there is no use in coming again")
	require.NoError(t, p.driver.Killed(taskID("t")))
	p.driver.Stop()
	p.sim.Settle()
	require.Equal(t, codes.Unavailable, status.Code(p.driver.Err()))
}

func TestStreamThatBreaksDuringShutdown(t *testing.T) {
	for _, stopped := range []bool{true, false} {
		p := subscribed(t)
		p.link().send(shutdown)
		p.sim.Settle()
		require.NoError(t, p.driver.Killed(taskID("t")))
		if stopped {
			p.driver.Stop()
		}
		p.sim.Settle()
		p.link().breaks(io.EOF)
		p.sim.Settle()
		require.Equal(t, stopped, p.ended())
		p.driver.Stop()
		p.sim.Settle()
		require.Equal(t, codes.Unavailable, status.Code(p.driver.Err()))
		require.Len(t, p.links, 1)
	}
}
