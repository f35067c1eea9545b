package posix

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
)

// Recover connects to the keeper, or starts it. What it has and known does not is destroyed; what known
// has and it does not is gone.
func (c *Containerizer) Recover(ctx context.Context, known []containerizer.Checkpoint) error {
	c.mu.Lock()
	again := c.recovered
	c.recovered = true
	c.mu.Unlock()
	if again {
		return errors.New("posix: Recover was called before")
	}
	procs, err := c.connect(ctx)
	if err != nil {
		return fmt.Errorf("posix: %w", err)
	}
	c.mu.Lock()
	c.procs = procs
	c.mu.Unlock()
	states, err := procs.List(ctx)
	if err != nil {
		return fmt.Errorf("posix: %w", err)
	}
	found := map[string]keeper.State{}
	for _, state := range states {
		found[state.Key] = state
	}
	for _, checkpoint := range known {
		if supports(checkpoint.Spec) {
			key := containerizer.Key(checkpoint.Spec.ID)
			state, ok := found[key]
			c.adopt(checkpoint.Spec, state, ok)
			delete(found, key)
		}
	}
	return c.destroyAll(ctx, found)
}

// connect finds the best there is to keep processes.
func (c *Containerizer) connect(ctx context.Context) (processes, error) {
	logf := func(format string, args ...any) {
		c.log.Warn("keeper", zap.String("message", fmt.Sprintf(format, args...)))
	}
	dir := ""
	if c.cfg.RuntimeDir != "" {
		dir = filepath.Join(c.cfg.RuntimeDir, "keeper")
		if !c.alone && (c.cfg.HelperPath != "" || keeper.Available()) {
			return keeper.Connect(ctx, keeper.Config{Dir: dir, Helper: c.cfg.HelperPath, IdleTime: c.cfg.KeeperIdleTime, Logf: logf})
		}
		c.log.Warn("containers end with this process: no helper program is configured, and main does not call agent.RunHelper")
	} else {
		c.log.Warn("containers end with this process: no runtime directory is configured")
	}
	return keeper.NewLocal(keeper.LocalConfig{Dir: dir, Logf: logf})
}

// adopt makes a container of an earlier agent process known again.
func (c *Containerizer) adopt(spec *containerizer.Spec, state keeper.State, found bool) {
	k := newContainer(spec)
	c.mu.Lock()
	k.pid, k.start = state.Pid, state.Start
	c.containers[k.key] = k
	c.mu.Unlock()
	if !found {
		k.endWith(containerizer.Termination{Message: "it is gone, and so is its exit status: it ended with an earlier agent process, or with the machine"})
		return
	}
	go c.watch(k)
}

// destroyAll destroys what this agent does not know.
func (c *Containerizer) destroyAll(ctx context.Context, states map[string]keeper.State) error {
	errs := make([]error, len(states))
	var all sync.WaitGroup
	i := 0
	for key, state := range states {
		c.log.Warn("unknown container is destroyed", zap.String("container_id", key), zap.Int("pid", state.Pid), zap.Bool("ended", state.Ended))
		err := &errs[i]
		i++
		all.Go(func() {
			if *err = c.procs.Kill(ctx, key); *err == nil {
				_, *err = c.procs.Wait(ctx, key)
			}
			if *err == nil {
				*err = c.procs.Remove(ctx, key)
			}
			if *err != nil {
				*err = fmt.Errorf("posix: destroy unknown container %s: %w", key, *err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
