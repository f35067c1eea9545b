package framework

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/backoff"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
)

// RemovedPolicy says what happens when the master has removed the framework, because an operator tore it
// down or nobody was connected for the failover timeout. Its tasks are gone then.
type RemovedPolicy int

const (
	// Fail ends Run with an error, now and at each later start, until the store is emptied by hand.
	Fail RemovedPolicy = iota
	// StartOver empties the store and begins anew, as another framework.
	StartOver
)

// Config is what a Framework needs. Driver and Store must be set; the zero value of every other field
// works.
type Config struct {
	// Driver says who the framework is and how it gets to the master; see scheduler.Config. Of Framework
	// only Name must be set. FailoverTimeout defaults to a week, Checkpoint to true, Id comes from the
	// store, and the capability PARTITION_AWARE is added. Scheduler and ExplicitAcknowledgements are
	// filled in.
	Driver scheduler.Config

	// Store keeps the framework's memory. It must be this framework's alone.
	Store Store

	// Specs are what the program declares at each start. One that differs from what it was at the last
	// start, here or elsewhere, takes effect, and one that there was and is not any more is removed. Where
	// nothing differs, what Apply and Remove have declared since holds, also what was not in Specs.
	Specs []Spec

	// OnRemoved says what to do when the master has removed the framework. Default Fail.
	OnRemoved RemovedPolicy

	// StagingTimeout and StartingTimeout are how long a task may stay in these states before it is killed
	// and replaced. Default 5min for staging, and 15min for starting, which includes pulling an image.
	StagingTimeout, StartingTimeout time.Duration

	// KillRetry is how long a kill may take before it is repeated, at first; each further wait is twice
	// as long, up to 12 times KillRetry. Default 10s.
	KillRetry time.Duration

	// ReconcileInterval is how often all tasks are reconciled without a cause. Default 10min.
	ReconcileInterval time.Duration

	// Changed, if set, is called with each new snapshot, on the framework's loop: it must not block.
	Changed func(*Snapshot)

	// Logger gets a line for each launch, each end of a task, and each trouble. Of Logger and
	// Driver.Logger, one that is not set is the other.
	Logger *zap.Logger
}

// Framework keeps what was declared running. Its methods are safe for concurrent use.
type Framework struct {
	cfg      Config
	config   map[string]*spec                 // Config.Specs by name
	words    atomic.Pointer[map[string]*word] // that may not be saved, by name of the spec; replaced, never changed
	ending   atomic.Bool                      // Teardown was called
	endAfter time.Duration                    // how long the next driver waits before it does that
	driver   atomic.Pointer[scheduler.Driver]
	core     atomic.Pointer[core] // the present driver's
	snapshot atomic.Pointer[Snapshot]
}

// New checks cfg and returns a Framework that has not started.
//
// Errors: InvalidArgument, with the name of the field.
func New(cfg Config) (*Framework, error) {
	if cfg.Store == nil {
		return nil, invalid("Config.Store is not set; filestore.Open has one in a file, &framework.Memory{} one for tests")
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		usual time.Duration
	}{
		{"StagingTimeout", &cfg.StagingTimeout, 5 * time.Minute},
		{"StartingTimeout", &cfg.StartingTimeout, 15 * time.Minute},
		{"KillRetry", &cfg.KillRetry, 10 * time.Second},
		{"ReconcileInterval", &cfg.ReconcileInterval, 10 * time.Minute},
	} {
		if *d.value < 0 {
			return nil, invalid("Config.%s is %v; expecting a positive duration, or 0 for %v", d.name, *d.value, d.usual)
		}
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = cfg.Driver.Logger
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	if cfg.Driver.Logger == nil {
		cfg.Driver.Logger = cfg.Logger
	}
	cfg.Driver.Framework = filled(cfg.Driver.Framework)
	cfg.Driver.ExplicitAcknowledgements = true
	f := &Framework{cfg: cfg, config: map[string]*spec{}}
	f.words.Store(&map[string]*word{})
	f.snapshot.Store(&Snapshot{})
	for _, s := range cfg.Specs {
		compiled, err := compile(s)
		if err != nil {
			return nil, err
		}
		if f.config[compiled.name] != nil {
			return nil, invalid("Config.Specs has two of the name %q; each needs one of its own", compiled.name)
		}
		f.config[compiled.name] = compiled
	}
	return f, nil
}

// filled returns the framework's introduction with this package's defaults.
func filled(info *mesosproto.FrameworkInfo) *mesosproto.FrameworkInfo {
	info = proto.CloneOf(info)
	if info == nil {
		return nil // the driver says that there must be one
	}
	info.Id = nil // the store's
	if info.FailoverTimeout == nil {
		info.FailoverTimeout = proto.Float64((7 * 24 * time.Hour).Seconds())
	}
	if info.Checkpoint == nil {
		info.Checkpoint = proto.Bool(true)
	}
	const aware = mesosproto.FrameworkInfo_Capability_PARTITION_AWARE
	if !slices.ContainsFunc(info.Capabilities, func(c *mesosproto.FrameworkInfo_Capability) bool { return c.GetType() == aware }) {
		info.Capabilities = append(info.Capabilities, scheduler.Capabilities(aware)...)
	}
	return info
}

// Run connects and keeps what is declared running until ctx ends, then returns nil: tasks go on, and the
// next Run, here or elsewhere, takes them over. It may be called again.
//
// It returns an error when the framework can't go on: the master has refused or removed it (see
// [RemovedPolicy]), another instance has taken it over, or the store can't be read.
func (f *Framework) Run(ctx context.Context) error {
	f.endAfter = 0
	wait := backoff.Backoff{First: endFirst, Max: endMax}
	for {
		cfg, err := f.SchedulerConfig()
		if err != nil {
			return err
		}
		d, err := scheduler.New(cfg)
		if err != nil {
			return err
		}
		core := f.core.Load()
		if f.ending.Load() && cfg.Framework.GetId() == nil {
			core.log.Warn("there is nothing to tear down: the store knows no framework")
			core.forgetAll()
		} else {
			err = d.Run(ctx)
		}
		if ctx.Err() != nil && f.ending.Load() && !core.done { // it may not have come to saving that
			err = errors.Join(err, f.saveEnd())
		}
		switch { // these were written on the loop, which has ended
		case core.failure != nil:
			return core.failure
		case core.done:
			f.ending.Store(false)
			return nil
		case core.asked && ctx.Err() == nil: // is it torn down?
			f.endAfter = wait.Bound()
		case !core.removed || f.cfg.OnRemoved != StartOver:
			return err
		}
	}
}

// SchedulerConfig returns what a scheduler.Driver needs to run the framework once: for those who, like a
// simulation, start drivers themselves. Run does so by itself. Each call is for one driver; that of the
// one before must have ended.
//
// Errors: Unavailable if the store can't be read, or not be told of a [Framework.Teardown]; DataLoss if what is
// in it makes no sense.
func (f *Framework) SchedulerConfig() (scheduler.Config, error) {
	entries, err := f.cfg.Store.Load()
	if err != nil {
		return scheduler.Config{}, status.Errorf(codes.Unavailable, "reading the framework's store: %v", err)
	}
	r, err := decode(entries)
	if err != nil {
		return scheduler.Config{}, status.Errorf(codes.DataLoss, "%v", err)
	}
	if f.ending.Load() && !r.ending {
		if err := f.saveEnd(); err != nil {
			return scheduler.Config{}, err
		}
		r.ending = true
	}
	cfg := f.cfg.Driver
	if cfg.Framework != nil && r.id != "" {
		cfg.Framework = proto.CloneOf(cfg.Framework)
		cfg.Framework.Id = &mesosproto.FrameworkID{Value: proto.String(r.id)}
	}
	c := newCore(f)
	if c.ending = r.ending; c.ending {
		c.log.Info("the framework is to be torn down; nothing is launched any more")
	}
	f.core.Store(c)
	cfg.Scheduler = c
	return cfg, nil
}

// Apply declares s, in place of the spec with its name if there is one. It returns at once; what has to
// change follows. It is remembered once a [Snapshot] shows it whose Saving is true: then it holds for the
// processes to come, too, until something else is declared under that name.
//
// Errors: InvalidArgument if s is not right.
func (f *Framework) Apply(s Spec) error {
	compiled, err := compile(s)
	if err != nil {
		return err
	}
	f.say(compiled.name, compiled)
	return nil
}

func compile(s Spec) (*spec, error) {
	if s == nil {
		return nil, invalid("a spec is nil; expecting a Service or a Batch")
	}
	return s.compile()
}

// Remove takes the spec back: all its tasks are killed. Without one of that name it does nothing. It is
// remembered as Apply is.
func (f *Framework) Remove(name string) { f.say(name, nil) }

// Kill kills one task. What it belongs to decides what follows: a service launches another; in a batch it
// does not count as a failure, and the instance is run again. Unknown ids are ignored, and so are calls
// while the framework is not running.
func (f *Framework) Kill(task string) {
	f.post(func(c *core) { c.killOne(task) })
}

// post runs a function on the loop of the present driver, if there is one.
func (f *Framework) post(do func(*core)) {
	d, c := f.driver.Load(), f.core.Load()
	if d != nil && c != nil {
		d.AfterFunc(0, func() {
			if c == f.core.Load() && c.driver == d {
				do(c)
			}
		})
	}
}

// Teardown ends the framework for good: the master kills all its tasks, and forgets it; then the store is
// emptied, and Run returns nil. Before Run it has the next one do so. It is remembered when the framework
// subscribes, or when Run begins or ends: if Run ends before all that, because its context does or the process,
// the next one goes on with it.
//
// It returns at once.
func (f *Framework) Teardown() {
	f.ending.Store(true)
	f.post((*core).everything)
}

// saveEnd remembers that the framework is to be torn down, while no driver runs.
func (f *Framework) saveEnd() error {
	if err := f.cfg.Store.Save(map[string][]byte{endKey: []byte("true")}); err != nil {
		return status.Errorf(codes.Unavailable, "saving that the framework is to be torn down: %v", err)
	}
	return nil
}

// Snapshot says how things are, or were when a driver last ended. It is never nil, and must not be
// changed.
func (f *Framework) Snapshot() *Snapshot { return f.snapshot.Load() }
