package allocator

import (
	"cmp"
	"slices"

	"github.com/mesokit/mesokit/resources"
)

// made is an offer that was made.
type made struct {
	framework *framework
	agent     *agent
	slot      int
	role      string
	resources resources.Resources
}

// deliver hands over what was made, a framework at a time: the one that got something first comes
// first. Everything is settled before, so that the receiver may call the allocator.
func (h *Hierarchical) deliver() {
	r := &h.run
	if len(r.made) == 0 {
		return
	}
	h.counters.Offers += uint64(len(r.made))
	r.order = slices.Grow(r.order[:0], len(r.made))
	r.lists = r.lists[:0]
	at := 0
	for i, f := range r.frameworks {
		r.lists = append(r.lists, r.order[at:at:at+f.made])
		at += f.made
		f.made = i
	}
	for i := range r.made {
		list := &r.lists[r.made[i].framework.made]
		*list = append(*list, int32(i))
	}
	offers := make([]Offer, 0, len(r.made)) // the receiver's
	out := r.out[:0]
	for i, list := range r.lists {
		slices.SortFunc(list, func(i, j int32) int {
			x, y := &r.made[i], &r.made[j]
			return cmp.Or(cmp.Compare(x.role, y.role), cmp.Compare(x.slot, y.slot))
		})
		from := len(offers)
		for _, i := range list {
			m := &r.made[i]
			offers = append(offers, Offer{Role: m.role, AgentID: m.agent.id, Resources: m.resources})
		}
		out = append(out, Offers{FrameworkID: r.frameworks[i].id, Offers: offers[from:len(offers):len(offers)]})
		r.frameworks[i].made = 0
	}
	clear(r.made)
	clear(r.frameworks)
	clear(r.candidates)
	clear(r.few)
	r.made, r.frameworks, r.candidates = r.made[:0], r.frameworks[:0], r.candidates[:0]
	for _, list := range out {
		h.back.Offer(list)
	}
	clear(out)
	r.out = out
}
