package docker

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	engine "github.com/docker/docker/api/types/container"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// container is one container from its launch, or its recovery, until Remove.
type container struct {
	spec *containerizer.Spec
	name string // the engine's name for it, for people

	// Guarded by Containerizer.mu.
	id         string           // the engine's id; empty until it was created
	doomed     bool             // Destroy was called
	pid        int              // of its first process; 0 if it is not known to run
	stopSignal string           // what SIGTERM means to it; empty: SIGTERM
	resources  engine.Resources // as last set
	limits     limits           // what they were made of
	status     *mesosproto.ContainerStatus
	finished   time.Time

	launched chan struct{} // closed when Launch is through, after launch and err were set
	launch   containerizer.Launched
	err      error

	done chan struct{} // closed when it has ended, after end was set
	end  containerizer.Termination
}

// namePrefix begins the engine's names of all containers of agents.
const namePrefix = "mesos-"

func newContainer(spec *containerizer.Spec) *container {
	return &container{
		spec: spec, name: namePrefix + containerizer.Key(spec.ID),
		limits:   limits{spec.Resources, spec.Limits},
		launched: make(chan struct{}), done: make(chan struct{}),
	}
}

var errClosed = errors.New("the Docker containerizer was closed")

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// supports reports whether containers like this are of this kind.
func supports(spec *containerizer.Spec) bool {
	return spec.Container != nil && spec.Container.GetType() == mesosproto.ContainerInfo_DOCKER
}

func (c *Containerizer) find(id *mesosproto.ContainerID) *container {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.containers[containerizer.Key(id)]
}

// running returns a container that has started and not ended.
func (c *Containerizer) running(id *mesosproto.ContainerID) (*container, error) {
	k := c.find(id)
	if k == nil || !isClosed(k.launched) || isClosed(k.done) {
		return nil, containerizer.ErrUnknown
	}
	return k, nil
}

// ended records how a container ended; only the first time counts.
func (c *Containerizer) ended(k *container, end containerizer.Termination) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if isClosed(k.done) {
		return
	}
	k.end, k.pid, k.finished = end, 0, time.Now()
	close(k.done)
}

// await returns how the container ended, once it has.
func (c *Containerizer) await(ctx context.Context, k *container) (containerizer.Termination, error) {
	if !isClosed(k.done) {
		select {
		case <-k.done:
		case <-ctx.Done():
			return containerizer.Termination{}, context.Cause(ctx)
		case <-c.ctx.Done():
			return containerizer.Termination{}, errClosed
		}
	}
	return k.end, nil
}

// Wait returns when the container has ended and all its output is in the sandbox.
func (c *Containerizer) Wait(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	k := c.find(id)
	if k == nil {
		return containerizer.Termination{}, containerizer.ErrUnknown
	}
	return c.await(ctx, k)
}

// Status has the container's addresses, unless it is in the host's network.
func (c *Containerizer) Status(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error) {
	k, err := c.running(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.status, nil
}

// Pid is the first process of a running container, in the engine's process namespace.
func (c *Containerizer) Pid(id *mesosproto.ContainerID) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.containers[containerizer.Key(id)]
	if k == nil || k.pid == 0 {
		return 0, false
	}
	return k.pid, true
}

// Remove forgets a container that has ended. The engine keeps it for Config.RemoveDelay after its end.
func (c *Containerizer) Remove(ctx context.Context, id *mesosproto.ContainerID) error {
	key := containerizer.Key(id)
	c.mu.Lock()
	k := c.containers[key]
	if k != nil && !isClosed(k.done) {
		c.mu.Unlock()
		return fmt.Errorf("container %s still runs; destroy it first", key)
	}
	delete(c.containers, key)
	c.mu.Unlock()
	if k == nil || k.id == "" {
		return nil
	}
	if c.cfg.RemoveDelay < 0 {
		err := c.remove(ctx, k.id)
		if ctx.Err() != nil { // the agent ends; Close sees to it
			c.removeLater(k.id, time.Time{})
		}
		return err
	}
	c.removeLater(k.id, k.finished)
	return nil
}

// exited is the wait status of a process that exits.
func exited(code int64) syscall.WaitStatus { return syscall.WaitStatus((code & 0xff) << 8) }
