package resources

import (
	"slices"
	"sort"
)

// Accumulator is a running sum that is changed in place: what one agent has left, what one framework
// uses. Adding and subtracting scalars allocates nothing once every kind of entry has been seen.
// The zero Accumulator is empty. It belongs to one goroutine; [Accumulator.Resources] takes a copy.
type Accumulator struct {
	entries []Resource // as in Resources, but owned
}

// Add adds x.
func (a *Accumulator) Add(x Resources) {
	at := 0
	for i := range x.entries {
		b := &x.entries[i]
		if at < len(a.entries) && b.list == nil { // the usual case: the same scalars in the same order
			if e := &a.entries[at]; mergeable(e, b) {
				e.scalar = e.scalar.plus(b.scalar)
				at++
				continue
			}
		}
		at = a.find(at, b)
		if at < len(a.entries) && b.id.merge != mergeNever && order(&a.entries[at], b) == 0 {
			a.entries[at].increase(b)
		} else {
			a.insert(at, b)
		}
		at++
	}
}

// insert puts b at position at, behind what equals it.
func (a *Accumulator) insert(at int, b *Resource) {
	for at < len(a.entries) && fullOrder(a.entries[at], *b) <= 0 {
		at++
	}
	a.entries = slices.Insert(a.entries, at, *b)
}

// Sub subtracts x, with the rules of [Resources.Sub]: never below zero.
func (a *Accumulator) Sub(x Resources) {
	at := 0
	for i := range x.entries {
		b := &x.entries[i]
		if at < len(a.entries) && b.list == nil {
			if e := &a.entries[at]; mergeable(e, b) && e.scalar > b.scalar {
				e.scalar -= b.scalar
				at++
				continue
			}
		}
		at = a.find(at, b)
		if at == len(a.entries) || order(&a.entries[at], b) != 0 {
			continue
		}
		if a.entries[at].decrease(b) {
			at++
		} else {
			a.entries = slices.Delete(a.entries, at, at+1)
		}
	}
}

// find returns the first position from at on whose entry is not before b.
func (a *Accumulator) find(at int, b *Resource) int {
	rest := a.entries[at:]
	if len(rest) <= 8 {
		for i := range rest {
			if order(&rest[i], b) >= 0 {
				return at + i
			}
		}
		return len(a.entries)
	}
	return at + sort.Search(len(rest), func(i int) bool { return order(&rest[i], b) >= 0 })
}

// Contains is [Resources.Contains] on the sum.
func (a *Accumulator) Contains(x Resources) bool { return Resources{a.entries}.Contains(x) }

// IsEmpty tells whether the sum is nothing.
func (a *Accumulator) IsEmpty() bool { return len(a.entries) == 0 }

// Quantities returns the quantities of the sum.
func (a *Accumulator) Quantities() Quantities { return Resources{a.entries}.Quantities() }

// Resources returns the sum as it is now.
func (a *Accumulator) Resources() Resources {
	if len(a.entries) == 0 {
		return Resources{}
	}
	return Resources{slices.Clone(a.entries)}
}

// Reset makes the sum empty and keeps the memory.
func (a *Accumulator) Reset() {
	clear(a.entries)
	a.entries = a.entries[:0]
}

// Sum returns the sum of all of list, faster than adding one by one.
func Sum(list ...Resources) Resources {
	switch len(list) {
	case 0:
		return Resources{}
	case 1:
		return list[0]
	}
	n := 0
	for _, r := range list {
		n += len(r.entries)
	}
	all := make([]Resource, 0, n)
	for _, r := range list {
		all = append(all, r.entries...)
	}
	return collect(all)
}
