package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// smallDisk mounts a file system of a few megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := directory(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m,mode=755"); err != nil {
		t.Skipf("needs the right to mount a small disk: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill writes until a disk is full, and returns the file that does it.
func fill(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; { // down to the last byte
		_, err := f.Write(make([]byte, size))
		if errors.Is(err, syscall.ENOSPC) {
			size /= 2
			continue
		}
		require.NoError(t, err)
	}
	return f.Name()
}

// On a full disk tasks fail with a reason, and the agent is none the worse for it.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	dir := smallDisk(t)
	a := agentIn(t, m, dir, freePort(t))
	a.sees(`\tregistered\t`)
	require.Equal(t, 0, execute(t, m, "before", "--command=true").ends())

	filler := fill(t, dir)
	p := execute(t, m, "task", "--command=true")
	require.Equal(t, 4, p.ends())
	p.sees(`TASK_LOST`)
	p.sees(`Failed to create executor directory .*no space left on device; free space on the agent's disk`)
	p.sees(`REASON_EXECUTOR_TERMINATED`)
	left, err := filepath.Glob(filepath.Join(dir, "slaves/*/frameworks/*/executors/task/runs/*"))
	require.NoError(t, err)
	require.Empty(t, left, "no empty sandbox")

	require.NoError(t, os.Remove(filler))
	again := execute(t, m, "after", "--command=echo hi")
	require.Equal(t, 0, again.ends())
	require.True(t, a.runs())
}

// A task that fills the disk is told so by the system, and ends as it chooses.
func TestATaskFillsTheDisk(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := agentIn(t, m, smallDisk(t), freePort(t))
	a.sees(`\tregistered\t`)
	p := execute(t, m, "greedy", "--checkpoint", "--command=dd if=/dev/zero of=big bs=1M && exit 0; rm big; exit 9")
	require.Equal(t, 2, p.ends())
	p.sees("Command exited with status 9")
	require.Equal(t, 0, execute(t, m, "after", "--command=true").ends())
}
