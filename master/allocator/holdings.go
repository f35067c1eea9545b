package allocator

import (
	"slices"

	"github.com/mesokit/mesokit/resources"
)

// holding is what a framework has on an agent in one role. There is one only while it has something.
type holding struct {
	seat    *seat
	offered resources.Resources // allocated to the role of the seat, as used is
	used    resources.Resources
	memo    uint32 // offered is exactly that of the agent's memo with this version; 0: of none
}

func (x *holding) all() resources.Resources { return x.offered.Add(x.used) }

func (x *holding) isEmpty() bool { return x.offered.IsEmpty() && x.used.IsEmpty() }

// memo is the last offer that took all that an agent had free. When it comes back as it was, as
// declined offers do, and goes to the next framework, nothing has to be computed again.
type memo struct {
	version          uint32 // of what was free
	refusal          int32  // index of plain in the agent's refusals; -1: not known
	role             *role
	plain, allocated resources.Resources
	scalars          resources.Quantities
}

// find returns the place of the holding of a seat, -1 if there is none.
func (a *agent) find(s *seat) int {
	for i := range a.holdings { // there are few
		if a.holdings[i].seat == s {
			return i
		}
	}
	return -1
}

// holdingOf returns the holding, and makes one if there is none. It must get something.
func (h *Hierarchical) holdingOf(a *agent, s *seat) *holding {
	at := a.find(s)
	if at < 0 {
		at = len(a.holdings)
		a.holdings = append(a.holdings, holding{seat: s})
		s.holdings++
		s.framework.holdings++
		h.touchMaintenance(a)
	}
	return &a.holdings[at]
}

// dropHolding removes an empty holding, and the seat and the framework if that was all that kept them.
func (h *Hierarchical) dropHolding(a *agent, at int) {
	s := a.holdings[at].seat
	a.holdings = slices.Delete(a.holdings, at, at+1)
	s.holdings--
	s.framework.holdings--
	if s.holdings == 0 && !s.subscribed {
		h.dropSeat(s)
	}
	if f := s.framework; f.holdings == 0 && !f.known {
		delete(h.frameworks, f.id)
	}
}

// heldBy is all that a framework holds on the agent, in all roles.
func (a *agent) heldBy(f *framework) resources.Resources {
	var sum resources.Resources
	for i := range a.holdings {
		if a.holdings[i].seat.framework == f {
			sum = sum.Add(a.holdings[i].all())
		}
	}
	return sum
}

// hold notes that a framework, known or not, uses r, in whatever roles. What is free is for the caller
// to recount.
func (h *Hierarchical) hold(a *agent, frameworkID string, r resources.Resources) {
	for role, part := range r.Allocations() {
		f := h.frameworks[frameworkID]
		if f == nil {
			f = &framework{id: frameworkID}
			h.frameworks[frameworkID] = f
		}
		x := h.holdingOf(a, h.seatFor(f, role))
		h.charge(a, x.seat, part, part.ScalarQuantities(), true)
		x.used = x.used.Add(part)
	}
}

// charge adds r, which is about to be added to a holding, to what its framework and role have been given.
// q are the scalars of r; counted: it counts as one gift more.
func (h *Hierarchical) charge(a *agent, s *seat, r resources.Resources, q resources.Quantities, counted bool) {
	h.used = h.used.Add(q)
	if !s.framework.known {
		return
	}
	if r.Any(resources.Resource.IsShared) {
		h.chargeShared(a, s, r, resources.Quantities.Add)
		q = r.NonShared().ScalarQuantities()
	}
	s.node.give(q, counted)
}

// discharge undoes charge for r, which was just taken from a holding.
func (h *Hierarchical) discharge(a *agent, s *seat, r resources.Resources, q resources.Quantities) {
	h.used = h.used.Sub(q)
	if !s.framework.known {
		return
	}
	if r.Any(resources.Resource.IsShared) {
		h.chargeShared(a, s, r, resources.Quantities.Sub)
		q = r.NonShared().ScalarQuantities()
	}
	s.node.take(q)
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
				return x.seat.framework.known && x.seat.node.isBelow(n) && x.all().Unallocate().Contains(one)
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

// adopt charges to f, which has just become known, what agents say that it holds.
func (h *Hierarchical) adopt(f *framework) {
	left := f.holdings
	for _, a := range h.agents {
		if left == 0 {
			return
		}
		if a == nil {
			continue
		}
		for i := range a.holdings {
			x := &a.holdings[i]
			if x.seat.framework != f {
				continue
			}
			left--
			r, kept := x.all(), *x
			x.offered, x.used = resources.Resources{}, resources.Resources{}
			q := r.ScalarQuantities()
			h.used = h.used.Sub(q)
			h.charge(a, x.seat, r, q, true)
			*x = kept
		}
	}
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
	a.setFree(own.Sub(r).Add(a.total.Shared()))
}

// setFree replaces what is free by something that may be more.
func (a *agent) setFree(r resources.Resources) {
	a.takeFree(r)
	a.judgedFree = false
}

// takeFree replaces what is free by part of it.
func (a *agent) takeFree(r resources.Resources) {
	a.free = r
	a.last++
	a.version = a.last
}

// addFree adds r, unallocated, to what is free, if there is room for it.
func (h *Hierarchical) addFree(a *agent, r resources.Resources) {
	if a.over {
		h.recount(a)
		return
	}
	a.setFree(a.free.Add(r.NonShared()))
}

// recover takes r, allocated to the role of s, back from what a framework holds on an agent: from what it
// was offered, or first from what it uses. What it does not hold is ignored: agents and frameworks
// vanish while their resources are under way. It returns what was held, unallocated.
func (h *Hierarchical) recover(a *agent, s *seat, r resources.Resources, used bool) resources.Resources {
	at := a.find(s)
	if at < 0 {
		return resources.Resources{}
	}
	x := &a.holdings[at]
	if m := &a.memo; !used && x.memo == m.version && m.version != 0 && same(x.offered, r) {
		x.offered, x.memo = resources.Resources{}, 0
		h.discharge(a, s, resources.Resources{}, m.scalars)
		if x.used.IsEmpty() {
			h.dropHolding(a, at)
		}
		if a.free.IsEmpty() && !a.over {
			a.free, a.version = m.plain, m.version
			a.judgedFree = a.judgedMemo
		} else {
			h.addFree(a, m.plain)
		}
		return m.plain
	}
	first, second := &x.offered, &x.used
	if used {
		first, second = second, first
	}
	x.memo = 0
	switch {
	case same(*first, r):
		*first = resources.Resources{}
	case first.Contains(r):
		*first = first.Sub(r)
	default:
		part := common(*first, r)
		rest := common(*second, r.Sub(part))
		*first, *second = first.Sub(part), second.Sub(rest)
		r = part.Add(rest)
	}
	h.discharge(a, s, r, r.ScalarQuantities())
	if x.isEmpty() {
		h.dropHolding(a, at)
	}
	plain := r.Unallocate()
	if !plain.IsEmpty() {
		h.addFree(a, plain)
	}
	return plain
}

// same tells whether x and y are equal, which they mostly are if they have as many entries.
func same(x, y resources.Resources) bool { return x.Len() == y.Len() && x.Contains(y) && y.Contains(x) }

// common is the part of r that is in have.
func common(have, r resources.Resources) resources.Resources { return r.Sub(r.Sub(have)) }

// convert replaces part of what was offered; nobody is given more or less by it, apart from what
// operations create and destroy. What is free is for the caller to recount.
func (h *Hierarchical) convert(a *agent, at int, before, after resources.Resources) {
	x := &a.holdings[at]
	x.memo = 0
	x.offered = x.offered.Sub(before)
	h.discharge(a, x.seat, before, before.ScalarQuantities())
	h.charge(a, x.seat, after, after.ScalarQuantities(), false)
	x.offered = x.offered.Add(after)
	if x.isEmpty() {
		h.dropHolding(a, at)
	}
}

// seatOf returns the seat of a framework, known or not, in a role; nil if there is none.
func (h *Hierarchical) seatOf(frameworkID, role string) *seat {
	if f := h.frameworks[frameworkID]; f != nil {
		return f.seat(role)
	}
	return nil
}

// Allocated says that what was offered is now used.
func (h *Hierarchical) Allocated(frameworkID, agentID string, r resources.Resources) {
	a := h.agentByID[agentID]
	if a == nil {
		return
	}
	for role, part := range r.Allocations() {
		s := h.seatOf(frameworkID, role)
		if s == nil {
			continue
		}
		if at := a.find(s); at >= 0 {
			x := &a.holdings[at]
			part = common(x.offered, part)
			x.memo = 0
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
	role := r.At(0).AllocationRole()
	if !r.Any(func(e resources.Resource) bool { return e.AllocationRole() != role }) {
		h.recoverIn(a, h.seatOf(frameworkID, role), r, f, allocated)
		return
	}
	for role, part := range r.Allocations() {
		h.recoverIn(a, h.seatOf(frameworkID, role), part, f, allocated)
	}
}

func (h *Hierarchical) recoverIn(a *agent, s *seat, r resources.Resources, f *Filter, allocated bool) {
	if s == nil {
		return
	}
	plain := h.recover(a, s, r, allocated)
	if plain.IsEmpty() {
		return
	}
	h.touch(a)
	if f != nil && s.subscribed {
		h.refuse(s, a, plain, f.RefuseFor)
		if a.version == a.memo.version && a.version == a.judgedVersion {
			// All that was judged is refused: the next run need not find that out.
			x, bit := h.board.at(a.slot, s.index)
			x.blocked |= bit
		}
	}
}
