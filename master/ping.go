package master

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// startPings pings an agent at once and then at every interval. Enough pings in a row without an answer,
// and the agent is unreachable, whether its connection looks up or not.
//
// Mesos: src/master/master.cpp, SlaveObserver.
func (c *core) startPings(a *agent) {
	if a.pingTimer == nil {
		a.pingTimer = c.loop.Timer(func() { c.pingOver(a) })
	}
	a.missedPings = 0
	c.ping(a)
}

func (c *core) ping(a *agent) {
	a.unansweredPing = true
	if a.connected() {
		a.last.Send(pingOfConnected)
	} else {
		a.pingDisconnected()
	}
	a.pingTimer.Set(c.cfg.AgentPingTimeout)
}

// pingOver is called when an agent has had its time to answer; the next ping follows.
func (c *core) pingOver(a *agent) {
	if a.unansweredPing && !c.guards.Off(guard.AgentSilence) {
		if a.missedPings++; a.missedPings >= c.cfg.MaxAgentPingTimeouts {
			c.markUnreachable(a, "health check timed out")
		}
	}
	c.ping(a)
}

// Pings are most of what a master says, and there are two of them.
var (
	pingOfConnected    = &messagespb.PingSlaveMessage{Connected: proto.Bool(true)}
	pingOfDisconnected = &messagespb.PingSlaveMessage{Connected: proto.Bool(false)}
)

// pingDisconnected tells an agent that it counts as disconnected: there is a connection each way, and it
// may not have noticed that this one broke. It registers again at once then, and not only when it misses
// the pings.
func (a *agent) pingDisconnected() {
	a.last.Send(pingOfDisconnected)
}

// pong hears that the agent of a connection is alive.
func (p *peer) pong() {
	if p.agent != nil {
		p.agent.unansweredPing = false
		p.agent.missedPings = 0
	}
}
