package containerizertest

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// checkpoint is what an agent remembers.
func (f *fixture) checkpoint(specs ...*containerizer.Spec) []containerizer.Checkpoint {
	var known []containerizer.Checkpoint
	for _, spec := range specs {
		k := containerizer.Checkpoint{Spec: spec}
		if p, ok := f.c.(containerizer.PidReporter); ok {
			k.Pid, _ = p.Pid(spec.ID)
		}
		known = append(known, k)
	}
	return known
}

// What ran goes on; what ended while there was no agent has its exit status.
func testRecoverKnown(t *testing.T, s Subject) {
	f := setup(t, s)
	goes, ends := f.launchReady(obeys), f.launchReady(waits)
	before := f.launch(exits(3))
	f.exited(3, f.wait(before))
	known := f.checkpoint(goes, ends, before)
	f.restart()
	if s.Survives {
		f.proceed(ends)
	}
	require.NoError(t, f.c.Recover(f.ctx, known))

	if !s.Survives {
		for _, spec := range []*containerizer.Spec{goes, ends, before} {
			if end := f.wait(spec); spec == before && end.Exited {
				f.exited(3, end) // it may be remembered, but not be wrong
			} else {
				require.False(t, end.Exited)
				require.NotEmpty(t, end.Message)
			}
			_, err := f.c.Status(f.ctx, spec.ID)
			require.ErrorIs(t, err, containerizer.ErrUnknown)
			if !s.Functions {
				require.False(t, f.alive(spec))
			}
		}
		return
	}
	f.exited(5, f.wait(ends))
	f.exited(3, f.wait(before))
	status, err := f.c.Status(f.ctx, goes.ID)
	require.NoError(t, err)
	require.Equal(t, goes.ID.GetValue(), status.GetContainerId().GetValue())
	_, err = f.c.Launch(f.ctx, goes)
	require.ErrorIs(t, err, containerizer.ErrExists)
	if !s.Functions {
		code, output, err := f.c.Exec(f.ctx, goes.ID, shell("echo checked"))
		require.NoError(t, err)
		require.Zero(t, code.ExitStatus())
		require.Equal(t, "checked\n", string(output))
	}
	require.NoError(t, f.c.Signal(f.ctx, goes.ID, syscall.SIGTERM))
	f.exited(7, f.wait(goes))

	for _, spec := range []*containerizer.Spec{goes, ends, before} {
		require.NoError(t, f.c.Remove(f.ctx, spec.ID))
		_, err := f.c.Wait(f.ctx, spec.ID)
		require.ErrorIs(t, err, containerizer.ErrUnknown)
	}
	f.exited(0, f.wait(f.launch(exits(0)))) // and new ones can be launched
}

func testRecoverDestroysUnknown(t *testing.T, s Subject) {
	f := setup(t, s)
	spec := f.launchReady(stays)
	f.restart()
	require.NoError(t, f.c.Recover(f.ctx, nil))
	if !s.Functions { // a function can't be killed from outside; its process is gone in earnest
		require.False(t, f.alive(spec))
	}
	_, err := f.c.Status(f.ctx, spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
}

// A container that is remembered but nowhere to be found, say after a reboot, has ended.
func testRecoverGone(t *testing.T, s Subject) {
	f := newFixture(t, s)
	spec := f.spec(exits(0))
	require.NoError(t, f.c.Recover(f.ctx, []containerizer.Checkpoint{{Spec: spec}}))
	for _, end := range []containerizer.Termination{f.wait(spec), f.destroy(spec)} {
		require.False(t, end.Exited)
		require.NotEmpty(t, end.Message)
	}
	require.NoError(t, f.c.Remove(f.ctx, spec.ID))
	_, err := f.c.Wait(f.ctx, spec.ID)
	require.ErrorIs(t, err, containerizer.ErrUnknown)
}
