package containerizertest

import (
	"context"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
)

func testWaitByMany(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(waits)
	ends := make(chan containerizer.Termination, 5)
	var wg sync.WaitGroup
	for range cap(ends) {
		wg.Go(func() {
			end, err := f.c.Wait(f.ctx, spec.ID)
			if err != nil {
				t.Errorf("wait: %v", err)
			}
			ends <- end
		})
	}
	f.proceed(spec)
	wg.Wait()
	close(ends)
	for end := range ends {
		f.exited(5, end)
	}
	f.exited(5, f.wait(spec)) // and by those who come late
}

func testWaitGivesUp(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(waits)
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err := f.c.Wait(ctx, spec.ID)
	require.ErrorIs(t, err, context.Canceled)
	f.proceed(spec)
	f.exited(5, f.wait(spec))
}

func testSignal(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(obeys)
	require.NoError(t, f.c.Signal(f.ctx, spec.ID, syscall.SIGTERM))
	f.exited(7, f.wait(spec))
	require.ErrorIs(t, f.c.Signal(f.ctx, spec.ID, syscall.SIGTERM), containerizer.ErrUnknown)
}

func testSignalReachesChildren(t *testing.T, s Subject) {
	if s.FirstProcessOnly {
		t.Skip("the subject signals only the first process")
	}
	f := setup(t, s)
	spec := f.spec(family)
	said := f.listen(spec)
	f.start(spec)
	require.Equal(t, "ready\n", said())
	require.NoError(t, f.c.Signal(f.ctx, spec.ID, syscall.SIGTERM))
	require.Equal(t, "child\n", said())
	f.exited(3, f.wait(spec))
}

func testDestroyKills(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(stays)
	require.True(t, f.alive(spec))
	f.killed(syscall.SIGKILL, f.destroy(spec))
	require.False(t, f.alive(spec))
	f.killed(syscall.SIGKILL, f.wait(spec))
}

func testDestroyIsIdempotent(t *testing.T, s Subject) {
	f := setup(t, s)
	ended := f.launch(exits(3))
	f.exited(3, f.wait(ended))
	f.exited(3, f.destroy(ended))

	spec := f.launchReady(stays)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := f.c.Destroy(f.ctx, spec.ID); err != nil {
				t.Errorf("destroy: %v", err)
			}
		})
	}
	wg.Wait()
	f.killed(syscall.SIGKILL, f.destroy(spec))
}

// However Launch and Destroy meet, nothing runs once both have returned.
func testDestroyDuringLaunch(t *testing.T, s Subject) {
	f := setup(t, s)
	for range 10 {
		spec := f.spec(stays)
		f.destroyAtEnd(spec)
		var launched, destroyed error
		var wg sync.WaitGroup
		wg.Go(func() { _, launched = f.c.Launch(f.ctx, spec) })
		wg.Go(func() { _, destroyed = f.c.Destroy(f.ctx, spec.ID) })
		wg.Wait()
		if destroyed != nil {
			require.ErrorIs(t, destroyed, containerizer.ErrUnknown, "destroy came before launch")
			require.NoError(t, launched)
			f.destroy(spec)
		}
		require.False(t, f.alive(spec))
		_, err := f.c.Status(f.ctx, spec.ID)
		require.ErrorIs(t, err, containerizer.ErrUnknown)
		f.wait(spec)
	}
}

func testDestroyKillsDescendants(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(spreads)
	f.killed(syscall.SIGKILL, f.destroy(spec))
	require.False(t, f.alive(spec), "children, daemons and orphans must be gone")
}

func testNothingIsLeftBehind(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launch(leaves)
	f.exited(4, f.wait(spec))
	require.False(t, f.alive(spec), "children, daemons and orphans must be gone when Wait returns")
}

func testRemove(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(waits)
	require.Error(t, f.c.Remove(f.ctx, spec.ID), "it runs")
	f.proceed(spec)
	f.exited(5, f.wait(spec))
	require.NoError(t, f.c.Remove(f.ctx, spec.ID))
	_, err := f.c.Wait(f.ctx, spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
	_, err = f.c.Destroy(f.ctx, spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
	require.NoError(t, f.c.Remove(f.ctx, spec.ID))
	require.DirExists(t, spec.Sandbox, "sandboxes are the agent's to remove")
}
