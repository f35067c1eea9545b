package inprocess

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Prefix begins the command value of a container of this kind; the name of an executor follows.
const Prefix = "go:"

// Command is the command of containers that run the executor with the given name.
func Command(name string) *mesosproto.CommandInfo {
	return &mesosproto.CommandInfo{Value: proto.String(Prefix + name)}
}

// Run is what an executor gets to know. It is valid until the executor returns.
type Run struct {
	// Spec is the container's. It must not be changed.
	Spec *containerizer.Spec
	// Environment is what os.Environ would show a process: MESOS_SANDBOX, MESOS_AGENT_ENDPOINT and
	// so on. It is the executor's to change.
	Environment map[string]string
	// Stdout and Stderr append to the files of these names in the sandbox.
	Stdout, Stderr *os.File
}

// Executor is an executor, or a task, that is Go code.
type Executor interface {
	// Run does all the work, and returns when it is done. Many may run at once. ctx ends when the
	// container is signalled or destroyed.
	//
	// nil is exit status 0. An error with a method ExitCode() int has that status, cut to its low
	// eight bits. The end of ctx, returned after a signal, is an end by that signal. Any other error
	// is exit status 1 and, like a panic, is written to Stderr.
	Run(ctx context.Context, run *Run) error
}

// Func is a function as an Executor.
type Func func(ctx context.Context, run *Run) error

// Run calls f.
func (f Func) Run(ctx context.Context, run *Run) error { return f(ctx, run) }

// Config says which executors there are.
type Config struct {
	// Executors by name. The map is copied.
	Executors map[string]Executor
	// Lookup is asked for names that are not among Executors; nil: there are no others. It is called
	// at each launch, concurrently.
	Lookup func(name string) (Executor, bool)
	// StopTimeout is how long a container may go on after Destroy before it is given up on. Default
	// 10 s; negative means at once.
	StopTimeout time.Duration
	// Logger; nil logs nothing.
	Logger *zap.Logger
}

// Containerizer runs functions. Its methods are safe for concurrent use.
type Containerizer struct {
	cfg Config
	log *zap.Logger

	mu         sync.Mutex // guards the map and, in each container, what says so
	containers map[string]*container
}

var _ containerizer.Containerizer = (*Containerizer)(nil)

// New returns a containerizer for the executors of cfg.
func New(cfg Config) (*Containerizer, error) {
	cfg.Executors = maps.Clone(cfg.Executors)
	for name, e := range cfg.Executors {
		if name == "" || e == nil {
			return nil, fmt.Errorf("inprocess.Config.Executors: %q has no name or no executor", name)
		}
	}
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	return &Containerizer{cfg: cfg, log: cfg.Logger.Named("inprocess"), containers: map[string]*container{}}, nil
}

// Name is inprocess.
func (c *Containerizer) Name() string { return "inprocess" }

// supports reports whether spec is of this kind, and the executor's name.
func supports(spec *containerizer.Spec) (name string, ok bool) {
	if spec.Container != nil && spec.Container.GetType() != mesosproto.ContainerInfo_MESOS {
		return "", false
	}
	return strings.CutPrefix(spec.Command.GetValue(), Prefix)
}

// Recover reports all known containers as gone: functions don't outlive their program.
func (c *Containerizer) Recover(_ context.Context, known []containerizer.Checkpoint) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range known {
		if _, ok := supports(k.Spec); ok {
			gone := newContainer(k.Spec)
			gone.endLocked(containerizer.Termination{Message: "the function ended with the program that ran it"})
			c.containers[containerizer.Key(k.Spec.ID)] = gone
		}
	}
	return nil
}

// Launch starts the function and returns.
func (c *Containerizer) Launch(_ context.Context, spec *containerizer.Spec) (containerizer.Launched, error) {
	name, ok := supports(spec)
	if !ok {
		return containerizer.Launched{}, containerizer.ErrNotSupported
	}
	if err := containerizer.CheckID(spec.ID); err != nil {
		return containerizer.Launched{}, err
	}
	key := containerizer.Key(spec.ID)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.containers[key] != nil {
		return containerizer.Launched{}, fmt.Errorf("launch %s: %w", key, containerizer.ErrExists)
	}
	k := newContainer(spec)
	c.containers[key] = k
	err := c.startLocked(k, name)
	if err != nil {
		err = fmt.Errorf("launch function %q: %w", name, err)
		k.endLocked(containerizer.Termination{Message: err.Error()})
		return containerizer.Launched{}, err
	}
	c.log.Info("function started", zap.String("container_id", key), zap.String("executor_id", spec.ExecutorID), zap.String("function", name))
	return containerizer.Launched{Status: status(spec)}, nil
}

func (c *Containerizer) startLocked(k *container, name string) error {
	executor, err := c.executor(name)
	if err != nil {
		return err
	}
	env, err := containerizer.Environment(k.spec, k.spec.Sandbox)
	if err != nil {
		return err
	}
	stdout, stderr, err := containerizer.OpenOutput(k.spec.Sandbox, -1, -1)
	if err != nil {
		return err
	}
	go c.run(k, executor, &Run{Spec: k.spec, Environment: env, Stdout: stdout, Stderr: stderr})
	return nil
}

func (c *Containerizer) executor(name string) (Executor, error) {
	if e := c.cfg.Executors[name]; e != nil {
		return e, nil
	}
	if c.cfg.Lookup != nil {
		if e, ok := c.cfg.Lookup(name); ok && e != nil {
			return e, nil
		}
	}
	return nil, fmt.Errorf("no executor has this name; those registered are %q", slices.Sorted(maps.Keys(c.cfg.Executors)))
}

func status(spec *containerizer.Spec) *mesosproto.ContainerStatus {
	return &mesosproto.ContainerStatus{ContainerId: spec.ID}
}

// Wait returns when the function has returned or was given up on.
func (c *Containerizer) Wait(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	c.mu.Lock()
	k := c.containers[containerizer.Key(id)]
	c.mu.Unlock()
	if k == nil {
		return containerizer.Termination{}, containerizer.ErrUnknown
	}
	return k.wait(ctx)
}

// running returns a container that has not ended.
func (c *Containerizer) running(id *mesosproto.ContainerID) (*container, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.containers[containerizer.Key(id)]; k != nil && !k.ended() {
		return k, nil
	}
	return nil, containerizer.ErrUnknown
}

// Signal ends the function's context if the signal's default is to end a process; others do nothing.
func (c *Containerizer) Signal(_ context.Context, id *mesosproto.ContainerID, signal syscall.Signal) error {
	k, err := c.running(id)
	if err == nil && ends(signal) {
		c.mu.Lock()
		defer c.mu.Unlock()
		k.signalLocked(signal)
	}
	return err
}

// Destroy ends the function's context and those of nested containers, and waits for their return, at
// most Config.StopTimeout.
func (c *Containerizer) Destroy(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	key := containerizer.Key(id)
	c.mu.Lock()
	k := c.containers[key]
	var doomed []*container
	for other, k := range c.containers {
		if other == key || strings.HasPrefix(other, key+".") {
			doomed = append(doomed, k)
			c.stopLocked(k)
		}
	}
	c.mu.Unlock()
	if k == nil {
		return containerizer.Termination{}, containerizer.ErrUnknown
	}
	for _, k := range doomed {
		if _, err := k.wait(ctx); err != nil {
			return containerizer.Termination{}, err
		}
	}
	return k.wait(ctx)
}

// Update does nothing: functions share what their program has.
func (c *Containerizer) Update(context.Context, *mesosproto.ContainerID, resources.Resources, map[string]float64) error {
	return nil
}

// Status has the container's id.
func (c *Containerizer) Status(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error) {
	k, err := c.running(id)
	if err != nil {
		return nil, err
	}
	return status(k.spec), nil
}

// Usage has only the time: what a function uses can't be told from what the rest of its program uses.
func (c *Containerizer) Usage(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error) {
	if _, err := c.running(id); err != nil {
		return nil, err
	}
	return &mesosproto.ResourceStatistics{Timestamp: proto.Float64(float64(time.Now().UnixNano()) / 1e9)}, nil
}

// Exec fails: there is no process to run a command beside. Use an HTTP or TCP check.
func (c *Containerizer) Exec(_ context.Context, id *mesosproto.ContainerID, _ *mesosproto.CommandInfo) (syscall.WaitStatus, []byte, error) {
	if _, err := c.running(id); err != nil {
		return 0, nil, err
	}
	return 0, nil, errors.New("a Go function has no place to run commands in; use an HTTP or TCP check")
}

// Remove forgets a container that has ended.
func (c *Containerizer) Remove(_ context.Context, id *mesosproto.ContainerID) error {
	key := containerizer.Key(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.containers[key]; k != nil && !k.ended() {
		return fmt.Errorf("container %s still runs; destroy it first", key)
	}
	delete(c.containers, key)
	return nil
}
