package executor

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Driver connects an [Executor] to its agent. Its methods are safe for concurrent use and in callbacks;
// those that send something check it, queue it in order and return, without waiting for anything. See
// the package's introduction for its life.
type Driver struct {
	cfg     Config
	session atomic.Pointer[session]
	loops   atomic.Pointer[loops] // nil before Start
	halted  atomic.Bool           // no further callback begins
	unacked atomic.Int64          // updates that the agent has not acknowledged
	done    chan struct{}
	err     error // written before done is closed

	mu      sync.Mutex // guards started and ended
	started bool
	ended   bool
	core    *core // written once, by Start, under mu
}

// session is what methods need to know of the core's state; it is replaced, never changed.
type session struct {
	subscribed bool
	container  *mesosproto.ContainerID // nil: the agent has not told
}

// loops are the two that the driver runs on, and the goroutines to end after it.
type loops struct {
	core, executor loop.Loop
	owned          []*loop.Real
}

// New checks cfg and returns a Driver that has not started.
//
// Errors: InvalidArgument, with the name of the field.
func New(cfg Config) (*Driver, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	d := &Driver{cfg: cfg, done: make(chan struct{})}
	d.session.Store(&session{})
	return d, nil
}

// Start begins to connect to the agent and to subscribe, and returns at once.
//
// Errors: FailedPrecondition if the driver was started or stopped before.
func (d *Driver) Start() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.ended:
		return status.Error(codes.FailedPrecondition, "the driver was stopped; make a new one with executor.New")
	case d.started:
		return status.Error(codes.FailedPrecondition, "the driver was started already")
	}
	d.started = true
	l := &loops{core: d.cfg.Loop, executor: d.cfg.ExecutorLoop}
	if l.core == nil {
		core, executor := loop.New(), loop.New()
		l = &loops{core: core, executor: executor, owned: []*loop.Real{executor, core}}
	}
	d.core = newCore(d, l)
	d.loops.Store(l)
	l.core.Post(d.core.start)
	return nil
}

// Run starts the driver and returns when it has ended: nil after Stop if all updates arrived, else the
// reason. When ctx ends, the driver stops as with Stop.
func (d *Driver) Run(ctx context.Context) error {
	if err := d.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, d.Stop)()
	return d.Join()
}

// Stop ends the driver; no callback begins after it was called. What was sent before it is still
// delivered, for up to a minute: the agent must have acknowledged each update, over a new connection if
// the present one breaks, and accepted each message. If it has not, Run and Join return an error with
// code DeadlineExceeded, or Unavailable if the agent is lost for good.
//
// The agent considers the executor's end to be the end of its process or function, not that of the
// driver; tasks that have not ended then are reported as failed.
//
// Stop returns at once; Join waits. What is sent later is refused.
// Mesos: MesosExecutorDriver::stop, which waits for nothing.
func (d *Driver) Stop() { d.halt((*core).stop) }

// Abort ends the driver at once: queued updates are dropped, and Run and Join return an error with code
// Aborted.
//
// Mesos: MesosExecutorDriver::abort.
func (d *Driver) Abort() {
	d.halt(func(c *core) { c.finish(status.Error(codes.Aborted, "the driver was aborted")) })
}

func (d *Driver) halt(how func(*core)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.halted.Store(true)
	if d.started {
		d.loops.Load().core.Post(func() { how(d.core) })
	} else if !d.ended {
		d.ended = true
		close(d.done)
	}
}

// Join waits until the driver has ended and returns why: nil after Stop if all updates arrived, else the
// reason. It must not be called in a callback.
func (d *Driver) Join() error {
	<-d.done
	return d.err
}

// Done is closed when the driver has ended; Err then says why.
func (d *Driver) Done() <-chan struct{} { return d.done }

// Err is nil while the driver has not ended, and then what Join returns.
func (d *Driver) Err() error {
	select {
	case <-d.done:
		return d.err
	default:
		return nil
	}
}

// finished is the core's last word. Loops can't be closed from their own goroutines.
func (d *Driver) finished(err error) {
	d.halted.Store(true)
	end := func() {
		d.mu.Lock()
		d.ended = true
		d.mu.Unlock()
		d.err = err
		close(d.done)
	}
	owned := d.loops.Load().owned
	if len(owned) == 0 {
		end()
		return
	}
	go func() {
		for _, l := range owned {
			l.Close()
		}
		end()
	}()
}

// FrameworkID returns the id of the executor's framework.
func (d *Driver) FrameworkID() *mesosproto.FrameworkID { return proto.CloneOf(d.cfg.FrameworkID) }

// ExecutorID returns the executor's id. It is unique within its framework and agent.
func (d *Driver) ExecutorID() *mesosproto.ExecutorID { return proto.CloneOf(d.cfg.ExecutorID) }

// ContainerID returns the id of the container that the executor runs in, or nil before Registered.
func (d *Driver) ContainerID() *mesosproto.ContainerID {
	return proto.CloneOf(d.session.Load().container)
}

// Now is the cluster's time: the wall clock, or the simulation's. Executors that use it, AfterFunc
// and Rand instead of package time and goroutines can be simulated.
func (d *Driver) Now() time.Time {
	if l := d.loops.Load(); l != nil {
		return l.executor.Now()
	}
	return time.Now()
}

// AfterFunc runs f once after wait, between callbacks as if it were one; at once, but not within
// AfterFunc, if wait <= 0. It does not run after the driver has been stopped. stop prevents f and
// reports whether it did; called in a callback it is exact. Before Start, AfterFunc does nothing.
func (d *Driver) AfterFunc(wait time.Duration, f func()) (stop func() bool) {
	l := d.loops.Load()
	if l == nil {
		return func() bool { return false }
	}
	return l.executor.AfterFunc(wait, func() {
		if !d.halted.Load() {
			f()
		}
	})
}

// Rand is for ids and choices of the executor; in a simulation it is seeded. It may be used only in
// callbacks and functions run by AfterFunc. It is nil before Start.
func (d *Driver) Rand() *rand.Rand {
	if l := d.loops.Load(); l != nil {
		return l.executor.Rand()
	}
	return nil
}

// post runs f on the core's loop. what names the call in the error if there is no such loop, or no longer.
func (d *Driver) post(what executorpb.Call_Type, f func(*core)) error {
	l := d.loops.Load()
	switch {
	case d.halted.Load():
		return status.Errorf(codes.FailedPrecondition, "%s: the driver was stopped", what)
	case l == nil:
		return status.Errorf(codes.FailedPrecondition, "%s: the driver has not started; see Driver.Start", what)
	}
	l.core.Post(func() { f(d.core) })
	return nil
}
