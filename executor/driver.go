package executor

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
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Driver connects an [Executor] to its agent. Its methods are safe for concurrent use and in callbacks;
// those that send something check it, queue it in order and return, without waiting for anything. See
// the package's introduction for its life.
type Driver struct {
	cfg     Config
	life    *driver.Life[*core]
	session atomic.Pointer[session]
	unacked atomic.Int64 // updates that the agent has not acknowledged
}

// session is what methods need to know of the core's state; it is replaced, never changed.
type session struct {
	subscribed bool
	container  *mesosproto.ContainerID // nil: the agent has not told
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
	d.session.Store(&session{})
	return d, nil
}

// Start begins to connect to the agent and to subscribe, and returns at once.
//
// Errors: FailedPrecondition if the driver was started or stopped before.
func (d *Driver) Start() error {
	return d.life.Start(d.cfg.Loop, d.cfg.ExecutorLoop, "executor.New", d.newCore, (*core).start)
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
func (d *Driver) Stop() { d.life.Halt((*core).stop) }

// Abort ends the driver at once: queued updates are dropped, and Run and Join return an error with code
// Aborted.
//
// Mesos: MesosExecutorDriver::abort.
func (d *Driver) Abort() {
	d.life.Halt(func(c *core) { c.finish(status.Error(codes.Aborted, "the driver was aborted")) })
}

// Join waits until the driver has ended and returns why: nil after Stop if all updates arrived, else the
// reason. It must not be called in a callback.
func (d *Driver) Join() error { return d.life.Join() }

// Done is closed when the driver has ended; Err then says why.
func (d *Driver) Done() <-chan struct{} { return d.life.Done() }

// Err is nil while the driver has not ended, and then what Join returns.
func (d *Driver) Err() error { return d.life.Err() }

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
func (d *Driver) Now() time.Time { return d.life.Now() }

// AfterFunc runs f once after wait, between callbacks as if it were one; at once, but not within
// AfterFunc, if wait <= 0. It does not run after the driver has been stopped. stop prevents f and
// reports whether it did; called in a callback it is exact. Before Start, AfterFunc does nothing.
func (d *Driver) AfterFunc(wait time.Duration, f func()) (stop func() bool) {
	return d.life.AfterFunc(wait, f)
}

// Rand is for ids and choices of the executor; in a simulation it is seeded. It may be used only in
// callbacks and functions run by AfterFunc. It is nil before Start.
func (d *Driver) Rand() *rand.Rand { return d.life.Rand() }

// post runs f on the core's loop. what names the call in the error if there is no such loop, or no longer.
func (d *Driver) post(what executorpb.Call_Type, f func(*core)) error {
	switch {
	case d.life.Halted():
		return status.Errorf(codes.FailedPrecondition, "%s: the driver was stopped", what)
	case !d.life.Post(f):
		return status.Errorf(codes.FailedPrecondition, "%s: the driver has not started; see Driver.Start", what)
	}
	return nil
}
