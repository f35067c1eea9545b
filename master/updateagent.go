package master

import (
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// updateAgent handles UpdateSlaveMessage: what an agent has besides its configuration, and the
// operations that it knows.
//
// Mesos: src/master/master.cpp, Master::updateSlave. Resource providers are not supported: their
// resources are ignored.
func (c *core) updateAgent(m *messagespb.UpdateSlaveMessage) {
	c.counters.Messages[UpdateAgent]++
	a := c.agents.get(m.GetSlaveId().GetValue())
	if a == nil {
		return
	}
	a.arriving = false
	if m.ResourceVersionUuid != nil {
		a.setResourceVersion(m.ResourceVersionUuid)
	}
	if m.UpdateOversubscribedResources == nil || m.GetUpdateOversubscribedResources() {
		c.oversubscribe(a, m.GetOversubscribedResources())
	}
	if m.Operations != nil {
		c.compareOperations(a, m.Operations.GetOperations())
	}
	c.touchAgent(a)
}

// oversubscribe takes over how much revocable resources the agent has now. Offers of the old amount
// are taken back.
func (c *core) oversubscribe(a *agent, list []*mesosproto.Resource) {
	revocable, err := resources.FromProto(list)
	if err != nil {
		c.log.Warn("oversubscribed resources refused", zap.String("agent_id", a.id), zap.Error(err))
		return
	}
	total := a.total.NonRevocable().Add(revocable.Revocable())
	if total.Equal(a.total) {
		return
	}
	for _, o := range c.offers.OfAgent(a.id) {
		if !o.Resources.Revocable().IsEmpty() {
			c.rescind(o, nil)
		}
	}
	a.total = total
	c.allocator.UpdateAgent(a.info, a.total, a.capabilities)
}

// compareOperations takes in the operations that the master does not know (its predecessor did), and
// asks about those that the agent does not know. Those for which there is no room are ignored.
func (c *core) compareOperations(a *agent, list []*mesosproto.Operation) {
	reported := make(map[string]bool, len(list))
	ignored := 0
	for _, m := range list {
		key := string(m.GetUuid().GetValue())
		reported[key] = true
		if a.operations[key] != nil || m.GetInfo() == nil || m.GetLatestStatus() == nil {
			continue
		}
		if a.checkRoom() != nil {
			ignored++
			continue
		}
		c.seq++
		o := &operation{
			seq:       c.seq,
			uuid:      m.Uuid,
			info:      m.Info,
			owner:     m.GetFrameworkId().GetValue(),
			framework: c.frameworks[m.GetFrameworkId().GetValue()],
			agent:     a,
			latest:    m.LatestStatus,
		}
		for _, s := range m.Statuses {
			o.remember(s)
		}
		c.addOperation(o)
	}
	if ignored > 0 {
		c.log.Warn("operations of an agent ignored: it has too many", zap.String("agent_id", a.id), zap.Int("operations", ignored))
	}
	ask := &messagespb.ReconcileOperationsMessage{}
	for _, o := range operationsInOrder(a.operations) {
		if !reported[string(o.uuid.GetValue())] && !operationEnded(o.latest.GetState()) {
			ask.Operations = append(ask.Operations, &messagespb.ReconcileOperationsMessage_Operation{OperationUuid: o.uuid})
		}
	}
	if len(ask.Operations) > 0 {
		a.send(ask)
	}
}
