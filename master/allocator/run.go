package allocator

import (
	"slices"

	"github.com/mesokit/mesokit/resources"
)

// run is what one allocation run needs; its memory is used again by the next one.
type run struct {
	made       []made
	frameworks []*framework // that are offered something, in order of their first offer
	order      []int32      // indices into made, by framework
	lists      [][]int32    // parts of order
	out        []Offers
	candidates []*agent
	few        []*seat
	covers     []bool
	warmth     int // keeps the reads of warm from being optimized away

	// Of the agent that is being looked at:
	withheld resources.Resources // shared ones that were offered in this run already
	cutRole  *role               // whose part of free is in cut
	cut      resources.Resources
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
	for len(list) > 0 {
		n := min(len(list), 16)
		h.warm(list[:n])
		for _, a := range list[:n] {
			h.consider(a)
		}
		list = list[n:]
	}
	inverse := h.inverseOffers()
	h.delivering = true
	h.deliver()
	if len(inverse) > 0 && h.back.InverseOffer != nil {
		h.counters.InverseOffers += uint64(len(inverse))
		h.back.InverseOffer(inverse)
	}
	h.delivering = false
	h.posted = false
	h.schedule()
}

// warm reads a little of what the next agents need. In a large cluster little of that is in the
// processor's caches, and the processor waits for all of these reads at once, not one by one.
func (h *Hierarchical) warm(list []*agent) {
	var sum int
	for _, a := range list {
		sum += a.slot + int(a.version) + len(a.holdings) + int(a.memo.refusal)
	}
	for _, a := range list {
		if row := h.board.row(a.slot); len(row) > 0 {
			sum += int(row[0].blocked) + int(row[len(row)/2].blocked) + int(row[len(row)-1].blocked)
		}
		if a.free.Len() > 0 {
			e := a.free.At(0)
			sum += int(e.Scalar())
		}
	}
	h.run.warmth = sum
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
	row := h.board.row(a.slot)
	if !a.judgedFree {
		a.judgedFree = true
		if !a.judged.Contains(a.free) {
			unblock(row)
			a.judgeFree()
			h.blockRefused(a, row)
		}
	}
	n := h.active.open(row, h.sparse)
	if n == 0 {
		return
	}
	r := &h.run
	r.cutRole = nil
	r.withheld = resources.Resources{}
	if n <= h.sparse {
		h.considerFew(a, row)
	} else {
		h.walk(a, h.tree.root, row)
	}
	if !r.withheld.IsEmpty() {
		h.touchLater(a)
	}
}

// considerFew visits the few seats that may be offered something, in the order in which a walk would.
func (h *Hierarchical) considerFew(a *agent, row []cell) {
	few := h.run.few[:0]
	for i := range h.active.eachOpen(row) {
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
func (h *Hierarchical) walk(a *agent, n *node, row []cell) {
	h.tree.settle(n)
	for _, c := range n.children {
		if s := c.seat; s == nil {
			h.walk(a, c, row)
		} else if x := &row[s.index>>6]; (x.blocked|x.excluded)&(1<<(s.index&63)) == 0 {
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
	return !r.cut.IsEmpty()
}

// try offers a seat what the agent has free for its role, all of it, unless something is in the way.
func (h *Hierarchical) try(a *agent, s *seat) {
	if h.mismatchesOf(s, a) != 0 {
		x, bit := h.board.at(a.slot, s.index)
		x.excluded |= bit
		return
	}
	r := &h.run
	if !h.cutFor(a, s.role) || !s.minimum.allows(r.cut) {
		h.block(a, s)
		return
	}
	offer, whole := r.cut, a.kinds&(hasReserved|hasShared) == 0
	if k := s.framework.caps.unusable() & a.kinds; k != 0 {
		offer, whole = strip(offer, k), false
		if offer.IsEmpty() || !s.minimum.allows(offer) {
			h.block(a, s)
			return
		}
	}
	if h.refused(s, a, offer) {
		h.block(a, s)
		return
	}
	h.give(a, s, offer, whole)
}

// block notes that what is free on an agent can't be offered to a seat. It is not noted while something
// is withheld, for that comes back without a change of what is free.
func (h *Hierarchical) block(a *agent, s *seat) {
	if !h.run.withheld.IsEmpty() {
		return
	}
	if a.judgedVersion != a.version {
		a.judgeFree() // of more than is free now, it might not be true
	}
	x, bit := h.board.at(a.slot, s.index)
	x.blocked |= bit
}

// judgeFree makes what is free what the blocked bits are about. It was part of that before, or there are
// none.
func (a *agent) judgeFree() {
	a.judged, a.judgedVersion = a.free, a.version
	a.judgedMemo = a.memo.version == a.version
}

// give makes an offer; whole: it is all that is free, and nothing of it is shared.
func (h *Hierarchical) give(a *agent, s *seat, offer resources.Resources, whole bool) {
	r := &h.run
	x := h.holdingOf(a, s)
	var allocated resources.Resources
	if whole {
		m := h.memorize(a, s, offer)
		allocated = m.allocated
		h.charge(a, s, resources.Resources{}, m.scalars, true)
		x.memo = 0
		if x.offered.IsEmpty() {
			x.memo = m.version
		}
		a.takeFree(resources.Resources{})
	} else {
		allocated = offer.Allocate(s.role.name)
		h.charge(a, s, allocated, allocated.ScalarQuantities(), true)
		x.memo = 0
		r.withheld = r.withheld.Add(offer.Shared())
		a.takeFree(a.free.Sub(offer.NonShared()))
	}
	x.offered = x.offered.Add(allocated)
	r.cutRole = nil

	f := s.framework
	if f.made == 0 {
		r.frameworks = append(r.frameworks, f)
	}
	f.made++
	r.made = append(r.made, made{f, a, a.slot, s.role.name, allocated})
}

// memorize returns the memo of an offer that takes all that an agent has free.
func (h *Hierarchical) memorize(a *agent, s *seat, offer resources.Resources) *memo {
	m := &a.memo
	if m.version == a.version && m.role == s.role {
		return m
	}
	a.judgedMemo = true // as all that is free is, in a run
	*m = memo{
		version:   a.version,
		refusal:   -1,
		role:      s.role,
		plain:     offer,
		allocated: offer.Allocate(s.role.name),
		scalars:   offer.ScalarQuantities(),
	}
	return m
}
