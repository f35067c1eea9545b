package allocator

import (
	"slices"

	"github.com/mesokit/mesokit/resources"
)

// holding is what a framework has on an agent in one role. There is one only while it has something.
type holding struct {
	framework string
	role      string // allocated to; resources of one holding are all allocated to it
	seat      *seat  // nil if the framework is not known
	offered   resources.Resources
	used      resources.Resources
}

func (x *holding) all() resources.Resources { return x.offered.Add(x.used) }

func (a *agent) find(framework, role string) (int, bool) {
	for i := range a.holdings { // sorted; there are few
		x := &a.holdings[i]
		if x.framework == framework {
			if x.role == role {
				return i, true
			}
			if x.role > role {
				return i, false
			}
		} else if x.framework > framework {
			return i, false
		}
	}
	return len(a.holdings), false
}

// holdingOf returns the holding, and makes one if there is none.
func (h *Hierarchical) holdingOf(a *agent, framework, role string, s *seat) *holding {
	at, found := a.find(framework, role)
	if !found {
		if s == nil {
			if f := h.frameworks[framework]; f != nil {
				s = h.seatFor(f, role)
			}
		}
		a.holdings = slices.Insert(a.holdings, at, holding{framework: framework, role: role, seat: s})
		if s != nil {
			s.holdings++
		} else {
			h.orphans[framework]++
		}
		h.touchMaintenance(a)
	}
	return &a.holdings[at]
}

// dropHolding removes an empty holding, and the seat if that was all that kept it.
func (h *Hierarchical) dropHolding(a *agent, at int) {
	x := a.holdings[at]
	a.holdings = slices.Delete(a.holdings, at, at+1)
	switch s := x.seat; {
	case s == nil:
		h.forgetOrphan(x.framework)
	default:
		if s.holdings--; s.holdings == 0 && !s.subscribed {
			h.dropSeat(s)
		}
	}
}

func (h *Hierarchical) forgetOrphan(framework string) {
	if h.orphans[framework]--; h.orphans[framework] == 0 {
		delete(h.orphans, framework)
	}
}

// heldBy is all that a framework holds on the agent, in all roles.
func (a *agent) heldBy(framework string) resources.Resources {
	var sum resources.Resources
	for i := range a.holdings {
		if a.holdings[i].framework == framework {
			sum = sum.Add(a.holdings[i].all())
		}
	}
	return sum
}

// hold notes that a framework uses r, in whatever roles.
func (h *Hierarchical) hold(a *agent, framework string, r resources.Resources) {
	for role, part := range r.Allocations() {
		x := h.holdingOf(a, framework, role, nil)
		h.charge(a, x, part, true)
		x.used = x.used.Add(part)
	}
	if !r.IsEmpty() {
		h.recount(a)
	}
}

// charge adds r, which is about to be added to holding x, to what its framework and role have been
// given. counted: it counts as one gift more.
func (h *Hierarchical) charge(a *agent, x *holding, r resources.Resources, counted bool) {
	q := r.ScalarQuantities()
	h.used = h.used.Add(q)
	if x.seat == nil {
		return
	}
	if r.Any(resources.Resource.IsShared) {
		h.chargeShared(a, x.seat, r, resources.Quantities.Add)
		q = r.NonShared().ScalarQuantities()
	}
	x.seat.node.give(q, counted)
}

// discharge undoes charge for r, which was just taken from holding x.
func (h *Hierarchical) discharge(a *agent, x *holding, r resources.Resources) {
	q := r.ScalarQuantities()
	h.used = h.used.Sub(q)
	if x.seat == nil {
		return
	}
	if r.Any(resources.Resource.IsShared) {
		h.chargeShared(a, x.seat, r, resources.Quantities.Sub)
		q = r.NonShared().ScalarQuantities()
	}
	x.seat.node.take(q)
}

// chargeShared adds (or subtracts) the shared entries of r to each node above s under which no other
// copy of them is held: however many copies a role has, it has the volume once. It is called while r
// is not in the holding.
func (h *Hierarchical) chargeShared(a *agent, s *seat, r resources.Resources, apply func(x, y resources.Quantities) resources.Quantities) {
	for e := range r.Shared().All() {
		one := e.AsShared(1).AllocatedTo("").Resources()
		q := one.ScalarQuantities()
		for n := s.node; n != nil; n = n.parent {
			held := slices.ContainsFunc(a.holdings, func(x holding) bool {
				return x.seat != nil && x.seat.node.isBelow(n) && x.all().Unallocate().Contains(one)
			})
			if !held {
				n.given = apply(n.given, q)
				n.touch()
			}
		}
	}
}

// isBelow tells whether n is top or below it.
func (n *node) isBelow(top *node) bool {
	for n.depth > top.depth {
		n = n.parent
	}
	return n == top
}

// recount computes what is free from total and holdings.
func (h *Hierarchical) recount(a *agent) {
	var held resources.Accumulator
	for i := range a.holdings {
		held.Add(a.holdings[i].offered.NonShared().Unallocate())
		held.Add(a.holdings[i].used.NonShared().Unallocate())
	}
	r := held.Resources()
	own := a.total.NonShared()
	a.over = !own.Contains(r)
	a.free = own.Sub(r).Add(a.total.Shared())
}

// freed adds r, unallocated, to what is free, if there is room for it.
func (h *Hierarchical) freed(a *agent, r resources.Resources) {
	if a.over {
		h.recount(a)
		return
	}
	a.free = a.free.Add(r.NonShared())
}

// release takes r, allocated to role, back from what a framework holds on an agent: from what it was
// offered, then from what it uses. What it does not hold is ignored: agents and frameworks vanish
// while their resources are under way.
func (h *Hierarchical) release(a *agent, framework, role string, r resources.Resources) {
	h.recover(a, framework, role, r, false)
}

// recover is release, from what is used first if used is set. It returns what was held, unallocated.
func (h *Hierarchical) recover(a *agent, framework, role string, r resources.Resources, used bool) resources.Resources {
	at, found := a.find(framework, role)
	if !found {
		return resources.Resources{}
	}
	x := &a.holdings[at]
	first, second := &x.offered, &x.used
	if used {
		first, second = second, first
	}
	if first.Contains(r) {
		*first = first.Sub(r)
	} else {
		part := common(*first, r)
		*first = first.Sub(part)
		rest := common(*second, r.Sub(part))
		*second = second.Sub(rest)
		r = part.Add(rest)
	}
	h.discharge(a, x, r)
	if x.offered.IsEmpty() && x.used.IsEmpty() {
		h.dropHolding(a, at)
	}
	plain := r.Unallocate()
	if !plain.IsEmpty() {
		h.freed(a, plain)
	}
	return plain
}

// common is the part of r that is in have.
func common(have, r resources.Resources) resources.Resources { return r.Sub(r.Sub(have)) }

// convert replaces part of what was offered; nobody is given more or less by it, apart from what
// operations create and destroy.
func (h *Hierarchical) convert(a *agent, at int, before, after resources.Resources) {
	x := &a.holdings[at]
	x.offered = x.offered.Sub(before)
	h.discharge(a, x, before)
	h.charge(a, x, after, false)
	x.offered = x.offered.Add(after)
	if x.offered.IsEmpty() && x.used.IsEmpty() {
		h.dropHolding(a, at)
	}
}

// adopt makes what agents say that f holds its own.
func (h *Hierarchical) adopt(f *framework) {
	h.eachHolding(f.id, h.orphans[f.id], func(a *agent, x *holding) {
		s := h.seatFor(f, x.role)
		r := x.all()
		kept := *x
		x.offered, x.used = resources.Resources{}, resources.Resources{}
		h.used = h.used.Sub(r.ScalarQuantities())
		x.seat = s
		h.charge(a, x, r, true)
		x.offered, x.used = kept.offered, kept.used
		s.holdings++
		h.forgetOrphan(f.id)
	})
}

// orphan makes what f holds belong to nobody.
func (h *Hierarchical) orphan(f *framework) {
	n := 0
	for _, s := range f.seats {
		n += s.holdings
		s.holdings = 0
	}
	h.eachHolding(f.id, n, func(_ *agent, x *holding) {
		x.seat = nil
		h.orphans[f.id]++
	})
}

// eachHolding calls do for the n holdings of a framework.
func (h *Hierarchical) eachHolding(framework string, n int, do func(*agent, *holding)) {
	for _, a := range h.agents {
		if n == 0 {
			return
		}
		if a == nil {
			continue
		}
		for i := range a.holdings {
			if a.holdings[i].framework == framework {
				do(a, &a.holdings[i])
				n--
			}
		}
	}
}

// Allocated says that what was offered is now used.
func (h *Hierarchical) Allocated(frameworkID, agentID string, r resources.Resources) {
	a := h.agentByID[agentID]
	if a == nil {
		return
	}
	for role, part := range r.Allocations() {
		if at, found := a.find(frameworkID, role); found {
			x := &a.holdings[at]
			part = common(x.offered, part)
			x.offered = x.offered.Sub(part)
			x.used = x.used.Add(part)
		}
	}
}

// RecoverResources gives back what was offered (allocated false) or used (true); with a filter it stays
// away from the framework.
func (h *Hierarchical) RecoverResources(frameworkID, agentID string, r resources.Resources, f *Filter, allocated bool) {
	a := h.agentByID[agentID]
	if a == nil || r.IsEmpty() {
		return
	}
	if role := r.At(0).AllocationRole(); !r.Any(func(e resources.Resource) bool { return e.AllocationRole() != role }) {
		h.recoverIn(a, frameworkID, role, r, f, allocated)
		return
	}
	for role, part := range r.Allocations() {
		h.recoverIn(a, frameworkID, role, part, f, allocated)
	}
}

func (h *Hierarchical) recoverIn(a *agent, frameworkID, role string, r resources.Resources, f *Filter, allocated bool) {
	plain := h.recover(a, frameworkID, role, r, allocated)
	if plain.IsEmpty() {
		return
	}
	if f != nil {
		if known := h.frameworks[frameworkID]; known != nil {
			if s := known.seat(role); s != nil && s.subscribed {
				h.refuse(s, a, plain, f.RefuseFor)
			}
		}
	}
	h.touch(a)
}
