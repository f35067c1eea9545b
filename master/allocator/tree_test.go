package allocator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/resources"
)

// sorter drives a tree as the reference's tests drive its sorters: clients are paths.
type sorter struct {
	*tree
	inner   map[string]*node
	self    map[string]*node
	weights map[string]float64
}

func newSorter(cpus, mem float64, excluded ...string) *sorter {
	s := &sorter{newTree(excluded), map[string]*node{}, map[string]*node{}, map[string]float64{}}
	s.total(cpus, mem)
	return s
}

func amounts(cpus, mem float64) resources.Quantities {
	return resources.NewQuantities(
		resources.Quantity{Name: "cpus", Amount: resources.ScalarOf(cpus)},
		resources.Quantity{Name: "mem", Amount: resources.ScalarOf(mem)})
}

func (s *sorter) total(cpus, mem float64) { s.setTotal(amounts(cpus, mem)) }

func (s *sorter) nodeOf(path string) *node {
	if path == "" {
		return s.root
	}
	n := s.inner[path]
	if n == nil {
		above := ""
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			above = path[:i]
		}
		weight := 1.0
		if w, found := s.weights[path]; found {
			weight = w
		}
		n = s.nodeOf(above).child(path, weight, nil)
		s.inner[path] = n
		s.self[path] = n.child(path+"/.", 1, nil)
	}
	return n
}

// add adds a client that has this much.
func (s *sorter) add(path string, cpus, mem float64) {
	s.nodeOf(path)
	s.list(s.self[path])
	if cpus != 0 || mem != 0 {
		s.give(path, cpus, mem)
	}
}

func (s *sorter) give(path string, cpus, mem float64) { s.self[path].give(amounts(cpus, mem), true) }

func (s *sorter) take(path string, cpus, mem float64) { s.self[path].take(amounts(cpus, mem)) }

func (s *sorter) remove(path string) {
	n := s.self[path]
	s.unlist(n)
	n.take(n.given)
	delete(s.inner, path)
}

func (s *sorter) weight(path string, w float64) {
	s.weights[path] = w
	if n := s.inner[path]; n != nil {
		n.weight = w
		n.touch()
	}
}

// order is what the reference's sort() returns.
func (s *sorter) order() string {
	var all []string
	var visit func(n *node)
	visit = func(n *node) {
		s.settle(n)
		if len(n.children) == 0 {
			all = append(all, strings.TrimSuffix(n.path, "/."))
		}
		for _, c := range n.children {
			visit(c)
		}
	}
	if len(s.root.children) > 0 {
		visit(s.root)
	}
	return strings.Join(all, " ")
}

// Mesos: src/tests/sorter_tests.cpp, DRFSorterTest.DRF and WDRFSorterTest.WDRF.
func TestOrderOfShares(t *testing.T) {
	s := newSorter(100, 100)
	s.add("a", 5, 5)
	s.add("b", 6, 6)
	require.Equal(t, "a b", s.order())
	s.add("c", 1, 1)
	s.add("d", 3, 1)
	require.Equal(t, "c d a b", s.order())
	s.remove("a")
	s.take("b", 4, 4)
	require.Equal(t, "c b d", s.order())
	s.add("e", 1, 5)
	s.total(50, 100)
	require.Equal(t, "c b e d", s.order())
	s.total(50, 200)
	s.add("f", 5, 1)
	s.give("c", 0, 15)
	require.Equal(t, "e b d c f", s.order())
}

func TestOrderOfWeightedShares(t *testing.T) {
	s := newSorter(100, 100)
	s.add("a", 5, 5)
	s.weight("b", 2)
	s.add("b", 6, 6)
	require.Equal(t, "b a", s.order())
	s.add("c", 4, 4)
	require.Equal(t, "b c a", s.order())
	s.weight("d", 10)
	s.add("d", 10, 20)
	require.Equal(t, "d b c a", s.order())
	s.remove("b")
	s.give("d", 10, 25)
	require.Equal(t, "c d a", s.order())
	s.weight("e", 0.1)
	s.add("e", 1, 1)
	require.Equal(t, "c d a e", s.order())
	s.weight("a", 5)
	require.Equal(t, "a c d e", s.order())
}

// Mesos: src/tests/sorter_tests.cpp, DRFSorterTest.HierarchicalAllocation and AddChildToInternal.
func TestOrderInHierarchy(t *testing.T) {
	s := newSorter(100, 100)
	s.add("a", 6, 6)
	s.add("b/c", 4, 4)
	s.add("b/d", 3, 3)
	require.Equal(t, "a b/d b/c", s.order())
	s.give("a", 2, 2)
	require.Equal(t, "b/d b/c a", s.order())
	s.add("b/e/f", 0, 0)
	require.Equal(t, "b/e/f b/d b/c a", s.order())
	s.give("b/e/f", 3.5, 3.5)
	require.Equal(t, "a b/d b/e/f b/c", s.order())

	s.remove("b/e/f")
	require.Equal(t, "b/d b/c a", s.order())
	s.take("b/c", 3, 3)
	require.Equal(t, "b/c b/d a", s.order())
	s.add("b/e/f", 3.5, 3.5)
	require.Equal(t, "b/c b/d b/e/f a", s.order())
}

func TestRoleCompetesWithItsSubrolesAtWeightOne(t *testing.T) {
	s := newSorter(100, 100)
	s.weight("a", 3)
	s.weight("a/b", 2)
	s.add("a", 6, 6)
	s.add("a/b", 8, 8)
	s.add("c", 5, 5)
	// a: 14/3 = 4.67 against 5; below a: a/b 8/2 against a alone 6.
	require.Equal(t, "a/b a c", s.order())
}

func TestExcludedNamesMakeNoShare(t *testing.T) {
	s := newSorter(100, 100, "mem")
	s.add("a", 1, 90)
	s.add("b", 2, 1)
	require.Equal(t, "a b", s.order())
}

func TestUnlistedAreSkippedAndComeBack(t *testing.T) {
	s := newSorter(100, 100)
	s.add("a", 1, 1)
	s.add("b/c", 2, 2)
	s.add("d", 3, 3)
	s.unlist(s.self["b/c"])
	require.Equal(t, "a d", s.order())
	s.give("b/c", 2, 2)
	s.list(s.self["b/c"])
	require.Equal(t, "a d b/c", s.order())
}

// The tree moves single nodes; sorting everything anew must give the same order.
func TestOrderIsThatOfSortingAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSorter(100, 100)
		paths := []string{"a", "b", "c", "a/x", "a/y", "b/x/y", "d/e", "d"}
		listed := map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			p := rapid.SampledFrom(paths).Draw(t, "path")
			cpus, mem := float64(rapid.IntRange(0, 5).Draw(t, "cpus")), float64(rapid.IntRange(0, 5).Draw(t, "mem"))
			s.nodeOf(p)
			switch rapid.SampledFrom([]string{"list", "give", "give", "take", "unlist", "total", "weight", "order"}).Draw(t, "what") {
			case "list":
				s.list(s.self[p])
				listed[p] = true
			case "unlist":
				s.unlist(s.self[p])
				delete(listed, p)
			case "give":
				s.give(p, cpus, mem)
			case "take":
				if s.self[p].given.Contains(amounts(cpus, mem)) {
					s.take(p, cpus, mem)
				}
			case "total":
				s.total(50+cpus*10, 50+mem*10)
			case "weight":
				s.weight(p, 1+cpus)
			case "order":
				s.order()
			}
		}
		got := s.order()
		anew := &sorter{newTree(nil), map[string]*node{}, map[string]*node{}, s.weights}
		anew.setTotal(s.tree.total)
		for _, p := range sortedKeys(s.self) {
			anew.nodeOf(p)
			anew.self[p].give(s.self[p].given, true)
		}
		for _, p := range sortedKeys(s.inner) {
			anew.inner[p].count, anew.self[p].count = s.inner[p].count, s.self[p].count
		}
		for _, p := range paths {
			if listed[p] {
				anew.list(anew.self[p])
			}
		}
		require.Equal(t, anew.order(), got)
		// The leaves' order is also what comparing any two of them says.
		leaves := strings.Fields(got)
		for i := range leaves {
			for j := range i {
				require.True(t, s.before(s.self[leaves[j]], s.self[leaves[i]]), fmt.Sprint(leaves))
			}
		}
	})
}
