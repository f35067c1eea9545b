package agent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
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
