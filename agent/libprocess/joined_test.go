package libprocess_test

import (
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/agent/containerizer/inprocess"
	"github.com/mesokit/mesokit/agent/libprocess"
	wire "github.com/mesokit/mesokit/internal/libprocess"
	"github.com/mesokit/mesokit/internal/libprocess/peertest"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/master"
	masterlink "github.com/mesokit/mesokit/master/libprocess"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// masterNode is a master that agents reach over loopback.
type masterNode struct {
	*master.Master
	addr     netip.AddrPort
	listener *peertest.Listener
	seen     *watched
	end      func()
}

// watched passes on what agents send, and counts pongs and what agents say once they are registered.
type watched struct {
	link.Handler
	pongs, updates atomic.Uint64
}

func (w *watched) Message(conn link.Conn, m proto.Message, handled func()) {
	w.Handler.Message(conn, m, handled)
	switch m.(type) {
	case *messagespb.PongSlaveMessage:
		w.pongs.Add(1)
	case *messagespb.UpdateSlaveMessage:
		w.updates.Add(1)
	}
}

// settled waits until an agent has said so often what it has, which it does after each registration, and
// then until pings are answered: no registration of it is under way, and the links are up.
func (n *masterNode) settled(t *testing.T, updates uint64) {
	t.Helper()
	peertest.Eventually(t, func() bool { return n.seen.updates.Load() >= updates }, "an agent that says what it has")
	pongs := n.seen.pongs.Load()
	peertest.Eventually(t, func() bool { return n.seen.pongs.Load() >= pongs+2 }, "answers to pings")
}

func startMaster(t *testing.T, at string) *masterNode {
	t.Helper()
	listener, addr := peertest.Listen(t, at)
	m, err := master.New(master.Config{
		Info: &mesosproto.MasterInfo{
			Port: proto.Uint32(uint32(addr.Port())), Address: &mesosproto.Address{Ip: proto.String("127.0.0.1")},
		},
		AgentPingTimeout: 10 * time.Millisecond, MaxAgentPingTimeouts: 10000,
	})
	require.NoError(t, err)
	n := &masterNode{Master: m, addr: addr, listener: listener, seen: &watched{Handler: m.Agents()}}
	edge, err := masterlink.New(masterlink.Config{Advertise: addr, Agents: n.seen})
	require.NoError(t, err)
	server := edge.HTTPServer(http.NotFoundHandler())
	go server.Serve(listener)
	m.Start()
	n.end = sync.OnceFunc(func() {
		m.Stop()
		server.Close()
		edge.Close()
	})
	t.Cleanup(n.end)
	return n
}

// agentNode is an agent that masters reach over loopback.
type agentNode struct {
	*agent.Agent
	addr     netip.AddrPort
	listener *peertest.Listener
	end      func()
}

func startAgent(t *testing.T, m *masterNode, at string, store checkpoint.Store) *agentNode {
	t.Helper()
	listener, addr := peertest.Listen(t, at)
	d, err := libprocess.NewDialer(libprocess.Config{Advertise: addr})
	require.NoError(t, err)
	containers, err := inprocess.New(inprocess.Config{})
	require.NoError(t, err)
	a, err := agent.New(agent.Config{
		Info: &mesosproto.AgentInfo{Port: proto.Int32(int32(addr.Port())), Resources: resources.MustParse("cpus:2;mem:512").Proto()},
		IP:   addr.Addr(), PID: d.PID(),
		Containerizer:       containers,
		Checkpoint:          store,
		Detector:            agent.StaticDetector(m.addr.String()),
		Dialer:              d,
		RegistrationBackoff: time.Millisecond,
	})
	require.NoError(t, err)
	server := d.HTTPServer(http.NotFoundHandler())
	go server.Serve(listener)
	a.Start()
	n := &agentNode{Agent: a, addr: addr, listener: listener}
	n.end = sync.OnceFunc(func() {
		a.Stop()
		server.Close()
		d.Close()
	})
	t.Cleanup(n.end)
	return n
}

// agents are what a master knows.
func (n *masterNode) agents() (list []*master.AgentState) {
	for a := range n.Snapshot().Agents.All() {
		list = append(list, a)
	}
	return list
}

// joined waits until both sides say that the agent is registered, its nth time.
func joined(t *testing.T, m *masterNode, a *agentNode, nth uint64) *master.AgentState {
	t.Helper()
	peertest.Eventually(t, func() bool {
		s := a.Snapshot()
		list := m.agents()
		return s.State == "RUNNING" && s.Counters.Registrations >= nth && len(list) == 1 && list[0].Connected && list[0].Active
	}, "a registered agent")
	s := m.agents()[0]
	require.Equal(t, a.Snapshot().Info.GetId().GetValue(), s.ID)
	require.Equal(t, "slave(1)@"+a.addr.String(), s.PID)
	return s
}

func TestAnAgentJoinsAMaster(t *testing.T) {
	before := runtime.NumGoroutine()
	m := startMaster(t, "127.0.0.1:0")
	a := startAgent(t, m, "127.0.0.1:0", &memory.Store{})
	s := joined(t, m, a, 1)
	require.Equal(t, "cpus:2; mem:512", s.Total.String())
	m.settled(t, 1)
	a.end()
	m.end()
	peertest.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, "the end of all goroutines")
}

// A break is seen and mended from whichever side it is: there is one connection each way.
func TestBrokenLinksAreMended(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  func(m *masterNode, a *agentNode)
	}{
		{"of the agent to the master", func(m *masterNode, _ *agentNode) { m.listener.Cut() }},
		{"of the master to the agent", func(_ *masterNode, a *agentNode) { a.listener.Cut() }},
		{"both", func(m *masterNode, a *agentNode) { m.listener.Cut(); a.listener.Cut() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := startMaster(t, "127.0.0.1:0")
			a := startAgent(t, m, "127.0.0.1:0", &memory.Store{})
			first := joined(t, m, a, 1)
			m.settled(t, 1)
			registrations := a.Snapshot().Counters.Registrations
			c.cut(m, a)
			again := joined(t, m, a, registrations+1)
			require.Equal(t, first.ID, again.ID)
			m.settled(t, 2)
		})
	}
}

// The agent's process ends and another comes at the same address, as the same agent or as a new one.
func TestAnAgentRestarts(t *testing.T) {
	for _, c := range []struct {
		name     string
		remember bool
	}{{"with its checkpoints", true}, {"without", false}} {
		t.Run(c.name, func(t *testing.T) {
			m := startMaster(t, "127.0.0.1:0")
			store := &memory.Store{}
			a := startAgent(t, m, "127.0.0.1:0", store)
			first := joined(t, m, a, 1)
			a.end()
			if !c.remember {
				store = &memory.Store{}
				// Before that, one that registers would count as the same, trying again.
				peertest.Eventually(t, func() bool { return !m.agents()[0].Connected }, "a master that has noticed")
			}
			a = startAgent(t, m, a.addr.String(), store)
			again := joined(t, m, a, 1)
			require.Equal(t, c.remember, first.ID == again.ID)
		})
	}
}

func TestAMasterRestarts(t *testing.T) {
	m := startMaster(t, "127.0.0.1:0")
	a := startAgent(t, m, "127.0.0.1:0", &memory.Store{})
	first := joined(t, m, a, 1)
	m.end()
	peertest.Eventually(t, func() bool { return a.Snapshot().State == "DISCONNECTED" }, "a disconnected agent")
	m = startMaster(t, m.addr.String())
	require.Equal(t, first.ID, joined(t, m, a, 2).ID)
}

// Somebody who is no agent and no master speaks to both: nothing changes.
func TestAStrangerSpeaksToBoth(t *testing.T) {
	m := startMaster(t, "127.0.0.1:0")
	a := startAgent(t, m, "127.0.0.1:0", &memory.Store{})
	s := joined(t, m, a, 1)
	stranger := newPeer(t)
	toMaster, toAgent := wire.NewUPID("master", m.addr), wire.NewUPID("slave(1)", a.addr)
	require.NoError(t, stranger.SendMessage(toMaster, &messagespb.UnregisterSlaveMessage{SlaveId: &mesosproto.AgentID{Value: proto.String(s.ID)}}))
	require.NoError(t, stranger.SendMessage(toAgent, &messagespb.ShutdownMessage{Message: proto.String("die")}))
	require.NoError(t, stranger.observer.SendMessage(toAgent, &messagespb.PingSlaveMessage{Connected: proto.Bool(false)}))
	peertest.Next(t, stranger.Letters, "a pong: the agent has handled the messages")
	require.Equal(t, "RUNNING", a.Snapshot().State)
	require.EqualValues(t, 1, a.Snapshot().Counters.Registrations, "it does not register again because a stranger says so")
	require.Len(t, m.agents(), 1)
}
