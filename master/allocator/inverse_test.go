package allocator

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/allocatorpb"
	"github.com/mesokit/mesokit/resources"
)

func unavailable(start int64) *mesosproto.Unavailability {
	return &mesosproto.Unavailability{Start: &mesosproto.TimeInfo{Nanoseconds: proto.Int64(start)}}
}

func answered(framework string, s allocatorpb.InverseOfferStatus_Status) *allocatorpb.InverseOfferStatus {
	return &allocatorpb.InverseOfferStatus{
		Status: s.Enum(), FrameworkId: &mesosproto.FrameworkID{Value: proto.String(framework)},
		Timestamp: &mesosproto.TimeInfo{Nanoseconds: proto.Int64(1)},
	}
}

// inverseOf settles and returns who got inverse offers, as framework and agent.
func (c *cluster) inverseOf(d time.Duration) (list []string) {
	c.after(d)
	for _, x := range c.inverse {
		list = append(list, x.FrameworkID+" "+x.AgentID)
	}
	c.inverse = nil
	return list
}

// Mesos: HierarchicalAllocatorTest.MaintenanceInverseOffers.
func TestMaintenanceInverseOffers(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	c.agent("agent2", "cpus:2;mem:1024")
	require.Len(t, c.settle(), 2)
	require.Empty(t, c.inverseOf(0))
	c.UpdateUnavailability("agent1", unavailable(7))
	c.after(0)
	require.Equal(t, []InverseOffer{{"framework1", "agent1", unavailable(7)}}, c.inverse)
	c.inverse = nil
	require.Empty(t, c.inverseOf(time.Hour), "one is outstanding")

	c.UpdateInverseOffer("agent1", "framework1", nil, answered("framework1", allocatorpb.InverseOfferStatus_ACCEPT), &Filter{RefuseFor: 5 * time.Second})
	require.Empty(t, c.inverseOf(5*time.Second-1))
	require.Equal(t, []string{"framework1 agent1"}, c.inverseOf(1), "it may have changed its mind")
	require.Equal(t, allocatorpb.InverseOfferStatus_ACCEPT, c.InverseOfferStatuses("agent1")[0].GetStatus())

	c.UpdateUnavailability("agent1", unavailable(8))
	require.Empty(t, c.InverseOfferStatuses("agent1"))
	require.Equal(t, []string{"framework1 agent1"}, c.inverseOf(0), "another plan, another inverse offer")
	c.UpdateUnavailability("agent1", nil)
	require.Empty(t, c.inverseOf(time.Hour))
}

func TestInverseOffersGoToWhoeverHoldsSomething(t *testing.T) {
	c := setup(t, Config{})
	c.framework("holder", "role1", "role2")
	c.framework("inactive", "role1")
	c.framework("bystander", "role3")
	c.DeactivateFramework("inactive")
	total := resources.MustParse("cpus:4;mem:1024")
	one := resources.MustParse("cpus:1")
	c.Pause()
	c.AddAgent(agentInfo("agent1"), allAgentCaps, unavailable(1), total, map[string]resources.Resources{
		"holder": one.Allocate("role1").Add(one.Allocate("role2")), "inactive": one.Allocate("role1"), "unknown": one.Allocate("role1")})
	c.DeactivateAgent("agent1")
	c.Resume()
	require.Equal(t, []string{"holder agent1"}, c.inverseOf(0), "once, though the agent is not active")
	c.ActivateFramework("inactive")
	require.Equal(t, []string{"inactive agent1"}, c.inverseOf(0))
	c.ActivateAgent("agent1")
	require.Equal(t, "bystander", c.one().framework)
	require.Equal(t, []string{"bystander agent1"}, c.inverseOf(0), "an offer makes a holder")
}

func TestInverseOfferThatIsDeclinedComesBackNoSoonerThanTheInterval(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	c.settle()
	c.UpdateUnavailability("agent1", unavailable(1))
	require.Len(t, c.inverseOf(0), 1)
	decline := func(d time.Duration) {
		c.UpdateInverseOffer("agent1", "framework1", nil, answered("framework1", allocatorpb.InverseOfferStatus_DECLINE), &Filter{RefuseFor: d})
	}
	decline(0)
	require.Empty(t, c.inverseOf(interval-1))
	require.Len(t, c.inverseOf(1), 1)

	decline(time.Hour)
	decline(time.Minute) // out of date: it changes nothing
	require.Empty(t, c.inverseOf(time.Hour-1))
	require.Len(t, c.inverseOf(1), 1)

	// One that was taken back without an answer is made again.
	c.UpdateInverseOffer("agent1", "framework1", nil, nil, nil)
	require.Len(t, c.inverseOf(0), 1)

	for what, end := range map[string]func(){
		"revive":     func() { c.ReviveOffers("framework1", nil) },
		"update":     func() { c.UpdateFramework("framework1", frameworkInfo([]string{"role1"}), FrameworkOptions{}) },
		"reactivate": func() { c.DeactivateFramework("framework1"); c.ActivateFramework("framework1") },
	} {
		decline(time.Hour)
		require.Empty(t, c.inverseOf(0))
		end()
		require.Len(t, c.inverseOf(0), 1, what)
	}
	c.RemoveFramework("framework1")
	require.Empty(t, c.agentByID["agent1"].maintenance.answers)
}
