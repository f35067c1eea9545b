package resources

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// Limits are upper bounds by name, such as a quota's. A name that is absent has no limit; a limit of
// zero allows nothing. It is an immutable value; the zero Limits allows everything.
//
// Mesos: src/common/resource_quantities.hpp, ResourceLimits.
type Limits struct {
	list []Quantity // sorted by name; shared, never changed
}

// NewLimits returns these limits.
//
// Errors: a name is given twice, or an amount is negative.
func NewLimits(list ...Quantity) (Limits, error) {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b Quantity) int { return cmp.Compare(a.Name, b.Name) })
	for i, x := range sorted {
		if x.Amount < 0 {
			return Limits{}, fmt.Errorf("limit %s:%s is negative; want 0 or more", x.Name, x.Amount)
		}
		if i > 0 && sorted[i-1].Name == x.Name {
			return Limits{}, fmt.Errorf("limit of %s is given twice; want one", x.Name)
		}
	}
	return Limits{sorted}, nil
}

// ParseLimits reads "cpus:10;mem:1024". Names must not repeat; zeros stay.
func ParseLimits(text string) (Limits, error) {
	var list []Quantity
	for name, amount := range parseAmounts(text) {
		if amount.err != nil {
			return Limits{}, amount.err
		}
		list = append(list, Quantity{name, amount.value})
	}
	return NewLimits(list...)
}

// Get returns the limit of a name; ok is false if there is none.
func (l Limits) Get(name string) (limit Scalar, ok bool) {
	for _, x := range l.list {
		if x.Name == name {
			return x.Amount, true
		}
	}
	return 0, false
}

// All yields the limits, sorted by name.
func (l Limits) All() iter.Seq2[string, Scalar] {
	return func(yield func(string, Scalar) bool) {
		for _, x := range l.list {
			if !yield(x.Name, x.Amount) {
				return
			}
		}
	}
}

// IsEmpty tells whether there is no limit at all.
func (l Limits) IsEmpty() bool { return len(l.list) == 0 }

// Equal tells whether the limits are the same.
func (l Limits) Equal(x Limits) bool { return slices.Equal(l.list, x.list) }

// Contains tells whether q exceeds no limit.
func (l Limits) Contains(q Quantities) bool {
	for _, x := range l.list {
		if q.Get(x.Name) > x.Amount {
			return false
		}
	}
	return true
}

// Sub returns what of the limits is left beside q, never below zero.
func (l Limits) Sub(q Quantities) Limits {
	left := slices.Clone(l.list)
	for i := range left {
		left[i].Amount = max(left[i].Amount-q.Get(left[i].Name), 0)
	}
	return Limits{left}
}

// String prints "cpus:10; mem:0", and "{}" for none.
func (l Limits) String() string {
	if len(l.list) == 0 {
		return "{}"
	}
	var b []byte
	for i, x := range l.list {
		if i > 0 {
			b = append(b, "; "...)
		}
		b = append(append(b, x.Name...), ':')
		b = x.Amount.append(b)
	}
	return string(b)
}
