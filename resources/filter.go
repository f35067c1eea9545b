package resources

import (
	"iter"
	"slices"
)

// Filter returns the entries for which keep is true. If all stay, nothing is allocated.
func (r Resources) Filter(keep func(Resource) bool) Resources {
	i := slices.IndexFunc(r.entries, func(e Resource) bool { return !keep(e) })
	if i < 0 {
		return r
	}
	var out []Resource
	if i > 0 {
		out = append(make([]Resource, 0, len(r.entries)-1), r.entries[:i]...)
	}
	for _, e := range r.entries[i+1:] {
		if keep(e) {
			out = append(out, e)
		}
	}
	return Resources{out}
}

// Any tells whether is is true for some entry.
func (r Resources) Any(is func(Resource) bool) bool { return slices.ContainsFunc(r.entries, is) }

// Named returns the entries of that name.
func (r Resources) Named(name string) Resources {
	return r.Filter(func(e Resource) bool { return e.id.name == name })
}

// Names returns the names of the entries, each once, sorted.
func (r Resources) Names() []string {
	names := make([]string, 0, len(r.entries))
	for _, e := range r.entries {
		names = append(names, e.id.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Scalars returns the entries of type SCALAR.
func (r Resources) Scalars() Resources {
	return r.Filter(func(e Resource) bool { return e.id.typ == TypeScalar })
}

// Unreserved returns the entries without reservation.
func (r Resources) Unreserved() Resources {
	return r.Filter(func(e Resource) bool { return !e.IsReserved() })
}

// Reserved returns the entries with a reservation, for whatever role.
func (r Resources) Reserved() Resources { return r.Filter(Resource.IsReserved) }

// ReservedTo returns the entries whose last reservation is for exactly this role.
func (r Resources) ReservedTo(role string) Resources {
	return r.Filter(func(e Resource) bool { return e.IsReservedTo(role) })
}

// ReservedInSubtree returns the entries whose last reservation is for top or a role below it.
func (r Resources) ReservedInSubtree(top string) Resources {
	return r.Filter(func(e Resource) bool { return e.IsReservedInSubtree(top) })
}

// AllocatableTo returns what may be offered to role: unreserved entries, and those reserved to it or to a
// role above it.
func (r Resources) AllocatableTo(role string) Resources {
	return r.Filter(func(e Resource) bool { return e.IsAllocatableTo(role) })
}

// AllocatedInSubtree returns the entries allocated to top or a role below it.
func (r Resources) AllocatedInSubtree(top string) Resources {
	return r.Filter(func(e Resource) bool { return e.role != "" && inSubtree(e.role, top) })
}

// PersistentVolumes returns the disks with a persistence id.
func (r Resources) PersistentVolumes() Resources { return r.Filter(Resource.IsPersistentVolume) }

// Revocable returns the entries that may be taken away.
func (r Resources) Revocable() Resources { return r.Filter(Resource.IsRevocable) }

// NonRevocable returns the entries that stay.
func (r Resources) NonRevocable() Resources {
	return r.Filter(func(e Resource) bool { return !e.id.revocable })
}

// Shared returns the shared entries, with their copies.
func (r Resources) Shared() Resources { return r.Filter(Resource.IsShared) }

// OneCopy returns r with one copy of each shared entry, however many users it has: what there must be
// for r to be used.
func (r Resources) OneCopy() Resources {
	if !r.Any(func(e Resource) bool { return e.copies > 1 }) {
		return r
	}
	return r.mapEntries(func(e Resource) Resource {
		e.copies = min(e.copies, 1)
		return e
	})
}

// NonShared returns the entries that one user has to itself.
func (r Resources) NonShared() Resources {
	return r.Filter(func(e Resource) bool { return !e.id.shared })
}

// NeedCheckpoint returns what an agent must remember over a restart.
func (r Resources) NeedCheckpoint() Resources { return r.Filter(Resource.NeedsCheckpoint) }

// Providers returns the ids of the resource providers of the entries, each once, sorted; "" stands for
// the agent itself. Operations must not mix them.
func (r Resources) Providers() []string {
	ids := make([]string, 0, 1)
	for _, e := range r.entries {
		ids = append(ids, e.id.provider)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Reservations yields, sorted by role, what is reserved to each (the role of the last reservation).
func (r Resources) Reservations() iter.Seq2[string, Resources] {
	return r.Reserved().groups(Resource.ReservationRole)
}

// Allocations yields, sorted by role, what is allocated to each; unallocated entries come under "".
func (r Resources) Allocations() iter.Seq2[string, Resources] {
	return r.groups(Resource.AllocationRole)
}

func (r Resources) groups(key func(Resource) string) iter.Seq2[string, Resources] {
	return func(yield func(string, Resources) bool) {
		keys := make([]string, 0, 1)
		for _, e := range r.entries {
			keys = append(keys, key(e))
		}
		slices.Sort(keys)
		for _, k := range slices.Compact(keys) {
			if !yield(k, r.Filter(func(e Resource) bool { return key(e) == k })) {
				return
			}
		}
	}
}
