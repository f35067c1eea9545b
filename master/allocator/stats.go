package allocator

import "github.com/mesokit/mesokit/resources"

// Stats are the numbers behind the metrics allocator/mesos/….
type Stats struct {
	Runs          uint64 // allocation_runs
	Agents        uint64 // looked at, in all runs
	Offers        uint64 // made
	InverseOffers uint64

	Total   resources.Quantities // resources/<name>/total
	Used    resources.Quantities // resources/<name>/offered_or_allocated
	Filters []RoleFilters        // offer_filters/roles/<role>/active, sorted by role
}

// RoleFilters is how many offer filters of a role are live.
type RoleFilters struct {
	Role   string
	Active int
}

// Runs is how many runs there were.
func (h *Hierarchical) Runs() uint64 { return h.counters.Runs }

// Stats returns the numbers as they are now. Called on the loop, like all methods.
func (h *Hierarchical) Stats() Stats {
	s := h.counters
	s.Total = h.tree.total
	s.Used = h.used
	for _, name := range sortedKeys(h.roles) {
		s.Filters = append(s.Filters, RoleFilters{name, h.roles[name].filters})
	}
	return s
}
