package master

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/validation"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// register handles a new agent: it gets an id, the registry takes it in, and only then anybody hears of
// it. What is wrong with a registration is logged and not answered; the agent tries again.
//
// Mesos: src/master/master.cpp, Master::registerSlave.
func (c *core) register(conn link.Conn, m *messagespb.RegisterSlaveMessage) {
	c.counters.Messages[RegisterAgent]++
	pid := conn.Peer()
	total, err := checkAgent(m.GetSlave(), m.GetVersion(), m.GetCheckpointedResources())
	if err != nil {
		c.log.Warn("registration refused", zap.String("pid", pid), zap.Error(err))
		return
	}
	if x := c.admitting[pid]; x != nil { // a retry, mostly; the answer goes to the newer connection
		x.conn, x.latest = conn, m
		return
	}
	if a := c.byPeer[pid]; a != nil {
		if a.connected() && a.sameProcess(m) { // a retry: its answer got lost
			c.attach(a, conn)
			a.send(&messagespb.SlaveRegisteredMessage{SlaveId: a.idProto, Connection: c.connection()})
			return
		}
		c.replace(a, conn, m)
		return
	}
	info := proto.CloneOf(m.GetSlave())
	id := c.info.GetId() + "-S" + strconv.Itoa(c.nextAgent)
	c.nextAgent++
	info.Id = &mesosproto.AgentID{Value: proto.String(id)}
	c.admitting[pid] = &admission{conn, m}
	c.registrar.Apply(registry.AdmitAgent{Info: info}, func(err error) {
		if c.phase != leading {
			return
		}
		x := c.admitting[pid]
		delete(c.admitting, pid)
		if c.registryFailed("admit agent", id, err) {
			return
		}
		a := newAgent(info, m.GetVersion(), m.GetAgentCapabilities())
		a.setResourceVersion(m.GetResourceVersionUuid())
		a.firstVersion = m.GetResourceVersionUuid().GetValue()
		a.total = total
		c.counters.AgentRegistrations++
		c.addAgent(a, x.conn)
		c.announceAgent(a)
		if !a.sameProcess(x.latest) {
			c.replace(a, x.conn, x.latest)
			return
		}
		a.send(&messagespb.SlaveRegisteredMessage{SlaveId: a.idProto, Connection: c.connection()})
		c.startPings(a)
		c.noticeBroken(a)
	})
}

// admission is a registration that waits for the registry.
type admission struct {
	conn   link.Conn // of the latest message from that address
	latest *messagespb.RegisterSlaveMessage
}

// sameProcess reports whether a registration may come from the process that is registered. One that has
// another version comes from a process that has started since, without what the last one knew, before
// anybody noticed that the old connection broke. (The reference gives it the old id, and the old tasks
// run for ever.) Agents older than versions are believed.
func (a *agent) sameProcess(m *messagespb.RegisterSlaveMessage) bool {
	return m.ResourceVersionUuid == nil || bytes.Equal(m.GetResourceVersionUuid().GetValue(), a.firstVersion)
}

// replace removes an agent because a new one registers from its address.
func (c *core) replace(a *agent, conn link.Conn, m *messagespb.RegisterSlaveMessage) {
	if a.leaving {
		return
	}
	a.leaving = true
	if a.connected() {
		c.displace(a, conn)
	}
	c.registrar.Apply(registry.RemoveAgent{ID: a.id}, func(err error) {
		if c.phase != leading || c.registryFailed("remove agent", a.id, err) {
			return
		}
		c.counters.AgentRemovals++
		c.counters.RemovedRegistered++
		c.removeAgent(a, fmt.Sprintf("agent %s: a new agent registered at the same address", a))
		if c.conns[conn] != nil {
			c.register(conn, m)
		}
	})
}

// registryFailed reports whether a registry operation did not succeed. If the registry itself is
// broken, the master ends.
func (c *core) registryFailed(what, id string, err error) bool {
	if err == nil {
		return false
	}
	if c.registrar.Failed() != nil {
		c.fatal(err)
	} else {
		c.log.Error("registry: "+what, zap.String("agent_id", id), zap.Error(err))
	}
	return true
}

// checkAgent checks what an agent says of itself and returns its total resources.
func checkAgent(info *mesosproto.AgentInfo, version string, checkpointed []*mesosproto.Resource) (resources.Resources, error) {
	if info.GetHostname() == "" {
		return resources.Resources{}, fmt.Errorf("agent without a hostname")
	}
	if info.Id != nil {
		if err := validation.ID(info.GetId().GetValue()); err != nil {
			return resources.Resources{}, fmt.Errorf("agent id: %w", err)
		}
	}
	if err := checkVersion(version); err != nil {
		return resources.Resources{}, err
	}
	total, err := resources.FromProto(info.GetResources())
	if err != nil {
		return resources.Resources{}, fmt.Errorf("agent resources: %w", err)
	}
	kept, err := resources.FromProto(checkpointed)
	if err != nil {
		return resources.Resources{}, fmt.Errorf("checkpointed resources: %w", err)
	}
	return resources.ApplyCheckpointed(total, kept)
}

// checkVersion refuses agents before 1.0.0, as the reference does.
func checkVersion(version string) error {
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < 1 {
		return fmt.Errorf("agent version %q: it must be at least 1.0.0", version)
	}
	return nil
}

func newAgent(info *mesosproto.AgentInfo, version string, capabilities []*mesosproto.AgentInfo_Capability) *agent {
	return &agent{
		id:           info.GetId().GetValue(),
		idProto:      info.GetId(),
		info:         info,
		version:      version,
		capabilities: capabilities,
		caps:         agentCapsOf(capabilities),
		slot:         -1,
		operations:   make(map[string]*operation),
	}
}

// addAgent enters an agent, with the tasks and executors that it has brought, into the master's records
// and the allocator's.
func (c *core) addAgent(a *agent, conn link.Conn) {
	a.registered = c.loop.Now()
	a.active = !a.deactivated
	c.dropAwaited(a.id)
	c.dropUnreachable(a.id)
	c.removed.remove(a.id)
	c.agents.put(a.id, a)
	c.attach(a, conn)
	a.slot = c.agentTable.add(a.snapshot())
	c.touchAgent(a)
	if e := c.log.Check(zap.InfoLevel, "agent added"); e != nil {
		e.Write(zap.String("agent_id", a.id), zap.String("pid", a.pid), zap.Stringer("resources", a.total))
	}
}

// announceAgent hands an agent to the allocator, once its tasks and executors are entered.
func (c *core) announceAgent(a *agent) {
	c.allocator.AddAgent(a.info, a.capabilities, nil, a.total, usedOn(a))
	if !a.active {
		c.allocator.DeactivateAgent(a.id)
	}
}

// attach makes conn the agent's connection.
func (c *core) attach(a *agent, conn link.Conn) {
	if other := c.byPeer[conn.Peer()]; other != nil && other != a && other.connected() {
		c.displace(other, conn)
	}
	if a.conn != nil && a.conn != conn {
		delete(c.conns, a.conn)
		a.conn.Close()
	}
	if c.byPeer[a.pid] == a {
		delete(c.byPeer, a.pid)
	}
	a.setPeer(conn)
	c.byPeer[a.pid] = a
	if p := c.conns[conn]; p != nil {
		p.agent = a
	}
	c.touchAgent(a)
}

// displace disconnects an agent because another is at its address, on conn: its process can't be there
// any more, also if nobody has noticed that its connection broke.
func (c *core) displace(a *agent, conn link.Conn) {
	old, mine := a.conn, c.conns[conn]
	c.disconnect(a)
	if old != conn {
		old.Close()
	} else if mine != nil {
		c.conns[conn] = mine
	}
}

// noticeBroken disconnects an agent whose connection broke while the registry was written.
func (c *core) noticeBroken(a *agent) {
	if c.conns[a.conn] == nil {
		c.disconnect(a)
	}
}

// unregister handles an agent that leaves for good.
//
// Mesos: src/master/master.cpp, Master::unregisterSlave.
func (c *core) unregister(conn link.Conn, m *messagespb.UnregisterSlaveMessage) {
	c.counters.Messages[UnregisterAgent]++
	a := c.agents.get(m.GetSlaveId().GetValue())
	if a == nil || a.conn != conn || a.leaving {
		return
	}
	a.leaving = true
	c.registrar.Apply(registry.RemoveAgent{ID: a.id}, func(err error) {
		if c.phase != leading || c.registryFailed("remove agent", a.id, err) {
			return
		}
		c.counters.AgentRemovals++
		c.counters.RemovedUnregistered++
		c.removeAgent(a, "the agent unregistered")
	})
}
