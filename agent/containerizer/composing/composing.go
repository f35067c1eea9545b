// Package composing makes one containerizer out of several. A container belongs to the first of them
// that does not refuse it with containerizer.ErrNotSupported; an error does not pass it on. Nested
// containers belong to the one that has their root.
//
// The reference's documentation says the same; its code tries them in alphabetical order. Since kinds
// of containers don't overlap there, nobody can tell.
//
// Source: Mesos src/slave/containerizer/composing.cpp.
package composing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Containerizer passes containers on. Its methods are safe for concurrent use.
type Containerizer struct {
	list []containerizer.Containerizer

	mu         sync.Mutex // guards the map, and the containers in it
	containers map[string]*container
}

// container says whose a container is.
type container struct {
	trying   containerizer.Containerizer // that is asked to launch it
	owner    containerizer.Containerizer // that has it; nil: none has
	doomed   bool                        // Destroy came while it was launched
	giveUp   context.CancelFunc
	launched chan struct{} // closed when the launch is over
}

var (
	_ containerizer.Containerizer = (*Containerizer)(nil)
	_ containerizer.PidReporter   = (*Containerizer)(nil)
	_ containerizer.Puller        = (*Containerizer)(nil)
)

// New composes the containerizers of a list, to be asked in its order. Two of the same name are an
// error, as in --containerizers.
func New(list ...containerizer.Containerizer) (*Containerizer, error) {
	if len(list) == 0 {
		return nil, errors.New("composing: there is no containerizer; name at least one")
	}
	names := map[string]bool{}
	for _, c := range list {
		if names[c.Name()] {
			return nil, fmt.Errorf("composing: containerizer %s is there twice; name each once", c.Name())
		}
		names[c.Name()] = true
	}
	return &Containerizer{list: list, containers: map[string]*container{}}, nil
}

// Name is all names, with commas between them.
func (c *Containerizer) Name() string {
	var names []string
	for _, one := range c.list {
		names = append(names, one.Name())
	}
	return strings.Join(names, ",")
}

// Recover lets all of them recover, at the same time. Each is shown all that is known, and takes what is
// of its kind.
func (c *Containerizer) Recover(ctx context.Context, known []containerizer.Checkpoint) error {
	errs := make([]error, len(c.list))
	var all sync.WaitGroup
	for i, one := range c.list {
		all.Go(func() {
			if err := one.Recover(ctx, known); err != nil {
				errs[i] = fmt.Errorf("containerizer %s: %w", one.Name(), err)
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range known {
		if owner := c.ownerOf(k.Spec.ID); owner != nil {
			c.containers[containerizer.Key(k.Spec.ID)] = &container{owner: owner, launched: closed}
		}
	}
	return nil
}

// ownerOf is the first that knows a container.
func (c *Containerizer) ownerOf(id *mesosproto.ContainerID) containerizer.Containerizer {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // only ask
	for _, one := range c.list {
		if _, err := one.Wait(ctx, id); !errors.Is(err, containerizer.ErrUnknown) {
			return one
		}
	}
	return nil
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Pull makes an image available to whoever needs one.
func (c *Containerizer) Pull(ctx context.Context, spec *containerizer.Spec) error {
	for _, one := range c.list {
		if p, ok := one.(containerizer.Puller); ok {
			if err := p.Pull(ctx, spec); err != nil {
				return err
			}
		}
	}
	return nil
}

// Launch asks one after another.
func (c *Containerizer) Launch(ctx context.Context, spec *containerizer.Spec) (containerizer.Launched, error) {
	key := containerizer.Key(spec.ID)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := &container{giveUp: cancel, launched: make(chan struct{})}
	list, err := c.enter(key, spec.ID, k)
	if err != nil {
		return containerizer.Launched{}, err
	}
	defer close(k.launched)
	for _, one := range list {
		if !c.try(k, one) {
			return containerizer.Launched{}, errDestroyed
		}
		launched, err := one.Launch(ctx, spec)
		if errors.Is(err, containerizer.ErrNotSupported) {
			continue
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if errors.Is(err, containerizer.ErrExists) {
			delete(c.containers, key) // it has one that this one does not know: not ours to touch
		} else {
			k.owner = one
		}
		return launched, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.doomed {
		return containerizer.Launched{}, errDestroyed
	}
	delete(c.containers, key)
	return containerizer.Launched{}, containerizer.ErrNotSupported
}

var errDestroyed = errors.New("the container was destroyed while it was launched")

// enter makes a container known, and says who may have it.
func (c *Containerizer) enter(key string, id *mesosproto.ContainerID, k *container) ([]containerizer.Containerizer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.containers[key] != nil {
		return nil, fmt.Errorf("launch container %s: %w", key, containerizer.ErrExists)
	}
	list := c.list
	if id.GetParent() != nil {
		for id.GetParent() != nil {
			id = id.GetParent()
		}
		root := c.containers[containerizer.Key(id)]
		if root == nil || root.owner == nil {
			return nil, fmt.Errorf("root container %s not found; launch it before what is nested in it", containerizer.Key(id))
		}
		list = []containerizer.Containerizer{root.owner}
	}
	c.containers[key] = k
	return list, nil
}

// try notes who is asked next, unless the container is not wanted any more.
func (c *Containerizer) try(k *container, one containerizer.Containerizer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.trying = one
	return !k.doomed
}

// owner returns who has a container whose launch is over; nil if it was destroyed before anyone had it.
func (c *Containerizer) owner(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Containerizer, error) {
	c.mu.Lock()
	k := c.containers[containerizer.Key(id)]
	c.mu.Unlock()
	if k == nil {
		return nil, containerizer.ErrUnknown
	}
	select {
	case <-k.launched:
	default:
		select {
		case <-k.launched:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.owner == nil && !k.doomed {
		return nil, containerizer.ErrUnknown // not supported by any
	}
	return k.owner, nil
}

// running is owner, without waiting for a launch.
func (c *Containerizer) running(id *mesosproto.ContainerID) (containerizer.Containerizer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.containers[containerizer.Key(id)]; k != nil && k.owner != nil {
		return k.owner, nil
	}
	return nil, containerizer.ErrUnknown
}

// neverLaunched is the end of a container that nobody had yet.
var neverLaunched = containerizer.Termination{Message: errDestroyed.Error()}

// Wait waits for a launch, and then for the end.
func (c *Containerizer) Wait(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	owner, err := c.owner(ctx, id)
	switch {
	case err != nil:
		return containerizer.Termination{}, err
	case owner == nil:
		return neverLaunched, nil
	}
	return owner.Wait(ctx, id)
}

// Destroy ends a launch, and whatever it has started.
func (c *Containerizer) Destroy(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	c.mu.Lock()
	k := c.containers[containerizer.Key(id)]
	if k == nil {
		c.mu.Unlock()
		return containerizer.Termination{}, containerizer.ErrUnknown
	}
	trying := k.trying
	if k.owner == nil {
		k.doomed = true
		if k.giveUp != nil {
			k.giveUp()
		}
	}
	c.mu.Unlock()
	if trying != nil {
		// It may know nothing of the container yet; then its launch is ended by its context, or not in
		// time, and it is destroyed below.
		_, _ = trying.Destroy(ctx, id)
	}
	owner, err := c.owner(ctx, id)
	switch {
	case err != nil:
		return containerizer.Termination{}, err
	case owner == nil:
		return neverLaunched, nil
	}
	return owner.Destroy(ctx, id)
}

// Signal passes a signal on.
func (c *Containerizer) Signal(ctx context.Context, id *mesosproto.ContainerID, signal syscall.Signal) error {
	owner, err := c.running(id)
	if err != nil {
		return err
	}
	return owner.Signal(ctx, id, signal)
}

// Update passes new resources on.
func (c *Containerizer) Update(ctx context.Context, id *mesosproto.ContainerID, r resources.Resources, limits map[string]float64) error {
	owner, err := c.running(id)
	if err != nil {
		return nil
	}
	return owner.Update(ctx, id, r, limits)
}

// Status asks who has the container.
func (c *Containerizer) Status(ctx context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error) {
	owner, err := c.running(id)
	if err != nil {
		return nil, err
	}
	return owner.Status(ctx, id)
}

// Usage asks who has the container.
func (c *Containerizer) Usage(ctx context.Context, id *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error) {
	owner, err := c.running(id)
	if err != nil {
		return nil, err
	}
	return owner.Usage(ctx, id)
}

// Exec passes a command on.
func (c *Containerizer) Exec(ctx context.Context, id *mesosproto.ContainerID, command *mesosproto.CommandInfo) (syscall.WaitStatus, []byte, error) {
	owner, err := c.running(id)
	if err != nil {
		return 0, nil, err
	}
	return owner.Exec(ctx, id, command)
}

// Remove forgets a container that has ended.
func (c *Containerizer) Remove(ctx context.Context, id *mesosproto.ContainerID) error {
	key := containerizer.Key(id)
	c.mu.Lock()
	k := c.containers[key]
	c.mu.Unlock()
	if k == nil {
		return nil
	}
	select {
	case <-k.launched:
	default:
		return fmt.Errorf("container %s is being launched; destroy it first", key)
	}
	c.mu.Lock()
	owner := k.owner
	c.mu.Unlock()
	if owner != nil {
		if err := owner.Remove(ctx, id); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.containers, key)
	return nil
}

// Pid asks who has the container, if that one knows.
func (c *Containerizer) Pid(id *mesosproto.ContainerID) (int, bool) {
	owner, err := c.running(id)
	if err != nil {
		return 0, false
	}
	if p, ok := owner.(containerizer.PidReporter); ok {
		return p.Pid(id)
	}
	return 0, false
}
