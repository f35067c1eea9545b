package scheduler

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/driver"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Driver connects a [Scheduler] to a cluster. Its methods are safe for concurrent use and in
// callbacks; those that make calls check them, queue them in order and return, without waiting for
// anything. See the package's introduction for its life.
type Driver struct {
	cfg     Config
	life    *driver.Life[*core]
	session atomic.Pointer[session]
}

// session is what methods need to know of the core's state; it is replaced, never changed.
type session struct {
	id         *mesosproto.FrameworkID // nil before the first Registered, unless configured
	subscribed bool
}

// New checks cfg and returns a Driver that has not started.
//
// Errors: InvalidArgument, with the name of the field.
func New(cfg Config) (*Driver, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	d := &Driver{cfg: cfg, life: driver.New[*core]()}
	d.session.Store(&session{id: cfg.Framework.Id})
	return d, nil
}

// Start begins to look for the master and to subscribe, and returns at once.
//
// Errors: FailedPrecondition if the driver was started or stopped before.
func (d *Driver) Start() error {
	return d.life.Start(d.cfg.Loop, d.cfg.FrameworkLoop, "scheduler.New", d.newCore, (*core).start)
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
	d.life.Halt(func(c *core) { c.stop(!failover) })
}

// Abort ends the driver at once: queued calls are dropped, the framework stays registered as with
// Stop(true), and Run and Join return an error with code Aborted.
//
// Mesos: MesosSchedulerDriver::abort.
func (d *Driver) Abort() {
	d.life.Halt(func(c *core) { c.finish(status.Error(codes.Aborted, "the driver was aborted")) })
}

// Join waits until the driver has ended and returns why: nil after Stop, else the fatal error. It must
// not be called in a callback.
func (d *Driver) Join() error { return d.life.Join() }

// Done is closed when the driver has ended; Err then says why.
func (d *Driver) Done() <-chan struct{} { return d.life.Done() }

// Err is nil while the driver has not ended, and then what Join returns.
func (d *Driver) Err() error { return d.life.Err() }

// FrameworkID returns the framework's id, or nil before the master has given one.
func (d *Driver) FrameworkID() *mesosproto.FrameworkID {
	return proto.CloneOf(d.session.Load().id)
}

// Now is the cluster's time: the wall clock, or the simulation's. Frameworks that use it, AfterFunc
// and Rand instead of package time and goroutines can be simulated.
func (d *Driver) Now() time.Time { return d.life.Now() }

// AfterFunc runs f once after wait, between callbacks as if it were one; at once, but not within
// AfterFunc, if wait <= 0. It does not run after the driver has been stopped. stop prevents f and
// reports whether it did; called in a callback it is exact. Before Start, AfterFunc does nothing.
func (d *Driver) AfterFunc(wait time.Duration, f func()) (stop func() bool) {
	return d.life.AfterFunc(wait, f)
}

// Rand is for ids and choices of the framework; in a simulation it is seeded. It may be used only in
// callbacks and functions run by AfterFunc. It is nil before Start.
func (d *Driver) Rand() *rand.Rand { return d.life.Rand() }

// Call queues any call of the scheduler API but SUBSCRIBE; the other methods are shorter ways to it.
// FrameworkId is filled in, also of the executors of task groups. call is copied.
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
	if !s.subscribed || d.life.Halted() {
		return d.notSubscribed(call, s)
	}
	d.life.Post(func(c *core) { c.send(call) })
	return nil
}

func (d *Driver) notSubscribed(call *schedulerpb.Call, s *session) error {
	why := "the master has not answered yet; wait for Registered"
	switch {
	case d.life.Halted():
		why = "the driver was stopped"
	case s.id != nil:
		why = "framework " + s.id.GetValue() + " is disconnected; wait for Registered or Reregistered"
	}
	return status.Errorf(codes.FailedPrecondition, "%s: not subscribed: %s", call.GetType(), why)
}
