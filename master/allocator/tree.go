package allocator

import (
	"cmp"
	"slices"

	"github.com/mesokit/mesokit/resources"
)

// tree orders frameworks by how little they have: hierarchical dominant resource fairness.
//
//	root ── eng ── eng/.  ── framework ids
//	     │      └─ eng/db ── eng/db/. ── framework ids
//	     └─ *   ── */.    ── framework ids
//
// A node for each role; below it, beside its subroles, a virtual leaf that stands for the role itself
// and competes with the subroles at weight 1; below that the frameworks of the role. Siblings are
// ordered by dominant share over weight, then by how often they were given something, then by path, so
// that equals take turns and the order is total.
//
// Mesos: src/master/allocator/mesos/sorter/drf/sorter.cpp. There each role has a sorter of its own with
// its own copy of the cluster's totals; here one tree has them once.
type tree struct {
	root     *node
	total    resources.Quantities // scalars of all agents
	excluded []string             // names that shares ignore
	names    []string             // those that count, with their totals
	totals   []float64
	epoch    uint64 // changes when total does: then every share is stale
}

// node is an inner node, a virtual leaf or a framework in a role.
type node struct {
	path   string
	parent *node
	depth  int
	weight float64
	seat   *seat // of a framework in a role, else nil

	given resources.Quantities // scalars offered to or used by the subtree
	count uint64               // how often something was given to it

	key      key     // its place among its siblings, as of when they were last settled
	listed   bool    // in parent.children
	stale    bool    // in parent.moved
	children []*node // those below which someone wants offers, in order of their keys
	moved    []*node // children that may have to move
	epoch    uint64  // the tree's when children were last settled
}

type key struct {
	share float64
	count uint64
}

func newTree(excluded []string) *tree {
	return &tree{root: &node{weight: 1}, excluded: excluded}
}

func (n *node) child(path string, weight float64, s *seat) *node {
	return &node{path: path, parent: n, depth: n.depth + 1, weight: weight, seat: s}
}

// setTotal says what the cluster has.
func (t *tree) setTotal(total resources.Quantities) {
	if t.total.Equal(total) {
		return
	}
	t.total = total
	t.epoch++
	t.names, t.totals = t.names[:0], t.totals[:0]
	for name, amount := range total.All() {
		if !slices.Contains(t.excluded, name) {
			t.names = append(t.names, name)
			t.totals = append(t.totals, amount.Float())
		}
	}
}

// share is the dominant share of n over its weight.
func (t *tree) share(n *node) float64 {
	var share float64
	for i, name := range t.names {
		if amount := n.given.Get(name); amount > 0 {
			share = max(share, amount.Float()/t.totals[i])
		}
	}
	return share / n.weight
}

// give adds q to leaf and everything above it; counted: as one gift more. take subtracts.
func (leaf *node) give(q resources.Quantities, counted bool) {
	for n := leaf; n != nil; n = n.parent {
		n.given = n.given.Add(q)
		if counted {
			n.count++
		}
		n.touch()
	}
}

func (leaf *node) take(q resources.Quantities) {
	for n := leaf; n != nil; n = n.parent {
		n.given = n.given.Sub(q)
		n.touch()
	}
}

// touch notes that n may have to move among its siblings; settle does it, so that any number of changes
// between two runs costs one move.
func (n *node) touch() {
	if n.listed && !n.stale {
		n.stale = true
		n.parent.moved = append(n.parent.moved, n)
	}
}

// list puts n among the children of its parent, and the parent among those of its own.
func (t *tree) list(n *node) {
	for ; n.parent != nil && !n.listed; n = n.parent {
		p := n.parent
		t.settle(p)
		n.listed = true
		n.key = key{t.share(n), n.count}
		at, _ := slices.BinarySearchFunc(p.children, n, compare)
		p.children = slices.Insert(p.children, at, n)
	}
}

// unlist takes n out, and parents that have no children left.
func (t *tree) unlist(n *node) {
	for ; n.parent != nil && n.listed && len(n.children) == 0; n = n.parent {
		p := n.parent
		t.settle(p)
		at, _ := slices.BinarySearchFunc(p.children, n, compare)
		p.children = slices.Delete(p.children, at, at+1)
		n.listed = false
	}
}

// compare orders siblings by their keys.
func compare(a, b *node) int {
	if a.key != b.key {
		if a.key.share != b.key.share {
			return cmp.Compare(a.key.share, b.key.share)
		}
		return cmp.Compare(a.key.count, b.key.count)
	}
	return cmp.Compare(a.path, b.path)
}

// settle brings the children of n into order. The children that were touched move one by one, unless
// there are so many of them that sorting all is cheaper.
func (t *tree) settle(n *node) {
	all := n.epoch != t.epoch
	if !all && len(n.moved) == 0 {
		return
	}
	if !all && len(n.moved) <= len(n.children)/16+1 {
		for _, c := range n.moved {
			t.move(c)
			c.stale = false
		}
		n.moved = n.moved[:0]
		return
	}
	n.epoch = t.epoch
	for _, c := range n.children {
		if all || c.stale {
			c.key = key{t.share(c), c.count}
			c.stale = false
		}
	}
	n.moved = n.moved[:0]
	if !slices.IsSortedFunc(n.children, compare) {
		slices.SortFunc(n.children, compare)
	}
}

// move brings one child to its place; the others are in theirs or will be moved next, and until then
// their old keys hold. Mostly the first child was given something and now is the last: that costs next to
// nothing, because what moves is the shorter part of the list.
func (t *tree) move(c *node) {
	p := c.parent
	list := p.children
	from := 0
	if list[0] != c {
		from, _ = slices.BinarySearchFunc(list, c, compare)
	}
	c.key = key{t.share(c), c.count}
	last := len(list) - 1
	switch {
	case from < last && compare(list[from+1], c) < 0:
		to := last
		if compare(list[last], c) > 0 {
			n, _ := slices.BinarySearchFunc(list[from+1:last], c, compare)
			to = from + n
		}
		if from+last-to < to-from {
			copy(list[1:from+1], list[:from])
			list[0] = nil
			p.children = slices.Insert(list[1:], to, c)
		} else {
			copy(list[from:to], list[from+1:to+1])
			list[to] = c
		}
	case from > 0 && compare(c, list[from-1]) < 0:
		to, _ := slices.BinarySearchFunc(list[:from], c, compare)
		copy(list[to+1:from+1], list[to:from])
		list[to] = c
	}
}

// before tells whether leaf a comes before leaf b in the order in which a walk visits leaves. Unlike
// the walk it settles nothing.
func (t *tree) before(a, b *node) bool {
	for a.depth > b.depth {
		a = a.parent
	}
	for b.depth > a.depth {
		b = b.parent
	}
	for a.parent != b.parent {
		a, b = a.parent, b.parent
	}
	x, y := t.share(a), t.share(b)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.count, b.count), cmp.Compare(a.path, b.path)) < 0
}
