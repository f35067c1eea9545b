package docker

import (
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// tick is how often a test looks for what nothing tells it.
const tick = 5 * time.Millisecond

// patience is how long a test may wait for something.
func (r *rig) patience() time.Duration {
	deadline, _ := r.ctx.Deadline()
	return time.Until(deadline)
}

func (r *rig) exists(spec *containerizer.Spec) bool {
	_, err := r.api.ContainerInspect(r.ctx, namePrefix+spec.ID.GetValue())
	if err != nil {
		require.True(r, errdefs.IsNotFound(err), "%v", err)
	}
	return err == nil
}

func (r *rig) ended() *containerizer.Spec {
	r.Helper()
	spec := r.task("true", none)
	r.launch(spec)
	r.end(spec)
	return spec
}

func TestEndedContainersAreKeptForAWhile(t *testing.T) {
	r := newRig(t)
	spec := r.ended()
	require.NoError(t, r.Remove(r.ctx, spec.ID))
	require.True(t, r.exists(spec), "the delay is hours")
	_, err := r.Wait(r.ctx, spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown)

	r.cfg.RemoveDelay = time.Millisecond
	r.restart() // the delay counts from the end, also for the next process
	require.Eventually(t, func() bool { return !r.exists(spec) }, r.patience(), tick)

	spec = r.ended()
	require.NoError(t, r.Remove(r.ctx, spec.ID))
	require.Eventually(t, func() bool { return !r.exists(spec) }, r.patience(), tick)

	r.cfg.RemoveDelay = -1
	r.restart()
	spec = r.ended()
	require.True(t, r.exists(spec), "it is not forgotten yet")
	require.NoError(t, r.Remove(r.ctx, spec.ID))
	require.False(t, r.exists(spec))
}

func TestFewEndedContainersAreKept(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.MaxEnded = 2 })
	specs := []*containerizer.Spec{r.ended(), r.ended(), r.ended(), r.ended()}
	for _, spec := range specs {
		require.NoError(t, r.Remove(r.ctx, spec.ID))
	}
	require.Eventually(t, func() bool { return !r.exists(specs[0]) && !r.exists(specs[1]) }, r.patience(), tick)
	require.True(t, r.exists(specs[2]))
	require.True(t, r.exists(specs[3]))
}
