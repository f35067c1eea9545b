package resources

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Quantities are amounts by name, without reservations, disks or roles: what shares, quotas and
// headroom are computed with. A name that is absent counts 0.
//
// It is an immutable value; the zero Quantities is nothing. cpus, mem, disk, gpus and ports are kept
// in a fixed array, so arithmetic with only these allocates nothing.
//
// Mesos: src/common/resource_quantities.hpp, ResourceQuantities.
type Quantities struct {
	fixed [len(wellKnown)]Scalar
	other []Quantity // sorted by name, amounts above zero; shared, never changed
}

// Quantity is an amount of one name.
type Quantity struct {
	Name   string
	Amount Scalar
}

// NewQuantities returns the sum of list; amounts not above zero are left out.
func NewQuantities(list ...Quantity) Quantities {
	var q Quantities
	for _, item := range list {
		q.add(item.Name, item.Amount)
	}
	return q
}

// ParseQuantities reads "cpus:10;mem:1024;ports:3". Names may repeat and are summed; zeros vanish.
func ParseQuantities(text string) (Quantities, error) {
	var q Quantities
	for name, amount := range parseAmounts(text) {
		if amount.err != nil {
			return Quantities{}, amount.err
		}
		q.add(name, amount.value)
	}
	return q, nil
}

type parsedAmount struct {
	value Scalar
	err   error
}

func parseAmounts(text string) iter.Seq2[string, parsedAmount] {
	return func(yield func(string, parsedAmount) bool) {
		for token := range strings.SplitSeq(text, ";") {
			if token = strings.TrimSpace(token); token == "" {
				continue
			}
			name, value, found := strings.Cut(token, ":")
			name = strings.TrimSpace(name)
			if !found || name == "" {
				yield("", parsedAmount{err: fmt.Errorf("bad quantity %q: want name:number", token)})
				return
			}
			amount, err := parseScalar(strings.TrimSpace(value))
			if err != nil {
				err = fmt.Errorf("bad quantity %q: want a number of at least 0 behind the colon", token)
			}
			if !yield(name, parsedAmount{amount, err}) || err != nil {
				return
			}
		}
	}
}

// Quantities returns the amounts of all entries: scalars, numbers of integers in ranges (ports:3 is
// three ports), numbers of set items. Copies of a shared resource count once.
func (r Resources) Quantities() Quantities {
	var q Quantities
	for i := range r.entries {
		q.add(r.entries[i].id.name, r.entries[i].Quantity())
	}
	return q
}

// ScalarQuantities returns the amounts of the scalar entries alone.
func (r Resources) ScalarQuantities() Quantities {
	var q Quantities
	for i := range r.entries {
		if e := &r.entries[i]; e.id.typ == TypeScalar {
			q.add(e.id.name, e.scalar)
		}
	}
	return q
}

// ContainsQuantities tells whether r has at least these amounts, over all roles and disks.
func (r Resources) ContainsQuantities(q Quantities) bool { return r.Quantities().Contains(q) }

// add changes q, which the caller must have made: it is for building.
func (q *Quantities) add(name string, amount Scalar) {
	if amount <= 0 {
		return
	}
	if slot := slotOf(name); slot >= 0 {
		q.fixed[slot] = q.fixed[slot].plus(amount)
		return
	}
	i, found := q.search(name)
	q.other = slices.Clone(q.other)
	if found {
		q.other[i].Amount = q.other[i].Amount.plus(amount)
	} else {
		q.other = slices.Insert(q.other, i, Quantity{name, amount})
	}
}

func (q *Quantities) search(name string) (int, bool) {
	return slices.BinarySearchFunc(q.other, name, func(x Quantity, n string) int { return cmp.Compare(x.Name, n) })
}

// Get returns the amount of a name, 0 if there is none.
func (q Quantities) Get(name string) Scalar {
	if slot := slotOf(name); slot >= 0 {
		return q.fixed[slot]
	}
	if i, found := q.search(name); found {
		return q.other[i].Amount
	}
	return 0
}

// All yields the amounts above zero: cpus, mem, disk, gpus, ports, then other names in order.
func (q Quantities) All() iter.Seq2[string, Scalar] {
	return func(yield func(string, Scalar) bool) {
		for slot, amount := range q.fixed {
			if amount > 0 && !yield(wellKnown[slot], amount) {
				return
			}
		}
		for _, x := range q.other {
			if !yield(x.Name, x.Amount) {
				return
			}
		}
	}
}

// IsEmpty tells whether all amounts are zero.
func (q Quantities) IsEmpty() bool { return q.fixed == [len(wellKnown)]Scalar{} && len(q.other) == 0 }

// Equal tells whether all amounts are equal.
func (q Quantities) Equal(x Quantities) bool {
	return q.fixed == x.fixed && slices.Equal(q.other, x.other)
}

// Contains tells whether every amount of x is at most that of q.
func (q Quantities) Contains(x Quantities) bool {
	for slot := range q.fixed {
		if q.fixed[slot] < x.fixed[slot] {
			return false
		}
	}
	for _, o := range x.other {
		if q.Get(o.Name) < o.Amount {
			return false
		}
	}
	return true
}

// Add returns q + x.
func (q Quantities) Add(x Quantities) Quantities {
	for slot := range q.fixed {
		q.fixed[slot] = q.fixed[slot].plus(x.fixed[slot])
	}
	for _, o := range x.other {
		q.add(o.Name, o.Amount)
	}
	return q
}

// Sub returns q - x; what would be below zero is zero.
func (q Quantities) Sub(x Quantities) Quantities {
	for slot := range q.fixed {
		q.fixed[slot] = max(q.fixed[slot]-x.fixed[slot], 0)
	}
	if len(q.other) == 0 || len(x.other) == 0 {
		return q
	}
	left := make([]Quantity, 0, len(q.other))
	for _, o := range q.other {
		if o.Amount -= x.Get(o.Name); o.Amount > 0 {
			left = append(left, o)
		}
	}
	q.other = left
	return q
}

// Min returns, name by name, the smaller amount.
func (q Quantities) Min(x Quantities) Quantities {
	return q.Sub(q.Sub(x))
}

// String prints "cpus:10; mem:1024", and "{}" for nothing.
func (q Quantities) String() string {
	var b []byte
	for name, amount := range q.All() {
		if len(b) > 0 {
			b = append(b, "; "...)
		}
		b = append(append(b, name...), ':')
		b = amount.append(b)
	}
	if len(b) == 0 {
		return "{}"
	}
	return string(b)
}
