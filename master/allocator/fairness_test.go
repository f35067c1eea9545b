package allocator

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/resources"
)

// Mesos: HierarchicalAllocatorTest.UnreservedDRF.
func TestUnreservedDRF(t *testing.T) {
	c := setup(t, Config{})
	c.agent("agent1", "cpus:2;mem:1024;disk:0")
	c.framework("framework1", "role1")
	require.Equal(t, []string{"framework1 role1 agent1 cpus:2; mem:1024"}, texts(c.settle()))

	// role1 now has everything, so role2 is next.
	c.framework("framework2", "role2")
	c.agent("agent2", "cpus:1;mem:512;disk:0")
	require.Equal(t, []string{"framework2 role2 agent2 cpus:1; mem:512"}, texts(c.settle()))

	// role1 has 0.67, role2 0.33.
	c.agent("agent3", "cpus:3;mem:2048;disk:0")
	require.Equal(t, []string{"framework2 role2 agent3 cpus:3; mem:2048"}, texts(c.settle()))

	// Of role1, framework3 has nothing yet.
	c.framework("framework3", "role1")
	require.Empty(t, c.settle())
	c.agent("agent4", "cpus:4;mem:4096;disk:0")
	require.Equal(t, []string{"framework3 role1 agent4 cpus:4; mem:4096"}, texts(c.settle()))

	// role1: cpus 6/10; role2: 4/10, mem 2560/7680.
	c.framework("framework4", "role1")
	c.agent("agent5", "cpus:1;mem:512;disk:0")
	require.Equal(t, []string{"framework2 role2 agent5 cpus:1; mem:512"}, texts(c.settle()))
}

// Reserved resources count to the share. Mesos: HierarchicalAllocatorTest.ReservedDRF.
func TestReservedDRF(t *testing.T) {
	c := setup(t, Config{})
	c.agent("agent1", "cpus:1;mem:512;cpus(role1):100;mem(role1):1024")
	c.framework("framework1", "role1")
	require.True(t, c.one().resources.Unallocate().Equal(resources.MustParse("cpus:1;mem:512;cpus(role1):100;mem(role1):1024")))

	c.framework("framework2", "role2")
	c.agent("agent2", "cpus:2;mem:512")
	require.Equal(t, "framework2", c.one().framework)
	// role2 has 2 of 103+, role1 101: still role2.
	c.agent("agent3", "cpus:2;mem:512")
	require.Equal(t, "framework2", c.one().framework)
	// framework3 in role1 gets what is reserved to it, whatever the share of role1.
	c.framework("framework3", "role1")
	c.agent("agent4", "cpus(role1):2;mem(role1):1024")
	o := c.one()
	require.Equal(t, "framework3", o.framework)
}

// Mesos: HierarchicalAllocatorTest.NestedRoleDRF, with the numbers of the sorter's tests.
func TestNestedRoleDRF(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "a/b")
	c.framework("framework2", "a/c")
	c.framework("framework3", "d")
	for _, id := range []string{"agent1", "agent2", "agent3", "agent4"} {
		c.agent(id, "cpus:1;mem:1024")
		c.settle()
	}
	held := map[string]int{}
	for _, a := range c.agents {
		for _, x := range a.holdings {
			held[x.seat.framework.id]++
		}
	}
	// a and d share half and half, a/b and a/c the half of a.
	require.Equal(t, map[string]int{"framework1": 1, "framework2": 1, "framework3": 2}, held)
}

// Mesos: HierarchicalAllocatorTest.DRFWithFairnessExclusion.
func TestDRFWithFairnessExclusion(t *testing.T) {
	c := setup(t, Config{ExcludeFromShares: []string{"gpus"}, ShowGPUsToAll: true})
	c.agent("agent1", "cpus:2;mem:1024;gpus:1")
	c.framework("framework1", "role1")
	require.Equal(t, "framework1", c.one().framework)
	c.framework("framework2", "role2")
	c.agent("agent2", "cpus:3;mem:1536")
	require.Equal(t, "framework2", c.one().framework)
	// With gpus role1 would have 1 and role2 0.6; without them 0.4 and 0.6.
	c.agent("agent3", "cpus:1;mem:512")
	require.Equal(t, "framework1", c.one().framework)
}

// The first framework in order gets all that an agent has. Mesos: HierarchicalAllocatorTest.CoarseGrained.
func TestCoarseGrained(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "role1")
	c.framework("framework2", "role2")
	c.Pause()
	c.agent("agent1", "cpus:2;mem:1024;ports:[31000-32000]")
	c.agent("agent2", "cpus:2;mem:1024;ports:[31000-32000]")
	c.Resume()
	list := c.settle()
	require.Len(t, list, 2)
	require.Equal(t, "framework1 framework2", receivers(list), "the first is the first in order")
	for _, o := range list {
		require.True(t, o.resources.Unallocate().Equal(resources.MustParse("cpus:2;mem:1024;ports:[31000-32000]")))
	}
}

// Frameworks of equal shares take turns. Mesos: HierarchicalAllocatorTest.SameShareFairness.
func TestSameShareFairness(t *testing.T) {
	c := setup(t, Config{})
	c.framework("framework1", "*")
	c.framework("framework2", "*")
	c.agent("agent1", "cpus:2;mem:1024")
	count := map[string]int{}
	for range 10 {
		o := c.one()
		count[o.framework]++
		c.RecoverResources(o.framework, o.agent, o.resources, nil, false)
	}
	require.Equal(t, map[string]int{"framework1": 5, "framework2": 5}, count)
}

func TestWeightsOfRoles(t *testing.T) {
	c := setup(t, Config{})
	c.UpdateWeights(map[string]float64{"role1": 2})
	c.framework("framework1", "role1")
	c.framework("framework2", "role2")
	grow := func(prefix string, agents int) {
		for i := range agents {
			c.agent(fmt.Sprint(prefix, i), "cpus:1;mem:1024")
			c.one()
		}
	}
	grow("first", 6)
	require.Equal(t, 4, c.held("framework1"))
	require.Equal(t, 2, c.held("framework2"))

	// A weight that changes counts from then on.
	c.UpdateWeights(map[string]float64{"role1": 1, "role2": 2})
	grow("then", 9)
	require.Equal(t, 5, c.held("framework1"))
	require.Equal(t, 10, c.held("framework2"))
}

// The worked example of Ghodsi et al., Dominant Resource Fairness (NSDI 2011): 9 cpus and 18 GB, A's
// tasks need <1, 4>, B's <3, 1>. The order of grants and the shares after each are the paper's.
func TestWorkedExampleOfDRFPaper(t *testing.T) {
	c := setup(t, Config{})
	c.framework("A", "role")
	c.framework("B", "role")
	needs := map[string]string{"A": "cpus:1;mem:4", "B": "cpus:3;mem:1"}
	c.UpdateFramework("A", withMinimum(frameworkInfo([]string{"role"}), "role", needs["A"]), FrameworkOptions{})
	c.UpdateFramework("B", withMinimum(frameworkInfo([]string{"role"}), "role", needs["B"]), FrameworkOptions{})
	// B comes first in the paper's tie at 0; the offer to A that comes first by name is given back.
	c.agent("agent", "cpus:9;mem:18")
	var order []string
	first := c.one()
	require.Equal(t, "A", first.framework)
	c.RecoverResources(first.framework, first.agent, first.resources, nil, false)
	for {
		list := c.settle()
		if len(list) == 0 {
			break
		}
		require.Len(t, list, 1)
		order = append(order, list[0].framework)
		c.launch(list[0], needs[list[0].framework], -1)
	}
	require.Equal(t, []string{"B", "A", "A", "B", "A"}, order)
	require.Equal(t, "cpus:3; mem:12", c.frameworks["A"].seats[0].node.given.String())
	require.Equal(t, "cpus:6; mem:2", c.frameworks["B"].seats[0].node.given.String())
}
