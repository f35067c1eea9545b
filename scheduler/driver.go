package scheduler

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
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Driver connects a [Scheduler] to a cluster. Its methods are safe for concurrent use and in
// callbacks; those that make calls check them, queue them in order and return, without waiting for
// anything. See the package's introduction for its life.
type Driver struct {
	cfg     Config
	session atomic.Pointer[session]
	loops   atomic.Pointer[loops] // nil before Start
	halted  atomic.Bool           // no further callback begins
	done    chan struct{}
	err     error // written before done is closed

	mu      sync.Mutex // guards started and ended
	started bool
	ended   bool
	core    *core // written once, by Start, under mu
}

// session is what methods need to know of the core's state; it is replaced, never changed.
type session struct {
	id         *mesosproto.FrameworkID // nil before the first Registered, unless configured
	subscribed bool
}

// loops are the two that the driver runs on, and the goroutines to end after it.
type loops struct {
	core, framework loop.Loop
	owned           []*loop.Real
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
	d.session.Store(&session{id: cfg.Framework.Id})
	return d, nil
}

// Start begins to look for the master and to subscribe, and returns at once.
//
// Errors: FailedPrecondition if the driver was started or stopped before.
func (d *Driver) Start() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.ended:
		return status.Error(codes.FailedPrecondition, "the driver was stopped; make a new one with scheduler.New")
	case d.started:
		return status.Error(codes.FailedPrecondition, "the driver was started already")
	}
	d.started = true
	l := &loops{core: d.cfg.Loop, framework: d.cfg.FrameworkLoop}
	if l.core == nil {
		core, framework := loop.New(), loop.New()
		l = &loops{core: core, framework: framework, owned: []*loop.Real{framework, core}}
	}
	d.loops.Store(l)
	d.core = newCore(d, l)
	l.core.Post(d.core.start)
	return nil
}

// Run starts the driver and returns when it has ended: nil after Stop, else the fatal error. When ctx
// ends, the driver stops as with Stop(true): tasks are not killed.
func (d *Driver) Run(ctx context.Context) error {
	if err := d.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { d.Stop(true) })()
	return d.Join()
}

// Stop ends the driver; no callback begins after it was called. What was called before is still sent,
// for up to 5s.
//
// With failover the framework stays registered for its FailoverTimeout, and its tasks run on, so that
// another Driver can take it over. Otherwise the framework is torn down: all its tasks are killed.
// If the driver is not connected then, that can't be said; the master does it after FailoverTimeout.
//
// Stop returns at once; Join waits. Further calls do nothing.
// Mesos: scheduler Call TEARDOWN; MesosSchedulerDriver::stop.
func (d *Driver) Stop(failover bool) {
	d.halt(func(c *core) { c.stop(!failover) })
}

// Abort ends the driver at once: queued calls are dropped, the framework stays registered as with
// Stop(true), and Run and Join return an error with code Aborted.
//
// Mesos: MesosSchedulerDriver::abort.
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

// Join waits until the driver has ended and returns why: nil after Stop, else the fatal error. It must
// not be called in a callback.
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

// FrameworkID returns the framework's id, or nil before the master has given one.
func (d *Driver) FrameworkID() *mesosproto.FrameworkID {
	return proto.CloneOf(d.session.Load().id)
}

// Now is the cluster's time: the wall clock, or the simulation's. Frameworks that use it, AfterFunc
// and Rand instead of package time and goroutines can be simulated.
func (d *Driver) Now() time.Time {
	if l := d.loops.Load(); l != nil {
		return l.framework.Now()
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
	return l.framework.AfterFunc(wait, func() {
		if !d.halted.Load() {
			f()
		}
	})
}

// Rand is for ids and choices of the framework; in a simulation it is seeded. It may be used only in
// callbacks and functions run by AfterFunc. It is nil before Start.
func (d *Driver) Rand() *rand.Rand {
	if l := d.loops.Load(); l != nil {
		return l.framework.Rand()
	}
	return nil
}

// Call queues any call of the scheduler API but SUBSCRIBE; the other methods are shorter ways to it.
// FrameworkId is filled in. call is copied.
//
// Errors: InvalidArgument for what the API would refuse as malformed; FailedPrecondition while the
// framework is not subscribed. Later refusals arrive through Scheduler.Error.
func (d *Driver) Call(call *schedulerpb.Call) error { return d.call(proto.CloneOf(call)) }

// call is Call for a message that is ours.
func (d *Driver) call(call *schedulerpb.Call) error {
	if err := validate(call); err != nil {
		return err
	}
	s := d.session.Load()
	if !s.subscribed || d.halted.Load() {
		return d.notSubscribed(call, s)
	}
	l := d.loops.Load()
	l.core.Post(func() { d.core.send(call) })
	return nil
}

func (d *Driver) notSubscribed(call *schedulerpb.Call, s *session) error {
	why := "the master has not answered yet; wait for Registered"
	switch {
	case d.halted.Load():
		why = "the driver was stopped"
	case s.id != nil:
		why = "framework " + s.id.GetValue() + " is disconnected; wait for Registered or Reregistered"
	}
	return status.Errorf(codes.FailedPrecondition, "%s: not subscribed: %s", call.GetType(), why)
}
