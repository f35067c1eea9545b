package allocator

import (
	"testing"

	"github.com/stretchr/testify/require"
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
