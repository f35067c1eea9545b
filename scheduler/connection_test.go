package scheduler

import (
	"io"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func TestWaitsGrowWhileTheMasterIsAway(t *testing.T) {
	p := setup(t, func(c *Config) { c.BackoffFirst, c.BackoffMax = time.Second, 8*time.Second })
	var longest time.Duration
	for range 200 {
		before := p.link().at
		n := len(p.links)
		p.link().breaks(status.Error(codes.Unavailable, "connection refused"))
		require.True(t, p.sim.RunUntil(func() bool { return len(p.links) > n }, time.Minute))
		wait := p.link().at.Sub(before)
		require.Less(t, wait, 8*time.Second)
		if n == 1 {
			require.Less(t, wait, time.Second)
		}
		longest = max(longest, wait)
	}
	require.Greater(t, longest, 4*time.Second, "of 200 waits below 8s some are long")
}

func TestSubscriptionsThatDoNotLastDoNotStartWaitsOver(t *testing.T) {
	p := subscribed(t, func(c *Config) { c.BackoffFirst, c.BackoffMax = time.Second, time.Hour })
	for range 30 { // a master that accepts and hangs up at once
		n := len(p.links)
		p.link().breaks(io.EOF)
		require.True(t, p.sim.RunUntil(func() bool { return len(p.links) > n }, 2*time.Hour))
		p.link().subscribed("f-1")
		p.sim.Settle()
	}
	require.Greater(t, p.sim.Now().Sub(p.started), time.Hour)

	p.sim.Advance(50 * time.Second) // heartbeats are due after 75s
	n := len(p.links)
	p.link().send(heartbeat())
	for range 100 {
		p.link().send(heartbeat())
		p.sim.Advance(time.Minute)
	}
	p.link().breaks(io.EOF)
	require.True(t, p.sim.RunUntil(func() bool { return len(p.links) > n }, time.Second), "a fresh start")
}

func TestSilenceOfFiveHeartbeatsIsALostConnection(t *testing.T) {
	p := subscribed(t)
	for range 10 {
		p.sim.Advance(74 * time.Second)
		p.link().send(heartbeat())
		p.sim.Settle()
	}
	require.Len(t, p.links, 1)
	require.Empty(t, p.actor.take())
	p.sim.Advance(74 * time.Second)
	require.Empty(t, p.actor.take())
	p.sim.Advance(time.Second)
	require.Equal(t, "Disconnected", p.actor.take())
	require.True(t, p.links[0].cancelled)
	p.sim.Advance(time.Second)
	require.Len(t, p.links, 2)
}

// A clock that goes back must not make up signs of life from times to come.
func TestSilenceIsNoticedAlsoAfterTheClockWentBack(t *testing.T) {
	p := subscribed(t)
	p.core.SetSkew(-time.Hour)
	p.sim.Advance(2 * 75 * time.Second)
	require.Equal(t, "Disconnected", p.actor.take())
}

func TestAnyEventIsASignOfLife(t *testing.T) {
	p := subscribed(t)
	for range 10 {
		p.sim.Advance(70 * time.Second)
		p.link().send(offers("o"))
	}
	require.Len(t, p.links, 1)
}

func TestMasterThatDoesNotAnswerIsTriedAgain(t *testing.T) {
	p := setup(t)
	p.sim.Advance(29 * time.Second)
	require.Len(t, p.links, 1)
	p.sim.Advance(2 * time.Second)
	require.Len(t, p.links, 2)
	require.True(t, p.links[0].cancelled)
	require.Empty(t, p.actor.take())
}

func TestNewLeaderIsConnectedToAtOnce(t *testing.T) {
	p := subscribed(t)
	p.detector.tell(master("m2"))
	p.sim.Settle()
	require.Equal(t, "m2", p.link().leader.GetId())
	require.True(t, p.links[0].cancelled)
	p.link().subscribed("f-1")
	p.sim.Settle()
	require.Equal(t, "Disconnected; Reregistered at m2", p.actor.take())

	p.detector.tell(master("m2"))
	p.sim.Settle()
	require.Len(t, p.links, 2, "no news")
}

// A SUBSCRIBE that the driver has given up goes over a connection of its own, so it may arrive after the
// next one: the master then takes that for an earlier instance, and ends it.
func TestItsOwnLateSubscribeDoesNotEndTheDriver(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		again int // how often the master says it
		ends  bool
		first string
	}{
		"an echo":                 {time.Second, 1, false, "m1"},
		"a late one":              {echoes, 1, false, "m1"},
		"too late for an echo":    {echoes + 1, 1, true, "m1"},
		"there was one to echo":   {time.Second, 2, true, "m1"},
		"another master heard it": {time.Second, 1, true, "m2"},
	} {
		t.Run(name, func(t *testing.T) {
			p := setup(t, func(cfg *Config) { cfg.Framework.Id = &mesosproto.FrameworkID{Value: proto.String("f-1")} })
			if c.first == "m2" {
				p.link().breaks(io.EOF) // so this one is over
				p.detector.tell(master("m2"))
				p.sim.Settle()
			}
			p.detector.tell(nil)
			p.detector.tell(master("m1"))
			p.sim.Settle()
			p.link().subscribed("f-1")
			for p.sim.Now().Sub(p.started) < c.after {
				p.link().send(heartbeat())
				p.sim.Advance(min(time.Minute, c.after-p.sim.Now().Sub(p.started)))
			}
			for n := range c.again {
				if n > 0 {
					p.sim.Advance(10 * time.Second)
					p.link().subscribed("f-1")
				}
				p.link().send(&schedulerpb.Event{
					Type: schedulerpb.Event_ERROR.Enum(), Error: &schedulerpb.Event_Error{Message: proto.String("Framework failed over")},
				})
				p.sim.Settle()
			}
			p.sim.Advance(10 * time.Second)
			require.Equal(t, c.ends, p.driver.Err() != nil, "%v", p.driver.Err())
		})
	}
}

func TestWithoutALeaderTheDriverWaits(t *testing.T) {
	p := subscribed(t)
	p.detector.tell(nil)
	p.sim.Advance(time.Hour)
	require.Len(t, p.links, 1)
	require.Equal(t, "Disconnected", p.actor.take())
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.Revive()))
	p.detector.tell(master("m1"))
	p.sim.Settle()
	require.Len(t, p.links, 2)
}

func TestNewLeaderEndsTheWait(t *testing.T) {
	p := setup(t, func(c *Config) { c.BackoffFirst, c.BackoffMax = time.Hour, time.Hour })
	p.link().breaks(io.EOF)
	p.sim.Settle()
	p.detector.tell(master("m2"))
	p.sim.Settle()
	require.Len(t, p.links, 2)
	p.sim.Advance(29 * time.Second)
	require.Len(t, p.links, 2, "the old wait is over")
}

func TestRedirectsAreFollowedAtOnceButNotForEver(t *testing.T) {
	p := setup(t, func(c *Config) { c.BackoffFirst, c.BackoffMax = time.Hour, time.Hour })
	p.link().breaks(&apierror.NotLeaderError{Leader: "10.0.0.2:5050"})
	p.sim.Settle()
	require.Len(t, p.links, 2)
	require.Equal(t, "10.0.0.2", p.link().leader.GetAddress().GetIp())
	require.EqualValues(t, 5050, p.link().leader.GetPort())

	for range 20 {
		p.link().breaks(&apierror.NotLeaderError{Leader: "10.0.0.3:5050"})
		p.sim.Settle()
	}
	require.Len(t, p.links, 1+maxRedirects)
	p.sim.Advance(time.Hour)
	require.Len(t, p.links, 2+maxRedirects)
	require.Equal(t, "m1", p.link().leader.GetId(), "after the wait the detector is right again")
}

func TestRedirectToNowhereIsAWait(t *testing.T) {
	for _, leader := range []string{"", "nonsense", "host:0", "zk://a/b"} {
		p := setup(t)
		p.link().breaks(&apierror.NotLeaderError{Leader: leader})
		p.sim.Settle()
		require.Len(t, p.links, 1, leader)
		p.sim.Advance(time.Second)
		require.Len(t, p.links, 2, leader)
		require.Equal(t, "m1", p.link().leader.GetId())
	}
}

func TestRefusedCallThatShowsALostSubscription(t *testing.T) {
	for _, c := range []struct {
		err  error
		lost bool
	}{
		{status.Error(codes.FailedPrecondition, "Framework is not subscribed"), true},
		{&apierror.NotLeaderError{Leader: "10.0.0.2:5050"}, true},
		{status.Error(codes.InvalidArgument, "bad"), false},
		{status.Error(codes.Unavailable, "connection reset"), false},
	} {
		p := subscribed(t)
		p.link().answer = func(*schedulerpb.Call) error { return c.err }
		require.NoError(t, p.driver.Revive())
		p.sim.Settle()
		require.Equal(t, c.lost, p.links[0].cancelled, c.err)
		var refused *CallError
		require.ErrorAs(t, p.actor.err, &refused)
		require.Equal(t, schedulerpb.Call_REVIVE, refused.Call.GetType())
		require.Equal(t, apierror.Code(c.err), status.Code(p.actor.err))
		require.NoError(t, p.driver.Err(), "the driver goes on")
	}
}

func TestCallQueuedWhenTheConnectionBreaksIsReported(t *testing.T) {
	p := subscribed(t)
	p.link().breaks(io.EOF) // handled on the loop before the call
	require.NoError(t, p.driver.Revive())
	p.sim.Settle()
	require.Empty(t, p.links[0].calls)
	require.Contains(t, p.actor.take(), "Error scheduler call REVIVE: the connection to the master was lost")
	require.Equal(t, codes.Unavailable, status.Code(p.actor.err))
}

func TestFrameworkThatIsFarBehindLosesItsStream(t *testing.T) {
	p := subscribed(t)
	p.framework.Pause() // a callback that takes very long
	for range link.MaxQueuedEvents + 10 {
		p.link().send(heartbeat(), update("t", 1, ""))
	}
	p.sim.Advance(time.Hour)
	require.True(t, p.links[0].cancelled)
	require.Len(t, p.links, 1, "first the framework has to catch up")
	p.framework.Resume()
	p.sim.Advance(time.Minute)
	require.Len(t, p.links, 3, "caught up; the first was left without an answer for 30s")
	require.Equal(t, link.MaxQueuedEvents+2, len(p.actor.played))
	require.Equal(t, "Disconnected", p.actor.played[link.MaxQueuedEvents+1], "in order")
}

func TestSlowCallbackDoesNotStopHeartbeats(t *testing.T) {
	p := subscribed(t)
	p.framework.Pause()
	for range 100 {
		p.link().send(offers("o"), heartbeat())
		p.sim.Advance(time.Minute)
	}
	require.Len(t, p.links, 1)
	require.False(t, p.links[0].cancelled)
	p.framework.Resume()
	p.sim.Settle()
	require.Len(t, p.actor.played, 100)
}
