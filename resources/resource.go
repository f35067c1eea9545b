package resources

import (
	"cmp"
	"slices"
)

// Resource is one entry of a [Resources]: an amount of one name under one reservation. It is an
// immutable value; the zero Resource is nothing at all and vanishes when added.
type Resource struct {
	id     *identity
	role   string // allocated to; empty: not allocated
	scalar Scalar
	copies int   // of a shared resource; else 0
	list   *list // of RANGES and SET; nil for none
}

// list holds the values that don't fit into a Scalar. It never changes.
type list struct {
	ranges Ranges
	items  Set
}

// NewScalar returns an unreserved scalar resource. What is not above zero vanishes when added.
func NewScalar(name string, amount Scalar) Resource {
	return Resource{id: identify(traits{name: name, typ: TypeScalar}), scalar: amount}
}

// NewRange returns an unreserved resource of ranges, such as ports.
func NewRange(name string, ranges ...Range) Resource {
	return Resource{id: identify(traits{name: name, typ: TypeRanges})}.withList(NewRanges(ranges...), nil)
}

// NewItems returns an unreserved resource that is a set of items.
func NewItems(name string, items ...string) Resource {
	return Resource{id: identify(traits{name: name, typ: TypeSet})}.withList(nil, NewSet(items...))
}

func (r Resource) ident() *identity {
	if r.id == nil {
		return nothing
	}
	return r.id
}

// Name returns cpus, mem, disk, gpus, ports or another name.
func (r Resource) Name() string { return r.ident().name }

// Type returns the type of the value.
func (r Resource) Type() Type { return r.ident().typ }

// Scalar returns the amount of a scalar resource; zero for others.
func (r Resource) Scalar() Scalar { return r.scalar }

// Ranges returns the value of a RANGES resource.
func (r Resource) Ranges() Ranges {
	if r.list == nil {
		return nil
	}
	return r.list.ranges
}

// Set returns the value of a SET resource.
func (r Resource) Set() Set {
	if r.list == nil {
		return nil
	}
	return r.list.items
}

// Reservations returns the stack of reservations, oldest first; none if unreserved. Don't change it.
func (r Resource) Reservations() []Reservation { return r.ident().reservations }

// Disk returns what is special about a disk, or nil. Don't change it.
func (r Resource) Disk() *DiskInfo { return r.ident().disk }

// ProviderID returns the id of the resource provider; empty: the agent itself.
func (r Resource) ProviderID() string { return r.ident().provider }

// AllocationRole returns the role that the resource is allocated to; empty: not allocated.
func (r Resource) AllocationRole() string { return r.role }

// Copies counts the copies of a shared resource; 0 if it is not shared.
func (r Resource) Copies() int { return r.copies }

// ReservationRole returns the role of the last reservation, and "*" if there is none.
func (r Resource) ReservationRole() string { return r.ident().role() }

// IsRevocable tells whether the resource may be taken away at any time (oversubscription).
func (r Resource) IsRevocable() bool { return r.ident().revocable }

// IsShared tells whether several tasks may use the resource at once.
func (r Resource) IsShared() bool { return r.ident().shared }

// IsReserved tells whether there is a reservation.
func (r Resource) IsReserved() bool { return len(r.ident().reservations) > 0 }

// IsReservedTo tells whether the last reservation is for exactly this role.
func (r Resource) IsReservedTo(role string) bool {
	return r.IsReserved() && r.ReservationRole() == role
}

// IsReservedInSubtree tells whether the last reservation is for top or a role below it.
func (r Resource) IsReservedInSubtree(top string) bool {
	return r.IsReserved() && inSubtree(r.ReservationRole(), top)
}

// IsAllocatableTo tells whether role may use the resource: it is unreserved, or reserved to role or
// to a role above it.
func (r Resource) IsAllocatableTo(role string) bool {
	return !r.IsReserved() || inSubtree(role, r.ReservationRole())
}

// IsDynamicallyReserved tells whether the last reservation is dynamic.
func (r Resource) IsDynamicallyReserved() bool {
	stack := r.ident().reservations
	return len(stack) > 0 && stack[len(stack)-1].Type == Dynamic
}

// IsRefined tells whether there is more than one reservation, which the old format can't express.
func (r Resource) IsRefined() bool { return len(r.ident().reservations) > 1 }

// IsPersistentVolume tells whether the resource is a disk with a persistence id.
func (r Resource) IsPersistentVolume() bool {
	d := r.ident().disk
	return d != nil && d.Persistence != nil
}

// IsDisk tells whether the resource is a disk with a source of this type.
func (r Resource) IsDisk(source SourceType) bool {
	d := r.ident().disk
	return d != nil && d.Source != nil && d.Source.Type == source
}

// NeedsCheckpoint tells whether an agent must remember the resource over a restart: what it would
// not find in its configuration, and no provider remembers for it.
func (r Resource) NeedsCheckpoint() bool {
	return r.ident().provider == "" && (r.IsDynamicallyReserved() || r.IsPersistentVolume())
}

// IsEmpty tells whether the value is zero, so that the resource vanishes from collections.
func (r Resource) IsEmpty() bool {
	switch id := r.ident(); {
	case id.shared && r.copies <= 0:
		return true
	case id.typ == TypeScalar:
		return r.scalar <= 0
	case r.list == nil:
		return true
	default:
		return len(r.list.ranges) == 0 && len(r.list.items) == 0
	}
}

// Quantity is the amount for accounting: the scalar, the number of integers or the number of items.
func (r Resource) Quantity() Scalar {
	switch {
	case r.list == nil:
		return r.scalar
	case r.list.ranges != nil:
		if n := r.list.ranges.Size(); n < uint64(maxScalar/Unit) {
			return Scalar(n) * Unit
		}
		return maxScalar
	}
	return Scalar(len(r.list.items)) * Unit
}

// Resources returns the collection of r alone; empty if r is.
func (r Resource) Resources() Resources {
	if r.IsEmpty() {
		return Resources{}
	}
	return Resources{entries: []Resource{r}}
}

// WithScalar returns the scalar resource r with another amount; other types stay as they are.
func (r Resource) WithScalar(amount Scalar) Resource {
	if r.Type() == TypeScalar {
		r.scalar = amount
	}
	return r
}

// AllocatedTo returns r allocated to role; "" makes it unallocated.
func (r Resource) AllocatedTo(role string) Resource {
	r.role = role
	return r
}

// Reserved returns r with this stack of reservations, oldest first, instead of its own; without any it is
// unreserved. [Resource.Validate] tells whether the stack is legal.
func (r Resource) Reserved(stack ...Reservation) Resource {
	stack = slices.Clone(stack)
	return r.with(func(t *traits) { t.reservations = stack })
}

// WithDisk returns r with d, which must not change afterwards; nil makes it plain disk.
func (r Resource) WithDisk(d *DiskInfo) Resource {
	return r.with(func(t *traits) { t.disk = d })
}

// WithProvider returns r as a resource of that provider.
func (r Resource) WithProvider(id string) Resource {
	return r.with(func(t *traits) { t.provider = id })
}

// AsRevocable returns r as one that may be taken away.
func (r Resource) AsRevocable() Resource {
	return r.with(func(t *traits) { t.revocable = true })
}

// AsShared returns n copies of r as a shared resource, which only persistent volumes can be; 0 copies
// makes it unshared.
func (r Resource) AsShared(n int) Resource {
	r.copies = max(n, 0)
	return r.with(func(t *traits) { t.shared = n > 0 })
}

// WithoutVolume returns the disk that a persistent volume was made of: the source is kept,
// persistence, volume and sharing are dropped.
func (r Resource) WithoutVolume() Resource {
	r.copies = 0
	return r.with(func(t *traits) { t.disk, t.shared = t.disk.sourceOnly(), false })
}

func (r Resource) with(change func(*traits)) Resource {
	r.id = r.ident().with(change)
	return r
}

func (r Resource) withList(ranges Ranges, items Set) Resource {
	r.list = nil
	if len(ranges) > 0 || len(items) > 0 {
		r.list = &list{ranges, items}
	}
	return r
}

// Validate tells why r is not a legal resource, in the words of the reference.
func (r Resource) Validate() error {
	id := r.ident()
	switch {
	case id.name == "":
		return reason("Empty resource name")
	case id.typ == TypeScalar && r.scalar < 0:
		return reason("Invalid scalar resource: value <= 0")
	}
	if err := validateDisk(id.name, id.disk); err != nil {
		return err
	}
	return id.validate()
}

// order sorts entries; 0 means that the two are one: merged when added, removed when subtracted.
func order(a, b *Resource) int {
	if a.id != b.id {
		if c := cmp.Compare(a.id.key, b.id.key); c != 0 {
			return c
		}
	}
	if a.role != b.role {
		return cmp.Compare(a.role, b.role)
	}
	if a.id.merge == mergeValues {
		return 0
	}
	return compareValues(a, b)
}

// mergeable tells whether the values of a and b can be added.
func mergeable(a, b *Resource) bool {
	return (a.id == b.id || a.id.key == b.id.key) && a.id.merge == mergeValues && a.role == b.role
}

func compareValues(a, b *Resource) int {
	if a.list == b.list {
		return cmp.Compare(a.scalar, b.scalar)
	}
	return cmp.Or(a.Ranges().compare(b.Ranges()), slices.Compare(a.Set(), b.Set()))
}

// covers tells whether a's value is at least b's; their order is 0.
func covers(a, b *Resource) bool {
	switch {
	case a.id.merge == mergeNever:
		return true
	case a.id.merge == mergeCopies:
		return a.copies >= b.copies
	case a.list == b.list:
		return a.scalar >= b.scalar
	}
	return a.Ranges().Contains(b.Ranges()) && a.Set().Contains(b.Set())
}

// increase adds b to a; their order is 0 and they merge.
func (a *Resource) increase(b *Resource) {
	switch {
	case a.id.merge == mergeCopies:
		a.copies += b.copies
	case a.list == nil:
		a.scalar = a.scalar.plus(b.scalar)
	default:
		*a = a.withList(a.list.ranges.Add(b.list.ranges), a.list.items.Add(b.list.items))
	}
}

// decrease takes b from a and tells whether something is left; their order is 0. What b has beyond a is lost.
func (a *Resource) decrease(b *Resource) bool {
	switch {
	case a.id.merge == mergeNever:
		return false
	case a.id.merge == mergeCopies:
		a.copies -= b.copies
		return a.copies > 0
	case a.list == nil:
		a.scalar -= b.scalar
		return a.scalar > 0
	}
	*a = a.withList(a.list.ranges.Sub(b.list.ranges), a.list.items.Sub(b.list.items))
	return a.list != nil
}
