package resources

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// Range is the integers Begin to End, both included.
type Range struct {
	Begin, End uint64
}

// Ranges is a set of integers in canonical form: sorted, without overlaps, adjacent ranges merged.
// [NewRanges] makes that form from any list. The slice is shared between values: never change it.
//
// Mesos: src/common/values.cpp, coalesce and the operators of Value::Ranges.
type Ranges []Range

// NewRanges returns the canonical form of list, which is left alone. Inverted ranges are dropped.
func NewRanges(list ...Range) Ranges { return canonical(slices.Clone(list)) }

// canonical is NewRanges on a slice that it takes over.
func canonical(list []Range) Ranges {
	if isCanonical(list) {
		return list
	}
	sorted := slices.DeleteFunc(list, func(r Range) bool { return r.Begin > r.End })
	slices.SortFunc(sorted, func(a, b Range) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End))
	})
	out := sorted[:0]
	for _, r := range sorted {
		out = appendRange(out, r)
	}
	return out
}

func isCanonical(list []Range) bool {
	for i, r := range list {
		if r.Begin > r.End || i > 0 && touches(list[i-1], r) {
			return false
		}
	}
	return true
}

// touches tells whether next, which is to come after last, overlaps it, adjoins it or lies before it.
// It compares with Begin-1 where the reference has End+1, which overflows at 2^64-1.
func touches(last, next Range) bool {
	return next.Begin <= last.End || next.Begin-1 == last.End
}

// appendRange appends next, which begins nowhere before the last range of out, merging the two if they touch.
func appendRange(out Ranges, next Range) Ranges {
	if n := len(out); n > 0 && touches(out[n-1], next) {
		out[n-1].End = max(out[n-1].End, next.End)
		return out
	}
	return append(out, next)
}

// Add returns the union of a and b, in time linear in their lengths.
func (a Ranges) Add(b Ranges) Ranges {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make(Ranges, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Begin <= b[0].Begin {
			out = appendRange(out, a[0])
			a = a[1:]
		} else {
			out = appendRange(out, b[0])
			b = b[1:]
		}
	}
	for _, r := range a {
		out = appendRange(out, r)
	}
	for _, r := range b {
		out = appendRange(out, r)
	}
	return out
}

// Sub returns the integers of a that are not in b, in linear time. b need not be contained in a.
func (a Ranges) Sub(b Ranges) Ranges {
	if len(a) == 0 || len(b) == 0 {
		return a
	}
	out := make(Ranges, 0, len(a)+len(b))
	for _, r := range a {
		for len(b) > 0 && b[0].End < r.Begin {
			b = b[1:]
		}
		gone := false
		for len(b) > 0 && b[0].Begin <= r.End {
			if b[0].Begin > r.Begin {
				out = append(out, Range{r.Begin, b[0].Begin - 1})
			}
			if b[0].End >= r.End { // b[0] may reach into the next range of a, so it stays
				gone = true
				break
			}
			r.Begin = b[0].End + 1
			b = b[1:]
		}
		if !gone {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// Contains tells whether every integer of b is in a.
func (a Ranges) Contains(b Ranges) bool {
	i := 0
	for _, r := range b {
		for i < len(a) && a[i].End < r.Begin {
			i++
		}
		if i == len(a) || a[i].Begin > r.Begin || a[i].End < r.End {
			return false
		}
	}
	return true
}

// Has tells whether the integer n is in a.
func (a Ranges) Has(n uint64) bool {
	i, found := slices.BinarySearchFunc(a, n, func(r Range, n uint64) int { return cmp.Compare(r.Begin, n) })
	return found || i > 0 && n <= a[i-1].End
}

// Equal tells whether a and b are the same integers.
func (a Ranges) Equal(b Ranges) bool { return slices.Equal(a, b) }

// Size counts the integers; it saturates at 2^64-1.
func (a Ranges) Size() uint64 {
	var n uint64
	for _, r := range a {
		size := r.End - r.Begin + 1
		if size == 0 || n+size < n {
			return math.MaxUint64
		}
		n += size
	}
	return n
}

// Take returns the first n integers, or all if there are fewer: how a framework picks ports.
func (a Ranges) Take(n uint64) Ranges {
	var out Ranges
	for _, r := range a {
		if n == 0 {
			break
		}
		if r.End-r.Begin >= n {
			r.End = r.Begin + n - 1
		}
		out = append(out, r)
		n -= r.End - r.Begin + 1
	}
	return out
}

// String prints "[1-6, 9-9]", and "[]" for none.
func (a Ranges) String() string { return string(a.append(nil)) }

func (a Ranges) append(dst []byte) []byte {
	dst = append(dst, '[')
	for i, r := range a {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = strconv.AppendUint(dst, r.Begin, 10)
		dst = append(dst, '-')
		dst = strconv.AppendUint(dst, r.End, 10)
	}
	return append(dst, ']')
}

func (a Ranges) compare(b Ranges) int {
	return slices.CompareFunc(a, b, func(x, y Range) int {
		return cmp.Or(cmp.Compare(x.Begin, y.Begin), cmp.Compare(x.End, y.End))
	})
}

// overlapping tells whether two of the ranges share an integer. Adjacent ranges don't.
func overlapping(list []Range) bool {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b Range) int { return cmp.Compare(a.Begin, b.Begin) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i].Begin <= sorted[i-1].End {
			return true
		}
	}
	return false
}
