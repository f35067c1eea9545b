package allocator

import "github.com/mesokit/mesokit/resources"

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
	if h.delivering {
		// The receiver can't make use of what it was just handed. Made again at once, the offer would
		// come back at once, for ever.
		h.touchLater(a)
	} else {
		h.touch(a)
	}
	if f != nil && s.subscribed {
		h.refuse(s, a, plain, f.RefuseFor)
		if a.version == a.memo.version && a.version == a.judgedVersion {
			// All that was judged is refused: the next run need not find that out.
			x, bit := h.board.at(a.slot, s.index)
			x.blocked |= bit
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
