package posix

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

func TestUsage(t *testing.T) {
	for _, outlives := range []bool{true, false} {
		c, box := started(t, outlives)
		ready := fifo(t, filepath.Join(box, "ready"))
		s := spec(box, "c")
		// A child that has ended has used time too.
		s.Command = shell(`sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; (setsid sleep 100000 &) ; sleep 100000 & echo up >ready; wait`)
		s.Resources = resources.New(resources.NewScalar("cpus", 500), resources.NewScalar("mem", 64_000))
		_, err := c.Launch(t.Context(), s)
		require.NoError(t, err)
		require.Equal(t, "up\n", line(t, ready))
		u, err := c.Usage(t.Context(), s.ID)
		require.NoError(t, err)
		require.Equal(t, uint32(3), u.GetProcesses())
		require.Equal(t, uint32(3), u.GetThreads())
		require.Positive(t, u.GetCpusUserTimeSecs()+u.GetCpusSystemTimeSecs())
		require.Greater(t, u.GetMemRssBytes(), uint64(100<<10))
		require.Equal(t, 0.5, u.GetCpusSoftLimit())
		require.Nil(t, u.CpusLimit)
		require.Equal(t, uint64(64<<20), u.GetMemLimitBytes())
		require.Equal(t, uint64(64<<20), u.GetMemSoftLimitBytes())

		r := resources.New(resources.NewScalar("cpus", 1000), resources.NewScalar("mem", 32_000))
		for _, limit := range []struct{ cpus, mem, wantCpus float64 }{{2, 128, 2}, {math.Inf(1), math.Inf(1), float64(runtime.NumCPU())}} {
			require.NoError(t, c.Update(t.Context(), s.ID, r, map[string]float64{"cpus": limit.cpus, "mem": limit.mem}))
			u, err = c.Usage(t.Context(), s.ID)
			require.NoError(t, err)
			require.Equal(t, 1.0, u.GetCpusSoftLimit())
			require.Equal(t, limit.wantCpus, u.GetCpusLimit())
			require.Equal(t, uint64(32<<20), u.GetMemSoftLimitBytes())
			require.GreaterOrEqual(t, u.GetMemLimitBytes(), uint64(128<<20))
		}
		status, err := c.Status(t.Context(), s.ID)
		require.NoError(t, err)
		pid, ok := c.Pid(s.ID)
		require.True(t, ok)
		require.Equal(t, uint32(pid), status.GetExecutorPid())
		_, err = c.Destroy(t.Context(), s.ID)
		require.NoError(t, err)
	}
}

func volume(id, at, role string) resources.Resource {
	r, err := resources.FromMessage(&mesosproto.Resource{
		Name: proto.String("disk"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: proto.Float64(1)},
		Reservations: []*mesosproto.Resource_ReservationInfo{{Type: mesosproto.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String(role)}},
		Disk: &mesosproto.Resource_DiskInfo{
			Persistence: &mesosproto.Resource_DiskInfo_Persistence{Id: proto.String(id)},
			Volume:      &mesosproto.Volume{ContainerPath: proto.String(at), Mode: mesosproto.Volume_RW.Enum()},
		},
	})
	if err != nil {
		panic(err)
	}
	return r
}

func TestPersistentVolumes(t *testing.T) {
	c, box := started(t, false)
	work := filepath.Dir(box)
	data, more := filepath.Join(work, "volumes/roles/a b/data"), filepath.Join(work, "volumes/roles/c/more")
	for _, dir := range []string{data, more} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	goOn := fifo(t, filepath.Join(box, "go"))
	s := spec(box, "c")
	s.Resources = resources.New(volume("data", "deep/data", "a/b"))
	s.Command = shell("echo kept >deep/data/file; read line <go")
	_, err := c.Launch(t.Context(), s)
	require.NoError(t, err)
	// A later task brings another, and takes the first away.
	require.NoError(t, c.Update(t.Context(), s.ID, resources.New(volume("more", "more", "c")), nil))
	target, err := os.Readlink(filepath.Join(box, "more"))
	require.NoError(t, err)
	require.Equal(t, more, target)
	require.NoFileExists(t, filepath.Join(box, "deep/data"))
	_, err = goOn.WriteString("go\n")
	require.NoError(t, err)
	_, err = c.Wait(t.Context(), s.ID)
	require.NoError(t, err)

	// Nothing leads out of the sandbox or over what is there.
	outside := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(box, "trap")))
	require.NoError(t, os.WriteFile(filepath.Join(box, "taken"), nil, 0o644))
	for at, says := range map[string]string{"/absolute": "relative", "../up": "relative", ".": "relative", "trap/in": "trap", "taken": "something else"} {
		s := spec(box, "bad")
		s.Command = program("true")
		s.Resources = resources.New(volume("data", at, "a/b"))
		_, err := c.Launch(t.Context(), s)
		require.ErrorContains(t, err, says, at)
		require.NoError(t, c.Remove(t.Context(), s.ID))
	}
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
	s = spec(box, "missing")
	s.Command = program("true")
	s.Resources = resources.New(volume("never-created", "v", "c"))
	_, err = c.Launch(t.Context(), s)
	require.ErrorContains(t, err, "must be created on this agent first")
}
