package allocator

import (
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/quotapb"
	"github.com/mesokit/mesokit/resources"
)

func TestFreedResourcesAreOfferedAtOnce(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.framework("framework2", "role2")
	c.agent("agent1", "cpus:2;mem:1024")
	o := c.one()
	task := c.launch(o, "cpus:2;mem:1024", 0)
	require.Empty(t, c.after(time.Hour))
	c.finish(o, task)
	require.Equal(t, "framework2 role2 agent1 cpus:2; mem:1024", c.one().String())
}

func TestNothingRunsWhileNothingHappens(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	c.launch(c.one(), "cpus:1;mem:1024", 0)
	c.after(time.Minute)
	c.offers = nil
	runs := c.Stats().Runs
	c.after(24 * time.Hour)
	require.Equal(t, runs, c.Stats().Runs)
}

func TestBacklogMakesOneRun(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.settle()
	runs := c.Stats().Runs
	for _, id := range []string{"agent1", "agent2", "agent3"} {
		c.loop.Post(func() { c.agent(id, "cpus:2;mem:1024") })
	}
	require.Len(t, c.settle(), 3)
	require.Equal(t, runs+1, c.Stats().Runs)
}

func TestOffersOfARunComeFrameworkByFramework(t *testing.T) {
	c := setup(t, Config{})
	var calls []Offers
	c.back.Offer = func(o Offers) { calls = append(calls, o) }
	c.framework("framework1", "role1", "role2")
	c.framework("framework2", "role1")
	c.Pause()
	for _, id := range []string{"agent1", "agent2", "agent3", "agent4"} {
		c.agent(id, "cpus:2;mem:1024")
	}
	c.agent("agent5", "cpus(role1):2;mem(role1):512;cpus(role2):2;mem(role2):512")
	c.Resume()
	c.settle()
	require.Len(t, calls, 2)
	for _, o := range calls {
		for i, x := range o.Offers[1:] {
			before := o.Offers[i]
			require.True(t, before.Role < x.Role || before.Role == x.Role && before.AgentID < x.AgentID, "not sorted: %v", o)
		}
	}
}

// What the receiver gives back at once, because framework or agent are gone, is offered again no sooner
// than after the interval: the two do not keep each other busy.
func TestReceiverMayGiveBackAtOnce(t *testing.T) {
	c := setup(t, Config{})
	n := 0
	c.back.Offer = func(o Offers) {
		n++
		for _, x := range o.Offers {
			c.RecoverResources(o.FrameworkID, x.AgentID, x.Resources, nil, false)
		}
	}
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	c.after(10*interval + interval/2)
	require.Equal(t, 11, n)
}

func TestPauseNestsAndForgetsNothing(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.Pause()
	c.Pause()
	c.agent("agent1", "cpus:2;mem:1024")
	require.Empty(t, c.settle())
	c.Resume()
	require.Empty(t, c.settle())
	c.Resume()
	require.Len(t, c.settle(), 1)
	c.Resume() // one too many does no harm
	c.Pause()
	c.agent("agent2", "cpus:2;mem:1024")
	require.Empty(t, c.settle())
}

func TestRunThatFindsItselfPausedKeepsItsCandidates(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024") // posts a run
	c.Pause()
	require.Empty(t, c.settle())
	c.Resume()
	require.Len(t, c.settle(), 1)
}

func TestNothingBeforeInitialize(t *testing.T) {
	c := setup(t, Config{})
	h := New(c.loop, Config{})
	h.AddFramework("framework1", frameworkInfo([]string{"role"}), nil, true, FrameworkOptions{})
	h.AddAgent(agentInfo("agent1"), allAgentCaps, nil, resources.MustParse("cpus:1"), nil)
	c.settle()
	n := 0
	h.Initialize(Callbacks{Offer: func(o Offers) { n += len(o.Offers) }})
	c.settle()
	require.Equal(t, 1, n)
}

// Mesos: HierarchicalAllocatorTest.DeactivateAndReactivateFramework.
func TestDeactivateAndReactivateFramework(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	o := c.one()
	c.DeactivateFramework("framework1")
	c.RecoverResources(o.framework, o.agent, o.resources, nil, false)
	require.Empty(t, c.after(time.Minute))
	c.ActivateFramework("framework1")
	require.Len(t, c.settle(), 1)
}

// Mesos: HierarchicalAllocatorTest.SuppressAndReviveOffers and SuppressAndReviveOffersWithMultiRole.
func TestSuppressAndReviveOffers(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1", "role2")
	c.SuppressOffers("framework1", []string{"role1"})
	c.agent("agent1", "cpus:2;mem:1024")
	o := c.one()
	require.Equal(t, "role2", o.role)
	c.SuppressOffers("framework1", nil)
	c.RecoverResources(o.framework, o.agent, o.resources, nil, false)
	require.Empty(t, c.after(time.Minute))
	c.DeactivateFramework("framework1")
	c.ActivateFramework("framework1")
	require.Empty(t, c.after(time.Minute), "what is suppressed stays so")
	c.ReviveOffers("framework1", []string{"role1"})
	require.Equal(t, "role1", c.one().role)
}

func TestFrameworkThatStartsSuppressed(t *testing.T) {
	c := setup(t, Config{})
	c.AddFramework("framework1", frameworkInfo([]string{"role1", "role2"}), nil, true, FrameworkOptions{Suppressed: []string{"role1", "role2"}})
	c.agent("agent1", "cpus:2;mem:1024")
	require.Empty(t, c.after(time.Minute))
	c.UpdateFramework("framework1", frameworkInfo([]string{"role1", "role2"}), FrameworkOptions{Suppressed: []string{"role1"}})
	require.Equal(t, "role2", c.one().role)
}

// Mesos: HierarchicalAllocatorTest.RoleTest and UpdateFramework tests: a role that was dropped is
// known as long as something is held in it.
func TestDroppedRoleStaysWhileItHoldsSomething(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	o := c.one()
	c.UpdateFramework("framework1", frameworkInfo([]string{"role2"}), FrameworkOptions{})
	require.Empty(t, c.settle())
	require.Contains(t, c.roles, "role1")
	c.RecoverResources(o.framework, o.agent, o.resources, nil, false)
	require.Equal(t, "role2", c.one().role)
	require.NotContains(t, c.roles, "role1")
}

func TestCapabilitiesOfAFrameworkChange(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024;gpus:1")
	require.Empty(t, c.settle())
	c.UpdateFramework("framework1", frameworkInfo([]string{"role1"}, mesosproto.FrameworkInfo_Capability_GPU_RESOURCES), FrameworkOptions{})
	require.Len(t, c.settle(), 1)
}

// What agents report of a framework counts, whichever of the two comes first.
// Mesos: HierarchicalAllocatorTest.FrameworkReregistersFirst and SlaveReregistersFirst.
func TestWhatIsInUseWhenTheyReregister(t *testing.T) {
	total, used := resources.MustParse("cpus:2;mem:1024"), resources.MustParse("cpus:1;mem:512").Allocate("role1")
	addAgent := func(c *cluster) {
		c.AddAgent(agentInfo("agent1"), allAgentCaps, nil, total, map[string]resources.Resources{"framework1": used})
	}
	addFramework := func(c *cluster) {
		c.AddFramework("framework1", frameworkInfo([]string{"role1"}), map[string]resources.Resources{"agent1": used}, true, FrameworkOptions{})
	}
	for name, order := range map[string][]func(*cluster){"agent first": {addAgent, addFramework}, "framework first": {addFramework, addAgent}} {
		t.Run(name, func(t *testing.T) {
			c := setup(t, Config{})
			for _, do := range order {
				do(c)
				c.sim.Settle()
			}
			require.Equal(t, "framework1 role1 agent1 cpus:1; mem:512", c.one().String())
			require.Equal(t, "cpus:2; mem:1024", c.frameworks["framework1"].seats[0].node.given.String())
			c.RemoveFramework("framework1")
			c.settle()
			require.True(t, c.agentByID["agent1"].free.IsEmpty(), "what it holds is taken until it is recovered")
			c.RecoverResources("framework1", "agent1", used, nil, true)
			c.settle()
			require.Equal(t, "cpus:1; mem:512", c.agentByID["agent1"].free.String())
		})
	}
}

// used of a framework that becomes known later, which names an agent that did not report it.
func TestUsedThatTheAgentDidNotReport(t *testing.T) {
	c := setup(t, Config{})
	c.agent("agent1", "cpus:2;mem:1024")
	used := resources.MustParse("cpus:1").Allocate("role1")
	c.AddFramework("framework1", frameworkInfo([]string{"role1"}), map[string]resources.Resources{"agent1": used, "nowhere": used}, true, FrameworkOptions{})
	require.Equal(t, "framework1 role1 agent1 cpus:1; mem:1024", c.one().String())
}

func TestRecoveredThatWasNotHeldIsIgnored(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	o := c.one()
	more := resources.MustParse("cpus:5;mem:5;disk:5").Allocate("role1")
	c.RecoverResources("framework1", "nowhere", more, nil, false)
	c.RecoverResources("nobody", "agent1", more, nil, false)
	c.RecoverResources("framework1", "agent1", more.Allocate("role2"), nil, true)
	c.RecoverResources("framework1", "agent1", resources.Resources{}, &Filter{}, true)
	c.Allocated("nobody", "agent1", more)
	c.Allocated("framework1", "nowhere", more)
	require.Empty(t, c.settle())
	c.RecoverResources("framework1", "agent1", more, nil, true) // as if used: offered it was
	require.Equal(t, "framework1 role1 agent1 cpus:2; mem:5", c.one().String())
	c.RecoverResources(o.framework, o.agent, o.resources, nil, false)
	require.Equal(t, "framework1 role1 agent1 cpus:2; mem:1024", c.one().String())
	c.RecoverResources(o.framework, o.agent, o.resources, nil, false)
	require.Len(t, c.settle(), 1)
}

func TestResourcesOfSeveralRolesAreRecovered(t *testing.T) {
	c := setup(t, Config{})
	a, b := resources.MustParse("cpus:1").Allocate("a"), resources.MustParse("cpus:1").Allocate("b")
	c.AddAgent(agentInfo("agent1"), allAgentCaps, nil, resources.MustParse("cpus:2"), map[string]resources.Resources{"framework1": a.Add(b)})
	c.RecoverResources("framework1", "agent1", a.Add(b), nil, true)
	c.settle()
	require.Equal(t, "cpus:2", c.agentByID["agent1"].free.String())
	require.Empty(t, c.frameworks)
}

// Mesos: HierarchicalAllocatorTest.UpdateSlaveOversubscribedResources and UpdateSlaveTotal.
func TestAgentsTotalGrowsAndShrinks(t *testing.T) {
	c := setup(t, Config{})
	c.AddFramework("framework1", frameworkInfo([]string{"role1"}, mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES), nil, true, FrameworkOptions{})
	c.agent("agent1", "cpus:4;mem:1024")
	o := c.one()
	revocable := resources.NewScalar("cpus", 5*resources.Unit).AsRevocable().Resources()
	total := resources.MustParse("cpus:4;mem:1024")
	c.UpdateAgent(agentInfo("agent1"), total.Add(revocable), allAgentCaps)
	require.True(t, c.one().resources.Unallocate().Equal(revocable))

	// The agent has less than it had: nothing is free, never less than nothing.
	c.UpdateAgent(agentInfo("agent1"), resources.MustParse("cpus:1;mem:2048"), allAgentCaps)
	require.Equal(t, "framework1 role1 agent1 mem:1024", c.one().String())
	c.RecoverResources(o.framework, o.agent, resources.MustParse("cpus:3.5;mem:1024").Allocate("role1"), nil, false)
	require.Equal(t, "framework1 role1 agent1 cpus:0.5; mem:1024", c.one().String())
}

func TestAgentThatChangesIsLookedAtAgain(t *testing.T) {
	info := agentInfo("agent1")
	info.Domain = domain("there")
	gpus := resources.MustParse("cpus:1;gpus:1")
	for what, change := range map[string]func(c *cluster){
		"its capabilities": func(c *cluster) { c.UpdateAgent(info, gpus, allAgentCaps) },
		"its domain": func(c *cluster) {
			moved := proto.CloneOf(info)
			moved.Domain = domain("here")
			c.UpdateAgent(moved, gpus, allAgentCaps)
		},
		"its gpus": func(c *cluster) { c.UpdateAgent(info, resources.MustParse("cpus:1"), allAgentCaps) },
	} {
		t.Run(what, func(t *testing.T) {
			cfg := Config{Domain: domain("here")}
			all := []mesosproto.FrameworkInfo_Capability_Type{
				mesosproto.FrameworkInfo_Capability_GPU_RESOURCES, mesosproto.FrameworkInfo_Capability_REGION_AWARE}
			caps := allAgentCaps
			switch what {
			case "its capabilities":
				caps = nil
			case "its domain":
				all = all[:1]
			case "its gpus":
				all = all[1:]
			}
			c := setup(t, cfg)
			c.AddFramework("framework1", frameworkInfo([]string{"role1"}, all...), nil, true, FrameworkOptions{})
			c.AddAgent(info, caps, nil, gpus, nil)
			require.Empty(t, c.settle())
			change(c)
			require.Len(t, c.settle(), 1)
		})
	}
}

func TestAgentAddedTwiceIsReplaced(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	o := c.one()
	c.agent("agent1", "cpus:3;mem:1024")
	require.Equal(t, "framework1 role1 agent1 cpus:3; mem:1024", c.one().String())
	c.RecoverResources(o.framework, o.agent, o.resources, nil, false)
	c.settle()
}

func TestSeatsAndSlotsAreUsedAgain(t *testing.T) {
	c := setup(t, Config{})
	for range 100 {
		c.framework("framework1", "role1")
		c.agent("agent1", "cpus:2;mem:1024")
		c.decline(c.one(), time.Hour)
		c.settle()
		c.RemoveFramework("framework1")
		c.framework("framework2", "role1")
		require.Equal(t, "framework2", c.one().framework, "the filter of another framework that had the same place")
		c.RemoveAgent("agent1")
		c.RemoveFramework("framework2")
		c.settle()
	}
	require.Len(t, c.seats, 1)
	require.Len(t, c.agents, 1)
}

// Mesos: HierarchicalAllocatorTest.UpdateAllocation and its shared volumes.
func TestUpdateAllocation(t *testing.T) {
	c := setup(t, Config{})
	c.AddFramework("framework1", frameworkInfo([]string{"role1"}, mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES), nil, true, FrameworkOptions{})
	c.agent("agent1", "cpus:2;mem:1024;disk:100")
	o := c.one()
	conversions, err := resources.Reserve(reserved("disk:64", "role1").Allocate("role1"))
	require.NoError(t, err)
	volume := sharedVolume("role1").AllocatedTo("role1").Resources()
	create, err := resources.CreateVolumes(volume)
	require.NoError(t, err)
	conversions = append(conversions, create...)
	require.NoError(t, c.UpdateAllocation(o.framework, o.agent, o.resources, conversions))
	require.Equal(t, uint64(1), c.frameworks["framework1"].seats[0].node.count, "it is no gift")
	c.settle()

	after, err := o.resources.Apply(conversions...)
	require.NoError(t, err)
	total, err := resources.MustParse("cpus:2;mem:1024;disk:100").Apply(unallocated(conversions)...)
	require.NoError(t, err)
	require.True(t, c.agentByID["agent1"].total.Equal(total))
	require.True(t, c.agentByID["agent1"].free.Equal(volume.Unallocate()), "the volume can be offered to others")

	// Two copies more for tasks of an ACCEPT.
	needed := sharedVolume("role1").AsShared(3).AllocatedTo("role1").Resources()
	require.NoError(t, c.UpdateAllocation(o.framework, o.agent, after, after.ShareCopies(needed)))
	c.settle()
	require.True(t, c.agentByID["agent1"].total.Equal(total))
	require.Equal(t, resources.Scalar(100*resources.Unit), c.roles["role1"].node.given.Get("disk"))

	// Destroying it while copies remain is refused, and changes nothing.
	destroy, err := resources.DestroyVolumes(volume)
	require.NoError(t, err)
	three := after.Add(sharedVolume("role1").AsShared(2).AllocatedTo("role1").Resources())
	err = c.UpdateAllocation(o.framework, o.agent, three, destroy)
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	require.ErrorContains(t, err, "additional shared copies")
	c.settle()

	c.RecoverResources(o.framework, o.agent, three, nil, false)
	require.True(t, c.one().resources.Unallocate().Equal(total))
}

func unallocated(allocated []resources.Conversion) (list []resources.Conversion) {
	for _, x := range allocated {
		list = append(list, resources.Conversion{Consumed: x.Consumed.Unallocate(), Converted: x.Converted.Unallocate()})
	}
	return list
}

func TestUpdateAllocationRefuses(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	o := c.one()
	cpus := func(n string, role string) resources.Resources {
		return resources.MustParse("cpus:" + n).Allocate(role)
	}
	for _, row := range []struct {
		framework, agent string
		offered          resources.Resources
		consumed         resources.Resources
		code             codes.Code
	}{
		{"nobody", "agent1", o.resources, resources.Resources{}, codes.NotFound},
		{"framework1", "nowhere", o.resources, resources.Resources{}, codes.NotFound},
		{"framework1", "agent1", resources.Resources{}, resources.Resources{}, codes.InvalidArgument},
		{"framework1", "agent1", cpus("1", "role1").Add(cpus("1", "role2")), resources.Resources{}, codes.InvalidArgument},
		{"framework1", "agent1", cpus("1", "role2"), resources.Resources{}, codes.FailedPrecondition},
		{"framework1", "agent1", cpus("3", "role1"), resources.Resources{}, codes.FailedPrecondition},
		{"framework1", "agent1", cpus("1", "role1"), cpus("2", "role1"), codes.FailedPrecondition},
	} {
		err := c.UpdateAllocation(row.framework, row.agent, row.offered, []resources.Conversion{{Consumed: row.consumed}})
		require.Equal(t, row.code, status.Code(err), "%+v: %v", row, err)
	}
	c.settle()
}

// Mesos: HierarchicalAllocatorTest.UpdateAvailableSuccess and UpdateAvailableFail.
func TestUpdateAvailable(t *testing.T) {
	c := setup(t, Config{})
	c.agent("agent1", "cpus:2;mem:1024")
	c.settle()
	conversions, err := resources.Reserve(reserved("cpus:1", "role1"))
	require.NoError(t, err)
	require.NoError(t, c.UpdateAvailable("agent1", conversions))
	c.framework("framework1", "role2")
	require.Equal(t, "framework1 role2 agent1 cpus:1; mem:1024", c.one().String())

	err = c.UpdateAvailable("agent1", conversions)
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "the other cpu is offered: %v", err)
	require.Equal(t, codes.NotFound, status.Code(c.UpdateAvailable("nowhere", conversions)))
}

// An operator unreserves what a role keeps: the next in order may have it at once.
func TestUnreservedByOperatorIsOffered(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role2")
	c.AddAgent(agentInfo("agent1"), allAgentCaps, nil, reserved("cpus:1", "role1"), nil)
	require.Empty(t, c.settle())
	conversions, err := resources.Unreserve(reserved("cpus:1", "role1"))
	require.NoError(t, err)
	require.NoError(t, c.UpdateAvailable("agent1", conversions))
	require.Equal(t, "framework1 role2 agent1 cpus:1", c.one().String())
}

func quota(role string) map[string]*quotapb.QuotaConfig {
	return map[string]*quotapb.QuotaConfig{role: {Role: proto.String(role),
		Guarantees: map[string]*mesosproto.Value_Scalar{"cpus": {Value: proto.Float64(1)}}}}
}

func TestRecoveryWithQuotaWaitsForAgents(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.Recover(5, quota("role1")) // 4 must come
	for _, id := range []string{"agent1", "agent2", "agent3"} {
		c.agent(id, "cpus:2;mem:1024")
		require.Empty(t, c.after(time.Second))
	}
	require.Equal(t, AwaitingAgents, c.Explain(Question{FrameworkID: "framework1", Role: "role1", AgentID: "agent1"})[0].Code)
	c.agent("agent4", "cpus:2;mem:1024")
	require.Len(t, c.settle(), 4)
	require.NotNil(t, c.Quota("role1"))
	c.UpdateQuota("role1", &quotapb.QuotaConfig{Role: proto.String("role1")})
	require.Nil(t, c.Quota("role1"))
}

func TestRecoveryWithQuotaWaitsNoLongerThanItsTimeout(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.Recover(5, quota("role1"))
	c.agent("agent1", "cpus:2;mem:1024")
	require.Empty(t, c.after(10*time.Minute-1))
	require.Len(t, c.after(1), 1)
}

func TestRecoveryWithoutQuotaOrAgentsDoesNotWait(t *testing.T) {
	for expected, quotas := range map[int]map[string]*quotapb.QuotaConfig{5: nil, 1: quota("role1"), 0: quota("role1")} {
		c := setup(t, Config{})
		c.framework("framework1", "role1")
		c.Recover(expected, quotas)
		c.agent("agent1", "cpus:2;mem:1024")
		require.Len(t, c.settle(), 1)
	}
}

func TestDeactivatedAgentIsNotOffered(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	o := c.one()
	c.DeactivateAgent("agent1")
	c.RecoverResources(o.framework, o.agent, o.resources, nil, false)
	require.Empty(t, c.after(time.Minute))
	c.ActivateAgent("agent1")
	require.Len(t, c.settle(), 1)
}

func TestUnknownIdsAreTolerated(t *testing.T) {
	c := setup(t, Config{})
	c.RemoveFramework("x")
	c.ActivateFramework("x")
	c.DeactivateFramework("x")
	c.UpdateFramework("x", frameworkInfo(nil), FrameworkOptions{})
	c.SuppressOffers("x", nil)
	c.ReviveOffers("x", nil)
	c.RemoveAgent("x")
	c.UpdateAgent(agentInfo("x"), resources.Resources{}, nil)
	c.ActivateAgent("x")
	c.DeactivateAgent("x")
	c.UpdateUnavailability("x", nil)
	c.UpdateInverseOffer("x", "x", nil, nil, nil)
	c.UpdateWeights(map[string]float64{"x": -1})
	require.Empty(t, c.settle())
	require.Nil(t, c.Excluded("x"))
	require.Nil(t, c.InverseOfferStatuses("x"))
}

// The same calls give the same offers in the same order.
func TestSameSeedSameOffers(t *testing.T) {
	trace := func() []string {
		c := setup(t, Config{})
		for _, id := range []string{"f1", "f2", "f3", "f4"} {
			c.framework(id, "a", "b")
		}
		var all []string
		for i := range 60 {
			if i%3 == 0 {
				c.agent(string(rune('A'+i)), "cpus:2;mem:1024;cpus(a):1")
			}
			list := c.after(interval / 3)
			all = append(all, texts(list)...)
			for j, o := range list {
				c.decline(o, time.Duration(j)*time.Second)
			}
		}
		return all
	}
	first := trace()
	require.Greater(t, len(first), 100)
	require.Equal(t, first, trace())
}
