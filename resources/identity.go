package resources

import (
	"slices"
	"strings"
)

// Type is the type of a resource's value.
type Type uint8

// The values are those of Value.Type. TEXT is for attributes only.
const (
	TypeScalar Type = 0
	TypeRanges Type = 1
	TypeSet    Type = 2
)

// String returns the name in messages: SCALAR, RANGES or SET.
func (t Type) String() string {
	switch t {
	case TypeScalar:
		return "SCALAR"
	case TypeRanges:
		return "RANGES"
	case TypeSet:
		return "SET"
	}
	return "UNKNOWN"
}

// traits are all of a resource but its value and the role it is allocated to.
type traits struct {
	name              string
	typ               Type
	reservations      []Reservation // oldest first
	disk              *DiskInfo
	revocable, shared bool
	provider          string // id of the resource provider; empty: the agent itself
}

// identity is a set of traits in use: resources of equal identities can be added and compared.
// It never changes, and many resources point to the same one.
type identity struct {
	traits
	key   string // equal keys, equal identities; sorts unreserved before reserved, cpus before mem
	merge mergeMode
	slot  int // index into Quantities.fixed, or -1
}

// mergeMode says what happens when two resources of equal identity and allocation meet.
type mergeMode uint8

const (
	mergeValues mergeMode = iota // values are added
	mergeNever                   // indivisible: each stays an entry of its own
	mergeCopies                  // shared: equal ones are counted
)

// wellKnown are the names that sort first, in this order, and that have a slot in Quantities.
var wellKnown = [...]string{"cpus", "mem", "disk", "gpus", "ports"}

func slotOf(name string) int {
	switch name {
	case "cpus":
		return 0
	case "mem":
		return 1
	case "disk":
		return 2
	case "gpus":
		return 3
	case "ports":
		return 4
	}
	return -1
}

// plain holds the identities of unreserved resources with well-known names, by slot and type.
var plain = func() (ids [len(wellKnown)][3]*identity) {
	for slot, name := range wellKnown {
		for _, typ := range []Type{TypeScalar, TypeRanges, TypeSet} {
			ids[slot][typ] = makeIdentity(traits{name: name, typ: typ})
		}
	}
	return ids
}()

var nothing = &identity{slot: -1}

// identify returns the identity of t, whose slices and pointers it keeps.
func identify(t traits) *identity {
	if slot := slotOf(t.name); slot >= 0 && len(t.reservations) == 0 && t.disk == nil &&
		!t.revocable && !t.shared && t.provider == "" && t.typ <= TypeSet {
		return plain[slot][t.typ]
	}
	return makeIdentity(t)
}

func makeIdentity(t traits) *identity {
	id := &identity{traits: t, slot: slotOf(t.name)}
	switch d := t.disk; {
	case t.shared:
		id.merge = mergeCopies
	case d == nil:
	case d.Persistence != nil:
		id.merge = mergeNever
	case d.Source != nil:
		s := d.Source
		if s.Type == MountSource || s.Type == BlockSource || s.Type == RawSource && s.ID != "" {
			id.merge = mergeNever
		}
	}
	id.key = t.encode()
	return id
}

// role is the effective one: that of the last reservation, or "*".
func (id *identity) role() string {
	if n := len(id.reservations); n > 0 {
		return id.reservations[n-1].Role
	}
	return AnyRole
}

// with returns the identity that change makes of a copy of id's traits.
func (id *identity) with(change func(*traits)) *identity {
	t := id.traits
	change(&t)
	return identify(t)
}

// encode writes the traits that count into a string, so that different traits give different strings
// and bytewise order is the order of entries.
func (t *traits) encode() string {
	b := make([]byte, 0, 64)
	for _, r := range t.reservations {
		b = append(b, 1, byte(r.Type))
		b = appendTerm(b, r.Role)
		b = appendTerm(b, r.Principal)
		b = appendLabelTerms(b, r.Labels)
	}
	b = append(b, 0, flag(t.revocable))
	if slot := slotOf(t.name); slot >= 0 {
		b = append(b, byte(slot+1))
	} else {
		b = append(b, byte(len(wellKnown)+1))
		b = appendTerm(b, t.name)
	}
	b = append(b, byte(t.typ), flag(t.shared))
	b = appendTerm(b, t.provider)
	if d := t.disk; d != nil {
		b = append(b, 1, flag(d.Source != nil))
		if s := d.Source; s != nil {
			b = append(b, byte(s.Type))
			for _, part := range []string{s.Root, s.Vendor, s.ID, s.Profile} {
				b = appendTerm(b, part)
			}
			b = appendLabelTerms(b, s.Metadata)
		}
		b = append(b, flag(d.Persistence != nil))
		if d.Persistence != nil {
			b = appendTerm(b, d.Persistence.ID)
		}
	}
	return string(b)
}

// appendTerm ends s with 0 1, which sorts before any further byte; a 0 in s becomes 0 255.
func appendTerm(b []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(append(b, s...), 0, 1)
		}
		b = append(append(b, s[:i]...), 0, 255)
		s = s[i+1:]
	}
}

func appendLabelTerms(b []byte, labels []Label) []byte {
	for _, l := range sortedLabels(labels) {
		b = append(b, 1)
		b = appendTerm(b, l.Key)
		b = appendTerm(b, l.Value)
	}
	return append(b, 0)
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func (t *traits) validate() error {
	if err := validateStack(t.reservations); err != nil {
		return err
	}
	if t.shared {
		if t.name != "disk" {
			return reason("Resource %s cannot be shared", t.name)
		}
		if t.disk == nil || t.disk.Persistence == nil {
			return reason("Only persistent volumes can be shared")
		}
	}
	return nil
}

// detail sorts entries that are equal but not the same: one volume id mounted in two places.
func (id *identity) detail(x *identity) int {
	if id == x || id.disk == nil || x.disk == nil {
		return 0
	}
	return slices.Compare(id.disk.append(nil), x.disk.append(nil))
}
