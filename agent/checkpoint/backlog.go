package checkpoint

import (
	"maps"
	"slices"
)

// backlog is what a store still has to be given, and what it has.
type backlog struct {
	has  map[string]bool
	late map[string]*late
}

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

// put keeps changes, in order, and who wants to know when they are written. It returns those for whom
// there is nothing left to write.
func (b *backlog) put(entries []Entry, waiting []waiter) (over []func(error)) {
	for _, e := range entries {
		l := b.late[e.Key]
		switch {
		case e.Value == nil && !b.has[e.Key]:
			if l != nil {
				over = append(over, l.told...)
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
			over = append(over, u.done)
		}
	}
	return over
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
	b.stored(entries)
	clear(b.late)
	return told
}
