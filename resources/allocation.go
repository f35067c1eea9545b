package resources

import "slices"

// Allocate returns r with every entry allocated to role: what an offer to that role holds.
// What was allocated to different roles merges.
func (r Resources) Allocate(role string) Resources {
	if !r.Any(func(e Resource) bool { return e.role != role }) {
		return r
	}
	was, uniform := r.entries[0].role, true
	out := slices.Clone(r.entries)
	for i := range out {
		uniform = uniform && out[i].role == was
		out[i].role = role
	}
	if uniform {
		return Resources{out}
	}
	return collect(out)
}

// Unallocate returns r with no entry allocated: comparisons with an agent's total need it.
func (r Resources) Unallocate() Resources { return r.Allocate("") }

// AllocateMissing returns r with the entries that are not allocated allocated to role: schedulers may
// leave allocation_info out of ACCEPT.
func (r Resources) AllocateMissing(role string) Resources {
	return r.mapEntries(func(e Resource) Resource {
		if e.role == "" {
			e.role = role
		}
		return e
	})
}

// ToUnreserved returns r without any reservation; what becomes equal merges.
func (r Resources) ToUnreserved() Resources {
	if !r.Any(Resource.IsReserved) {
		return r
	}
	return r.mapEntries(func(e Resource) Resource {
		if e.IsReserved() {
			e = e.Reserved()
		}
		return e
	})
}

// PushReservation returns r with one more reservation on every entry.
//
// Errors: the new stack is not legal for some entry.
func (r Resources) PushReservation(res Reservation) (Resources, error) {
	var failed error
	out := r.mapEntries(func(e Resource) Resource {
		stack := e.Reservations()
		e = e.Reserved(append(stack[:len(stack):len(stack)], res)...)
		if err := e.Validate(); err != nil && failed == nil {
			failed = reason("Resource '%s' is invalid: %s", e, err)
		}
		return e
	})
	if failed != nil {
		return Resources{}, failed
	}
	return out, nil
}

// PopReservation returns r without the last reservation of every entry.
//
// Errors: some entry is not reserved.
func (r Resources) PopReservation() (Resources, error) {
	for _, e := range r.entries {
		if !e.IsReserved() {
			return Resources{}, reason("Resource %s is not reserved", e)
		}
	}
	return r.mapEntries(func(e Resource) Resource {
		stack := e.Reservations()
		return e.Reserved(stack[:len(stack)-1]...)
	}), nil
}

func (r Resources) mapEntries(change func(Resource) Resource) Resources {
	if len(r.entries) == 0 {
		return r
	}
	out := make([]Resource, len(r.entries))
	for i, e := range r.entries {
		out[i] = change(e)
	}
	return collect(out)
}
