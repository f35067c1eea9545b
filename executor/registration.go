package executor

import (
	"slices"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// subscribeCall is SUBSCRIBE as of now: with what the agent may not know, because it was sent and not
// acknowledged, or never sent.
func (c *core) subscribeCall(conn *connection) *executorpb.Call {
	call := c.call(executorpb.Call_SUBSCRIBE)
	call.Subscribe = &executorpb.Call_Subscribe{UnacknowledgedTasks: slices.Collect(c.tasks.all)}
	for u := range c.updates.all {
		u.on, u.at = conn, c.loop.Now()
		call.Subscribe.UnacknowledgedUpdates = append(call.Subscribe.UnacknowledgedUpdates, u.call)
	}
	return call
}

// subscribed makes the connection usable, tells the executor, and sends what has come up since SUBSCRIBE.
func (c *core) subscribed(conn *connection, e *executorpb.Event) {
	if conn.subscribed {
		c.log.Warn("second SUBSCRIBED on one stream ignored")
		return
	}
	conn.subscribed = true
	conn.timer()
	c.heartbeatLater(conn)
	c.stopTimer(&c.recovery)
	c.publish(proto.CloneOf(e.GetSubscribed().GetContainerId()))
	c.log.Info("subscribed", zap.Stringer("agent", c.cfg.Agent), zap.Bool("again", c.registered),
		zap.Int("unacknowledged_updates", c.updates.len()))
	again := c.registered
	c.registered = true
	c.deliver(func(x Executor) {
		s := conn.forCallback(e).GetSubscribed()
		if again {
			x.Reregistered(c.driver, s.GetAgentInfo())
		} else {
			x.Registered(c.driver, s.GetExecutorInfo(), s.GetFrameworkInfo(), s.GetAgentInfo())
		}
	})
	for u := range c.updates.all {
		if u.on != conn {
			c.sendUpdate(conn, u)
		}
	}
	c.watchUpdates(conn)
}

func (c *core) heartbeatLater(conn *connection) {
	conn.timer = c.loop.AfterFunc(heartbeatInterval, func() {
		c.heartbeatLater(conn)
		c.send(conn, c.call(executorpb.Call_HEARTBEAT), func(err error) {
			if err != nil {
				c.log.Debug("heartbeat not accepted", zap.String("error", apierror.Message(err)))
			}
		})
	})
}
