package allocator

import (
	"slices"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// framework is a framework as the allocator sees it.
type framework struct {
	id         string
	caps       frameworkCaps
	active     bool
	roles      []string        // it subscribes to, sorted
	suppressed map[string]bool // roles in which it wants no offers
	seats      []*seat         // sorted by role; those of roles without subscription as long as they hold something

	made int // offers of the run that is under way
}

// seat is a framework in one of its roles: what offers are made to.
type seat struct {
	framework   *framework
	role        *role
	node        *node
	index       int  // column of the matrices
	subscribed  bool // the framework still has the role
	holdings    int  // on agents
	minimum     []resources.Quantities
	constraints *constraints
	filters     map[int32][]filter // by slot of the agent
	live        int                // filters
}

// wanted tells whether the seat wants offers.
func (s *seat) wanted() bool {
	return s.subscribed && s.framework.active && !s.framework.suppressed[s.role.name]
}

func (f *framework) seat(role string) *seat {
	i, found := f.find(role)
	if !found {
		return nil
	}
	return f.seats[i]
}

func (f *framework) find(role string) (int, bool) {
	return slices.BinarySearchFunc(f.seats, role, func(s *seat, role string) int {
		switch {
		case s.role.name < role:
			return -1
		case s.role.name > role:
			return 1
		}
		return 0
	})
}

// seatFor returns the seat of f in role, and makes one without subscription if there is none.
func (h *Hierarchical) seatFor(f *framework, name string) *seat {
	at, found := f.find(name)
	if found {
		return f.seats[at]
	}
	r := h.roleNamed(name)
	r.members++
	s := &seat{framework: f, role: r}
	s.node = r.self.child(f.id, 1, s)
	if n := len(h.freeSeats); n > 0 {
		s.index = h.freeSeats[n-1]
		h.freeSeats = h.freeSeats[:n-1]
	} else {
		s.index = len(h.seats)
		h.seats = append(h.seats, nil)
	}
	h.seats[s.index] = s
	h.active.put(s.index, false)
	h.growMatrices()
	h.blocked.clearColumn(s.index)
	h.excluded.clearColumn(s.index)
	f.seats = slices.Insert(f.seats, at, s)
	return s
}

func (h *Hierarchical) growMatrices() {
	h.blocked.grow(len(h.agents), len(h.seats))
	h.excluded.grow(len(h.agents), len(h.seats))
}

// dropSeat forgets a seat. What it holds on agents must no longer refer to it.
func (h *Hierarchical) dropSeat(s *seat) {
	s.subscribed = false
	h.list(s)
	h.dropFilters(s)
	s.node.take(s.node.given)
	h.seats[s.index] = nil
	h.freeSeats = append(h.freeSeats, s.index)
	f := s.framework
	at, _ := f.find(s.role.name)
	f.seats = slices.Delete(f.seats, at, at+1)
	h.leave(s.role)
}

// list puts the seat into the tree if it wants offers, and takes it out if not.
func (h *Hierarchical) list(s *seat) {
	if s.wanted() == s.node.listed {
		return
	}
	h.active.put(s.index, s.wanted())
	if s.wanted() {
		h.tree.list(s.node)
		h.touchAll()
	} else {
		h.tree.unlist(s.node)
	}
}

// AddFramework adds a framework; used is what it already holds, by agent id. What agents said it holds
// before it was known becomes its own. One that is known is updated.
func (h *Hierarchical) AddFramework(id string, info *mesosproto.FrameworkInfo, used map[string]resources.Resources, active bool, o FrameworkOptions) {
	f := h.frameworks[id]
	if f == nil {
		f = &framework{id: id, active: active}
		h.frameworks[id] = f
		h.adopt(f)
	}
	h.UpdateFramework(id, info, o)
	for _, agentID := range sortedKeys(used) {
		if a := h.agentByID[agentID]; a != nil {
			h.hold(a, id, used[agentID].Sub(a.heldBy(id)))
		}
	}
	if active {
		h.ActivateFramework(id)
	} else {
		h.DeactivateFramework(id)
	}
	h.log.Info("framework added", zap.String("framework_id", id), zap.Bool("active", active))
}

// RemoveFramework forgets a framework and its filters. What it holds on agents stays taken until it is
// recovered.
func (h *Hierarchical) RemoveFramework(id string) {
	f := h.frameworks[id]
	if f == nil {
		return
	}
	f.active = false
	h.orphan(f)
	for len(f.seats) > 0 {
		h.dropSeat(f.seats[len(f.seats)-1])
	}
	h.dropInverse(f, true)
	delete(h.frameworks, id)
	h.log.Info("framework removed", zap.String("framework_id", id))
}

// ActivateFramework resumes offers, but for suppressed roles.
func (h *Hierarchical) ActivateFramework(id string) { h.setActive(id, true) }

// DeactivateFramework stops offers and forgets filters.
func (h *Hierarchical) DeactivateFramework(id string) {
	h.setActive(id, false)
	if f := h.frameworks[id]; f != nil {
		for _, s := range f.seats {
			h.dropFilters(s)
		}
		h.dropInverse(f, false)
	}
}

func (h *Hierarchical) setActive(id string, active bool) {
	f := h.frameworks[id]
	if f == nil || f.active == active {
		return
	}
	f.active = active
	for _, s := range f.seats {
		h.list(s)
	}
	h.touchInverse()
	h.log.Info("framework changed", zap.String("framework_id", id), zap.Bool("active", active))
}

// UpdateFramework replaces what the framework says of itself. Filters stay, but for roles that it drops
// or no longer suppresses.
func (h *Hierarchical) UpdateFramework(id string, info *mesosproto.FrameworkInfo, o FrameworkOptions) {
	f := h.frameworks[id]
	if f == nil {
		return
	}
	f.caps = frameworkCapsOf(info)
	f.roles = rolesOf(info)
	before := f.suppressed
	f.suppressed = make(map[string]bool, len(o.Suppressed))
	for _, role := range o.Suppressed {
		f.suppressed[role] = true
	}
	for _, name := range f.roles {
		s := h.seatFor(f, name)
		s.subscribed = true
		s.minimum = h.minimumOf(info, name)
		s.constraints = constraintsOf(o.Constraints, name)
		h.excluded.clearColumn(s.index)
		if before[name] && !f.suppressed[name] {
			h.dropFilters(s)
		}
		h.list(s)
		h.reconsider(s)
	}
	for _, s := range slices.Clone(f.seats) {
		if _, found := slices.BinarySearch(f.roles, s.role.name); !found {
			s.subscribed = false
			h.list(s)
			h.dropFilters(s)
			if s.holdings == 0 {
				h.dropSeat(s)
			}
		}
	}
	h.dropInverse(f, false)
	h.touchInverse()
}

// minimumOf are the smallest offers that a framework wants in a role.
func (h *Hierarchical) minimumOf(info *mesosproto.FrameworkInfo, role string) []resources.Quantities {
	own := info.GetOfferFilters()[role].GetMinAllocatableResources()
	if own == nil {
		return h.cfg.MinAllocatable
	}
	var list []resources.Quantities
	for _, entry := range own.GetQuantities() {
		q, err := resources.QuantitiesFromProto(entry.GetQuantities())
		if err != nil {
			h.log.Warn("offer filter ignored", zap.String("role", role), zap.Error(err))
			continue
		}
		list = append(list, q)
	}
	return list
}

// SuppressOffers ends offers to a framework in these roles; none: in all of its roles.
func (h *Hierarchical) SuppressOffers(frameworkID string, roles []string) {
	f := h.frameworks[frameworkID]
	if f == nil {
		return
	}
	for _, s := range f.chosen(roles) {
		f.suppressed[s.role.name] = true
		h.list(s)
	}
}

// ReviveOffers resumes offers to a framework in these roles and forgets its filters there; no roles: in
// all of its roles.
func (h *Hierarchical) ReviveOffers(frameworkID string, roles []string) {
	f := h.frameworks[frameworkID]
	if f == nil {
		return
	}
	h.dropInverse(f, false)
	for _, s := range f.chosen(roles) {
		delete(f.suppressed, s.role.name)
		h.dropFilters(s)
		h.list(s)
	}
}

// chosen are the subscribed seats of f in these roles; none: all.
func (f *framework) chosen(roles []string) []*seat {
	var list []*seat
	for _, s := range f.seats {
		if s.subscribed && (len(roles) == 0 || slices.Contains(roles, s.role.name)) {
			list = append(list, s)
		}
	}
	return list
}
