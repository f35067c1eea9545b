package agent

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// The directories are where containers look for them: those of a role below another are not in its volumes,
// and a disk of its own is the volume, whose root stays.
func TestVolumesLieWhereContainersLook(t *testing.T) {
	work, mount := t.TempDir(), t.TempDir()
	disk := resources.MustParse("disk:64").At(0)
	volume := func(role string, source *resources.DiskSource) resources.Resource {
		return disk.Reserved(resources.Reservation{Type: resources.Dynamic, Role: role}).WithDisk(&resources.DiskInfo{
			Source: source, Persistence: &resources.Persistence{ID: "db"}, Volume: &resources.Volume{ContainerPath: "data"},
		})
	}
	top, below := volume("eng", nil), volume("eng/db", nil)
	whole := volume("eng", &resources.DiskSource{Type: resources.MountSource, Root: mount})
	at := func(v resources.Resource) string {
		path, err := containerizer.VolumePath(work, v)
		require.NoError(t, err)
		return path
	}
	for _, v := range []resources.Resource{top, below, whole} {
		require.NoError(t, syncVolumes(work, []resources.Conversion{{Converted: v.Resources()}}))
		require.NoError(t, os.WriteFile(filepath.Join(at(v), "file"), nil, 0o600))
	}
	require.Equal(t, mount, at(whole))
	for _, v := range []resources.Resource{top, whole} {
		require.NoError(t, syncVolumes(work, []resources.Conversion{{Consumed: v.Resources()}}))
	}
	require.NoDirExists(t, at(top))
	require.FileExists(t, filepath.Join(at(below), "file"))
	require.DirExists(t, mount)
	require.NoFileExists(t, filepath.Join(mount, "file"))
}

func create(v *mesosproto.Resource) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_CREATE.Enum(), Create: &mesosproto.Offer_Operation_Create{Volumes: []*mesosproto.Resource{v}}}
}

func named(t *testing.T, id string) *mesosproto.Resource {
	v := volume(t)
	v.Disk.Persistence.Id = &id
	return v
}

// busy is an agent with a reservation of disks, the first of whose volumes is being made, for 10 s; two more wait.
func busy(t *testing.T) *rig {
	r := registered(t, func(cfg *Config) { cfg.WorkDir = t.TempDir() })
	r.apply(1, reserve(reserved(t, "disk:1024")))
	r.settle(r.outcome())
	r.sim.WorkTime = func(*rand.Rand) time.Duration { return 10 * time.Second }
	for i, id := range []string{"a", "b", "c"} {
		r.apply(byte(2+i), create(named(t, id)))
	}
	return r
}

// A launch waits for the volumes that were asked for before it, not for those that come after it.
func TestALaunchWaitsForTheVolumesBeforeIt(t *testing.T) {
	r := busy(t)
	info := commandTask("t")
	info.Resources = append(info.Resources, named(t, "b"))
	r.tell(r.runTask(info, true))
	r.run(20 * time.Second)
	for i := range 10 { // there is always more to do
		require.Empty(t, r.box.order)
		r.apply(byte(5+i), create(named(t, fmt.Sprint("later", i))))
		r.run(time.Second)
	}
	r.run(15 * time.Second)
	require.NotEmpty(t, r.agent.core.volumes.queue)
	require.Len(t, r.box.order, 1)
}

// A launch that is over before its volume is there leaves no sandbox.
func TestALaunchThatEndsWhileItWaitsForItsVolumeMakesNoSandbox(t *testing.T) {
	r := busy(t)
	info := commandTask("t")
	info.Resources = append(info.Resources, named(t, "c"))
	r.tell(r.runTask(info, true))
	ex := r.agent.core.frameworks["f"].task("t").ex
	r.kill("t", -1)
	require.Contains(t, r.acknowledgeAll(time.Minute), "t KILLED")
	require.True(t, ex.hasEnded)
	require.Empty(t, r.box.order)
	require.DirExists(t, filepath.Join(r.cfg.WorkDir, "volumes/roles/dev/c"))
	require.NoDirExists(t, ex.sandbox)
}
