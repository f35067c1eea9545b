package scheduler

import (
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/backlog"
	"github.com/mesokit/mesokit/internal/backoff"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// stopTimeout is how long Stop waits for calls under way.
const stopTimeout = 5 * time.Second

// core is the driver's state machine. It is touched only from its loop. Outwards it knows a detector,
// links, and the framework's loop, on which callbacks run.
type core struct {
	driver    *Driver
	cfg       Config
	loop      loop.Loop
	guards    guard.Set
	framework loop.Loop
	log       *zap.Logger
	backlog   *backlog.Backlog

	// What the next SUBSCRIBE says. They are replaced, never changed.
	info        *mesosproto.FrameworkInfo
	suppressed  []string // sorted
	suppressing int      // how often suppressed was changed by a call
	constraints *schedulerpb.OfferConstraints

	stopDetecting func()
	leader        *mesosproto.MasterInfo // as detected; nil: none
	redirects     int                    // followed since the last wait
	conn          *connection            // nil: none
	retry         func() bool            // cancels the wait for the next connection; nil: none
	wait          time.Duration          // before the present connection
	gaveUp        []attempt              // that may still arrive
	backoff       backoff.Backoff
	registered    bool // once

	stopping bool // Stop was called: no event is handled, conn ends when idle
	teardown bool // and TEARDOWN was sent
	over     bool // nothing happens any more
	err      error
	holding  int  // connections being closed, and the last callback: what the end waits for
	reported bool // to the driver
}

// connection is one subscription, or the attempt at one.
type connection struct {
	leader     *mesosproto.MasterInfo
	client     link.Client[*schedulerpb.Call, *schedulerpb.Event]
	close      func()
	cancel     func()
	shared     bool // events are shared with the sender; the stream can't be paced
	subscribed bool
	ended      bool          // by the other side
	since      time.Time     // it is subscribed
	heard      time.Time     // of the last event
	silence    time.Duration // longest that is accepted
	watch      func() bool
	inflight   int // calls sent and not answered
}

func (d *Driver) newCore(own, framework loop.Loop) *core {
	c := &core{
		driver:      d,
		cfg:         d.cfg,
		loop:        own,
		guards:      guard.Of(own),
		framework:   framework,
		log:         d.cfg.Logger.Named("scheduler"),
		backlog:     backlog.New(maxUndelivered),
		info:        d.cfg.Framework,
		constraints: d.cfg.OfferConstraints,
		backoff:     backoff.Backoff{First: d.cfg.BackoffFirst, Max: d.cfg.BackoffMax},
	}
	c.suppressed = sortedSet(d.cfg.SuppressedRoles)
	return c
}

func (c *core) start() {
	if c.over {
		return
	}
	stop := c.cfg.Detector.Detect(func(leader *mesosproto.MasterInfo) {
		leader = proto.CloneOf(leader)
		c.loop.Post(func() { c.detected(leader) })
	})
	if c.over { // stopped by the detector, or by what it called
		stop()
		return
	}
	c.stopDetecting = stop
}

// send hands a call to the connection.
func (c *core) send(call *schedulerpb.Call) { c.sendThen(call, nil) }

// identify fills in the framework's id, also in the executors of task groups: the master does that only for
// those of single tasks. Mesos: Master::accept, validateFrameworkID of src/master/validation.cpp.
func (c *core) identify(call *schedulerpb.Call) {
	call.FrameworkId = c.info.Id
	for _, op := range call.GetAccept().GetOperations() {
		if e := op.GetLaunchGroup().GetExecutor(); e != nil && e.FrameworkId == nil {
			e.FrameworkId = c.info.Id
		}
	}
}

// sendThen does, and tells then how it ended instead of the framework.
func (c *core) sendThen(call *schedulerpb.Call, then func(error)) {
	conn := c.conn
	if then == nil {
		then = func(err error) { c.answered(call, err) }
	}
	if conn == nil || !conn.subscribed {
		then(status.Error(codes.Unavailable, "the connection to the master was lost before the call was sent"))
		return
	}
	c.identify(call)
	accepted := c.remember(call)
	conn.inflight++
	conn.client.Send(call, func(err error) {
		conn.inflight--
		if err == nil {
			accepted()
		}
		then(err)
		if err != nil && endsSubscription(err) {
			c.lost(conn, err)
		}
		c.finishIfIdle()
	})
}

// answered tells the framework about a call that was refused.
func (c *core) answered(call *schedulerpb.Call, err error) {
	if err == nil || c.over {
		return
	}
	c.log.Warn("call refused or lost", zap.Stringer("call", call.GetType()),
		zap.Stringer("code", apierror.Code(err)), zap.String("error", apierror.Message(err)))
	e := &CallError{Call: call, Err: err}
	c.deliver(func(s Scheduler) { s.Error(c.driver, e) })
}

// deliver queues a callback on the framework's loop.
func (c *core) deliver(f func(Scheduler)) { c.deliverThen(f, func(bool) {}) }

// deliverThen does; then runs on the core's loop, told whether the callback was run.
func (c *core) deliverThen(f func(Scheduler), then func(ran bool)) {
	waiting := c.backlog.Add()
	c.framework.Post(func() {
		ran := !c.driver.life.Halted()
		if ran {
			f(c.cfg.Scheduler)
		}
		c.loop.Post(func() {
			if c.backlog.Remove() && c.conn != nil {
				c.conn.heard = c.loop.Now() // the stream is read again; its silence was ours
			}
			then(ran)
			c.finishIfIdle()
		})
	})
	if waiting > link.MaxQueuedEvents && c.conn != nil {
		c.lost(c.conn, status.Errorf(codes.ResourceExhausted, "%d events wait for the framework's callbacks", waiting))
	}
}

// publish lets the Driver's methods see the state.
func (c *core) publish() {
	c.driver.session.Store(&session{id: c.info.Id, subscribed: c.conn != nil && c.conn.subscribed && !c.stopping})
}

// stop ends the driver when everything sent has been answered.
func (c *core) stop(teardown bool) {
	if c.over || c.stopping {
		return
	}
	c.stopping = true
	subscribed := c.conn != nil && c.conn.subscribed
	c.log.Info("stopping", zap.String("framework_id", c.info.GetId().GetValue()), zap.Bool("teardown", teardown))
	if teardown && subscribed {
		c.sendThen(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()}, func(err error) {
			if err != nil {
				c.log.Warn("framework not torn down; the master does it after its failover timeout",
					zap.String("error", apierror.Message(err)))
			}
		})
		c.teardown = true
	} else if teardown && c.info.Id != nil {
		c.log.Warn("not connected, so the framework is not torn down; the master does it after its failover timeout",
			zap.String("framework_id", c.info.GetId().GetValue()))
	}
	c.publish()
	c.loop.AfterFunc(stopTimeout, func() { c.finish(nil) })
	c.finishIfIdle()
}

// finishIfIdle ends a stopping driver whose last callback has returned and whose last call is answered.
func (c *core) finishIfIdle() {
	if c.stopping && c.backlog.Len() == 0 && (c.conn == nil || !c.conn.subscribed || c.conn.inflight == 0) {
		c.finish(nil)
	}
}

// fatal ends the driver with an error, after the framework has heard of it.
func (c *core) fatal(err error) {
	if c.over || c.stopping {
		c.finish(nil)
		return
	}
	c.log.Error("fatal error", zap.String("framework_id", c.info.GetId().GetValue()),
		zap.Stringer("code", apierror.Code(err)), zap.String("error", apierror.Message(err)))
	c.holding++
	c.finish(err)
	c.deliverThen(func(s Scheduler) { s.Error(c.driver, err) }, func(bool) { c.let() })
}

// finish ends the driver now.
func (c *core) finish(err error) {
	if c.over {
		return
	}
	c.over = true
	c.err = err
	c.release()
	c.end()
}

// let ends one of what the end waits for.
func (c *core) let() {
	c.holding--
	c.end()
}

// release gives up everything that the core holds outside.
func (c *core) release() {
	if c.stopDetecting != nil {
		c.stopDetecting()
		c.stopDetecting = nil
	}
	c.stopRetry()
	if c.conn != nil {
		c.disconnect(c.conn)
	}
}

// end reports to the driver once nothing is held any more.
func (c *core) end() {
	if c.over && c.holding == 0 && !c.reported {
		c.reported = true
		c.driver.life.Finished(c.err)
	}
}
