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
