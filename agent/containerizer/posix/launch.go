package posix

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
	"github.com/mesokit/mesokit/mesosproto"
)

// Launch starts the container's command. It returns when the program is executing.
func (c *Containerizer) Launch(ctx context.Context, spec *containerizer.Spec) (containerizer.Launched, error) {
	if !supports(spec) {
		return containerizer.Launched{}, containerizer.ErrNotSupported
	}
	k, err := c.enter(spec)
	if err != nil {
		return containerizer.Launched{}, err
	}
	if err := c.launch(ctx, k); err != nil {
		k.endWith(containerizer.Termination{Message: err.Error()})
		c.log.Warn("launch failed", zap.String("container_id", k.key), zap.String("executor_id", spec.ExecutorID), zap.Error(err))
		return containerizer.Launched{}, err
	}
	c.log.Info("container started", zap.String("container_id", k.key), zap.String("executor_id", spec.ExecutorID), zap.Int("pid", k.pid))
	status := k.status()
	go c.watch(k)
	return containerizer.Launched{Status: status}, nil
}

// enter makes the container known.
func (c *Containerizer) enter(spec *containerizer.Spec) (*container, error) {
	if err := containerizer.CheckID(spec.ID); err != nil {
		return nil, err
	}
	k := newContainer(spec)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.procs == nil {
		return nil, errors.New("posix: Recover must be called before Launch")
	}
	if c.containers[k.key] != nil {
		return nil, fmt.Errorf("launch container %s: %w", k.key, containerizer.ErrExists)
	}
	c.containers[k.key] = k
	return k, nil
}

func (c *Containerizer) launch(ctx context.Context, k *container) error {
	if err := unsupported(k.spec.Container); err != nil {
		return err
	}
	if info := k.spec.Container; info.GetRlimitInfo() != nil || info.GetLinuxInfo() != nil || info.GetHostname() != "" {
		// As the reference does without the isolators that would heed them.
		c.log.Warn("rlimit_info, linux_info and hostname mean nothing to a plain process and are ignored", zap.String("container_id", k.key))
	}
	cmd, err := c.command(k)
	if err != nil {
		return err
	}
	if err := c.linkVolumes(k.spec, none, k.spec.Resources); err != nil {
		return err
	}
	credential := cmd.Credential
	uid, gid := -1, -1
	if credential != nil {
		uid, gid = int(credential.UID), int(credential.GID)
	}
	if cmd.Stdout, cmd.Stderr, err = containerizer.OpenOutput(k.spec.Sandbox, uid, gid); err != nil {
		return err
	}
	defer cmd.Stdout.Close()
	defer cmd.Stderr.Close()
	state, err := c.start(ctx, cmd)
	if err != nil {
		c.undo(k)
		return explain(err, cmd, k.spec.User)
	}
	c.mu.Lock()
	k.pid, k.start = state.Pid, state.Start
	doomed := k.doomed
	c.mu.Unlock()
	if doomed {
		c.undo(k)
		return errors.New("the container was destroyed while it was launched")
	}
	return nil
}

// undo ends what a failed launch may have started: if the keeper was lost, or ctx ended, nobody knows.
func (c *Containerizer) undo(k *container) {
	ctx, cancel := context.WithTimeout(context.Background(), containerizer.DefaultDestroyTimeout)
	defer cancel()
	err := c.procs.Kill(ctx, k.key)
	if err == nil {
		_, err = c.procs.Wait(ctx, k.key)
	}
	if err != nil && !errors.Is(err, keeper.ErrUnknown) {
		c.log.Error("container may still run after its launch failed", zap.String("container_id", k.key), zap.Error(err))
	}
}

// watch is the goroutine of a container that runs.
func (c *Containerizer) watch(k *container) {
	exit, err := c.procs.Wait(context.Background(), k.key)
	if err != nil {
		exit = keeper.Exit{Message: fmt.Sprintf("the keeper does not know it any more: %v", err)}
	}
	// Checks end with the container, and so do containers nested in it.
	k.kill()
	c.endNested(k)
	end := termination(exit)
	k.endWith(end)
	c.log.Info("container ended", zap.String("container_id", k.key), zap.String("executor_id", k.spec.ExecutorID),
		zap.Bool("exited", end.Exited), zap.Int("status", int(end.WaitStatus)), zap.String("message", end.Message))
}

// endNested destroys what is nested in a container whose own process has ended.
func (c *Containerizer) endNested(k *container) {
	ctx, cancel := context.WithTimeout(context.Background(), containerizer.DefaultDestroyTimeout)
	defer cancel()
	for _, nested := range c.doom(k.key) {
		if nested == k || nested.ended() {
			continue
		}
		if _, err := c.Destroy(ctx, nested.spec.ID); err != nil {
			c.log.Error("nested container can't be destroyed", zap.String("container_id", nested.key), zap.Error(err))
		}
	}
}

// unsupported says what a container asks for that a plain process can't have.
func unsupported(info *mesosproto.ContainerInfo) error {
	switch {
	case info.GetMesos().GetImage() != nil:
		return errors.New("the container asks for an image, and this containerizer runs plain processes of the host; " +
			"leave the image out, or use a container of type DOCKER on an agent with the docker containerizer")
	case len(info.GetVolumes()) > 0:
		return fmt.Errorf("the container asks for a volume at %q, and a plain process has no file system of its own to mount it in; "+
			"use the path on the host, a persistent volume, or a container of type DOCKER", info.GetVolumes()[0].GetContainerPath())
	case slices.ContainsFunc(info.GetNetworkInfos(), func(n *mesosproto.NetworkInfo) bool { return n.GetName() != "" }):
		return errors.New("the container asks for a network by name, and a plain process is on the host's; leave network_infos out, or use a container of type DOCKER")
	case info.GetTtyInfo() != nil:
		return errors.New("the container asks for a terminal, and this containerizer has none; leave tty_info out")
	}
	return nil
}
