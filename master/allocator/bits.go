package allocator

import (
	"iter"
	"math/bits"
)

// bitset is a set of small numbers. Words beyond its length are empty.
type bitset []uint64

func (b bitset) has(i int) bool {
	return i>>6 < len(b) && b[i>>6]&(1<<(i&63)) != 0
}

func (b *bitset) put(i int, in bool) {
	for i>>6 >= len(*b) {
		*b = append(*b, 0)
	}
	if in {
		(*b)[i>>6] |= 1 << (i & 63)
	} else {
		(*b)[i>>6] &^= 1 << (i & 63)
	}
}

// matrix is a bit for each pair of an agent (row) and a seat (column). It lies in one piece of memory,
// so that a column of 20,000 rows is cleared in microseconds.
type matrix struct {
	words  []uint64
	stride int // words in a row
	rows   int
}

// grow makes room for at least so many rows and columns; new bits are 0.
func (m *matrix) grow(rows, columns int) {
	stride := m.stride
	for stride*64 < columns {
		stride = max(1, 2*stride)
	}
	if stride == m.stride && rows <= m.rows {
		return
	}
	capacity := m.rows
	for capacity < rows {
		capacity = max(8, 2*capacity)
	}
	words := make([]uint64, capacity*stride)
	for r := range m.rows {
		copy(words[r*stride:], m.row(r))
	}
	m.words, m.stride, m.rows = words, stride, capacity
}

func (m *matrix) row(r int) bitset { return m.words[r*m.stride : (r+1)*m.stride] }

func (m *matrix) set(r, c int) { m.words[r*m.stride+c>>6] |= 1 << (c & 63) }

func (m *matrix) unset(r, c int) { m.words[r*m.stride+c>>6] &^= 1 << (c & 63) }

func (m *matrix) clearRow(r int) { clear(m.row(r)) }

func (m *matrix) clearColumn(c int) {
	mask := ^(uint64(1) << (c & 63))
	for i := c >> 6; i < len(m.words); i += m.stride {
		m.words[i] &= mask
	}
}

// remaining is what active has and neither a nor b, as a count that stops growing once it is above limit.
func remaining(active, a, b bitset, limit int) int {
	n := 0
	for i, w := range active {
		n += bits.OnesCount64(w &^ (a[i] | b[i]))
		if n > limit {
			break
		}
	}
	return n
}

// minus yields what active has and neither a nor b, in order.
func (active bitset) minus(a, b bitset) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range active {
			for w &^= a[i] | b[i]; w != 0; w &= w - 1 {
				if !yield(i<<6 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}
