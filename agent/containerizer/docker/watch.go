package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	engine "github.com/docker/docker/api/types/container"
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

const (
	// drainTimeout is how long output may still come after a container has ended.
	drainTimeout = 10 * time.Second
	// settleTime is how long the end of a container may follow the end of its output.
	settleTime = time.Second
	// Retries of what the engine did not answer start with minRetry and double up to maxRetry.
	minRetry, maxRetry = 100 * time.Millisecond, 5 * time.Second
)

// watch follows a started container to its end, and its output into the sandbox. attached carries the
// output from its very beginning; nil: the container was adopted, and may have written before. It is
// the container's goroutine, with one more for the output.
func (c *Containerizer) watch(k *container, out *output, attached *attachment) {
	defer out.Close()
	log := c.log.With(zap.String("container_id", containerizer.Key(k.spec.ID)))
	following, stop := context.WithCancel(c.ctx)
	defer stop()
	over, copied, complete := make(chan struct{}), make(chan struct{}), false
	go func() {
		defer close(copied)
		complete = c.follow(following, k, out, attached, over)
	}()

	code, broken, err := c.exit(k)
	close(over)
	if err != nil { // closed
		stop()
		<-copied
		return
	}
	select {
	case <-copied:
	case <-time.After(drainTimeout):
		log.Warn("output of a container does not end with it")
		stop()
		<-copied
	}
	if (!complete || broken) && code != gone {
		ctx, cancel := context.WithTimeout(c.ctx, drainTimeout)
		defer cancel()
		if err := c.readLog(ctx, k, out, false); err != nil {
			log.Warn("the end of a container's output may be missing", zap.Error(err))
		}
	}
	end := c.termination(k, code)
	log.Info("container ended", zap.Int64("code", code), zap.String("message", end.Message))
	c.ended(k, end)
}

// gone is the code of a container that the engine does not know any more.
const gone = -1

// exit waits for the container's end. Restarts of the engine are waited out, and reported as broken; the
// only error is that of c.ctx.
func (c *Containerizer) exit(k *container) (code int64, broken bool, err error) {
	for delay := minRetry; ; delay = min(2*delay, maxRetry) {
		began := time.Now()
		ended, failed := c.api.ContainerWait(c.ctx, k.id, engine.WaitConditionNotRunning)
		select {
		case r := <-ended:
			return r.StatusCode, broken, nil
		case err = <-failed:
		}
		switch {
		case c.ctx.Err() != nil:
			return 0, broken, c.ctx.Err()
		case errdefs.IsNotFound(err):
			return gone, broken, nil
		}
		if time.Since(began) > maxRetry {
			delay = minRetry
		}
		if !broken {
			broken = true
			c.log.Warn("engine does not say how a container fares; trying on", zap.String("container_id", containerizer.Key(k.spec.ID)), zap.Error(explain("wait", err)))
		}
		if !pause(c.ctx, delay) {
			return 0, broken, c.ctx.Err()
		}
	}
}

// pause waits, and reports whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// follow copies output until the container has ended and nothing more comes. It reports whether nothing
// can be missing, unless the engine broke the stream off.
func (c *Containerizer) follow(ctx context.Context, k *container, out *output, attached *attachment, over <-chan struct{}) (complete bool) {
	log := c.log.With(zap.String("container_id", containerizer.Key(k.spec.ID)))
	if attached != nil {
		err := attached.copy(ctx, out)
		select {
		case <-over:
			return err == nil
		case <-ctx.Done():
			return false
		case <-time.After(settleTime):
		}
		// The engine restarts, or the container has closed its output and goes on.
		log.Debug("stream of a container's output ended before the container", zap.Error(err))
	}
	for delay := minRetry; ; delay = min(2*delay, maxRetry) {
		began := time.Now()
		err := c.readLog(ctx, k, out, true)
		if isClosed(over) || ctx.Err() != nil {
			return false // engines have been seen to end a log that is followed before its last lines
		}
		if time.Since(began) > maxRetry {
			delay = minRetry
		}
		log.Debug("log of a container ended before the container", zap.Error(err))
		select {
		case <-over:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(delay):
		}
	}
}

// termination says how a container ended that exited with code.
func (c *Containerizer) termination(k *container, code int64) containerizer.Termination {
	if code == gone {
		return containerizer.Termination{Message: fmt.Sprintf("container %s was removed from the Docker engine while it ran, or the engine lost it; nobody knows how it ended", k.name)}
	}
	end := containerizer.Termination{Exited: true, WaitStatus: exited(code)}
	ctx, cancel := context.WithTimeout(c.ctx, drainTimeout)
	defer cancel()
	is, err := c.api.ContainerInspect(ctx, k.id)
	if err != nil { // removed already; the code is all that matters
		return end
	}
	c.mu.Lock()
	doomed, limit := k.doomed, k.resources.Memory
	c.mu.Unlock()
	if is.State.OOMKilled && code != 0 && !doomed {
		end.State = mesosproto.TaskState_TASK_FAILED.Enum()
		end.Reason = mesosproto.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY.Enum()
		end.LimitedResources = resources.New(resources.NewScalar("mem", resources.Scalar(limit*int64(resources.Unit)>>20)))
		end.Message = fmt.Sprintf("Memory limit exceeded: the kernel killed processes of the container (exit status %d) because it used more than its %d MB; give the task more mem or a higher limit", code, limit>>20)
	}
	return end
}
