package schedulertest

import (
	"cmp"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// offersTo checks that what a framework is offered is reserved to nobody, or to the role it is offered to
// or one above.
func (k *checker) offersTo(f *Framework, o *mesosproto.Offer) {
	if !reservedSome(o.GetResources()) {
		return
	}
	role := cmp.Or(o.GetAllocationInfo().GetRole(), f.role)
	list, err := resources.FromProto(o.GetResources())
	if err != nil {
		k.violated(InvariantReserved, "offer %s to %s: %v", o.GetId().GetValue(), f.name, err)
		return
	}
	if !list.AllocatableTo(role).Equal(list) {
		k.violated(InvariantReserved, "%s, in role %s, is offered %s", f.name, role, list)
	}
}

// reservedSome reports, at no cost, whether some resource is reserved, in whatever format.
func reservedSome(list []*mesosproto.Resource) bool {
	for _, r := range list {
		//lint:ignore SA1019 frameworks that are not for refined reservations get the old format
		if len(r.Reservations) > 0 || r.Reservation != nil || r.Role != nil && r.GetRole() != "*" {
			return true
		}
	}
	return false
}

// conserved checks that an agent has what it has always had, but for reservations and volumes. was is what
// the master has said of it before; nil if nothing.
func (k *checker) conserved(was, is *master.AgentState) {
	if was != nil && was.Info == is.Info && was.Total.Equal(is.Total) {
		return
	}
	plain, err := resources.FromProto(is.Info.GetResources())
	if err != nil || !amounts(is.Total.NonRevocable()).Equal(amounts(plain)) {
		k.violated(InvariantConserved, "agent %s has %s; for the master that has become %s", is.ID, plain, is.Total)
	}
}

// agreed checks that master and agent mean the same by what an agent has, if they are due to. What the
// allocator knows is held against the master's all the time ([InvariantBooks]).
func (k *checker) agreed(due func(a *Agent, since loop.Instant) bool) {
	m := k.cluster.master
	if m.closed() {
		return
	}
	var states map[string]*master.AgentState
	for _, a := range k.cluster.agents {
		e := a.machine.estate
		if !e.changed {
			continue
		}
		if states == nil {
			states = map[string]*master.AgentState{}
			for s := range m.master.Snapshot().Agents.All() {
				states[s.ID] = s
			}
		}
		has, s := a.Snapshot().Total, states[a.ID()]
		switch {
		case s == nil || !s.Connected || !k.reached(a): // registered has a word on that
		case has.Equal(s.Total.NonRevocable()) && has.Equal(e.now()):
			e.agreed = k.now()
		case due(a, e.agreed):
			k.violated(InvariantAgreed, "%s has %s; for the master it has %s; what it was told to do makes %s", a.name, has, s.Total, e.now())
		}
	}
}
