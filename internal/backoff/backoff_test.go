package backoff

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBoundDoublesUpToMax(t *testing.T) {
	b := Backoff{First: 10 * time.Second, Max: time.Minute}
	for _, want := range []time.Duration{10, 20, 40, 60, 60} {
		require.Equal(t, want*time.Second, b.Bound())
	}
	b.Reset()
	require.Equal(t, 10*time.Second, b.Bound())
}

func TestNextIsRandomBelowTheBound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	b := Backoff{First: time.Second, Max: 4 * time.Second}
	seen := map[time.Duration]bool{}
	for range 100 {
		d := b.Next(r)
		require.Less(t, d, 4*time.Second)
		require.GreaterOrEqual(t, d, time.Duration(0))
		seen[d] = true
	}
	require.Greater(t, len(seen), 90)
	require.Zero(t, (&Backoff{}).Next(r))
}
