package allocator

import (
	"cmp"
	"slices"

	"github.com/mesokit/mesokit/resources"
)

// run is what one allocation run needs; its memory is used again by the next one.
type run struct {
	made       []made
	frameworks []*framework // that are offered something, in order of their first offer
	candidates []*agent
	few        []*seat

	// Of the agent that is being looked at:
	withheld resources.Resources // shared ones that were offered in this run already
	cutRole  *role               // whose part of free is in cut
	cut      resources.Resources
	enough   resources.Quantities // of cut
}

// made is an offer that was made.
type made struct {
	framework *framework
	offer     Offer
}

// allocate is the run: it looks at the agents to which something has happened, offers what can be
// offered, and hands over.
//
// After it, for every agent, whatever is free can't be offered to anybody; the next run relies on
// that and looks at no other agents than those that were touched since.
//
// Mesos: src/master/allocator/mesos/hierarchical.cpp, __allocate, its second stage.
func (h *Hierarchical) allocate() {
	if h.held() {
		h.posted = false
		return
	}
	h.counters.Runs++
	h.collect()
	list := h.run.candidates
	if len(list) > 1 {
		// So that no agent is always the first, to which the most needy framework is sent.
		h.loop.Rand().Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	for _, a := range list {
		h.consider(a)
	}
	inverse := h.inverseOffers()
	h.deliver()
	if len(inverse) > 0 && h.back.InverseOffer != nil {
		h.counters.InverseOffers += uint64(len(inverse))
		h.back.InverseOffer(inverse)
	}
	h.posted = false
	h.schedule()
}

// collect moves the touched agents of which something can be offered to the candidates.
func (h *Hierarchical) collect() {
	r := &h.run
	r.candidates = r.candidates[:0]
	keep := func(a *agent) {
		a.dirty = false
		if a.active && !a.free.IsEmpty() && h.whitelisted(a) {
			r.candidates = append(r.candidates, a)
		}
	}
	if h.allDirty {
		for _, a := range h.agents {
			if a != nil {
				keep(a)
			}
		}
	} else {
		for _, a := range h.dirty {
			keep(a)
		}
	}
	clear(h.dirty)
	h.dirty = h.dirty[:0]
	h.allDirty = false
	h.counters.Agents += uint64(len(r.candidates))
}

// consider offers what an agent has free.
func (h *Hierarchical) consider(a *agent) {
	blocked := h.blocked.row(a.slot)
	if !a.judged.Contains(a.free) {
		clear(blocked)
		a.judged = a.free
	}
	excluded := h.excluded.row(a.slot)
	n := remaining(h.active, blocked, excluded, h.sparse)
	if n == 0 {
		return
	}
	r := &h.run
	r.cutRole = nil
	r.withheld = resources.Resources{}
	if n <= h.sparse {
		h.considerFew(a, blocked, excluded)
	} else {
		h.walk(a, h.tree.root, blocked, excluded)
	}
	if !r.withheld.IsEmpty() {
		h.touchLater(a)
	}
}

// considerFew visits the few seats that may be offered something, in the order in which a walk would.
func (h *Hierarchical) considerFew(a *agent, blocked, excluded bitset) {
	few := h.run.few[:0]
	for i := range h.active.minus(blocked, excluded) {
		few = append(few, h.seats[i])
	}
	if len(few) > 1 {
		slices.SortFunc(few, func(x, y *seat) int {
			if h.tree.before(x.node, y.node) {
				return -1
			}
			return 1
		})
	}
	h.run.few = few
	for _, s := range few {
		if h.try(a, s); a.free.IsEmpty() {
			return
		}
	}
}

// walk visits the seats below n in order until nothing is left. What is given away on the way moves
// nodes only when their parent is settled again, for the next agent.
func (h *Hierarchical) walk(a *agent, n *node, blocked, excluded bitset) {
	h.tree.settle(n)
	for _, c := range n.children {
		if s := c.seat; s == nil {
			h.walk(a, c, blocked, excluded)
		} else if !blocked.has(s.index) && !excluded.has(s.index) {
			if !h.cutFor(a, s.role) {
				return // nothing for this role
			}
			h.try(a, s)
		}
		if a.free.IsEmpty() {
			return
		}
	}
}

// cutFor computes which part of what is free may be offered to a role, and tells whether there is any.
func (h *Hierarchical) cutFor(a *agent, of *role) bool {
	r := &h.run
	if r.cutRole == of {
		return !r.cut.IsEmpty()
	}
	r.cutRole = of
	r.cut = a.free
	if a.kinds&hasReserved != 0 {
		r.cut = r.cut.AllocatableTo(of.name)
	}
	if !r.withheld.IsEmpty() {
		r.cut = r.cut.Sub(r.withheld)
	}
	r.enough = r.cut.Quantities()
	return !r.cut.IsEmpty()
}

// try offers a seat what the agent has free for its role, all of it, unless something is in the way.
func (h *Hierarchical) try(a *agent, s *seat) {
	if h.mismatchesOf(s, a) != 0 {
		h.excluded.set(a.slot, s.index)
		return
	}
	r := &h.run
	if !h.cutFor(a, s.role) || !enough(s.minimum, r.enough) {
		h.block(a, s)
		return
	}
	offer := r.cut
	if k := s.framework.caps.unusable() & a.kinds; k != 0 {
		offer = strip(offer, k)
		if offer.IsEmpty() || !enough(s.minimum, offer.Quantities()) {
			h.block(a, s)
			return
		}
	}
	if s.refused(a, offer) {
		h.block(a, s)
		return
	}
	h.give(a, s, offer)
}

// block notes that what is free on an agent can't be offered to a seat. It is not noted while something
// is withheld, for that comes back without a change of what is free.
func (h *Hierarchical) block(a *agent, s *seat) {
	if h.run.withheld.IsEmpty() {
		h.blocked.set(a.slot, s.index)
	}
}

// give makes an offer.
func (h *Hierarchical) give(a *agent, s *seat, offer resources.Resources) {
	r := &h.run
	allocated := offer.Allocate(s.role.name)
	x := h.holdingOf(a, s.framework.id, s.role.name, s)
	h.charge(a, x, allocated, true)
	x.offered = x.offered.Add(allocated)
	if shared := offer.Shared(); a.kinds&hasShared != 0 && !shared.IsEmpty() {
		r.withheld = r.withheld.Add(shared)
		offer = offer.NonShared()
	}
	if offer.Len() == a.free.Len() && offer.Contains(a.free) {
		a.free = resources.Resources{}
	} else {
		a.free = a.free.Sub(offer)
	}
	r.cutRole = nil

	f := s.framework
	if f.made == 0 {
		r.frameworks = append(r.frameworks, f)
	}
	f.made++
	r.made = append(r.made, made{f, Offer{Role: s.role.name, AgentID: a.id, Resources: allocated}})
}

// deliver hands over what was made, a framework at a time: the one that got something first comes
// first. Everything is settled before, so that the receiver may call the allocator.
func (h *Hierarchical) deliver() {
	r := &h.run
	if len(r.made) == 0 {
		return
	}
	h.counters.Offers += uint64(len(r.made))
	all := make([]Offer, len(r.made))
	lists := make([]Offers, len(r.frameworks))
	at := 0
	for i, f := range r.frameworks {
		lists[i] = Offers{FrameworkID: f.id, Offers: all[at : at : at+f.made]}
		at += f.made
		f.made = i
	}
	for _, m := range r.made {
		list := &lists[m.framework.made].Offers
		*list = append(*list, m.offer)
	}
	for _, f := range r.frameworks {
		f.made = 0
	}
	clear(r.made)
	clear(r.frameworks)
	clear(r.candidates)
	clear(r.few)
	r.made, r.frameworks, r.candidates = r.made[:0], r.frameworks[:0], r.candidates[:0]
	for _, list := range lists {
		slices.SortFunc(list.Offers, func(x, y Offer) int {
			return cmp.Or(cmp.Compare(x.Role, y.Role), cmp.Compare(x.AgentID, y.AgentID))
		})
		h.back.Offer(list)
	}
}
