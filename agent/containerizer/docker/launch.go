package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/versions"
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// Launch creates and starts a container. Launched.Data is what `docker inspect` prints.
//
// The engine's answers are waited for in the background, even when ctx ends: a request that was given
// up may still have its effect, which Destroy must see.
func (c *Containerizer) Launch(ctx context.Context, spec *containerizer.Spec) (containerizer.Launched, error) {
	if !supports(spec) {
		return containerizer.Launched{}, containerizer.ErrNotSupported
	}
	if err := containerizer.CheckID(spec.ID); err != nil {
		return containerizer.Launched{}, err
	}
	key := containerizer.Key(spec.ID)
	k := newContainer(spec)
	c.mu.Lock()
	switch {
	case c.closed:
		c.mu.Unlock()
		return containerizer.Launched{}, errClosed
	case c.containers[key] != nil:
		c.mu.Unlock()
		return containerizer.Launched{}, fmt.Errorf("launch %s: %w", key, containerizer.ErrExists)
	}
	c.containers[key] = k
	c.wg.Go(func() { c.run(k) })
	c.mu.Unlock()
	select {
	case <-k.launched:
		return k.launch, k.err
	case <-ctx.Done():
		return containerizer.Launched{}, context.Cause(ctx)
	}
}

// run is a launched container's goroutine.
func (c *Containerizer) run(k *container) {
	log := c.log.With(zap.String("container_id", containerizer.Key(k.spec.ID)), zap.String("executor_id", k.spec.ExecutorID))
	out, attached, err := c.start(k)
	if err != nil {
		if out != nil {
			out.Write(stderr, []byte(err.Error()+"\n"))
			out.Close()
		}
		log.Warn("container can't be started", zap.Error(err))
		k.err = err
		if c.ctx.Err() == nil { // else it is the next process's, as after a crash
			c.discard(k)
		}
		c.ended(k, containerizer.Termination{Message: err.Error()})
		close(k.launched)
		return
	}
	log.Info("container started", zap.String("name", k.name), zap.String("docker_id", k.id))
	close(k.launched)
	c.watch(k, out, attached)
}

var errDoomed = errors.New("the container was destroyed while it was started")

// start does all of a launch. After an error the output, if any, is the caller's to close.
//
// Four requests follow each other: create, attach, start, inspect. Attaching before the start misses no
// output; waiting for the end can begin after it.
func (c *Containerizer) start(k *container) (out *output, attached *attachment, err error) {
	out, err = openOutput(k.spec.Sandbox, k.spec.User, c.log)
	if err != nil {
		return nil, nil, err
	}
	r, err := newRequest(c.settings, k.spec, k.name)
	if err != nil {
		return out, nil, refusal("Failed to create docker run options: %w", err)
	}
	r.config.Labels[labelOutput] = out.label()
	if c.doomed(k) {
		return out, nil, errDoomed
	}
	if err := c.create(k, r); err != nil {
		return out, nil, err
	}
	defer func() {
		if err != nil && attached != nil {
			attached.close()
		}
	}()
	if attached, err = c.attach(c.ctx, k.id, r.config.Tty); err != nil {
		return out, attached, explain("attach to container "+k.name, err)
	}
	if c.doomed(k) {
		return out, attached, errDoomed
	}
	if err := c.api.ContainerStart(c.ctx, k.id, engine.StartOptions{}); err != nil {
		return out, attached, explain("start container "+k.name, err)
	}
	is, raw, err := c.api.ContainerInspectWithRaw(c.ctx, k.id, false)
	if err != nil {
		return out, attached, explain("inspect container "+k.name, err)
	}
	if c.doomed(k) {
		return out, attached, errDoomed
	}
	c.started(k, is)
	k.launch = containerizer.Launched{Status: k.status, Data: inspection(raw)}
	return out, attached, nil
}

func (c *Containerizer) doomed(k *container) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.doomed
}

func (c *Containerizer) create(k *container, r *request) error {
	newer := versions.GreaterThanOrEqualTo(c.api.ClientVersion(), "1.44")
	created, err := c.api.ContainerCreate(c.ctx, &r.config, &r.host, r.networking(newer), r.platform, k.name)
	if err != nil {
		return explain(fmt.Sprintf("create container %s of image %s", k.name, r.config.Image), err)
	}
	for _, w := range created.Warnings {
		c.log.Warn("engine warns", zap.String("container_id", containerizer.Key(k.spec.ID)), zap.String("warning", w))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k.id = created.ID
	return nil
}

// started records what the engine says of a container that runs, or has run.
func (c *Containerizer) started(k *container, is engine.InspectResponse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.id, k.status = is.ID, statusOf(k.spec, is)
	if is.State.Running {
		k.pid = is.State.Pid
	}
	k.stopSignal = is.Config.StopSignal
	k.resources = is.HostConfig.Resources
}

// discard removes a container that was not launched.
func (c *Containerizer) discard(k *container) {
	if k.id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, containerizer.DefaultDestroyTimeout)
	defer cancel()
	if err := c.remove(ctx, k.id); err != nil {
		c.log.Error("container that was not started can't be removed", zap.String("container_id", containerizer.Key(k.spec.ID)), zap.Error(err))
		c.removeLater(k.id, time.Time{})
	}
}

// remove removes a container from the engine, killing it if it runs. One that is gone is no error.
func (c *Containerizer) remove(ctx context.Context, id string) error {
	err := c.api.ContainerRemove(ctx, id, engine.RemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // gone, or just being removed
		return nil
	}
	return explain("remove container", err)
}
