package schedulertest

import (
	"maps"
	"slices"

	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// ledger stands between a master and its allocator and keeps accounts of its own: who was given what on
// which agent, and gave it back. It changes nothing.
type ledger struct {
	allocator.Allocator
	check  *checker
	agents map[string]*account
}

// account is one agent's.
type account struct {
	total resources.Resources
	holds map[string]resources.Resources // by framework; offered or used, allocated to a role
}

func newLedger(k *checker, a allocator.Allocator) *ledger {
	return &ledger{Allocator: a, check: k, agents: map[string]*account{}}
}

// of tells an agent's total and what is not free of it.
func (l *ledger) of(agent string) (total, allocated resources.Resources, ok bool) {
	a := l.agents[agent]
	if a == nil {
		return total, allocated, false
	}
	return a.total, a.allocated(), true
}

func (a *account) allocated() resources.Resources {
	var sum resources.Accumulator
	for _, r := range a.holds { // a sum does not depend on the order
		sum.Add(r.Unallocate())
	}
	return sum.Resources()
}

// Initialize puts the ledger's own ear between.
func (l *ledger) Initialize(c allocator.Callbacks) {
	offer := c.Offer
	c.Offer = func(o allocator.Offers) {
		for _, x := range o.Offers {
			l.offered(o.FrameworkID, x)
		}
		offer(o)
	}
	l.Allocator.Initialize(c)
}

func (l *ledger) offered(framework string, o allocator.Offer) {
	a := l.agents[o.AgentID]
	if a == nil {
		l.check.violated(InvariantNoDouble, "agent %s is gone; its %s are offered to %s", o.AgentID, o.Resources, framework)
		return
	}
	a.holds[framework] = a.holds[framework].Add(o.Resources)
	if all := a.allocated(); !a.total.Contains(all.OneCopy()) {
		l.check.violated(InvariantNoDouble, "%s of agent %s are offered to %s; allocated are then %s of %s", o.Resources, o.AgentID, framework, all, a.total)
	}
}

// AddAgent opens an account.
func (l *ledger) AddAgent(info *mesosproto.AgentInfo, c []*mesosproto.AgentInfo_Capability, u *mesosproto.Unavailability, total resources.Resources, used map[string]resources.Resources) {
	a := &account{total: total, holds: map[string]resources.Resources{}}
	for _, f := range slices.Sorted(maps.Keys(used)) {
		a.holds[f] = used[f]
	}
	l.agents[info.GetId().GetValue()] = a
	l.Allocator.AddAgent(info, c, u, total, used)
}

// RemoveAgent closes it.
func (l *ledger) RemoveAgent(id string) {
	delete(l.agents, id)
	l.Allocator.RemoveAgent(id)
}

// UpdateAgent may change the total.
func (l *ledger) UpdateAgent(info *mesosproto.AgentInfo, total resources.Resources, c []*mesosproto.AgentInfo_Capability) {
	if a := l.agents[info.GetId().GetValue()]; a != nil {
		a.total = total
	}
	l.Allocator.UpdateAgent(info, total, c)
}

// UpdateAllocation converts what a framework holds, and the total with it.
func (l *ledger) UpdateAllocation(framework, agent string, offered resources.Resources, conversions []resources.Conversion) error {
	err := l.Allocator.UpdateAllocation(framework, agent, offered, conversions)
	if a := l.agents[agent]; a != nil && err == nil {
		after, failed := offered.Apply(conversions...)
		if failed != nil {
			l.check.violated(InvariantBooks, "the allocator converts %s of agent %s: %v", offered, agent, failed)
			return err
		}
		a.holds[framework] = a.holds[framework].Sub(offered).Add(after)
		for _, x := range conversions {
			if !x.Consumed.IsEmpty() { // else they are more copies of what is shared, of use to the framework alone
				a.total = a.total.Sub(x.Consumed.Unallocate()).Add(x.Converted.Unallocate())
			}
		}
	}
	return err
}

// UpdateAvailable converts what is free.
func (l *ledger) UpdateAvailable(agent string, conversions []resources.Conversion) error {
	err := l.Allocator.UpdateAvailable(agent, conversions)
	if a := l.agents[agent]; a != nil && err == nil {
		after, failed := a.total.Apply(conversions...)
		if failed != nil {
			l.check.violated(InvariantBooks, "the allocator converts what is free on agent %s: %v", agent, failed)
			return err
		}
		a.total = after
	}
	return err
}

// RecoverResources takes back what was held.
func (l *ledger) RecoverResources(framework, agent string, r resources.Resources, f *allocator.Filter, allocated bool) {
	if a := l.agents[agent]; a != nil {
		if held := a.holds[framework]; held.Contains(r) {
			a.holds[framework] = held.Sub(r)
		} else {
			l.check.violated(InvariantFreedOnce, "%s of agent %s are freed for framework %s, which holds %s", r, agent, framework, held)
		}
	}
	l.Allocator.RecoverResources(framework, agent, r, f, allocated)
}
