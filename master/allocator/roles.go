package allocator

import "strings"

// role is known as long as it has seats or subroles that do.
type role struct {
	name    string
	nested  bool
	parent  *role
	node    *node // the role with its subroles
	self    *node // the virtual leaf: the role alone
	seats   int
	members int // seats and subroles
	filters int // live offer filters
}

// roleNamed returns a role, and makes it and those above it known if need be..
func (h *Hierarchical) roleNamed(name string) *role {
	if r := h.roles[name]; r != nil {
		return r
	}
	r := &role{name: name, nested: isNested(name)}
	above := h.tree.root
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		r.parent = h.roleNamed(name[:i])
		r.parent.members++
		above = r.parent.node
	}
	weight := 1.0
	if w, found := h.weights[name]; found {
		weight = w
	}
	r.node = above.child(name, weight, nil)
	r.self = r.node.child(name+"/.", 1, nil)
	h.roles[name] = r
	return r
}

// leave takes a seat from a role and forgets it, and those above, when it has no members.
func (h *Hierarchical) leave(r *role) {
	if r.seats--; r.seats == 0 {
		r.self.count = 0 // whoever comes next is new
	}
	for r != nil {
		if r.members--; r.members > 0 {
			return
		}
		delete(h.roles, r.name)
		r = r.parent
	}
}
