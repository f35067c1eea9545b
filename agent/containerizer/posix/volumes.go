package posix

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/resources"
)

// none are the resources of a container before its launch.
var none resources.Resources

// linkVolumes makes the persistent volumes among r appear in the sandbox, as symbolic links at their
// container paths; those that were there before and are no more disappear. Mesos:
// src/slave/containerizer/mesos/isolators/filesystem/posix.cpp.
func (c *Containerizer) linkVolumes(spec *containerizer.Spec, before, r resources.Resources) error {
	was, is := before.PersistentVolumes(), r.PersistentVolumes()
	if was.IsEmpty() && is.IsEmpty() {
		return nil
	}
	// The container may have put anything into its sandbox: nothing outside may be touched.
	root, err := os.OpenRoot(spec.Sandbox)
	if err != nil {
		return fmt.Errorf("open the sandbox: %w", err)
	}
	defer root.Close()
	kept := map[string]bool{}
	for v := range is.All() {
		at := v.Disk().Volume.ContainerPath
		kept[at] = true
		if err := c.link(root, v, at, spec.User); err != nil {
			return fmt.Errorf("persistent volume %q at %q: %w", v.Disk().Persistence.ID, at, err)
		}
	}
	for v := range was.All() {
		at := v.Disk().Volume.ContainerPath
		target, err := containerizer.VolumePath(c.cfg.WorkDir, v)
		if now, e := root.Readlink(at); err == nil && e == nil && now == target && !kept[at] {
			if err := root.Remove(at); err != nil {
				return fmt.Errorf("unlink persistent volume %q: %w", v.Disk().Persistence.ID, err)
			}
		}
	}
	return nil
}

func (c *Containerizer) link(root *os.Root, volume resources.Resource, at, user string) error {
	if c.cfg.WorkDir == "" {
		return errors.New("this containerizer does not know the agent's work_dir; set posix.Config.WorkDir")
	}
	if !filepath.IsLocal(at) || at == "." {
		return errors.New("container_path must be relative, and not lead out of the sandbox")
	}
	target, err := containerizer.VolumePath(c.cfg.WorkDir, volume)
	if err != nil {
		return err
	}
	if info, err := os.Stat(target); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no directory %s; the volume must be created on this agent first", target)
	}
	if now, err := root.Readlink(at); err == nil && now == target {
		return nil
	}
	if dir := filepath.Dir(at); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := root.Symlink(target, at); errors.Is(err, fs.ErrExist) {
		return errors.New("something else has this name in the sandbox; choose another container_path")
	} else if err != nil {
		return err
	}
	return giveTo(target, user, volume.IsShared())
}

// giveTo makes a volume its user's, unless several may use it.
func giveTo(path, user string, shared bool) error {
	credential, err := credentialOf(user)
	if err != nil || credential == nil || shared {
		return err
	}
	return os.Chown(path, int(credential.UID), int(credential.GID))
}
