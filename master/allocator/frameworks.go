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
	known      bool // added; else there is only what agents say that it holds
	caps       frameworkCaps
	active     bool
	roles      []string        // it subscribes to, sorted
	holdings   int             // on agents, in all roles
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
	minimum     minimum
	constraints *constraints
	era         uint32 // of its filters
	live        int    // filters
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
	r.seats++
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
	h.board.grow(len(h.agents), len(h.seats))
	h.board.clearColumn(s.index)
	h.newEra(s)
	f.seats = slices.Insert(f.seats, at, s)
	return s
}

// dropSeat forgets a seat that is not subscribed and holds nothing.
func (h *Hierarchical) dropSeat(s *seat) {
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
		f = &framework{id: id}
		h.frameworks[id] = f
	}
	if !f.known {
		f.known, f.active = true, active
		h.adopt(f)
	}
	h.UpdateFramework(id, info, o)
	for _, agentID := range sortedKeys(used) {
		if a := h.agentByID[agentID]; a != nil {
			h.hold(a, id, used[agentID].Sub(a.heldBy(f)))
			h.recount(a)
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
	f := h.framework(id)
	if f == nil {
		return
	}
	h.dropInverse(f, true)
	f.active = false
	for _, s := range f.seats {
		s.node.take(s.node.given)
	}
	f.known = false
	f.roles = nil
	h.dropRoles(f)
	if f.holdings == 0 {
		delete(h.frameworks, id)
	}
	h.log.Info("framework removed", zap.String("framework_id", id))
}

// framework returns a framework that was added, else nil.
func (h *Hierarchical) framework(id string) *framework {
	if f := h.frameworks[id]; f != nil && f.known {
		return f
	}
	return nil
}

// dropRoles ends the subscription of seats whose role the framework no longer has, and forgets those
// that hold nothing.
func (h *Hierarchical) dropRoles(f *framework) {
	for _, s := range slices.Clone(f.seats) {
		if _, found := slices.BinarySearch(f.roles, s.role.name); found {
			continue
		}
		s.subscribed = false
		h.list(s)
		h.dropFilters(s)
		if s.holdings == 0 {
			h.dropSeat(s)
		}
	}
}

// ActivateFramework resumes offers, but for suppressed roles.
func (h *Hierarchical) ActivateFramework(id string) { h.setActive(id, true) }

// DeactivateFramework stops offers and forgets filters.
func (h *Hierarchical) DeactivateFramework(id string) {
	h.setActive(id, false)
	if f := h.framework(id); f != nil {
		for _, s := range f.seats {
			h.dropFilters(s)
		}
		h.dropInverse(f, false)
	}
}

func (h *Hierarchical) setActive(id string, active bool) {
	f := h.framework(id)
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
	f := h.framework(id)
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
		s.minimum = h.minimumFor(info, name)
		s.constraints = constraintsOf(o.Constraints, name)
		h.board.eachInColumn(s.index, func(x *cell, bit uint64) {
			x.excluded &^= bit
			x.blocked &^= bit
		})
		if before[name] && !f.suppressed[name] {
			h.dropFilters(s)
		}
		h.list(s)
	}
	h.touchAll()
	h.dropRoles(f)
	h.dropInverse(f, false)
	h.touchInverse()
}

// minimumFor are the smallest offers that a framework wants in a role.
func (h *Hierarchical) minimumFor(info *mesosproto.FrameworkInfo, role string) minimum {
	own := info.GetOfferFilters()[role].GetMinAllocatableResources()
	if own == nil {
		return h.minimum
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
	return minimumOf(list)
}

// SuppressOffers ends offers to a framework in these roles; none: in all of its roles.
func (h *Hierarchical) SuppressOffers(frameworkID string, roles []string) {
	f := h.framework(frameworkID)
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
	f := h.framework(frameworkID)
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
