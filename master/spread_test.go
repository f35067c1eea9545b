package master

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/resources"
)

// What a framework has on all agents is the sum of scalars and the union of the rest, whatever came and
// went before.
func TestSpreadIsTheSumOverAgents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spread
		has := map[string][]resources.Resources{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			agent := fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "agent"))
			if n := len(has[agent]); n > 0 && rapid.Bool().Draw(t, "sub") {
				s.sub(agent, has[agent][n-1])
				has[agent] = has[agent][:n-1]
				continue
			}
			// Each grant on an agent has ports of its own, the same on all agents.
			first := 31000 + 10*len(has[agent])
			r := resources.MustParse(fmt.Sprintf("cpus:1;ports:[%d-%d]", first, first+5))
			if rapid.Bool().Draw(t, "scalars only") {
				r = resources.MustParse("cpus:1;mem:5")
			}
			s.add(agent, r)
			has[agent] = append(has[agent], r)
		}
		var want resources.Resources
		for _, list := range has {
			want = want.Add(resources.Sum(list...))
		}
		got := s.resources()
		require.Equal(t, want.CPUs(), got.CPUs())
		require.Equal(t, want.Mem(), got.Mem())
		require.Equal(t, want.Ports(), got.Ports())
	})
}

func TestSpreadForgetsWhatIsGone(t *testing.T) {
	var s spread
	r := resources.MustParse("cpus:1;ports:[1-2]")
	for _, agent := range []string{"a", "b"} {
		s.add(agent, r)
	}
	require.Len(t, s.kinds, 1)
	for _, agent := range []string{"a", "b"} {
		s.sub(agent, r)
	}
	require.Empty(t, s.kinds)
	require.Empty(t, s.others)
	require.True(t, s.resources().IsEmpty())
}
