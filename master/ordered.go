package master

import "iter"

// ordered is a map that remembers the order in which keys were added, so that walking it shows nothing
// of Go's map order. The zero value is empty. Elements may be removed while it is walked.
type ordered[V any] struct {
	index       map[string]*node[V]
	first, last *node[V]
}

type node[V any] struct {
	key        string
	value      V
	next, prev *node[V]
	gone       bool
}

func (o *ordered[V]) len() int { return len(o.index) }

// get returns the value of key, or the zero value.
func (o *ordered[V]) get(key string) (v V) {
	if n := o.index[key]; n != nil {
		return n.value
	}
	return v
}

func (o *ordered[V]) has(key string) bool { return o.index[key] != nil }

// put adds key at the end, or replaces its value where it is.
func (o *ordered[V]) put(key string, value V) {
	if n := o.index[key]; n != nil {
		n.value = value
		return
	}
	if o.index == nil {
		o.index = make(map[string]*node[V])
	}
	n := &node[V]{key: key, value: value, prev: o.last}
	if o.last == nil {
		o.first = n
	} else {
		o.last.next = n
	}
	o.last = n
	o.index[key] = n
}

func (o *ordered[V]) remove(key string) {
	n := o.index[key]
	if n == nil {
		return
	}
	delete(o.index, key)
	n.gone = true
	if n.prev == nil {
		o.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		o.last = n.prev
	} else {
		n.next.prev = n.prev
	}
}

// oldest returns the first key and its value; ok is false if there is none.
func (o *ordered[V]) oldest() (key string, value V, ok bool) {
	if o.first == nil {
		return "", value, false
	}
	return o.first.key, o.first.value, true
}

// all yields keys and values, first added first.
func (o *ordered[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for n := o.first; n != nil; {
			if !n.gone && !yield(n.key, n.value) {
				return
			}
			// A removed node still points at what came after it; skip those removed meanwhile.
			for n = n.next; n != nil && n.gone; {
				n = n.next
			}
		}
	}
}
