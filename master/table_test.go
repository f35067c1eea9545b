package master

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func rows(t Table[int]) (list []int) {
	for v := range t.All() {
		list = append(list, *v)
	}
	slices.Sort(list)
	return list
}

// A table agrees with a plain map, and tables taken earlier never change.
func TestTablesAreImmutable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b tableBuilder[int]
		model := map[int]int{} // slot to value
		type taken struct {
			table Table[int]
			rows  []int
		}
		var earlier []taken
		values := func() (list []int) {
			for _, v := range model {
				list = append(list, v)
			}
			slices.Sort(list)
			return list
		}
		slot := func(t *rapid.T) int {
			slots := sortedSlots(model)
			return slots[rapid.IntRange(0, len(slots)-1).Draw(t, "slot")]
		}
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n++
				v := n
				s := b.add(&v)
				require.NotContains(t, model, s)
				model[s] = v
			},
			"set": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				s := slot(t)
				n++
				v := n
				b.set(s, &v)
				model[s] = v
			},
			"remove": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				s := slot(t)
				b.remove(s)
				delete(model, s)
			},
			"take": func(t *rapid.T) {
				earlier = append(earlier, taken{b.table(), values()})
			},
			"": func(t *rapid.T) {
				for _, e := range earlier {
					require.Equal(t, e.rows, rows(e.table))
					require.Equal(t, len(e.rows), e.table.Len())
				}
			},
		})
	})
}

func sortedSlots(m map[int]int) (list []int) {
	for s := range m {
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}

// Pages in which nothing changed are shared: their pointers tell readers so.
func TestTablesSharePages(t *testing.T) {
	var b tableBuilder[int]
	for i := range 3 * pageRows {
		b.add(&i)
	}
	before := slices.Collect(b.table().Pages())
	v := 7
	b.set(pageRows, &v)
	after := slices.Collect(b.table().Pages())
	require.Len(t, after, 3)
	require.Same(t, before[0], after[0])
	require.NotSame(t, before[1], after[1])
	require.Same(t, before[2], after[2])
}

// A table of many folders.
func TestLargeTables(t *testing.T) {
	var b tableBuilder[int]
	n := 3 * pageRows * folderPages
	for i := range n {
		require.Equal(t, i, b.add(&i))
	}
	before := b.table()
	for i := range n {
		if i%2 == 0 {
			b.remove(i)
		}
	}
	after := b.table()
	require.Equal(t, n, before.Len())
	require.Equal(t, n/2, after.Len())
	count := 0
	for v := range after.All() {
		require.Equal(t, 1, *v%2)
		count++
	}
	require.Equal(t, n/2, count)
	require.Len(t, rows(before), n)
}

func TestOrderedKeepsTheOrderOfAddition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o ordered[int]
		var keys []string
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k := rapid.StringMatching("[a-f]").Draw(t, "key")
				if !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
				o.put(k, len(k))
			},
			"remove": func(t *rapid.T) {
				k := rapid.StringMatching("[a-f]").Draw(t, "key")
				o.remove(k)
				keys = slices.DeleteFunc(keys, func(x string) bool { return x == k })
			},
			"remove while walking": func(t *rapid.T) {
				victims := rapid.SliceOf(rapid.StringMatching("[a-f]")).Draw(t, "victims")
				var seen []string
				for k := range o.all() {
					seen = append(seen, k)
					for _, v := range victims {
						o.remove(v)
					}
				}
				want := slices.DeleteFunc(slices.Clone(keys), func(k string) bool {
					return slices.Contains(victims, k) && k != keys[0]
				})
				require.True(t, slices.Equal(want, seen), "want %v, seen %v, victims %v", want, seen, victims)
				keys = slices.DeleteFunc(keys, func(k string) bool { return slices.Contains(victims, k) })
			},
			"": func(t *rapid.T) {
				var got []string
				for k := range o.all() {
					got = append(got, k)
				}
				require.Equal(t, len(keys), o.len())
				if len(keys) > 0 {
					require.Equal(t, keys, got)
					first, _, _ := o.oldest()
					require.Equal(t, keys[0], first)
				}
			},
		})
	})
}

func TestWhatChangedOfAPage(t *testing.T) {
	var b tableBuilder[int]
	values := [5]int{0, 1, 2, 3, 4}
	for i := range 3 {
		b.add(&values[i])
	}
	page := func() *Page[int] {
		for p := range b.table().Pages() {
			return p
		}
		return nil
	}
	first := page()
	b.set(1, &values[3])
	b.remove(2)
	second := page()
	b.add(&values[4])
	third := page()
	since := func(p, was *Page[int]) (list []int) {
		for v := range p.Since(was) {
			list = append(list, *v)
		}
		return list
	}
	require.Equal(t, []int{0, 1, 2}, since(first, nil))
	require.Empty(t, since(first, first))
	require.Equal(t, []int{3}, since(second, first))
	require.Equal(t, []int{4}, since(third, second))
	require.Equal(t, []int{3, 4}, since(third, first))
}
