package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/master"
)

func TestSnapshotsComeNoMoreOftenThanTheInterval(t *testing.T) {
	b := start(t, func(cfg *master.Config) { cfg.SnapshotInterval = time.Hour })
	b.sim.Advance(time.Hour)
	before := b.master.Snapshot()
	require.True(t, before.Recovered, "what was left over when the master began to lead")

	b.newHost("a", "cpus:1").register()
	require.Same(t, before, b.master.Snapshot(), "it is too early")
	b.newHost("b", "cpus:1").register()
	b.sim.Advance(before.At.Add(time.Hour).Sub(b.sim.Now()))
	after := b.master.Snapshot()
	require.Equal(t, before.Version+1, after.Version)
	require.Equal(t, 2, after.Agents.Len())

	b.sim.Advance(2 * time.Hour)
	b.newHost("c", "cpus:1").register()
	require.Equal(t, 3, b.master.Snapshot().Agents.Len(), "there was none for long, so it comes at once")

	b.newHost("d", "cpus:1").register()
	b.master.Stop()
	b.settle()
	require.Equal(t, 4, b.master.Snapshot().Agents.Len(), "the last one does not wait")
}
