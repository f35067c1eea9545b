package allocator

import (
	"slices"
	"time"

	"github.com/mesokit/mesokit/resources"
)

// filters are what frameworks refused on one agent. There may be one for each of thousands of
// frameworks, so a filter is a few numbers and what was refused is kept once.
type filters struct {
	list     []filter
	refusals []resources.Resources // not allocated
}

// filter keeps what was refused away from one seat: an offer that is contained in it is not made until
// then. It is live while the seat has the same era; else it waits to be swept away.
type filter struct {
	until   tick
	seat    int32 // index
	refusal int32 // index
	era     uint32
}

// tick is a time on a coarse grid, so that filters made at about the same time end together.
type tick int64

// tick returns the first one that is not before t.
func (h *Hierarchical) tick(t time.Time) tick {
	grid := int64(h.grid)
	return tick((t.UnixNano() + grid - 1) / grid)
}

func (h *Hierarchical) timeOf(t tick) time.Time { return time.Unix(0, int64(t)*int64(h.grid)) }

// maxFilters is how many filters one seat has on one agent at most; of more, the first goes. A framework
// would have to refuse that many offers, none of them part of another, to notice.
const maxFilters = 128

// refuse installs a filter. However short it is meant to be, it holds for the interval: what was just
// declined comes back no sooner, or the allocator and a framework that declines everything would keep
// each other busy.
//
// A filter that another one makes superfluous is not kept, so a framework that refuses the same again
// and again costs one filter. Mesos: src/master/allocator/mesos/hierarchical.cpp, recoverResources.
func (h *Hierarchical) refuse(s *seat, a *agent, refused resources.Resources, d time.Duration) {
	until := h.tick(h.loop.Now().Add(max(d, h.cfg.Interval)))
	x, bit := h.board.at(a.slot, s.index)
	if x.filtered&bit != 0 && !h.supersede(s, a, refused, until) {
		return
	}
	x.filtered |= bit
	f := &a.filters
	if len(f.list) == cap(f.list) && len(f.list) > 16 {
		h.sweep(a)
	}
	f.list = append(f.list, filter{until, int32(s.index), a.intern(refused), s.era})
	h.countFilters(s, 1)
	h.expiries.add(until, expiry{int32(s.index), int32(a.slot), s.era})
	h.compactExpiries()
	h.armExpiry()
}

// supersede drops the filters of a seat that a new one makes superfluous, and tells whether the new one
// is not superfluous itself.
func (h *Hierarchical) supersede(s *seat, a *agent, refused resources.Resources, until tick) bool {
	f := &a.filters
	n := 0
	for i := 0; i < len(f.list); i++ {
		x := f.list[i]
		if !x.of(s) {
			continue
		}
		old := f.refusals[x.refusal]
		if x.until >= until && old.Contains(refused) {
			return false
		}
		if x.until <= until && refused.Contains(old) {
			f.remove(i)
			h.countFilters(s, -1)
			i--
			continue
		}
		if n++; n == maxFilters {
			f.remove(i)
			h.countFilters(s, -1)
			break
		}
	}
	return true
}

func (x *filter) of(s *seat) bool { return int(x.seat) == s.index && x.era == s.era }

func (f *filters) remove(i int) {
	last := len(f.list) - 1
	f.list[i] = f.list[last]
	f.list = f.list[:last]
}

// intern returns the index of what was refused; mostly it is the same as last time.
func (a *agent) intern(refused resources.Resources) int32 {
	f, m := &a.filters, &a.memo
	remembered := a.version == m.version // so refused is what came back: memo.plain
	if remembered && m.refusal >= 0 {
		return m.refusal
	}
	i := len(f.refusals) - 1
	for i >= max(0, len(f.refusals)-8) && !same(f.refusals[i], refused) {
		i--
	}
	if i < max(0, len(f.refusals)-8) {
		i = len(f.refusals)
		f.refusals = append(f.refusals, refused)
	}
	if remembered {
		m.refusal = int32(i)
	}
	return int32(i)
}

// sweep throws out filters that are no longer live and refusals that nobody refers to, before the list
// grows.
func (h *Hierarchical) sweep(a *agent) {
	f := &a.filters
	a.memo.refusal = -1
	f.list = slices.DeleteFunc(f.list, func(x filter) bool {
		s := h.seats[x.seat]
		return s == nil || !x.of(s)
	})
	number := make([]int32, len(f.refusals)) // where a refusal goes, plus 1
	var kept []resources.Resources
	for i := range f.list {
		x := &f.list[i]
		if number[x.refusal] == 0 {
			kept = append(kept, f.refusals[x.refusal])
			number[x.refusal] = int32(len(kept))
		}
		x.refusal = number[x.refusal] - 1
	}
	f.refusals = kept
}

// countFilters keeps the number of live filters: of the seat, its role, and all.
func (h *Hierarchical) countFilters(s *seat, more int) {
	s.live += more
	s.role.filters += more
	h.expiries.live += more
}

// refused tells whether a live filter covers an offer, given unallocated.
func (h *Hierarchical) refused(s *seat, a *agent, offer resources.Resources) bool {
	if x, bit := h.board.at(a.slot, s.index); x.filtered&bit == 0 {
		return false
	}
	f := &a.filters
	for i := range f.list {
		if f.list[i].of(s) && f.refusals[f.list[i].refusal].Contains(offer) {
			return true
		}
	}
	return false
}

// blockRefused blocks, at one go, the seats that refused all that is free.
func (h *Hierarchical) blockRefused(a *agent, row []cell) {
	f := &a.filters
	covers := h.run.covers[:0]
	for _, refused := range f.refusals {
		covers = append(covers, refused.Contains(a.free))
	}
	h.run.covers = covers
	for i := range f.list {
		x := &f.list[i]
		if s := h.seats[x.seat]; covers[x.refusal] && s != nil && x.of(s) {
			row[s.index>>6].blocked |= 1 << (s.index & 63)
		}
	}
}

// dropFilters forgets all filters of a seat.
func (h *Hierarchical) dropFilters(s *seat) {
	h.newEra(s)
	h.countFilters(s, -s.live)
	h.board.eachInColumn(s.index, func(x *cell, bit uint64) {
		x.filtered &^= bit
		x.blocked &^= bit
	})
	if s.wanted() {
		h.touchAll()
	}
	h.compactExpiries()
}

// newEra makes all filters that there are for the index of s dead.
func (h *Hierarchical) newEra(s *seat) {
	h.era++
	s.era = h.era
}

// dropAgentFilters forgets all filters on an agent.
func (h *Hierarchical) dropAgentFilters(a *agent) {
	for i := range a.filters.list {
		x := &a.filters.list[i]
		if s := h.seats[x.seat]; s != nil && x.of(s) {
			h.countFilters(s, -1)
		}
	}
	a.filters = filters{}
	a.memo.refusal = -1
	row := h.board.row(a.slot)
	for i := range row {
		row[i].filtered, row[i].blocked = 0, 0
	}
	h.compactExpiries()
}
