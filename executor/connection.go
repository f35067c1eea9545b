package executor

import (
	"math/rand/v2"
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/backlog"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

const (
	// subscribeTimeout is how long an agent may take to answer SUBSCRIBE.
	subscribeTimeout = 30 * time.Second

	// heartbeatInterval is how often the driver says that it is there, so that whoever watches the
	// connections between it and the agent does not cut them.
	heartbeatInterval = 30 * time.Minute

	// registrationTimeout is how long the driver tries to reach the agent for the first time when it
	// needs not wait for a restart: as long as the agent waits (--executor_registration_timeout).
	registrationTimeout = time.Minute
)

// connection is one subscription, or the attempt at one.
type connection struct {
	client     link.Client[*executorpb.Call, *executorpb.Event]
	close      func()
	cancel     func()
	shared     bool // events are shared with the sender; the stream can't be paced
	subscribed bool
	timer      func() bool // until it is subscribed: the end of patience; then: the next heartbeat
	watch      func() bool // while there are updates without acknowledgement; nil: not set
	inflight   int         // calls sent and not answered
}

// connect makes a connection and subscribes.
func (c *core) connect() {
	conn := &connection{}
	if d, ok := c.cfg.Dialer.(LinkDialer); ok {
		conn.shared = true
		conn.client, conn.close = d.DialLink(c.loop, c.cfg.Agent)
	} else {
		t := backlog.Paced(c.cfg.Dialer.Dial(c.cfg.Agent), c.backlog)
		client, end := link.FromTransport(c.loop, t)
		conn.client = client
		conn.close = func() {
			end()
			t.Close()
		}
	}
	c.log.Debug("connecting", zap.Stringer("agent", c.cfg.Agent))
	c.conn = conn
	conn.timer = c.loop.AfterFunc(subscribeTimeout, func() {
		c.lost(conn, status.Errorf(codes.Unavailable, "no answer to SUBSCRIBE within %v", subscribeTimeout))
	})
	conn.cancel = conn.client.Subscribe(c.subscribeCall(conn),
		func(e *executorpb.Event) { c.event(conn, e) },
		func(err error) { c.lost(conn, err) })
}

// lost ends a connection that broke, was refused or is not answered. A registered executor whose agent
// can't come back to it shuts down.
func (c *core) lost(conn *connection, err error) {
	c.drop(conn, err, c.cfg.Checkpoint || !c.registered)
}

// renew ends a connection that does not do its duty any more though it has not broken. What was sent
// last may be lost, so the agent is told in a new SUBSCRIBE.
func (c *core) renew(conn *connection, err error) { c.drop(conn, err, true) }

// drop ends a connection and plans what comes next.
func (c *core) drop(conn *connection, err error, again bool) {
	if c.over || c.conn != conn {
		return
	}
	if !conn.subscribed && isFatal(err) && !c.shutdown {
		c.fatal(err)
		return
	}
	c.log.Warn("connection to the agent lost", zap.Stringer("agent", c.cfg.Agent),
		zap.Bool("subscribed", conn.subscribed), zap.String("error", apierror.Message(err)))
	c.why = err
	c.disconnect(conn)
	switch {
	case c.shutdown: // the agent would not listen any more
		c.forsake()
	case !again:
		c.agentLost(err)
	default:
		if c.recovery == nil {
			c.awaitAgent(c.cfg.RecoveryTimeout)
		}
		c.reconnect()
	}
}

// reconnect waits and then connects again.
func (c *core) reconnect() {
	c.retry = c.loop.AfterFunc(upTo(c.cfg.BackoffMax, c.loop.Rand()), func() {
		c.retry = nil
		if c.backlog.Len() > link.MaxQueuedEvents/2 { // let the executor catch up first
			c.reconnect()
			return
		}
		c.connect()
	})
}

func upTo(d time.Duration, r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(d) + 1)) }

// firstPatience is how long the agent may take at first.
func (c *core) firstPatience() time.Duration {
	if c.cfg.Checkpoint {
		return c.cfg.RecoveryTimeout
	}
	return registrationTimeout
}

// awaitAgent limits the time until the driver is subscribed (again).
//
// Mesos: src/executor/executor.cpp, MesosProcess::disconnected, whose timer runs from the first loss.
func (c *core) awaitAgent(patience time.Duration) {
	c.recovery = c.loop.AfterFunc(patience, func() {
		c.recovery = nil
		why := "it does not answer"
		if c.why != nil {
			why = apierror.Message(c.why)
		}
		c.agentLost(status.Errorf(codes.Unavailable, "not subscribed to agent %v for %v: %s", c.cfg.Agent, patience, why))
	})
}

// forsake gives the agent up: nothing is sent to it any more, and no connection is made.
func (c *core) forsake() {
	c.forsaken = true
	c.stopTimer(&c.retry)
	c.stopTimer(&c.recovery)
	if c.conn != nil {
		c.disconnect(c.conn)
	}
	c.finishIfIdle()
}

// disconnect gives the connection up and, if it was subscribed, says so.
func (c *core) disconnect(conn *connection) {
	c.conn = nil
	conn.timer()
	c.stopTimer(&conn.watch)
	if conn.cancel != nil { // nil if Subscribe itself has called end
		conn.cancel()
	}
	c.publish(nil)
	if conn.close != nil {
		c.holding++
		c.loop.Do(func() error { conn.close(); return nil }, func(error) { c.let() })
	}
	if conn.subscribed && !c.stopping && !c.over {
		c.deliver(func(x Executor) { x.Disconnected(c.driver) })
	}
}

// event handles what the agent sends.
func (c *core) event(conn *connection, e *executorpb.Event) {
	if c.over || c.conn != conn {
		return
	}
	t := e.GetType()
	switch {
	case conn.subscribed:
	case t == executorpb.Event_SUBSCRIBED, t == executorpb.Event_ERROR, t == executorpb.Event_SHUTDOWN,
		t == executorpb.Event_ACKNOWLEDGED: // of what came with SUBSCRIBE
	default:
		c.log.Warn("event before SUBSCRIBED ignored", zap.Stringer("event", t))
		return
	}
	c.log.Debug("event", zap.Stringer("event", t))
	switch t {
	case executorpb.Event_SUBSCRIBED:
		c.subscribed(conn, e)
	case executorpb.Event_LAUNCH:
		c.launch(e.GetLaunch().GetTask())
	case executorpb.Event_LAUNCH_GROUP:
		c.launchGroup(e.GetLaunchGroup().GetTaskGroup())
	case executorpb.Event_KILL:
		c.kill(conn, e)
	case executorpb.Event_ACKNOWLEDGED:
		c.acknowledged(e.GetAcknowledged())
	case executorpb.Event_MESSAGE:
		c.message(conn, e)
	case executorpb.Event_SHUTDOWN:
		c.shutDown("the agent says so")
	case executorpb.Event_ERROR:
		c.fatal(status.Error(codes.Aborted, e.GetError().GetMessage()))
	case executorpb.Event_HEARTBEAT: // keeps the connection alive; its absence means nothing
	default:
		c.log.Warn("unknown event ignored", zap.Int32("type", int32(t)))
	}
}

// busy tells whether the executor takes no more work; what then comes is dropped, because the agent
// reports it as ended with the executor.
func (c *core) busy(what string) bool {
	if c.stopping || c.shutdown {
		c.log.Warn("event ignored: the executor is shutting down", zap.String("event", what))
		return true
	}
	return false
}

// forCallback returns the event as the callback may have it: a copy, where the sender keeps it, too.
// It is called on the executor's loop.
func (conn *connection) forCallback(e *executorpb.Event) *executorpb.Event {
	if conn.shared {
		return proto.CloneOf(e)
	}
	return e
}
