package resources

// Find looks in r for amounts like those of targets, whoever they are reserved to, and returns concrete
// entries of r, or parts of them. For each target, entries reserved to its role come first, then
// unreserved ones, then any other. ok is false if some target can't be met.
//
// Mesos: src/common/resources.cpp, find.
func (r Resources) Find(targets Resources) (found Resources, ok bool) {
	// The usual case: each target is in one unreserved entry, which comes first for it.
	if !targets.Any(Resource.IsReserved) && r.Contains(targets) {
		return targets, true
	}
	return r.find(targets)
}

func (r Resources) find(targets Resources) (found Resources, ok bool) {
	left := r
	var sum Accumulator
	for _, target := range targets.entries {
		got, ok := left.findOne(target)
		if !ok {
			return Resources{}, false
		}
		sum.Add(got)
		left = left.Sub(got)
	}
	return sum.Resources(), true
}

func (r Resources) findOne(target Resource) (Resources, bool) {
	role := target.ReservationRole()
	preferences := []func(Resource) bool{
		func(e Resource) bool { return target.IsReserved() && e.IsReservedTo(role) },
		func(e Resource) bool { return !e.IsReserved() },
		func(e Resource) bool { return e.IsReserved() && !(target.IsReserved() && e.IsReservedTo(role)) },
	}
	missing := target.Resources().ToUnreserved()
	var found Accumulator
	for _, prefer := range preferences {
		for _, e := range r.entries {
			if !prefer(e) {
				continue
			}
			have := e.Resources().ToUnreserved()
			if have.Contains(missing) {
				for _, m := range missing.entries {
					found.Add(m.Reserved(e.Reservations()...).Resources())
				}
				return found.Resources(), true
			}
			if missing.Contains(have) {
				found.Add(e.Resources())
				missing = missing.Sub(have)
			}
		}
	}
	return Resources{}, false
}
