package guard_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/loop"
)

func TestRealLoopsHaveAllGuards(t *testing.T) {
	l := loop.New()
	defer l.Close()
	require.Zero(t, guard.Of(l))
	require.Zero(t, guard.Of(nil))
}

type lax struct{}

func (lax) Without() guard.Set { return guard.Without(guard.UpdateRetry, guard.DriverSilence) }

func TestALoopSaysWhichGuardsAreOff(t *testing.T) {
	s := guard.Of(lax{})
	for _, g := range guard.All() {
		require.Equal(t, g == guard.UpdateRetry || g == guard.DriverSilence, s.Off(g), "%v", g)
		require.False(t, guard.Set(0).Off(g))
	}
}

func TestEveryGuardHasANameOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range guard.All() {
		require.NotEmpty(t, g.String())
		require.False(t, seen[g.String()], "%v", g)
		seen[g.String()] = true
	}
	require.Equal(t, "Guard(0)", guard.Guard(0).String())
	require.Equal(t, "Guard(200)", guard.Guard(200).String())
	require.Less(t, len(seen), 32, "a Set has no room for more")
}

// What should come after something else comes at once when the guard is off, and once in any case.
func TestWait(t *testing.T) {
	n := 0
	done := func(error) { n++ }
	later := guard.Set(0).Wait(guard.UpdateStore, done)
	require.Zero(t, n)
	later(nil)
	require.Equal(t, 1, n)
	later = guard.Without(guard.UpdateStore).Wait(guard.UpdateStore, done)
	require.Equal(t, 2, n)
	later(nil)
	require.Equal(t, 2, n)
}
