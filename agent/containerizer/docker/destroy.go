package docker

import (
	"context"
	"strconv"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// Signal signals the container's first process, as `docker kill` does. SIGTERM becomes the stop signal
// that the image or a parameter names, if any.
func (c *Containerizer) Signal(ctx context.Context, id *mesosproto.ContainerID, signal syscall.Signal) error {
	k, err := c.running(id)
	if err != nil {
		return err
	}
	name := strconv.Itoa(int(signal))
	c.mu.Lock()
	if signal == syscall.SIGTERM && k.stopSignal != "" {
		name = k.stopSignal
	}
	c.mu.Unlock()
	if signal == 0 {
		return nil
	}
	switch err := c.api.ContainerKill(ctx, k.id, name); {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err) || errdefs.IsConflict(err) || isClosed(k.done): // it does not run
		return containerizer.ErrUnknown
	default:
		return explain("send signal "+name+" to container "+k.name, err)
	}
}

// Destroy kills the container and waits for its end. If the engine can't be reached it tries until ctx
// ends.
func (c *Containerizer) Destroy(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	k := c.find(id)
	if k == nil {
		return containerizer.Termination{}, containerizer.ErrUnknown
	}
	c.mu.Lock()
	k.doomed = true
	c.mu.Unlock()
	select {
	case <-k.launched:
	case <-ctx.Done():
		return containerizer.Termination{}, context.Cause(ctx)
	}
	var failed error
	for delay := minRetry; !isClosed(k.done); delay = min(2*delay, maxRetry) {
		err := c.api.ContainerKill(ctx, k.id, "KILL")
		if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
			delay = max(delay, maxRetry) // it ends now; if not, once more
		} else if ctx.Err() == nil {
			failed = explain("kill container "+k.name, err)
			c.log.Warn("container can't be killed; trying again", zap.String("container_id", containerizer.Key(k.spec.ID)), zap.Error(failed))
		}
		select {
		case <-k.done:
		case <-time.After(delay):
		case <-ctx.Done():
			if failed != nil {
				return containerizer.Termination{}, failed
			}
			return containerizer.Termination{}, context.Cause(ctx)
		case <-c.ctx.Done():
			return containerizer.Termination{}, errClosed
		}
	}
	return k.end, nil
}
