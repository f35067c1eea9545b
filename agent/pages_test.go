package agent

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/internal/transitions"
)

// Against a naive model: a list. What a snapshot has shown it shows for ever.
func TestPagesShowAllExecutorsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fw := newFramework("f", 0)
		var list []*executor
		next := uint64(0)
		type shot struct {
			list ExecutorList
			want []string
		}
		var taken []shot
		pick := func(t *rapid.T) *executor {
			if len(list) == 0 {
				return nil
			}
			return rapid.SampledFrom(list).Draw(t, "executor")
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for range rapid.IntRange(1, 2*pageExecutors).Draw(t, "n") {
					next++
					ex := &executor{fw: fw, seq: next}
					fw.pages = fw.pages.add(ex)
					list = append(list, ex)
				}
			},
			"remove": func(t *rapid.T) {
				if ex := pick(t); ex != nil {
					fw.pages = fw.pages.remove(ex)
					list = slices.DeleteFunc(list, func(x *executor) bool { return x == ex })
				}
			},
			"change": func(t *rapid.T) {
				if ex := pick(t); ex != nil {
					ex.state = transitions.ExecutorState(rapid.String().Draw(t, "state"))
					(&core{stopped: true}).touched(ex)
				}
			},
			"": func(t *rapid.T) {
				shown := fw.pages.snapshot()
				require.Equal(t, len(list), shown.Len())
				i := 0
				var want []string
				for e := range shown.All() {
					require.Equal(t, string(list[i].state), e.State)
					want = append(want, e.State)
					i++
				}
				require.Equal(t, len(list), i)
				if taken = append(taken, shot{shown, want}); len(taken) > 3 {
					taken = taken[1:]
				}
				for _, x := range taken {
					i := 0
					for e := range x.list.All() {
						require.Equal(t, x.want[i], e.State)
						i++
					}
				}
			},
		})
	})
}

func TestASnapshotSharesWhatDidNotChange(t *testing.T) {
	fw := newFramework("f", 0)
	for i := range 10 * pageExecutors {
		fw.pages = fw.pages.add(&executor{fw: fw, seq: uint64(i)})
	}
	before := fw.pages.snapshot()
	(&core{stopped: true}).touched(fw.pages[3].executors[7])
	after := fw.pages.snapshot()
	for i := range before.pages {
		require.Equal(t, i != 3, &before.pages[i][0] == &after.pages[i][0], "page %d", i)
	}
	require.Same(t, before.pages[3][0], after.pages[3][0])
	require.NotSame(t, before.pages[3][7], after.pages[3][7])
}
