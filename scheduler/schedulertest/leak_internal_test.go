package schedulertest

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"
)

// What has died is let go, or a long run would fill the memory with dead masters.
func TestDeadMastersAreLetGo(t *testing.T) {
	c := New(t, Config{Masters: 3, Agents: 20, NoRecords: true})
	c.Inject(RandomFaults(1, 6*60, 6*time.Hour))
	nodes := map[string]weak.Pointer[node]{}
	for range 7 * 60 {
		c.Advance(time.Minute)
		for _, h := range c.masters {
			nodes[h.node.name] = weak.Make(h.node)
		}
	}
	runtime.GC()
	runtime.GC()
	held := 0
	for _, n := range nodes {
		if n.Value() != nil {
			held++
		}
	}
	require.Greater(t, len(nodes), 20)
	require.Equal(t, len(c.masters), held)
	runtime.KeepAlive(c)
}
