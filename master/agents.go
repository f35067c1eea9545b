package master

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// agents is the door for agents: it brings what arrives from them to the loop.
type agents struct{ c *core }

var _ link.Handler = agents{}

func (h agents) Message(conn link.Conn, m proto.Message, handled func()) {
	h.c.inbox.Message(conn, m, handled)
}

func (h agents) Exited(conn link.Conn) { h.c.loop.Post(func() { h.c.exited(conn) }) }

// peer is a connection from an agent.
type peer struct {
	agent *agent // that registered on it; nil: none
}

// fromAgent handles a message of an agent. While the master does not serve, what agents say is lost;
// they try again.
//
// On a connection an agent registers first. What comes over one on which none is registered was sent
// before that agent had another connection, over which later messages may have come already. While the
// registry takes the agent in, what it says is lost, but for what it says only once.
func (c *core) fromAgent(conn link.Conn, m proto.Message) {
	if c.phase != leading {
		c.counters.Dropped++
		return
	}
	switch m := m.(type) {
	case *messagespb.RegisterSlaveMessage:
		c.peer(conn)
		c.register(conn, m)
		return
	case *messagespb.ReregisterSlaveMessage:
		c.peer(conn)
		c.reregister(conn, m)
		return
	}
	p := c.conns[conn]
	if p == nil || p.agent == nil {
		if m, ok := m.(*messagespb.ExitedExecutorMessage); ok && c.exitedMeanwhile(conn, m) {
			return
		}
		c.counters.Dropped++
		return
	}
	switch m := m.(type) {
	case *messagespb.UnregisterSlaveMessage:
		c.unregister(conn, m)
	case *messagespb.UpdateSlaveMessage:
		c.updateAgent(m)
	case *messagespb.PongSlaveMessage:
		p.pong()
	case *messagespb.StatusUpdateMessage:
		c.statusUpdate(m)
	case *messagespb.ExecutorToFrameworkMessage:
		c.messageToFramework(m)
	case *messagespb.ExitedExecutorMessage:
		c.executorExited(m)
	case *messagespb.UpdateOperationStatusMessage:
		c.operationUpdate(m)
	default:
		c.counters.Dropped++
	}
}

// peer notes that conn is one on which an agent registers.
func (c *core) peer(conn link.Conn) {
	if c.conns[conn] == nil {
		c.conns[conn] = &peer{}
	}
}

// exited hears that a connection broke. If it is the one on which an agent is registered, the agent
// is disconnected.
func (c *core) exited(conn link.Conn) {
	p := c.conns[conn]
	if p == nil {
		return
	}
	delete(c.conns, conn)
	if a := p.agent; a != nil && a.conn == conn && c.phase == leading {
		c.disconnect(a)
	}
}
