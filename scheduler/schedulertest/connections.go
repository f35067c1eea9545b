package schedulertest

import (
	"iter"
	"slices"
)

// connections are those that are up, in the order in which they were made. The places of those that are over
// stay free until they are most.
type connections struct {
	list []*connection
	live int
}

func (l *connections) add(c *connection) {
	if len(l.list) > 16 && l.live < len(l.list)/2 {
		l.list = slices.DeleteFunc(l.list, func(x *connection) bool { return x == nil })
		for i, x := range l.list {
			x.place = i
		}
	}
	c.place = len(l.list)
	l.list = append(l.list, c)
	l.live++
}

// remove takes out one that is in the list.
func (l *connections) remove(c *connection) {
	l.list[c.place] = nil
	l.live--
}

func (l *connections) up() iter.Seq[*connection] {
	return func(yield func(*connection) bool) {
		for _, c := range l.list {
			if c != nil && !yield(c) {
				return
			}
		}
	}
}
