//lint:file-ignore SA1019 the deprecated field role is half of what is tested here

package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func (s *scheduler) decline(seconds *float64, offers ...*mesosproto.Offer) {
	s.b.t.Helper()
	m := &schedulerpb.Call_Decline{}
	for _, o := range offers {
		m.OfferIds = append(m.OfferIds, o.Id)
	}
	if seconds != nil {
		m.Filters = &mesosproto.Filters{RefuseSeconds: seconds}
	}
	s.do(&schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: m})
}

func (s *scheduler) revive(roles ...string) {
	s.b.t.Helper()
	s.do(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), Revive: &schedulerpb.Call_Revive{Roles: roles}})
}

func (s *scheduler) suppress(roles ...string) {
	s.b.t.Helper()
	s.do(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{Roles: roles}})
}

// Scheduler API, Filters: what is declined stays away for refuse_seconds, 5 s if nothing is said, and
// at least until the next interval of 1 s.
func TestDeclineKeepsResourcesAway(t *testing.T) {
	for _, c := range []struct {
		seconds *float64
		away    time.Duration
	}{
		{nil, 5 * time.Second},
		{proto.Float64(10), 10 * time.Second},
		{proto.Float64(-1), 5 * time.Second},
		{proto.Float64(0), time.Second},
		{proto.Float64(0.1), time.Second},
	} {
		b := start(t)
		b.agent("1", "cpus:2;mem:1024")
		f := b.framework(modern("dev"))
		f.decline(c.seconds, f.offer())
		b.sim.Advance(c.away - 100*time.Millisecond)
		require.Empty(t, f.offers(), "%v after %v", c.seconds, c.away-100*time.Millisecond)
		b.sim.Advance(1200 * time.Millisecond)
		f.offer()
	}
}

func TestARefusalLastsAYearAtMost(t *testing.T) {
	b := start(t, func(cfg *master.Config) { cfg.AgentPingTimeout = 24 * time.Hour })
	b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.decline(proto.Float64(1e12), f.offer())
	b.sim.Advance(364 * 24 * time.Hour)
	require.Empty(t, f.offers())
	b.sim.Advance(2 * 24 * time.Hour)
	f.offer()
}

func TestReviveForgetsFilters(t *testing.T) {
	b := start(t)
	b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.decline(proto.Float64(1000), f.offer())
	b.sim.Advance(time.Minute)
	require.Empty(t, f.offers())
	f.revive()
	f.offer()
}

func TestSuppressAndRevive(t *testing.T) {
	b := start(t)
	f := b.framework(modern("dev"))
	f.suppress()
	b.agent("1", "cpus:2;mem:1024")
	require.Empty(t, f.offers())
	require.Equal(t, []string{"dev"}, f.state().Suppressed)
	f.revive("dev")
	f.offer()
	require.Empty(t, f.state().Suppressed)
}

// Scheduler API: a role that is not the framework's voids the whole call, which is accepted all the same.
func TestARoleOfOthersVoidsSuppressAndRevive(t *testing.T) {
	b := start(t)
	f := b.framework(modern("dev"))
	f.suppress("dev", "ops")
	require.Empty(t, f.state().Suppressed)
	f.suppress("dev")
	f.revive("dev", "ops")
	require.Equal(t, []string{"dev"}, f.state().Suppressed)
}

func TestOffersThatAreOverAreIgnored(t *testing.T) {
	b := start(t)
	b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	o := f.offer()
	f.decline(proto.Float64(0), o)
	f.decline(proto.Float64(1000), o, &mesosproto.Offer{Id: &mesosproto.OfferID{Value: proto.String("nosuch")}})
	b.sim.Advance(2 * time.Second)
	f.offer()
}

func TestTheOwnerHearsIfAnotherDeclinesItsOffer(t *testing.T) {
	b := start(t)
	b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	o := f.offer()
	g := b.framework(modern("ops"))
	g.decline(nil, o)
	require.Equal(t, o.Id.GetValue(), f.take(schedulerpb.Event_RESCIND)[0].GetRescind().GetOfferId().GetValue())
}

func TestOfferTimeout(t *testing.T) {
	b := start(t, func(cfg *master.Config) { cfg.OfferTimeout = 30 * time.Second })
	b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	o := f.offer()
	b.sim.Advance(29 * time.Second)
	require.Empty(t, f.take(schedulerpb.Event_RESCIND))
	b.sim.Advance(time.Second)
	require.Equal(t, o.Id.GetValue(), f.take(schedulerpb.Event_RESCIND)[0].GetRescind().GetOfferId().GetValue())
	f.offer()
}

// Scheduler API, capabilities: what a framework does not know is left out of its offers.
func TestOffersSuitTheCapabilitiesOfTheFramework(t *testing.T) {
	b := start(t)
	b.agent("1", "cpus(dev):2;mem:1024")
	old := plain()
	old.Role = proto.String("dev")
	f := b.framework(old)
	o := f.offer()
	require.Nil(t, o.AllocationInfo)
	for _, r := range o.Resources {
		require.Nil(t, r.AllocationInfo)
		require.Empty(t, r.Reservations)
		if r.GetName() == "cpus" {
			require.Equal(t, "dev", r.GetRole())
		} else {
			require.Equal(t, "*", r.GetRole())
		}
	}
	f.leaves()

	g := b.framework(modern("dev"))
	o = g.offer()
	require.Equal(t, "dev", o.GetAllocationInfo().GetRole())
	for _, r := range o.Resources {
		require.Equal(t, "dev", r.GetAllocationInfo().GetRole())
		require.Nil(t, r.Role)
		if r.GetName() == "cpus" {
			require.Equal(t, mesosproto.Resource_ReservationInfo_STATIC, r.GetReservations()[0].GetType())
		}
	}
}

// A framework without MULTI_ROLE leaves allocation roles out of its tasks; agents get them all the same.
func TestTasksOfOldFrameworksAreCompleted(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(plain())
	o := f.offer()
	task := f.task(h, "t", "cpus:1;mem:64")
	for _, r := range task.Resources {
		r.Role = proto.String("*")
	}
	f.accept(0, []*mesosproto.Offer{o}, launchOf(task))
	sent := last[*messagespb.RunTaskMessage](h).GetTask()
	for _, r := range sent.GetResources() {
		require.Equal(t, "*", r.GetAllocationInfo().GetRole())
		require.Nil(t, r.Role)
	}
	for _, r := range task.GetResources() {
		require.Nil(t, r.AllocationInfo, "what the framework sent is not changed")
	}
}

func TestOffersNameTheExecutorsOfTheFramework(t *testing.T) {
	b := start(t)
	h := b.agent("1", "cpus:2;mem:1024")
	f := b.framework(modern("dev"))
	f.accept(0, []*mesosproto.Offer{f.offer()}, launchOf(f.custom(h, "t1", "e1")))
	b.sim.Advance(2 * time.Second)
	require.Equal(t, "e1", f.offer().GetExecutorIds()[0].GetValue())
}
