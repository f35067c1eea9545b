package executor

import "container/list"

// pending keeps what the agent has not acknowledged, in the order in which it was added. Adding and
// removing take constant time. It is owned by the core's loop.
type pending[V any] struct {
	order list.List // of entry[V]
	byKey map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
}

// put adds v, in place of what has the same key.
func (p *pending[V]) put(key string, v V) {
	p.remove(key)
	if p.byKey == nil {
		p.byKey = make(map[string]*list.Element)
	}
	p.byKey[key] = p.order.PushBack(entry[V]{key, v})
}

// remove reports whether there was something to remove.
func (p *pending[V]) remove(key string) bool {
	e, ok := p.byKey[key]
	if ok {
		p.order.Remove(e)
		delete(p.byKey, key)
	}
	return ok
}

func (p *pending[V]) len() int { return len(p.byKey) }

// first is the oldest value; ok is false if there is none.
func (p *pending[V]) first() (v V, ok bool) {
	if e := p.order.Front(); e != nil {
		return e.Value.(entry[V]).value, true
	}
	return v, false
}

// all yields the values in order; nothing may be added or removed meanwhile.
func (p *pending[V]) all(yield func(V) bool) {
	for e := p.order.Front(); e != nil; e = e.Next() {
		if !yield(e.Value.(entry[V]).value) {
			return
		}
	}
}
