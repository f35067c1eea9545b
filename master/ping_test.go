package master_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// pinged is a connection of an agent that answers nothing and notes what pings say.
type pinged struct {
	peer string
	says []bool // connected
}

func (p *pinged) Send(m proto.Message) {
	if m, ping := m.(*messagespb.PingSlaveMessage); ping {
		p.says = append(p.says, m.GetConnected())
	}
}
func (p *pinged) Close()       {}
func (p *pinged) Peer() string { return p.peer }

// An agent need not notice that a connection broke: it is told at once, and with every ping until it is
// back.
func TestADisconnectedAgentIsTold(t *testing.T) {
	b := start(t)
	h := b.newHost("1", "cpus:1")
	conn := &pinged{peer: h.conn.peer}
	b.master.Agents().Message(conn, &messagespb.RegisterSlaveMessage{
		Slave: h.info, Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities,
	}, func() {})
	b.settle()
	require.Equal(t, []bool{true}, conn.says)
	b.master.Agents().Exited(conn)
	b.settle()
	require.Equal(t, []bool{true, false}, conn.says)
	b.sim.Advance(31 * time.Second)
	require.Equal(t, []bool{true, false, false, false}, conn.says, "each --agent_ping_timeout, 15s")
}
