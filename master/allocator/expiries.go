package allocator

import "slices"

// expiry says that a filter of a seat on an agent ends. It may outlive the filter, and seat and agent
// too: then it finds nothing to end.
type expiry struct {
	seat, agent int32
	era         uint32
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
	s, a := h.seats[x.seat], h.agents[x.agent]
	if s == nil || a == nil || s.era != x.era {
		return
	}
	others := false
	f := &a.filters
	for i := 0; i < len(f.list); i++ {
		if !f.list[i].of(s) {
			continue
		}
		if f.list[i].until > at {
			others = true
			continue
		}
		f.remove(i)
		h.countFilters(s, -1)
		i--
	}
	if len(f.list) == 0 {
		f.refusals = nil
		a.memo.refusal = -1
	}
	cell, bit := h.board.at(a.slot, s.index)
	if !others {
		cell.filtered &^= bit
	}
	cell.blocked &^= bit
	h.touch(a)
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
			s, a := h.seats[x.seat], h.agents[x.agent]
			if s == nil || a == nil || s.era != x.era {
				return true
			}
			return !slices.ContainsFunc(a.filters.list, func(f filter) bool { return f.until == t && f.of(s) })
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
