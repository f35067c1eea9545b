package checkpoint

import (
	"maps"
	"slices"
)

// backlog is what a store still has to be given, and what it has.
type backlog struct {
	has  map[string]bool
	late map[string]*late
	// Who waits for keys that came and went. They are told with the others: their changes may follow
	// from some that are still to be written.
	gone []func(error)
}

// maxGone bounds backlog.gone; the oldest are never told.
const maxGone = 1024

// late is a change that could not be written, the latest of its key.
type late struct {
	value []byte // nil: the key is deleted
	told  []func(error)
}

func newBacklog() backlog { return backlog{has: map[string]bool{}, late: map[string]*late{}} }

// stored notes what was written, or loaded.
func (b *backlog) stored(entries []Entry) {
	for _, e := range entries {
		if e.Value == nil {
			delete(b.has, e.Key)
		} else {
			b.has[e.Key] = true
		}
	}
}

// put keeps changes, in order, and who wants to know when they are written.
func (b *backlog) put(entries []Entry, waiting []waiter) {
	for _, e := range entries {
		l := b.late[e.Key]
		switch {
		case e.Value == nil && !b.has[e.Key]:
			if l != nil {
				b.gone = append(b.gone, l.told...)
				delete(b.late, e.Key)
			}
		case l == nil:
			b.late[e.Key] = &late{value: e.Value}
		default:
			l.value = e.Value
		}
	}
	for _, u := range waiting {
		if l := b.late[u.key]; l != nil {
			l.told = append(l.told, u.done)
		} else {
			b.gone = append(b.gone, u.done)
		}
	}
	if n := len(b.gone) - maxGone; n > 0 {
		b.gone = slices.Clone(b.gone[n:])
	}
}

// entries are all changes, in the order of their keys: they are written together.
func (b *backlog) entries() []Entry {
	out := make([]Entry, 0, len(b.late))
	for _, key := range slices.Sorted(maps.Keys(b.late)) {
		out = append(out, Entry{Key: key, Value: b.late[key].value})
	}
	return out
}

// written notes that entries were written, all that there were, and returns who is to be told.
func (b *backlog) written(entries []Entry) (told []func(error)) {
	for _, e := range entries {
		told = append(told, b.late[e.Key].told...)
	}
	told = append(told, b.gone...)
	b.gone = nil
	b.stored(entries)
	clear(b.late)
	return told
}
