package resources

import (
	"iter"
	"slices"
)

// Resources is a collection of resources, such as an agent has or a task needs. It is an immutable
// value: the zero Resources is empty, methods return new values, copies and concurrent reads are safe.
//
// Entries that can be added are one, so "cpus:1;cpus:2" is "cpus:3"; zero amounts vanish. Entries are
// kept in a fixed order (unreserved before reserved; cpus, mem, disk, gpus, ports, then by name), so
// equal collections print and convert equally, however they came about.
type Resources struct {
	entries []Resource // sorted, none empty, merged; never changed once here
}

// New returns the sum of list. Entries that are empty or not valid ([Resource.Validate]) are left out,
// as the reference does.
func New(list ...Resource) Resources {
	kept := make([]Resource, 0, len(list))
	for _, r := range list {
		if r.Validate() == nil {
			kept = append(kept, r)
		}
	}
	return collect(kept)
}

// collect sorts and merges list, which it takes over.
func collect(list []Resource) Resources {
	list = slices.DeleteFunc(list, Resource.IsEmpty)
	if len(list) == 0 {
		return Resources{}
	}
	if !slices.IsSortedFunc(list, fullOrder) {
		slices.SortStableFunc(list, fullOrder)
	}
	out := list[:1]
	for i := range list[1:] {
		out = appendMerged(out, &list[1+i])
	}
	return Resources{entries: slices.Clip(out)}
}

// appendMerged appends r, which comes nowhere before the last entry, merging the two if they are one.
func appendMerged(out []Resource, r *Resource) []Resource {
	if n := len(out); n > 0 && r.id.merge != mergeNever && order(&out[n-1], r) == 0 {
		out[n-1].increase(r)
		return out
	}
	return append(out, *r)
}

// fullOrder is the order of entries: order, then what makes no difference but shows when printed.
func fullOrder(a, b Resource) int {
	if c := order(&a, &b); c != 0 || a.id.merge != mergeNever {
		return c
	}
	return a.id.detail(b.id)
}

// IsEmpty tells whether there is nothing.
func (r Resources) IsEmpty() bool { return len(r.entries) == 0 }

// Len counts the entries.
func (r Resources) Len() int { return len(r.entries) }

// At returns entry i, 0 <= i < Len.
func (r Resources) At(i int) Resource { return r.entries[i] }

// All yields the entries in order; shared ones once, whatever their number of copies.
func (r Resources) All() iter.Seq[Resource] { return slices.Values(r.entries) }

// Add returns r + x.
func (r Resources) Add(x Resources) Resources {
	if len(x.entries) == 0 {
		return r
	}
	if len(r.entries) == 0 {
		return x
	}
	a, b := r.entries, x.entries
	if sameShape(a, b) {
		out := slices.Clone(a)
		for i := range out {
			out[i].increase(&b[i])
		}
		return Resources{out}
	}
	out := make([]Resource, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := fullOrder(a[0], b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a = append(out, a[0]), a[1:]
			if out[len(out)-1].id.merge != mergeNever {
				out[len(out)-1].increase(&b[0])
				b = b[1:]
			}
		}
	}
	return Resources{append(append(out, a...), b...)}
}

// sameShape tells, at a glance, whether a and b merge entry by entry.
func sameShape(a, b []Resource) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !mergeable(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

// Sub returns r - x. What x has beyond r is silently lost: "cpus:1" - "cpus:2" is empty, never negative.
// Indivisible entries (persistent volumes, MOUNT and BLOCK disks) go only as a whole.
func (r Resources) Sub(x Resources) Resources {
	if len(r.entries) == 0 || len(x.entries) == 0 {
		return r
	}
	a, b := r.entries, x.entries
	out := make([]Resource, 0, len(a))
	for len(a) > 0 && len(b) > 0 {
		switch c := order(&a[0], &b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			b = b[1:]
		default:
			left := a[0]
			if left.decrease(&b[0]) {
				out = append(out, left)
			}
			a, b = a[1:], b[1:]
		}
	}
	out = append(out, a...)
	if len(out) == 0 {
		return Resources{}
	}
	return Resources{out}
}

// Contains tells whether each entry of x is covered by one entry of r with the same reservation, disk,
// allocation and so on: "cpus(r):1;cpus:1" does not contain "cpus:2". Equal indivisible
// entries are counted, where the reference counts only persistent volumes.
func (r Resources) Contains(x Resources) bool {
	a := r.entries
	for i := range x.entries {
		b := &x.entries[i]
		for len(a) > 0 && order(&a[0], b) < 0 {
			a = a[1:]
		}
		if len(a) == 0 || order(&a[0], b) != 0 || !covers(&a[0], b) {
			return false
		}
		a = a[1:]
	}
	return true
}

// Equal tells whether each contains the other. Volumes are equal if their ids are, wherever mounted.
func (r Resources) Equal(x Resources) bool {
	return len(r.entries) == len(x.entries) && r.Contains(x) && x.Contains(r)
}

// Scalar sums the scalar entries of that name, over all roles, reservations and disks.
func (r Resources) Scalar(name string) Scalar {
	var sum Scalar
	for i := range r.entries {
		if e := &r.entries[i]; e.id.typ == TypeScalar && e.id.name == name {
			sum = sum.plus(e.scalar)
		}
	}
	return sum
}

// CPUs returns the number of cpus, over all roles.
func (r Resources) CPUs() float64 { return r.Scalar("cpus").Float() }

// Mem returns the memory in megabytes, over all roles.
func (r Resources) Mem() float64 { return r.Scalar("mem").Float() }

// Disk returns the disk space in megabytes, over all roles and disks.
func (r Resources) Disk() float64 { return r.Scalar("disk").Float() }

// GPUs returns the number of gpus, over all roles.
func (r Resources) GPUs() float64 { return r.Scalar("gpus").Float() }

// Ports returns the ports, over all roles.
func (r Resources) Ports() Ranges { return r.Ranges("ports") }

// Ranges returns the union of the RANGES entries of that name, over all roles.
func (r Resources) Ranges(name string) Ranges {
	var sum Ranges
	for i := range r.entries {
		if e := &r.entries[i]; e.id.typ == TypeRanges && e.id.name == name {
			sum = sum.Add(e.list.ranges)
		}
	}
	return sum
}

// Set returns the union of the SET entries of that name, over all roles.
func (r Resources) Set(name string) Set {
	var sum Set
	for i := range r.entries {
		if e := &r.entries[i]; e.id.typ == TypeSet && e.id.name == name {
			sum = sum.Add(e.list.items)
		}
	}
	return sum
}
