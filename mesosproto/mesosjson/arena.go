package mesosjson

import "unsafe"

// arena allocates what scalar fields point to: many of a kind at once, since separate allocations
// would be most of the cost of decoding.
//
// Whatever is kept of a message keeps its neighbours in the arena alive. So messages, bytes and
// longer strings are allocated alone, and chunks are small: a field that outlives its message holds
// on to some 10 KiB at most.
type arena struct {
	text    []byte
	strings []string
	words   []uint64
	halves  []uint32
	bools   []bool
}

const (
	firstChunk   = 4
	largestChunk = 64
	textChunk    = 1024
	longText     = 128
)

// place returns a pointer to v in a chunk. Chunks double in size, so that small messages stay small.
func place[T any](chunk *[]T, v T) *T {
	s := *chunk
	if len(s) == cap(s) {
		s = make([]T, 0, min(max(2*cap(s), firstChunk), largestChunk))
	}
	s = append(s, v)
	*chunk = s
	return &s[len(s)-1]
}

// newString returns a pointer to a copy of b.
func (a *arena) newString(b []byte) *string {
	if len(b) > longText {
		return new(string(b))
	}
	return place(&a.strings, a.string(b))
}

// string returns a copy of b.
func (a *arena) string(b []byte) string {
	if len(b) > longText {
		return string(b)
	}
	if len(b) == 0 {
		return ""
	}
	if cap(a.text)-len(a.text) < len(b) {
		a.text = make([]byte, 0, min(max(2*cap(a.text), longText), textChunk))
	}
	start := len(a.text)
	a.text = append(a.text, b...)
	// Nothing writes to these bytes again: text only grows behind them.
	return unsafe.String(&a.text[start], len(b))
}
