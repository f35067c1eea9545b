package containerizer

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mesokit/mesokit/resources"
)

// VolumePath is the directory on the host that holds a persistent volume: below workDir, or on the disk
// that the volume was made of. Mesos: src/slave/paths.cpp, getPersistentVolumePath.
func VolumePath(workDir string, volume resources.Resource) (string, error) {
	disk := volume.Disk()
	if disk == nil || disk.Persistence == nil {
		return "", fmt.Errorf("resource %s is no persistent volume", volume)
	}
	// Hierarchical roles have no directories of their own: the slash becomes a space.
	id, role := disk.Persistence.ID, strings.ReplaceAll(volume.ReservationRole(), "/", " ")
	if !filepath.IsLocal(id) || filepath.Base(id) != id || !filepath.IsLocal(role) {
		return "", fmt.Errorf("persistent volume %q of role %q does not name a directory", id, role)
	}
	below := filepath.Join("volumes", "roles", role, id)
	if disk.Source == nil || disk.Source.Root == "" {
		return filepath.Join(workDir, below), nil
	}
	root := disk.Source.Root
	if !filepath.IsAbs(root) {
		root = filepath.Join(workDir, root)
	}
	if volume.IsDisk(resources.PathSource) {
		return filepath.Join(root, below), nil
	}
	return root, nil // a disk of its own
}
