package agent

import (
	"iter"
	"slices"
)

// pageExecutors is how many executors are copied into a snapshot when one of them changes, and with them a
// pointer for each other page: an agent with thousands of tasks publishes each change for the price of some.
const pageExecutors = 32

// ExecutorList is a list of executors, the oldest first. It is immutable; snapshots share the parts of it that
// did not change. The zero ExecutorList is empty.
type ExecutorList struct{ pages [][]*ExecutorState }

// Len counts the executors.
func (x ExecutorList) Len() int {
	n := 0
	for _, p := range x.pages {
		n += len(p)
	}
	return n
}

// All yields the executors.
func (x ExecutorList) All() iter.Seq[*ExecutorState] {
	return func(yield func(*ExecutorState) bool) {
		for _, p := range x.pages {
			for _, e := range p {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// page is up to pageExecutors neighbours among the executors of a framework.
type page struct {
	executors []*executor
	states    []*ExecutorState // as in the last snapshot; nil if one of them has changed
}

// pages are the executors of a framework, the oldest first.
type pages []*page

// add appends the youngest executor.
func (ps pages) add(ex *executor) pages {
	if n := len(ps); n == 0 || len(ps[n-1].executors) == pageExecutors {
		ps = append(ps, &page{executors: make([]*executor, 0, pageExecutors)})
	}
	ex.on = ps[len(ps)-1]
	ex.on.executors = append(ex.on.executors, ex)
	ex.on.states = nil
	return ps
}

// remove takes an executor out.
func (ps pages) remove(ex *executor) pages {
	p := ex.on
	if p == nil {
		return ps
	}
	ex.on = nil
	p.executors = slices.DeleteFunc(p.executors, func(x *executor) bool { return x == ex })
	p.states = nil
	if len(p.executors) == 0 {
		ps = slices.DeleteFunc(ps, func(x *page) bool { return x == p })
	}
	return ps
}

func (ps pages) snapshot() ExecutorList {
	list := make([][]*ExecutorState, 0, len(ps))
	for _, p := range ps {
		if p.states == nil {
			p.states = make([]*ExecutorState, 0, len(p.executors))
			for _, ex := range p.executors {
				p.states = append(p.states, ex.snapshot())
			}
		}
		list = append(list, p.states)
	}
	return ExecutorList{list}
}
