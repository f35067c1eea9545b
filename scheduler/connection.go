package scheduler

import (
	"slices"
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/backlog"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

const (
	// subscribeTimeout is how long a master may take to answer SUBSCRIBE.
	subscribeTimeout = 30 * time.Second

	// missedHeartbeats is how many heartbeats may be missing before the connection counts as lost.
	missedHeartbeats = 5

	// echoes is how long a SUBSCRIBE that the driver gave up may take to arrive: Linux repeats what a
	// connection that was closed has not got through for about 100 s (tcp_orphan_retries).
	echoes = 2 * time.Minute

	// maxRedirects is how often in a row the driver goes at once where a master says that the leader
	// is. Then it waits, and asks the detector's leader again.
	maxRedirects = 5
)

// detected is what the detector says: who leads, or nil.
func (c *core) detected(leader *mesosproto.MasterInfo) {
	if c.over || c.stopping || proto.Equal(leader, c.leader) {
		return
	}
	c.leader = leader
	if c.conn != nil {
		c.disconnect(c.conn)
	}
	c.stopRetry()
	if leader == nil {
		c.log.Info("no leading master; waiting for one")
		return
	}
	c.backoff.Reset()
	c.redirects, c.wait = 0, 0
	c.connect(leader)
}

// connect makes a connection and subscribes.
func (c *core) connect(leader *mesosproto.MasterInfo) {
	conn := &connection{leader: leader, silence: subscribeTimeout, heard: c.loop.Now()}
	if d, ok := c.cfg.Dialer.(LinkDialer); ok {
		conn.shared = true
		conn.client, conn.close = d.DialLink(c.loop, leader)
	} else {
		t := backlog.Paced(c.cfg.Dialer.Dial(leader), c.backlog)
		client, end := link.FromTransport(c.loop, t)
		conn.client = client
		conn.close = func() {
			end()
			t.Close()
		}
	}
	c.log.Debug("connecting", zap.String("master", describe(leader)))
	c.conn = conn
	c.watch(conn)
	conn.cancel = conn.client.Subscribe(c.subscribeCall(),
		func(e *schedulerpb.Event) { c.event(conn, e) },
		func(err error) {
			conn.ended = true
			c.lost(conn, err)
		})
}

// attempt is a SUBSCRIBE that was given up without an answer.
type attempt struct {
	master string // its address
	at     time.Time
}

// failedOver is what a master says last on a stream whose framework has subscribed on another one. It is
// the reference's text; there is no code.
const failedOver = "Framework failed over"

// echo reports whether the other one may have been the driver's own: a SUBSCRIBE that it gave up goes over
// a connection of its own, so it can arrive after the next one. If it was another instance after all, one
// of the two remains, for the same SUBSCRIBE is not the reason twice.
func (c *core) echo(conn *connection, message string) bool {
	if message != failedOver {
		return false
	}
	address, now, own := masterinfo.HostPort(conn.leader), c.loop.Now(), false
	c.gaveUp = slices.DeleteFunc(c.gaveUp, func(a attempt) bool {
		own = own || a.master == address && now.Sub(a.at) <= echoes
		return a.master == address
	})
	return own
}

// watch looks for silence. It is one timer that is set again when it finds that events have come.
func (c *core) watch(conn *connection) {
	if conn.watch != nil {
		conn.watch()
	}
	if c.guards.Off(guard.DriverSilence) {
		conn.watch = func() bool { return false }
		return
	}
	conn.watch = c.loop.AfterFunc(conn.silence-c.silence(conn), func() {
		if !conn.shared && c.backlog.Full() {
			conn.heard = c.loop.Now() // nobody reads, so nothing can be heard
		}
		if silent := c.silence(conn); silent >= conn.silence {
			what := "heartbeat"
			if !conn.subscribed {
				what = "answer to SUBSCRIBE"
			}
			c.lost(conn, status.Errorf(codes.Unavailable, "no %s within %v", what, silent))
			return
		}
		conn.watch = nil
		c.watch(conn)
	})
}

// silence is how long nothing was heard. If the clock has gone back since, it begins anew.
func (c *core) silence(conn *connection) time.Duration {
	now := c.loop.Now()
	if now.Before(conn.heard) {
		conn.heard = now
	}
	return now.Sub(conn.heard)
}

// lost ends a connection that broke, was refused or fell silent, and plans what comes next.
func (c *core) lost(conn *connection, err error) {
	if c.over || c.conn != conn {
		return
	}
	if c.stopping {
		c.disconnect(conn)
		c.finish(nil)
		return
	}
	if !conn.subscribed && isFatal(err) {
		c.fatal(err)
		return
	}
	c.log.Warn("connection to the master lost", zap.String("master", describe(conn.leader)),
		zap.Bool("subscribed", conn.subscribed), zap.String("error", apierror.Message(err)))
	if conn.subscribed && c.loop.Now().Sub(conn.since) >= max(c.wait, c.cfg.BackoffFirst) {
		// A subscription that lasted longer than the wait before it is a fresh start; one that is ended
		// again and again as soon as it is made is not.
		c.backoff.Reset()
		c.redirects = 0
	}
	c.disconnect(conn)
	c.reconnect(err)
}

// reconnect goes where err says that the leader is, or waits and tries the detector's leader.
func (c *core) reconnect(err error) {
	next := c.leader
	if address, ok := apierror.Leader(err); ok && address != "" && c.redirects < maxRedirects {
		if elsewhere, err := leaderAt(address); err == nil {
			c.redirects++
			c.log.Info("following the master to the leader", zap.String("master", address))
			c.wait = 0
			c.connect(elsewhere)
			return
		}
		c.log.Warn("leader's address not understood", zap.String("master", address))
	}
	c.redirects = 0
	c.wait = c.backoff.Next(c.loop.Rand())
	c.retry = c.loop.AfterFunc(c.wait, func() {
		c.retry = nil
		if c.backlog.Len() > link.MaxQueuedEvents/2 { // let the framework catch up first
			c.reconnect(nil)
			return
		}
		c.connect(next)
	})
}

func (c *core) stopRetry() {
	if c.retry != nil {
		c.retry()
		c.retry = nil
	}
}

// disconnect gives the connection up and, if it was subscribed, says so.
func (c *core) disconnect(conn *connection) {
	c.conn = nil
	conn.watch()
	conn.cancel()
	if !conn.subscribed && !conn.ended {
		now := c.loop.Now()
		c.gaveUp = slices.DeleteFunc(c.gaveUp, func(a attempt) bool { return now.Sub(a.at) > echoes })
		c.gaveUp = append(c.gaveUp, attempt{masterinfo.HostPort(conn.leader), now})
	}
	c.publish()
	if conn.close != nil {
		c.holding++
		c.loop.Do(func() error { conn.close(); return nil }, func(error) { c.let() })
	}
	if conn.subscribed && !c.stopping && !c.over {
		c.deliver(func(s Scheduler) { s.Disconnected(c.driver) })
	}
}

// describe names a master in logs.
func describe(leader *mesosproto.MasterInfo) string {
	if pid := leader.GetPid(); pid != "" {
		return pid
	}
	return leader.GetId()
}

// event handles what the master sends.
func (c *core) event(conn *connection, e *schedulerpb.Event) {
	if c.conn != conn || c.stopping {
		return
	}
	conn.heard = c.loop.Now()
	t := e.GetType()
	if !conn.subscribed && t != schedulerpb.Event_SUBSCRIBED && t != schedulerpb.Event_ERROR {
		c.log.Warn("event before SUBSCRIBED ignored", zap.Stringer("event", t))
		return
	}
	if t != schedulerpb.Event_HEARTBEAT {
		if e := c.log.Check(zap.DebugLevel, "event"); e != nil {
			e.Write(zap.Stringer("event", t))
		}
	}
	switch t {
	case schedulerpb.Event_SUBSCRIBED:
		c.subscribed(conn, e.GetSubscribed())
	case schedulerpb.Event_HEARTBEAT: // being heard is all that it is for
	case schedulerpb.Event_OFFERS, schedulerpb.Event_RESCIND,
		schedulerpb.Event_INVERSE_OFFERS, schedulerpb.Event_RESCIND_INVERSE_OFFER:
		c.offers(conn, e)
	case schedulerpb.Event_UPDATE:
		c.statusUpdate(conn, e)
	case schedulerpb.Event_UPDATE_OPERATION_STATUS:
		c.operationStatusUpdate(conn, e)
	case schedulerpb.Event_MESSAGE:
		c.message(conn, e)
	case schedulerpb.Event_FAILURE:
		c.failure(conn, e)
	case schedulerpb.Event_ERROR:
		if c.echo(conn, e.GetError().GetMessage()) {
			c.lost(conn, status.Error(codes.Unavailable, "an earlier SUBSCRIBE of this driver arrived late"))
			return
		}
		c.fatal(status.Error(codes.Aborted, e.GetError().GetMessage()))
	default:
		c.log.Warn("unknown event ignored", zap.Int32("type", int32(t)))
	}
}

// forCallback returns the event as the callback may have it: a copy, where the sender keeps it, too.
// It is called on the framework's loop.
func (conn *connection) forCallback(e *schedulerpb.Event) *schedulerpb.Event {
	if conn.shared {
		return proto.CloneOf(e)
	}
	return e
}
