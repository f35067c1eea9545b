package docker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// recoverAtOnce is how many containers are asked about at a time.
const recoverAtOnce = 8

// Recover finds known containers by name, running or ended, and goes on where the agent's last process
// stopped: their output continues, and Wait knows how those that have ended did. All other containers
// labelled with this agent's work directory are destroyed unless Config.KeepOrphans is set; those that
// have ended stay until their time is over. Containers of other agents are not touched.
//
// It fails if the engine can't be reached.
func (c *Containerizer) Recover(ctx context.Context, known []containerizer.Checkpoint) error {
	all, err := c.api.ContainerList(ctx, engine.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", labelWorkDir+"="+c.cfg.WorkDir)),
	})
	if err != nil {
		return explain("recover Docker containers from "+c.cfg.Host, err)
	}
	var work []func() error
	mine := map[string]bool{}
	for _, checkpoint := range known {
		if supports(checkpoint.Spec) {
			k := newContainer(checkpoint.Spec)
			close(k.launched)
			mine[k.name] = true
			c.mu.Lock()
			c.containers[containerizer.Key(k.spec.ID)] = k
			c.mu.Unlock()
			work = append(work, func() error { return c.adopt(ctx, k) })
		}
	}
	for _, other := range all {
		if !named(other, mine) {
			work = append(work, func() error { return c.orphan(ctx, other) })
		}
	}
	return atOnce(recoverAtOnce, work)
}

func named(s engine.Summary, names map[string]bool) bool {
	for _, name := range s.Names {
		if len(name) > 0 && names[name[1:]] { // without the slash
			return true
		}
	}
	return false
}

// atOnce does all of a list, n at a time.
func atOnce(n int, list []func() error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(list))
	slots := make(chan struct{}, n)
	for i, do := range list {
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = do()
			<-slots
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// adopt takes over a container that an earlier process launched.
func (c *Containerizer) adopt(ctx context.Context, k *container) error {
	log := c.log.With(zap.String("container_id", containerizer.Key(k.spec.ID)), zap.String("executor_id", k.spec.ExecutorID))
	is, err := c.api.ContainerInspect(ctx, k.name)
	switch {
	case errdefs.IsNotFound(err):
		log.Warn("container is gone")
		c.ended(k, containerizer.Termination{Message: fmt.Sprintf("the Docker engine has no container %s: it was removed while there was no agent, or the engine lost its data", k.name)})
		return nil
	case err != nil:
		return explain("recover container "+k.name, err)
	}
	c.started(k, is)
	if is.State.Status == engine.StateCreated {
		log.Warn("container was created but not started")
		c.discard(k)
		c.ended(k, containerizer.Termination{Message: "the agent ended before it could start the container"})
		return nil
	}
	out, err := openOutput(k.spec.Sandbox, k.spec.User, c.log)
	if err != nil {
		log.Error("output of a container is lost from here on", zap.Error(err))
		out = &output{log: c.log}
	}
	out.since(is.Config.Labels[labelOutput])
	log.Info("container recovered", zap.String("name", k.name), zap.String("state", is.State.Status), zap.Int("pid", is.State.Pid))
	c.wg.Go(func() { c.watch(k, out, nil) })
	return nil
}

// orphan ends a container of this agent that nobody knows.
func (c *Containerizer) orphan(ctx context.Context, s engine.Summary) error {
	log := c.log.With(zap.String("docker_id", s.ID), zap.Strings("names", s.Names), zap.String("state", s.State))
	switch s.State {
	case engine.StateExited, engine.StateDead:
		is, err := c.api.ContainerInspect(ctx, s.ID)
		if err == nil {
			c.removeLater(s.ID, finishedAt(is))
		}
		return nil
	case engine.StateRemoving:
		return nil
	}
	if c.cfg.KeepOrphans {
		log.Warn("unknown container of this agent goes on; remove it with docker rm -f")
		return nil
	}
	log.Warn("unknown container of this agent is destroyed")
	if err := c.remove(ctx, s.ID); err != nil {
		log.Error("unknown container of this agent can't be destroyed; trying again", zap.Error(err))
		c.removeLater(s.ID, time.Time{})
	}
	return nil
}
