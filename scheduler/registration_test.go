package scheduler

import (
	"io"
	"math"
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func TestSubscribeIntroducesTheFramework(t *testing.T) {
	p := setup(t, func(c *Config) { c.SuppressedRoles = []string{"b", "a", "b"} })
	call := p.link().subscribe
	require.Equal(t, schedulerpb.Call_SUBSCRIBE, call.GetType())
	require.Nil(t, call.GetFrameworkId(), "a framework without an id is a new one")
	require.Equal(t, "test", call.GetSubscribe().GetFrameworkInfo().GetName())
	require.Equal(t, []string{"a", "b"}, call.GetSubscribe().GetSuppressedRoles())
	require.Equal(t, "m1", p.link().leader.GetId())
	require.Nil(t, p.driver.FrameworkID())
}

func TestFailoverSubscribesWithTheID(t *testing.T) {
	p := setup(t, func(c *Config) { c.Framework.Id = &mesosproto.FrameworkID{Value: proto.String("f-7")} })
	call := p.link().subscribe
	require.Equal(t, "f-7", call.GetFrameworkId().GetValue(), "call and info must agree, says the API")
	require.Equal(t, "f-7", call.GetSubscribe().GetFrameworkInfo().GetId().GetValue())
	p.link().subscribed("f-7")
	p.sim.Settle()
	require.Equal(t, "Registered f-7 at m1", p.actor.take(), "the first time of this driver")
}

func TestReconnectKeepsTheID(t *testing.T) {
	p := subscribed(t)
	require.Equal(t, "f-1", p.driver.FrameworkID().GetValue())
	p.link().breaks(io.EOF)
	p.sim.Advance(time.Second)
	require.Len(t, p.links, 2)
	require.Equal(t, "f-1", p.link().subscribe.GetFrameworkId().GetValue())
	require.Equal(t, "f-1", p.link().subscribe.GetSubscribe().GetFrameworkInfo().GetId().GetValue())
	p.link().subscribed("f-1")
	p.sim.Settle()
	require.Equal(t, "Disconnected; Reregistered at m1", p.actor.take())
	require.True(t, p.links[0].closed, "the old connection is closed")
}

func TestSubscriptionsRefusedForGoodEndTheDriver(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied,
		codes.Unimplemented, codes.FailedPrecondition} {
		p := setup(t)
		p.link().breaks(status.Error(code, "no"))
		p.sim.Settle()
		require.Equal(t, code, apierror.Code(p.driver.Err()), code)
		require.Equal(t, 1, len(p.actor.played), "Error is called once: %v", p.actor.played)
		require.True(t, p.detector.cancelled)
	}
}

func TestSubscriptionsRefusedForNowAreRepeated(t *testing.T) {
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, status.Error(codes.Unavailable, "503"),
		status.Error(codes.Internal, "500"), status.Error(codes.ResourceExhausted, "429")} {
		p := setup(t)
		p.link().breaks(err)
		p.sim.Advance(time.Second)
		require.Len(t, p.links, 2, err)
		require.NoError(t, p.driver.Err())
		require.Empty(t, p.actor.take(), "nothing to tell before the first Registered")
	}
}

func TestErrorEventIsFatalAndLast(t *testing.T) {
	p := subscribed(t)
	p.link().send(offers("o1"), &schedulerpb.Event{
		Type:  schedulerpb.Event_ERROR.Enum(),
		Error: &schedulerpb.Event_Error{Message: proto.String("Framework failed over")},
	}, offers("o2"))
	p.sim.Settle()
	require.Equal(t, "Offers o1; Error rpc error: code = Aborted desc = Framework failed over", p.actor.take())
	require.Equal(t, codes.Aborted, status.Code(p.driver.Err()))
	p.sim.Advance(time.Hour)
	require.Len(t, p.links, 1, "no attempt to subscribe again: the two schedulers would take turns")
	require.Equal(t, codes.FailedPrecondition, status.Code(p.driver.Revive()))
}

func TestAnotherFrameworksAnswerIsFatal(t *testing.T) {
	p := subscribed(t)
	p.link().breaks(io.EOF)
	p.sim.Advance(time.Second)
	p.link().subscribed("f-2")
	p.sim.Settle()
	require.ErrorContains(t, p.driver.Err(), "f-2")
}

func TestSubscribedWithoutIDIsNoSubscription(t *testing.T) {
	p := setup(t)
	p.link().send(&schedulerpb.Event{Type: schedulerpb.Event_SUBSCRIBED.Enum()})
	p.sim.Advance(time.Second)
	require.Len(t, p.links, 2)
	require.Empty(t, p.actor.take())
}

func TestEventsBeforeSubscribedAreIgnored(t *testing.T) {
	p := setup(t)
	p.link().send(offers("o1"), heartbeat())
	p.sim.Settle()
	require.Empty(t, p.actor.take())
	p.link().subscribed("f-1")
	p.link().subscribed("f-1")
	p.sim.Settle()
	require.Equal(t, "Registered f-1 at m1", p.actor.take())
}

func TestHowLongAMasterMayBeSilent(t *testing.T) {
	require.Equal(t, 75*time.Second, silence(proto.Float64(15)), "five heartbeats of 15s")
	for _, odd := range []*float64{nil, proto.Float64(0), proto.Float64(-1), proto.Float64(math.NaN()),
		proto.Float64(math.Inf(1)), proto.Float64(1e300)} {
		require.Greater(t, silence(odd), 24*time.Hour, "%v is no promise", odd)
	}
}

func TestSuppressedRolesOutliveTheConnection(t *testing.T) {
	multiRole := func(c *Config) {
		c.Framework.Roles = []string{"dev", "ops", "qa"}
		c.Framework.Capabilities = Capabilities(mesosproto.FrameworkInfo_Capability_MULTI_ROLE)
	}
	p := subscribed(t, multiRole)
	again := func() []string {
		p.sim.Settle()
		p.link().breaks(io.EOF)
		p.sim.Advance(15 * time.Second)
		p.link().subscribed("f-1")
		p.sim.Settle()
		return p.link().subscribe.GetSubscribe().GetSuppressedRoles()
	}
	require.NoError(t, p.driver.Suppress("ops"))
	require.Equal(t, []string{"ops"}, again())
	require.NoError(t, p.driver.Suppress())
	require.Equal(t, []string{"dev", "ops", "qa"}, again())
	require.NoError(t, p.driver.Revive("qa", "dev"))
	require.Equal(t, []string{"ops"}, again())
	require.NoError(t, p.driver.Revive())
	require.Empty(t, again())
}

func TestSuppressOfAFrameworkWithOneRole(t *testing.T) {
	p := subscribed(t)
	require.NoError(t, p.driver.Suppress())
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.sim.Advance(time.Second)
	require.Equal(t, []string{"*"}, p.link().subscribe.GetSubscribe().GetSuppressedRoles())
}

func TestUpdatedFrameworkCountsOnceAccepted(t *testing.T) {
	p := subscribed(t)
	refused := status.Error(codes.InvalidArgument, "Updating 'FrameworkInfo.user' is unsupported")
	p.link().answer = func(*schedulerpb.Call) error { return refused }
	rename := func(name string) *schedulerpb.Call_UpdateFramework {
		return &schedulerpb.Call_UpdateFramework{
			FrameworkInfo:   &mesosproto.FrameworkInfo{User: proto.String("u"), Name: &name},
			SuppressedRoles: []string{name},
		}
	}
	require.NoError(t, p.driver.UpdateFramework(rename("bad")))
	p.sim.Settle()
	require.Equal(t, "Error scheduler call UPDATE_FRAMEWORK: Updating 'FrameworkInfo.user' is unsupported", p.actor.take())
	require.Equal(t, "f-1", p.link().calls[0].GetUpdateFramework().GetFrameworkInfo().GetId().GetValue())

	p.link().answer = nil
	require.NoError(t, p.driver.UpdateFramework(rename("good")))
	p.sim.Settle()
	p.link().breaks(io.EOF)
	p.sim.Advance(time.Second)
	s := p.link().subscribe.GetSubscribe()
	require.Equal(t, "good", s.GetFrameworkInfo().GetName())
	require.Equal(t, "f-1", s.GetFrameworkInfo().GetId().GetValue())
	require.Equal(t, []string{"good"}, s.GetSuppressedRoles())
}
