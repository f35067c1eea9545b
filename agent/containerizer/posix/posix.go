package posix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
	"github.com/mesokit/mesokit/agent/containerizer/keeper"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Config says where containers are remembered and how they outlive the agent. The zero value runs
// containers that end with the agent.
type Config struct {
	// RuntimeDir is where what must survive the agent's process, but not the machine's boot, is kept
	// (--runtime_dir): the keeper's socket and journal, in its folder keeper. One agent has one, the same
	// after a restart. Empty: nothing survives.
	RuntimeDir string
	// HelperPath is a program to start as the keeper of the containers: one whose main function first
	// calls agent.RunHelper. Default: this program, if its own does; else there is no keeper, and
	// containers are children of this process that end with it.
	HelperPath string
	// KeeperIdleTime is how long the keeper stays when nothing runs and no agent is connected. Default
	// 1 min.
	KeeperIdleTime time.Duration
	// WorkDir is the agent's (--work_dir); persistent volumes are below it. Default: containers with
	// persistent volumes are refused.
	WorkDir string
	// Logger gets one line an event. Default: no log.
	Logger *zap.Logger
}

// processes is what the containerizer needs of a keeper; *keeper.Client and *keeper.Local are it.
type processes interface {
	Start(context.Context, *keeper.Command) (keeper.State, error)
	Wait(ctx context.Context, key string) (keeper.Exit, error)
	Signal(ctx context.Context, key string, signal syscall.Signal) error
	Kill(ctx context.Context, key string) error
	Remove(ctx context.Context, key string) error
	List(context.Context) ([]keeper.State, error)
	Pid() int
	Close() error
}

// Containerizer runs plain processes. Its methods are safe for concurrent use, after Recover.
type Containerizer struct {
	cfg   Config
	log   *zap.Logger
	alone bool          // no keeper, even if there could be one: for tests
	execs atomic.Uint64 // numbers them

	mu         sync.Mutex // guards what follows, and the containers
	recovered  bool       // Recover was called
	procs      processes  // nil before that
	scanner    *proctree.Scanner
	scannerPid int // the keeper whose orphans it looks for
	containers map[string]*container
}

var (
	_ containerizer.Containerizer = (*Containerizer)(nil)
	_ containerizer.PidReporter   = (*Containerizer)(nil)
)

// New checks cfg. Nothing is started before Recover.
func New(cfg Config) (*Containerizer, error) {
	for field, path := range map[string]string{"RuntimeDir": cfg.RuntimeDir, "WorkDir": cfg.WorkDir} {
		if path != "" && !filepath.IsAbs(path) {
			return nil, fmt.Errorf("posix.Config.%s: %q must be an absolute path", field, path)
		}
	}
	if cfg.KeeperIdleTime < 0 {
		return nil, fmt.Errorf("posix.Config.KeeperIdleTime: %v must not be negative", cfg.KeeperIdleTime)
	}
	if cfg.HelperPath != "" && cfg.RuntimeDir == "" {
		return nil, errors.New("posix.Config.HelperPath: a keeper needs a RuntimeDir")
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	c := &Containerizer{cfg: cfg, log: cfg.Logger.Named("posix"), containers: map[string]*container{}}
	c.execs.Store(uint64(os.Getpid()) << 32) // those of an earlier agent may still be ending
	return c, nil
}

// Name is mesos: what the reference calls the containerizer of plain processes.
func (c *Containerizer) Name() string { return "mesos" }

// supports reports whether a spec is of this kind.
func supports(spec *containerizer.Spec) bool {
	return spec.Container == nil || spec.Container.GetType() == mesosproto.ContainerInfo_MESOS
}

// find returns a container, ended or not.
func (c *Containerizer) find(id *mesosproto.ContainerID) (*container, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.containers[containerizer.Key(id)]; k != nil {
		return k, nil
	}
	return nil, containerizer.ErrUnknown
}

// running returns a container that has been started and has not ended.
func (c *Containerizer) running(id *mesosproto.ContainerID) (*container, error) {
	k, err := c.find(id)
	if err == nil && (k.ended() || !c.started(k)) {
		err = containerizer.ErrUnknown
	}
	return k, err
}

func (c *Containerizer) started(k *container) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.pid != 0
}

// Wait returns when nothing of the container is left.
func (c *Containerizer) Wait(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	k, err := c.find(id)
	if err != nil {
		return containerizer.Termination{}, err
	}
	return k.wait(ctx)
}

// Signal sends a signal to everything of a container. After SIGTERM, SIGINT, SIGHUP and SIGQUIT what
// was stopped is continued, so that it can obey.
func (c *Containerizer) Signal(ctx context.Context, id *mesosproto.ContainerID, signal syscall.Signal) error {
	k, err := c.running(id)
	if err != nil {
		return err
	}
	if err = c.procs.Signal(ctx, k.key, signal); errors.Is(err, keeper.ErrUnknown) {
		return containerizer.ErrUnknown
	}
	return err
}

// Destroy kills everything of a container and of those nested in it.
func (c *Containerizer) Destroy(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	key := containerizer.Key(id)
	k, err := c.find(id)
	if err != nil {
		return containerizer.Termination{}, err
	}
	var errs []error
	doomed := c.doom(key)
	for _, d := range doomed {
		// A launch under way sees that it is doomed, and ends what it has started.
		if !d.ended() && c.started(d) {
			if err := c.procs.Kill(ctx, d.key); err != nil && !errors.Is(err, keeper.ErrUnknown) {
				errs = append(errs, fmt.Errorf("kill container %s: %w", d.key, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return containerizer.Termination{}, err
	}
	for _, d := range doomed {
		if _, err := d.wait(ctx); err != nil {
			return containerizer.Termination{}, fmt.Errorf("container %s was killed and has not ended yet; look for processes that hang in a file system or device: %w", d.key, err)
		}
	}
	return k.wait(ctx)
}

// doom marks a container and those nested in it for their end, and returns them, the innermost first.
func (c *Containerizer) doom(key string) []*container {
	c.mu.Lock()
	defer c.mu.Unlock()
	var doomed []*container
	for other, k := range c.containers {
		if other == key || strings.HasPrefix(other, key+".") {
			k.doomed = true
			doomed = append(doomed, k)
		}
	}
	slices.SortFunc(doomed, func(a, b *container) int { return len(b.key) - len(a.key) })
	return doomed
}

// Update notes what a container may use, for Usage, and links persistent volumes that have come.
func (c *Containerizer) Update(_ context.Context, id *mesosproto.ContainerID, r resources.Resources, limits map[string]float64) error {
	k, err := c.running(id)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	before := k.resources
	k.resources, k.limits = r, limits
	c.mu.Unlock()
	return c.linkVolumes(k.spec, before, r)
}

// Status has the id and the first process.
func (c *Containerizer) Status(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error) {
	k, err := c.running(id)
	if err != nil {
		return nil, err
	}
	return k.status(), nil
}

// Pid is the container's first process.
func (c *Containerizer) Pid(id *mesosproto.ContainerID) (int, bool) {
	k, err := c.running(id)
	if err != nil {
		return 0, false
	}
	return k.pid, true
}

// Remove forgets a container that has ended, here and in the keeper.
func (c *Containerizer) Remove(ctx context.Context, id *mesosproto.ContainerID) error {
	k, err := c.find(id)
	if err != nil {
		return nil
	}
	if !k.ended() {
		return fmt.Errorf("container %s has not ended; destroy it first", k.key)
	}
	if err := c.procs.Remove(ctx, k.key); err != nil {
		return fmt.Errorf("forget container %s: %w", k.key, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.containers, k.key)
	return nil
}

// Close lets go of the keeper; containers run on without the agent. Without a keeper they end.
func (c *Containerizer) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.procs == nil {
		return nil
	}
	return c.procs.Close()
}
