package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// volumeWork makes and removes the directories of volumes, for one operation after the other: one may
// remove what the next makes anew.
type volumeWork struct {
	queue []*volumeStep // the first is being done
}

type volumeStep struct {
	operation *operation
	after     []func() // wait for it
}

// workOnVolumes makes and removes the directories of an operation's volumes, and then says how it ended.
func (c *core) workOnVolumes(o *operation) {
	c.volumes.queue = append(c.volumes.queue, &volumeStep{operation: o})
	if len(c.volumes.queue) == 1 {
		c.nextVolumes()
	}
}

func (c *core) nextVolumes() {
	step, workDir := c.volumes.queue[0], c.cfg.WorkDir
	o := step.operation
	c.loop.Do(func() error { return syncVolumes(workDir, o.conversions) }, func(err error) {
		if c.stopped {
			return
		}
		if err != nil {
			c.operationFailed(o, err)
		} else {
			c.operationEnded(o, mesosproto.OperationState_OPERATION_FINISHED, "")
		}
		c.volumes.queue = c.volumes.queue[1:]
		if len(c.volumes.queue) > 0 {
			c.nextVolumes()
		}
		for _, f := range step.after {
			f()
		}
	})
}

// whenThere calls f as soon as the volumes among some resources have their directories: when the work is done
// that was there before, since the operations that make them came before. What comes later it does not wait for.
func (c *core) whenThere(rs resources.Resources, f func()) {
	n := len(c.volumes.queue)
	if n == 0 || !rs.Any(resources.Resource.IsPersistentVolume) {
		f()
		return
	}
	last := c.volumes.queue[n-1]
	last.after = append(last.after, f)
}

// haveVolumes reports whether conversions make or take away volumes.
func haveVolumes(conversions []resources.Conversion) bool {
	for _, x := range conversions {
		if x.Consumed.Any(resources.Resource.IsPersistentVolume) || x.Converted.Any(resources.Resource.IsPersistentVolume) {
			return true
		}
	}
	return false
}

// volumePath is where a persistent volume lies; tools know the place.
func volumePath(workDir string, e resources.Resource) (string, error) {
	if !validID(e.Disk().Persistence.ID) || resources.ValidateRole(e.ReservationRole()) != nil {
		return "", fmt.Errorf("the volume %s has an id or role that can't be part of a path", e)
	}
	return containerizer.VolumePath(workDir, e)
}

// removeVolume removes a volume's directory; of a disk that is one volume only what is in it.
func removeVolume(path string, e resources.Resource) error {
	if !e.IsDisk(resources.MountSource) {
		return os.RemoveAll(path)
	}
	entries, err := os.ReadDir(path)
	for _, x := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(path, x.Name())))
	}
	return err
}

// syncVolumes makes the directories of volumes that came to be, and removes those of volumes that are
// gone.
func syncVolumes(workDir string, conversions []resources.Conversion) error {
	if workDir == "" {
		return nil
	}
	for _, x := range conversions {
		for e := range x.Converted.All() {
			if e.IsPersistentVolume() {
				path, err := volumePath(workDir, e)
				if err == nil {
					err = os.MkdirAll(path, 0o755)
				}
				if err != nil {
					return fmt.Errorf("create volume: %w", err)
				}
			}
		}
		for e := range x.Consumed.All() {
			if e.IsPersistentVolume() && !stillThere(x.Converted, e) {
				path, err := volumePath(workDir, e)
				if err == nil {
					err = removeVolume(path, e)
				}
				if err != nil {
					return fmt.Errorf("remove volume: %w", err)
				}
			}
		}
	}
	return nil
}

// stillThere reports whether a volume was resized rather than destroyed.
func stillThere(rs resources.Resources, volume resources.Resource) bool {
	return rs.Any(func(e resources.Resource) bool {
		return e.IsPersistentVolume() && e.Disk().Persistence.ID == volume.Disk().Persistence.ID && e.ReservationRole() == volume.ReservationRole()
	})
}
