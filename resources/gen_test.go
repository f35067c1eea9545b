package resources

import (
	"fmt"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// genResource draws from few names, roles, disks and roles of allocation, so that entries often meet.
func genResource() *rapid.Generator[Resource] {
	return rapid.Custom(func(t *rapid.T) Resource {
		var r Resource
		switch name := rapid.SampledFrom([]string{"cpus", "mem", "disk", "ports", "zones", "licences"}).Draw(t, "name"); name {
		case "ports":
			r = NewRange(name, genRangeList(20).Draw(t, "ports")...)
		case "zones":
			r = NewItems(name, rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 3).Draw(t, "items")...)
		default:
			r = NewScalar(name, genAmount().Draw(t, "amount"))
		}
		if rapid.Bool().Draw(t, "reserved") {
			r = r.Reserved(genStack().Draw(t, "stack")...)
		}
		if r.Name() == "disk" {
			r = genDisk(r).Draw(t, "disk")
		}
		if rapid.IntRange(0, 5).Draw(t, "revocable") == 0 {
			r = r.AsRevocable()
		}
		if rapid.IntRange(0, 5).Draw(t, "provider") == 0 {
			r = r.WithProvider("rp")
		}
		return r.AllocatedTo(rapid.SampledFrom([]string{"", "", "eng"}).Draw(t, "allocated"))
	})
}

func genAmount() *rapid.Generator[Scalar] {
	return rapid.Custom(func(t *rapid.T) Scalar {
		return Scalar(rapid.SampledFrom([]int64{0, 1, 500, 1000, 1500, 2000, 999_999_999_999_999}).Draw(t, "thousandths"))
	})
}

func genRangeList(top uint64) *rapid.Generator[[]Range] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Range {
		begin := rapid.Uint64Range(0, top).Draw(t, "begin")
		return Range{begin, rapid.Uint64Range(begin, top).Draw(t, "end")}
	}), 0, 5)
}

func genStack() *rapid.Generator[[]Reservation] {
	return rapid.SampledFrom([][]Reservation{
		{{Type: Static, Role: "eng"}},
		{{Type: Dynamic, Role: "eng"}},
		{{Type: Dynamic, Role: "eng", Principal: "p"}},
		{{Type: Dynamic, Role: "eng", Labels: []Label{{"a", "1"}, {"b", ""}}}},
		{{Type: Dynamic, Role: "eng", Labels: []Label{{"b", ""}, {"a", "1"}}}},
		{{Type: Dynamic, Role: "ops"}},
		{{Type: Static, Role: "eng"}, {Type: Dynamic, Role: "eng/db"}},
		{{Type: Dynamic, Role: "eng"}, {Type: Dynamic, Role: "eng/db", Principal: "p"}},
	})
}

func genDisk(r Resource) *rapid.Generator[Resource] {
	return rapid.Custom(func(t *rapid.T) Resource {
		sources := []*DiskSource{nil, nil,
			{Type: PathSource, Root: "/p"}, {Type: MountSource, Root: "/m"}, {Type: BlockSource, ID: "b"},
			{Type: RawSource, Profile: "fast"}, {Type: RawSource, ID: "raw", Metadata: []Label{{"k", "v"}}}}
		source := rapid.SampledFrom(sources).Draw(t, "source")
		volume := rapid.IntRange(0, 4).Draw(t, "volume")
		if volume > 2 {
			if source == nil {
				return r
			}
			return r.WithDisk(&DiskInfo{Source: source})
		}
		r = r.WithDisk(&DiskInfo{Source: source,
			Persistence: &Persistence{ID: fmt.Sprint("id", volume)},
			Volume:      &Volume{ContainerPath: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "path")}})
		if volume == 0 {
			r = r.AsShared(rapid.IntRange(1, 3).Draw(t, "copies"))
		}
		return r
	})
}

func genResources() *rapid.Generator[Resources] {
	return rapid.Custom(func(t *rapid.T) Resources {
		list := rapid.SliceOfN(genResource(), 0, 8).Draw(t, "list")
		for _, r := range list {
			if err := r.Validate(); err != nil {
				t.Fatalf("generated %s, which is invalid: %v", r, err)
			}
		}
		r := New(list...)
		requireCanonical(t, r)
		return r
	})
}

// requireCanonical checks the invariant of Resources: sorted, merged, nothing empty.
func requireCanonical(t require.TestingT, r Resources) {
	for i := range r.entries {
		e := &r.entries[i]
		require.False(t, e.IsEmpty(), "entry %s of %s", e, r)
		require.True(t, isCanonical(e.Ranges()), "ranges of %s", e)
		require.Equal(t, NewSet(e.Set()...).String(), e.Set().String())
		if i == 0 {
			continue
		}
		c := fullOrder(r.entries[i-1], *e)
		require.LessOrEqual(t, c, 0, "order of %s", r)
		if c == 0 {
			require.Equal(t, mergeNever, e.id.merge, "unmerged entries in %s", r)
		}
	}
}

func requireSame(t require.TestingT, want, got Resources, about ...any) {
	requireCanonical(t, got)
	require.Equal(t, want.String(), got.String(), about...)
	require.True(t, want.Equal(got) && got.Equal(want), about...)
}
