package executor

import (
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/backlog"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// stopTimeout is how long Stop waits for acknowledgements.
//
// Mesos: src/launcher/executor.cpp, which waits as long after its task's end.
const stopTimeout = time.Minute

// maxUndelivered is how many callbacks may wait for the executor before the stream is not read. With
// what the link holds, twice as many events are in memory at most.
const maxUndelivered = 64

// core is the driver's state machine. It is touched only from its loop. Outwards it knows links, and the
// executor's loop, on which callbacks run.
type core struct {
	driver   *Driver
	cfg      Config
	loop     loop.Loop
	guards   guard.Set
	executor loop.Loop
	log      *zap.Logger
	backlog  *backlog.Backlog

	// What the next SUBSCRIBE says.
	tasks   pending[*mesosproto.TaskInfo] // launched, and no update of them acknowledged; by task id
	updates pending[*update]              // not acknowledged; by uuid

	conn       *connection // nil: none
	retry      func() bool // cancels the wait for the next connection; nil: none
	recovery   func() bool // cancels the wait for a lost agent; nil: none
	why        error       // the last connection was lost; nil: none was
	registered bool        // once

	shutdown bool        // SHUTDOWN came, or the agent is lost for good
	forsaken bool        // no further connection is made
	grace    func() bool // cancels the end that follows; nil: none

	stopping bool // Stop was called: tasks and messages are not taken any more
	over     bool // nothing happens any more
	err      error
	holding  int  // connections being closed, and the last callback: what the end waits for
	reported bool // to the driver
}

func (d *Driver) newCore(own, executor loop.Loop) *core {
	return &core{
		driver:   d,
		cfg:      d.cfg,
		loop:     own,
		guards:   guard.Of(own),
		executor: executor,
		log: d.cfg.Logger.Named("executor").With(
			zap.String("framework_id", d.cfg.FrameworkID.GetValue()), zap.String("executor_id", d.cfg.ExecutorID.GetValue())),
		backlog: backlog.New(maxUndelivered),
	}
}

func (c *core) start() {
	if !c.over {
		c.awaitAgent(c.firstPatience())
		c.connect()
	}
}

// call makes a call of this executor.
func (c *core) call(t executorpb.Call_Type) *executorpb.Call {
	return &executorpb.Call{Type: t.Enum(), ExecutorId: c.cfg.ExecutorID, FrameworkId: c.cfg.FrameworkID}
}

// send hands a call to a connection; then hears how it ended. Unless the agent refused the call, an error
// is the end of the connection: what follows there would overtake what was lost.
func (c *core) send(conn *connection, call *executorpb.Call, then func(error)) {
	conn.inflight++
	conn.client.Send(call, func(err error) {
		conn.inflight--
		if !c.over {
			then(err)
			if err != nil && !isRefusal(err) {
				c.renew(conn, err)
			}
		}
		c.finishIfIdle()
	})
}

// refused tells the executor about a call that was refused or lost.
func (c *core) refused(call *executorpb.Call, err error) {
	c.log.Warn("call refused or lost", zap.Stringer("call", call.GetType()),
		zap.Stringer("code", apierror.Code(err)), zap.String("error", apierror.Message(err)))
	e := &CallError{Call: call, Err: err}
	c.deliver(func(x Executor) { x.Error(c.driver, e) })
}

// deliver queues a callback on the executor's loop.
func (c *core) deliver(f func(Executor)) { c.deliverThen(f, func() {}) }

// deliverThen does; then runs on the core's loop.
func (c *core) deliverThen(f func(Executor), then func()) {
	waiting := c.backlog.Add()
	c.executor.Post(func() {
		if !c.driver.life.Halted() {
			f(c.cfg.Executor)
		}
		c.loop.Post(func() {
			if u, ok := c.updates.first(); c.backlog.Remove() && ok {
				u.at = c.loop.Now() // the stream is read again; that nothing was heard is our fault
			}
			then()
		})
	})
	if waiting > link.MaxQueuedEvents && c.conn != nil {
		c.renew(c.conn, status.Errorf(codes.ResourceExhausted, "%d events wait for the executor's callbacks", waiting))
	}
}

// publish lets the Driver's methods see the state.
func (c *core) publish(container *mesosproto.ContainerID) {
	if container == nil {
		container = c.driver.session.Load().container
	}
	c.driver.session.Store(&session{subscribed: c.conn != nil && c.conn.subscribed, container: container})
}

// stop ends the driver when everything sent has arrived.
func (c *core) stop() {
	if c.over || c.stopping {
		return
	}
	c.stopping = true
	c.log.Info("stopping", zap.Int("unacknowledged_updates", c.updates.len()))
	c.loop.AfterFunc(stopTimeout, func() {
		c.finish(c.undelivered(codes.DeadlineExceeded, "Stop was called "+stopTimeout.String()+" ago"))
	})
	c.finishIfIdle()
}

// finishIfIdle ends a stopping driver for which there is nothing left to wait.
func (c *core) finishIfIdle() {
	switch {
	case !c.stopping || c.over:
	case c.updates.len() == 0 && (c.conn == nil || c.conn.inflight == 0):
		c.finish(nil)
	case c.forsaken && c.conn == nil:
		c.finish(c.undelivered(codes.Unavailable, "the agent is lost"))
	}
}

// undelivered is the reason of an end that does not wait for what the agent has not acknowledged; nil
// if there is no such thing.
func (c *core) undelivered(code codes.Code, why string) error {
	if n := c.updates.len(); n > 0 {
		return status.Errorf(code, "%s: %d status updates were not acknowledged by the agent", why, n)
	}
	return nil
}

// fatal ends the driver with an error, after the executor has heard of it.
func (c *core) fatal(err error) {
	if c.over {
		return
	}
	c.log.Error("fatal error", zap.Stringer("code", apierror.Code(err)), zap.String("error", apierror.Message(err)))
	if c.stopping {
		c.finish(err)
		return
	}
	c.holding++
	c.finish(err)
	c.deliverThen(func(x Executor) { x.Error(c.driver, err) }, c.let)
}

// finish ends the driver now.
func (c *core) finish(err error) {
	if c.over {
		return
	}
	c.over = true
	c.err = err
	c.stopTimer(&c.grace)
	c.stopTimer(&c.recovery)
	c.stopTimer(&c.retry)
	if c.conn != nil {
		c.disconnect(c.conn)
	}
	c.end()
}

// let ends one of what the end waits for.
func (c *core) let() {
	c.holding--
	c.end()
}

// end reports to the driver once nothing is held any more.
func (c *core) end() {
	if c.over && c.holding == 0 && !c.reported {
		c.reported = true
		c.driver.life.Finished(c.err)
	}
}

// stopTimer stops a timer, if it is running, and forgets it.
func (c *core) stopTimer(stop *func() bool) {
	if *stop != nil {
		(*stop)()
		*stop = nil
	}
}
