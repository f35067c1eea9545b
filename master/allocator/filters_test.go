package allocator

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Mesos: HierarchicalAllocatorTest.OfferFilter.
func TestOfferFilter(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	c.decline(c.one(), 30*time.Second)
	require.Empty(t, c.after(29*time.Second))
	require.Len(t, c.after(2*time.Second), 1)
}

// Mesos: HierarchicalAllocatorTest.SmallOfferFilterTimeout, and what the interval is for here.
func TestDeclinedForLessThanTheIntervalStaysAwayForTheInterval(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, interval / 2, interval} {
		t.Run(d.String(), func(t *testing.T) {
			c := setup(t, Config{})
			c.framework("framework1", "role1")
			c.agent("agent1", "cpus:2;mem:1024")
			c.decline(c.one(), d)
			require.Empty(t, c.after(interval-1))
			require.Len(t, c.after(interval/8), 1)
		})
	}
}

func TestDeclinedGoesToOthersAtOnce(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.framework("framework2", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	first := c.one()
	c.decline(first, 0)
	second := c.one()
	require.NotEqual(t, first.framework, second.framework)
	c.decline(second, 0)
	require.Empty(t, c.settle(), "nobody else is left")
	require.Len(t, c.after(2*interval), 1, "and it comes back")
}

// However eagerly frameworks decline, each sees an agent once an interval.
func TestDecliningEverythingIsNotRestless(t *testing.T) {
	c := setup(t, Config{})
	const frameworks = 5
	for i := range frameworks {
		c.framework(fmt.Sprint("framework", i), "role1")
	}
	c.agent("agent1", "cpus:2;mem:1024")
	offers, runs := 0, c.Stats().Runs
	for range 100 {
		for list := c.after(interval / 10); len(list) > 0; list = c.settle() {
			offers += len(list)
			for _, o := range list {
				c.decline(o, 0)
			}
		}
	}
	require.InDelta(t, 10*frameworks, offers, frameworks)
	require.LessOrEqual(t, c.Stats().Runs-runs, uint64(3*offers))
}

func TestFilterMatchesPartsOfWhatWasRefusedAlone(t *testing.T) {
	const refused = "cpus:2;mem:1024;cpus(role1):1"
	for _, row := range []struct {
		what, total string
		offered     bool
	}{
		{"the same", refused, false},
		{"less of one", "cpus:1;mem:1024;cpus(role1):1", false},
		{"one missing", "cpus:2;mem:1024", false},
		{"more of one", "cpus:3;mem:1024;cpus(role1):1", true},
		{"one more name", refused + ";disk:10", true},
		{"as much, but more of it reserved", "cpus:1;mem:1024;cpus(role1):2", true},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := setup(t, Config{})
			c.framework("framework1", "role1")
			c.agent("agent1", refused)
			c.decline(c.one(), time.Hour)
			c.UpdateAgent(agentInfo("agent1"), resources.MustParse(row.total), allAgentCaps)
			require.Equal(t, row.offered, len(c.settle()) == 1)
		})
	}
}

// Mesos: HierarchicalAllocatorTest.RemoveFilters, and DESIGN of filters: they last until removed.
func TestWhatEndsFiltersEarly(t *testing.T) {
	total := resources.MustParse("cpus:2;mem:1024")
	for _, row := range []struct {
		what    string
		offered bool
		do      func(c *cluster)
	}{
		{"nothing", false, func(c *cluster) {}},
		{"revive", true, func(c *cluster) { c.ReviveOffers("framework1", []string{"role1"}) }},
		{"revive all", true, func(c *cluster) {
			c.ReviveOffers("framework1", nil)
			c.SuppressOffers("framework1", []string{"role2"})
		}},
		{"revive of another role", false, func(c *cluster) { c.ReviveOffers("framework1", []string{"role2"}) }},
		{"revive of another framework", false, func(c *cluster) { c.ReviveOffers("framework2", nil) }},
		{"suppress and update to not suppressed", true, func(c *cluster) {
			c.SuppressOffers("framework1", []string{"role1"})
			c.UpdateFramework("framework1", frameworkInfo([]string{"role1", "role2"}), FrameworkOptions{Suppressed: []string{"role2"}})
		}},
		{"update", false, func(c *cluster) {
			c.UpdateFramework("framework1", frameworkInfo([]string{"role1", "role2"}), FrameworkOptions{Suppressed: []string{"role2"}})
		}},
		{"drop the role and take it again", true, func(c *cluster) {
			c.UpdateFramework("framework1", frameworkInfo([]string{"role2"}), FrameworkOptions{Suppressed: []string{"role2"}})
			c.UpdateFramework("framework1", frameworkInfo([]string{"role1", "role2"}), FrameworkOptions{Suppressed: []string{"role2"}})
		}},
		{"deactivate and activate", true, func(c *cluster) {
			c.DeactivateFramework("framework1")
			c.ActivateFramework("framework1")
		}},
		{"weights", false, func(c *cluster) { c.UpdateWeights(map[string]float64{"role1": 3}) }},
		{"the agent is deactivated and activated", false, func(c *cluster) {
			c.DeactivateAgent("agent1")
			c.ActivateAgent("agent1")
		}},
		{"the agent is updated", false, func(c *cluster) { c.UpdateAgent(agentInfo("agent1"), total, allAgentCaps) }},
		{"the agent's attributes change", true, func(c *cluster) {
			c.UpdateAgent(agentInfo("agent1", "rack:r1"), total, allAgentCaps)
		}},
		{"the agent is removed and added", true, func(c *cluster) {
			c.RemoveAgent("agent1")
			c.agent("agent1", total.String())
		}},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := setup(t, Config{})
			c.framework("framework1", "role1", "role2")
			c.SuppressOffers("framework1", []string{"role2"})
			c.AddAgent(agentInfo("agent1"), allAgentCaps, nil, total, nil)
			c.decline(c.one(), time.Hour)
			require.Empty(t, c.settle())
			c.framework("framework2", "role2")
			c.SuppressOffers("framework2", nil)
			row.do(c)
			list := c.settle()
			require.Equal(t, row.offered, len(list) == 1 && list[0].framework == "framework1" && list[0].role == "role1", "offers: %v", list)
		})
	}
}

func TestSuppressKeepsFilters(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	c.decline(c.one(), time.Hour)
	c.SuppressOffers("framework1", nil)
	c.settle()
	require.Equal(t, 1, c.expiries.live)
	require.Equal(t, []RoleFilters{{"role1", 1}}, c.Stats().Filters)
}

// All filters are kept, each for its own time.
func TestSeveralFiltersEndOneByOne(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:4;mem:1024")
	o := c.one()
	task := c.launch(o, "cpus:2;mem:512", time.Hour) // refuses cpus:2;mem:512 for an hour
	c.finish(o, task)
	o = c.one() // all of it: more than was refused
	c.decline(o, 10*time.Second)
	require.Empty(t, c.after(9*time.Second))
	require.Equal(t, 2, c.expiries.live)
	require.Len(t, c.after(2*time.Second), 1)
	require.Equal(t, 1, c.expiries.live)
}

func TestFiltersCostNoMoreThanWhatIsRefused(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:2;mem:1024")
	// A framework that refuses for a year and revives, again and again.
	for range 5000 {
		c.decline(c.one(), 365*24*time.Hour)
		require.Empty(t, c.settle())
		c.ReviveOffers("framework1", nil)
	}
	require.LessOrEqual(t, c.expiries.entries, 2048)
	a := c.agentByID["agent1"]
	require.LessOrEqual(t, cap(a.filters.list), 64)
	require.LessOrEqual(t, len(a.filters.refusals), 1)
}

func TestOneSeatHasBoundedFiltersOnAnAgent(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:1;mem:32")
	for i := range 3 * maxFilters {
		// Ever less cpus and more mem, so that no filter covers another.
		total := fmt.Sprintf("cpus:%d;mem:%d", 4*maxFilters-i, 32+i)
		c.UpdateAgent(agentInfo("agent1"), resources.MustParse(total), allAgentCaps)
		for _, o := range c.settle() {
			c.decline(o, time.Hour)
		}
	}
	c.settle()
	require.Equal(t, maxFilters, c.expiries.live)
}

// Filters of frameworks that are gone are swept away when others need their room; those that are live
// keep what they refuse.
func TestSweepKeepsLiveFilters(t *testing.T) {
	c := setup(t, Config{})
	c.agent("agent1", "cpus:9;mem:1024")
	c.framework("old", "role")
	for i := range 40 { // each refuses something else, so no filter is like another
		c.UpdateAgent(agentInfo("agent1"), resources.MustParse(fmt.Sprintf("cpus:9;mem:%d", 1024-i)), allAgentCaps)
		id := fmt.Sprint("framework", i)
		c.framework(id, "role")
		c.declineAll(time.Hour)
		if i%2 == 0 {
			c.RemoveFramework(id)
		}
	}
	require.Equal(t, 21, c.expiries.live)
	require.Less(t, len(c.agentByID["agent1"].filters.list), 40)
	require.Empty(t, c.settle())
	// All refused at least this much, but for what was free before they came.
	c.UpdateAgent(agentInfo("agent1"), resources.MustParse("cpus:9;mem:1000"), allAgentCaps)
	n := c.declineAll(time.Hour)
	require.Equal(t, 8, n, "those that came when there was less than mem:1000")
}

// A sweep moves what was refused; who refuses the same next must find it.
func TestSweepWhileTheSameIsRefusedAgainAndAgain(t *testing.T) {
	c := setup(t, Config{})
	c.framework("first", "role")
	c.agent("agent1", "cpus:9;mem:1024")
	c.decline(c.one(), time.Hour)
	c.UpdateAgent(agentInfo("agent1"), resources.MustParse("cpus:9;mem:2048"), allAgentCaps)
	c.declineAll(time.Hour)
	c.RemoveFramework("first")
	for i := range 100 {
		c.framework(fmt.Sprint("framework", i), "role")
		require.Equal(t, 1, c.declineAll(time.Hour))
	}
	a := c.agentByID["agent1"]
	require.Len(t, a.filters.refusals, 1)
	for _, f := range a.filters.list {
		require.Zero(t, f.refusal)
	}
}

// The filter of an offer's unused part does not keep back what a task frees later.
// Mesos: MESOS-3202, MESOS-4302.
func TestFreedResourcesMeetNoFilterOfLess(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.agent("agent1", "cpus:4;mem:1024")
	o := c.one()
	task := c.launch(o, "cpus:1;mem:128", 5*time.Second)
	require.Empty(t, c.settle())
	c.finish(o, task)
	require.Equal(t, "framework1 role1 agent1 cpus:4; mem:1024", c.one().String())
}

func TestFilterForVolumeDoesNotCoverAnotherVolume(t *testing.T) {
	volume := func(id string) resources.Resources {
		return resources.NewScalar("disk", 64*resources.Unit).
			Reserved(resources.Reservation{Type: resources.Dynamic, Role: "role1"}).
			WithDisk(&resources.DiskInfo{Persistence: &resources.Persistence{ID: id}, Volume: &resources.Volume{ContainerPath: "p"}}).
			Resources()
	}
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	base := resources.MustParse("cpus:2;mem:1024")
	c.AddAgent(agentInfo("agent1"), allAgentCaps, nil, base.Add(volume("id1")), nil)
	c.decline(c.one(), time.Hour)
	c.UpdateAgent(agentInfo("agent1"), base.Add(volume("id2")), allAgentCaps)
	require.Len(t, c.settle(), 1)
}

// A framework that is unable to use an agent does not keep those behind it from it.
// Mesos: HierarchicalAllocatorTest.FrameworkLoopMESOS_9554.
func TestFrameworksBehindOneThatCannotUseAnAgent(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.AddFramework("framework2", frameworkInfo([]string{"role1"}, mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES), nil, true, FrameworkOptions{})
	revocable := resources.New(
		resources.NewScalar("cpus", resources.Unit).AsRevocable(),
		resources.NewScalar("mem", 64*resources.Unit).AsRevocable())
	c.AddAgent(agentInfo("agent1"), allAgentCaps, nil, revocable, nil)
	require.Equal(t, "framework2", c.one().framework)
}
