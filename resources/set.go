package resources

import "slices"

// Set is a set of strings in canonical form: sorted, each item once. [NewSet] makes that form from
// any list. The slice is shared between values: never change it.
//
// The reference keeps items in the order of insertion but compares without it; a fixed order lets
// equal sets print equally.
type Set []string

// NewSet returns the set of items, whose slice is left alone.
func NewSet(items ...string) Set {
	s := slices.Clone(items)
	slices.Sort(s)
	return slices.Compact(s)
}

// Add returns the union of a and b.
func (a Set) Add(b Set) Set {
	if len(a) == 0 {
		return b
	}
	if a.Contains(b) {
		return a
	}
	out := make(Set, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case a[0] > b[0]:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// Sub returns the items of a that are not in b.
func (a Set) Sub(b Set) Set {
	if len(a) == 0 || len(b) == 0 {
		return a
	}
	out := make(Set, 0, len(a))
	for _, item := range a {
		for len(b) > 0 && b[0] < item {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != item {
			out = append(out, item)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// Contains tells whether every item of b is in a.
func (a Set) Contains(b Set) bool {
	for _, item := range b {
		for len(a) > 0 && a[0] < item {
			a = a[1:]
		}
		if len(a) == 0 || a[0] != item {
			return false
		}
		a = a[1:]
	}
	return true
}

// Has tells whether item is in a.
func (a Set) Has(item string) bool {
	_, found := slices.BinarySearch(a, item)
	return found
}

// Equal tells whether a and b have the same items.
func (a Set) Equal(b Set) bool { return slices.Equal(a, b) }

// String prints "{a, b}", and "{}" for none.
func (a Set) String() string { return string(a.append(nil)) }

func (a Set) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, item := range a {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, item...)
	}
	return append(dst, '}')
}
