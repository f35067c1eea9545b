package master

import (
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/mesosproto"
)

// disconnect notices that an agent's connection broke. It gets no more work, and has
// agent_reregister_timeout to come back. Its tasks may go on, but for those of frameworks that
// don't checkpoint: they end with the agent, and count as lost at once.
//
// Mesos: src/master/master.cpp, Master::exited(Slave).
func (c *core) disconnect(a *agent) {
	c.log.Info("agent disconnected", zap.String("agent_id", a.id))
	delete(c.conns, a.conn)
	a.conn = nil
	a.pingDisconnected()
	if a.active {
		a.active = false
		c.allocator.DeactivateAgent(a.id)
	}
	c.rescindAgent(a)
	for _, id := range sortedKeys(a.tasks) {
		if f := c.frameworks[id]; !f.info.GetCheckpoint() {
			c.loseTasks(a, f)
		}
	}
	for _, id := range sortedKeys(a.executors) {
		if f := c.frameworks[id]; !f.info.GetCheckpoint() {
			c.loseExecutors(a, f)
		}
	}
	if a.stopTimeout != nil {
		a.stopTimeout()
	}
	a.stopTimeout = c.loop.AfterFunc(c.cfg.AgentReregisterTimeout, func() {
		a.stopTimeout = nil
		if c.agents.get(a.id) == a && !a.connected() {
			c.markUnreachable(a, "agent did not re-register within "+durationText(c.cfg.AgentReregisterTimeout)+" after disconnecting")
		}
	})
	c.touchAgent(a)
}

// loseTasks ends the tasks of a framework that does not checkpoint, on an agent that is disconnected.
func (c *core) loseTasks(a *agent, f *framework) {
	for _, t := range tasksInOrder(a.tasks[f.id]) {
		s := c.masterStatus(t, mesosproto.TaskState_TASK_LOST, "Agent "+a.info.GetHostname()+" disconnected",
			mesosproto.TaskStatus_REASON_AGENT_DISCONNECTED)
		c.updateTask(t, s, nil)
		c.removeTask(t, false)
		c.sendLoss(f, t, s)
	}
}

// sendLoss tells a framework that a task is lost, unless it was told already how the task ended, and has
// not acknowledged it: nothing follows the end of a task. (The reference sends it all the same.)
func (c *core) sendLoss(f *framework, t *task, s *mesosproto.TaskStatus) {
	if !t.endTold() || c.guards.Off(guard.EndIsFinal) {
		c.sendUpdate(f, s)
	}
}

func (c *core) loseExecutors(a *agent, f *framework) {
	for _, e := range executorsInOrder(a.executors[f.id]) {
		c.removeExecutor(e)
	}
}

// markUnreachable gives an agent up, until it comes back.
//
// Mesos: src/master/master.cpp, Master::markUnreachable.
func (c *core) markUnreachable(a *agent, message string) {
	if a.leaving {
		return
	}
	a.leaving = true
	c.counters.UnreachableScheduled++
	at := c.loop.Now()
	c.registrar.Apply(registry.MarkUnreachable{ID: a.id, At: at}, func(err error) {
		if c.phase != leading || c.registryFailed("mark agent unreachable", a.id, err) {
			return
		}
		c.counters.UnreachableCompleted++
		c.counters.AgentRemovals++
		c.counters.RemovedUnhealthy++
		c.setUnreachable(a.id, at)
		c.loseAgent(a, message, &at)
		c.log.Info("agent unreachable", zap.String("agent_id", a.id), zap.String("why", message))
	})
}

// removeAgent forgets an agent for good: its id is never valid again.
func (c *core) removeAgent(a *agent, message string) {
	c.removed.put(a.id, struct{}{})
	for c.removed.len() > maxRemovedAgents {
		oldest, _, _ := c.removed.oldest()
		c.removed.remove(oldest)
	}
	c.loseAgent(a, message, nil)
	c.log.Info("agent removed", zap.String("agent_id", a.id), zap.String("why", message))
}

// loseAgent ends an agent's registration: its tasks are unreachable since the given time, or lost if
// there is none; then everybody hears that the agent is lost. The allocator forgets the agent first, so
// that it does not offer what comes free.
//
// Mesos: src/master/master.cpp, Master::__removeSlave.
func (c *core) loseAgent(a *agent, message string, unreachable *time.Time) {
	a.stopTimers()
	c.allocator.RemoveAgent(a.id)
	for _, id := range sortedKeys(a.tasks) {
		f := c.frameworks[id]
		state := mesosproto.TaskState_TASK_LOST
		if unreachable != nil {
			state = f.lost(mesosproto.TaskState_TASK_UNREACHABLE)
		}
		for _, t := range tasksInOrder(a.tasks[id]) {
			s := c.masterStatus(t, state, message, mesosproto.TaskStatus_REASON_AGENT_REMOVED)
			if unreachable != nil {
				s.UnreachableTime = timeInfo(*unreachable)
			}
			c.updateTask(t, s, nil)
			c.removeTask(t, unreachable != nil)
			c.sendLoss(f, t, s)
		}
	}
	for _, id := range sortedKeys(a.executors) {
		c.loseExecutors(a, c.frameworks[id])
	}
	c.loseOperations(a, unreachable != nil)
	c.rescindAgent(a)
	if a.conn != nil {
		if p := c.conns[a.conn]; p != nil {
			p.agent = nil
		}
		a.conn = nil
	}
	if c.byPeer[a.pid] == a {
		delete(c.byPeer, a.pid)
	}
	c.agents.remove(a.id)
	c.agentTable.remove(a.slot)
	a.slot = -1
	c.touch()
	c.tellOfLoss(a.idProto)
}

// tellOfLoss sends FAILURE to all connected frameworks, whether they had anything on the agent or not.
func (c *core) tellOfLoss(id *mesosproto.AgentID) {
	event := failureEvent(id, nil, nil)
	for _, f := range c.frameworkOrder.all() {
		f.send(event)
		c.touchFramework(f)
	}
}

// giveUpAwaited marks the agents unreachable that have not come back since the election. Their tasks
// are not known, so frameworks only hear that the agents are lost.
func (c *core) giveUpAwaited() {
	for id, a := range c.awaited.all() {
		if c.leavingID[id] || c.returning[id] != nil {
			continue
		}
		c.leavingID[id] = true
		at := c.loop.Now()
		c.registrar.Apply(registry.MarkUnreachable{ID: id, At: at}, func(err error) {
			delete(c.leavingID, id)
			if c.phase != leading || c.registryFailed("mark agent unreachable", id, err) {
				return
			}
			c.counters.AgentRemovals++
			c.counters.RecoveryRemovals++
			c.dropAwaited(id)
			c.setUnreachable(id, at)
			c.tellOfLoss(a.info.GetId())
		})
	}
}

// await enters an agent that the registry knows.
func (c *core) await(info *mesosproto.AgentInfo) {
	c.awaited.put(info.GetId().GetValue(), awaitedAgent{info, c.awaitedTable.add(info)})
	c.touch()
}

func (c *core) dropAwaited(id string) {
	if c.awaited.has(id) {
		c.awaitedTable.remove(c.awaited.get(id).slot)
		c.awaited.remove(id)
		c.touch()
	}
}

// setUnreachable enters an agent among the unreachable ones.
func (c *core) setUnreachable(id string, since time.Time) {
	slot := c.unreachableTable.add(&LostAgent{ID: id, Since: since})
	c.unreachable.put(id, lostAgent{since, slot})
	c.touch()
}

func (c *core) dropUnreachable(id string) {
	if c.unreachable.has(id) {
		c.unreachableTable.remove(c.unreachable.get(id).slot)
		c.unreachable.remove(id)
		c.touch()
	}
}

// setGone enters an agent among those that never come back.
func (c *core) setGone(id string, since time.Time) {
	slot := c.goneTable.add(&LostAgent{ID: id, Since: since})
	c.gone.put(id, lostAgent{since, slot})
	c.touch()
}

func (c *core) dropGone(id string) {
	if c.gone.has(id) {
		c.goneTable.remove(c.gone.get(id).slot)
		c.gone.remove(id)
		c.touch()
	}
}

// forgetLostAgents lets go of agents lost long ago, or of the oldest if there are too many, and of the
// tasks that were on them.
//
// Mesos: --registry_gc_interval; src/master/master.cpp, Master::doRegistryGc.
func (c *core) forgetLostAgents() {
	unreachable := c.expired(&c.unreachable)
	gone := c.expired(&c.gone)
	if len(unreachable)+len(gone) == 0 {
		return
	}
	c.registrar.Apply(registry.Prune{Unreachable: unreachable, Gone: gone}, func(err error) {
		if c.phase != leading || c.registryFailed("prune", "", err) {
			return
		}
		forgotten := make(map[string]bool, len(unreachable))
		for _, id := range unreachable {
			forgotten[id] = !c.agents.has(id) // one that came back meanwhile keeps its tasks
			c.dropUnreachable(id)
		}
		for _, id := range gone {
			c.dropGone(id)
		}
		for _, f := range c.frameworkOrder.all() {
			for _, t := range f.unreachable.all() {
				if forgotten[t.agentID] {
					f.unreachable.remove(t.id)
					f.away = nil
					c.countTask(t, -1)
					c.touchFramework(f)
				}
			}
		}
	})
}

// expired lists the agents that are too old or too many; they are kept in order of age.
func (c *core) expired(lost *ordered[lostAgent]) (ids []string) {
	now, count := c.loop.Now(), lost.len()
	for id, l := range lost.all() {
		if count <= c.cfg.RegistryMaxAgentCount && now.Sub(l.since) <= c.cfg.RegistryMaxAgentAge {
			break
		}
		ids = append(ids, id)
		count--
	}
	return ids
}
