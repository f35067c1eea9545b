package resources

import "slices"

// Shrink returns r cut down to at most amount, the largest part of it that can be had: indivisible
// resources (MOUNT and BLOCK disks, RAW ones with an id, volumes), ranges and sets are kept whole or not at all.
//
// Mesos: src/common/resources.cpp, shrink.
func (r Resource) Shrink(amount Scalar) Resource {
	switch id := r.ident(); {
	case r.Quantity() <= amount:
		return r
	case amount <= 0 || id.merge != mergeValues || id.typ != TypeScalar:
		return Resource{}
	}
	return r.WithScalar(amount)
}

// Shrink returns the part of r that is within target, entry by entry until target is used up; names
// that target lacks are dropped. shuffle, such as (*rand.Rand).Shuffle, decides which entries are tried first, so that
// no kind of disk is always preferred; nil takes them in order.
func (r Resources) Shrink(target Quantities, shuffle func(n int, swap func(i, j int))) Resources {
	if target.IsEmpty() {
		return Resources{}
	}
	return r.shrink(shuffle, func(e Resource) Resource {
		e = e.Shrink(target.Get(e.id.name))
		if !e.IsEmpty() {
			target = target.Sub(NewQuantities(Quantity{e.id.name, e.Quantity()}))
		}
		return e
	})
}

// ShrinkToLimits is Shrink with limits: names without one are kept whole.
func (r Resources) ShrinkToLimits(limits Limits, shuffle func(n int, swap func(i, j int))) Resources {
	if limits.IsEmpty() {
		return r
	}
	return r.shrink(shuffle, func(e Resource) Resource {
		limit, limited := limits.Get(e.id.name)
		if !limited {
			return e
		}
		e = e.Shrink(limit)
		if !e.IsEmpty() {
			limits = limits.Sub(NewQuantities(Quantity{e.id.name, e.Quantity()}))
		}
		return e
	})
}

func (r Resources) shrink(shuffle func(n int, swap func(i, j int)), take func(Resource) Resource) Resources {
	list := slices.Clone(r.entries)
	if shuffle != nil {
		shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	for i, e := range list {
		list[i] = take(e)
	}
	return collect(list)
}
