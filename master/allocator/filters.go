package allocator

import (
	"slices"
	"time"

	"github.com/mesokit/mesokit/resources"
)

// filter keeps what was refused away from one seat on one agent: an offer that is contained in refused
// is not made until then.
type filter struct {
	refused resources.Resources // not allocated
	until   tick
}

// tick is a time on a coarse grid, so that filters made at about the same time end together.
type tick int64

// tick returns the first one that is not before t.
func (h *Hierarchical) tick(t time.Time) tick {
	grid := int64(h.grid)
	return tick((t.UnixNano() + grid - 1) / grid)
}

func (h *Hierarchical) timeOf(t tick) time.Time { return time.Unix(0, int64(t)*int64(h.grid)) }

// refuse installs a filter. However short it is meant to be, it holds for the interval: what was just
// declined comes back no sooner, or the allocator and a framework that declines everything would keep
// each other busy.
//
// A filter that another one makes superfluous is not kept, so a framework that refuses the same again
// and again costs one filter. Mesos: src/master/allocator/mesos/hierarchical.cpp, recoverResources.
func (h *Hierarchical) refuse(s *seat, a *agent, refused resources.Resources, d time.Duration) {
	made := filter{refused, h.tick(h.loop.Now().Add(max(d, h.cfg.Interval)))}
	slot := int32(a.slot)
	list := s.filters[slot]
	for _, f := range list {
		if f.until >= made.until && f.refused.Contains(refused) {
			return
		}
	}
	before := len(list)
	if before > 0 {
		list = slices.DeleteFunc(list, func(f filter) bool {
			return f.until <= made.until && refused.Contains(f.refused)
		})
	}
	if len(list) == maxFilters {
		list = slices.Delete(list, 0, 1)
	}
	if s.filters == nil {
		s.filters = make(map[int32][]filter)
	}
	s.filters[slot] = append(list, made)
	h.countFilters(s, len(list)+1-before)
	h.expiries.add(made.until, expiry{int32(s.index), slot})
	h.armExpiry()
}

// maxFilters is how many filters one seat has on one agent at most; of more, the oldest go. A framework
// would have to refuse that many offers, none of them part of another, to notice.
const maxFilters = 128

// countFilters keeps the number of live filters: of the seat, its role, and all.
func (h *Hierarchical) countFilters(s *seat, more int) {
	s.live += more
	s.role.filters += more
	h.expiries.live += more
}

// refused tells whether a live filter covers an offer, given unallocated.
func (s *seat) refused(a *agent, offer resources.Resources) bool {
	for _, f := range s.filters[int32(a.slot)] {
		if f.refused.Contains(offer) {
			return true
		}
	}
	return false
}

// dropFilters forgets all filters of a seat.
func (h *Hierarchical) dropFilters(s *seat) {
	s.filters = nil
	h.countFilters(s, -s.live)
	h.reconsider(s)
	h.compactExpiries()
}

// dropAgentFilters forgets all filters on an agent.
func (h *Hierarchical) dropAgentFilters(a *agent) {
	for _, s := range h.seats {
		if s == nil {
			continue
		}
		if n := len(s.filters[int32(a.slot)]); n > 0 {
			delete(s.filters, int32(a.slot))
			h.countFilters(s, -n)
		}
	}
	h.blocked.clearRow(a.slot)
	h.compactExpiries()
}

// expiry says that filters of a seat on an agent end. It may outlive them, and seat and agent too:
// then it finds nothing to end.
type expiry struct {
	seat, agent int32
}

// expiries are the ends of filters by tick.
type expiries struct {
	buckets map[tick][]expiry
	ticks   []tick // a heap of the keys of buckets
	entries int
	live    int // filters there are
	armed   tick
	stop    func() bool
}

func (e *expiries) add(t tick, x expiry) {
	if e.buckets == nil {
		e.buckets = make(map[tick][]expiry)
	}
	list, found := e.buckets[t]
	if !found {
		e.push(t)
	}
	e.buckets[t] = append(list, x)
	e.entries++
}

func (e *expiries) push(t tick) {
	e.ticks = append(e.ticks, t)
	for i := len(e.ticks) - 1; i > 0 && e.ticks[(i-1)/2] > e.ticks[i]; i = (i - 1) / 2 {
		e.ticks[i], e.ticks[(i-1)/2] = e.ticks[(i-1)/2], e.ticks[i]
	}
}

// pop takes out the first bucket.
func (e *expiries) pop() []expiry {
	first := e.ticks[0]
	last := len(e.ticks) - 1
	e.ticks[0] = e.ticks[last]
	e.ticks = e.ticks[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c+1 < last && e.ticks[c+1] < e.ticks[c] {
			c++
		}
		if c >= last || e.ticks[i] <= e.ticks[c] {
			break
		}
		e.ticks[i], e.ticks[c] = e.ticks[c], e.ticks[i]
		i = c
	}
	list := e.buckets[first]
	delete(e.buckets, first)
	e.entries -= len(list)
	return list
}

// armExpiry sets the one timer to the first tick.
func (h *Hierarchical) armExpiry() {
	e := &h.expiries
	if len(e.ticks) == 0 || e.stop != nil && e.armed <= e.ticks[0] {
		return
	}
	if e.stop != nil {
		e.stop()
	}
	e.armed = e.ticks[0]
	e.stop = h.loop.AfterFunc(h.timeOf(e.armed).Sub(h.loop.Now()), h.expire)
}

// expire ends the filters whose time has come.
func (h *Hierarchical) expire() {
	e := &h.expiries
	e.stop = nil
	now := h.loop.Now()
	for len(e.ticks) > 0 && !h.timeOf(e.ticks[0]).After(now) {
		at := e.ticks[0]
		for _, x := range e.pop() {
			h.endFilters(x, at)
		}
	}
	h.armExpiry()
}

func (h *Hierarchical) endFilters(x expiry, at tick) {
	s := h.seats[x.seat]
	if s == nil {
		return
	}
	list := s.filters[x.agent]
	before := len(list)
	if before == 0 {
		return
	}
	list = slices.DeleteFunc(list, func(f filter) bool { return f.until <= at })
	if len(list) == before {
		return
	}
	h.countFilters(s, len(list)-before)
	if len(list) == 0 {
		delete(s.filters, x.agent)
	} else {
		s.filters[x.agent] = list
	}
	h.blocked.unset(int(x.agent), int(x.seat))
	h.touch(h.agents[x.agent])
}

// compactExpiries drops the expiries of filters that were removed before their time, once there are more
// of them than of others: long filters and many revivals must not pile them up.
func (h *Hierarchical) compactExpiries() {
	e := &h.expiries
	if e.entries <= 2*e.live+1024 {
		return
	}
	old := e.ticks
	e.ticks = nil
	slices.Sort(old)
	for _, t := range old {
		list := e.buckets[t]
		kept := slices.DeleteFunc(list, func(x expiry) bool {
			s := h.seats[x.seat]
			return s == nil || !slices.ContainsFunc(s.filters[x.agent], func(f filter) bool { return f.until == t })
		})
		e.entries -= len(list) - len(kept)
		if len(kept) == 0 {
			delete(e.buckets, t)
			continue
		}
		e.buckets[t] = slices.Clip(kept)
		e.push(t)
	}
}
