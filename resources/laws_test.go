//lint:file-ignore SA1019 the deprecated field role is half of the old format of reservations

package resources

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/mesosproto"
)

func TestLawsOfAddition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := genResources().Draw(t, "a"), genResources().Draw(t, "b"), genResources().Draw(t, "c")
		before := a.String() + b.String() + c.String()
		requireEqual(t, a.Add(b), b.Add(a), "a + b = b + a")
		requireEqual(t, a.Add(b).Add(c), a.Add(b.Add(c)), "(a + b) + c = a + (b + c)")
		requireEqual(t, a.Add(b).Add(c), Sum(a, b, c), "Sum")
		requireSame(t, a, a.Add(Resources{}))
		require.True(t, a.Add(b).Contains(a), "a + b contains a")
		require.True(t, a.Add(b).Contains(b), "a + b contains b")
		require.Equal(t, before, a.String()+b.String()+c.String(), "operands are not changed")
	})
}

// requireEqual leaves out where volumes are mounted, which of two shared copies may tell differently.
func requireEqual(t require.TestingT, want, got Resources, about ...any) {
	requireCanonical(t, got)
	require.True(t, want.Equal(got), append([]any{"%s: want %s, got %s"}, fmt.Sprint(about...), want, got)...)
}

func TestLawsOfSubtraction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genResources().Draw(t, "a"), genResources().Draw(t, "b")
		before := a.String() + b.String()
		requireSame(t, Resources{}, a.Sub(a))
		requireCanonical(t, a.Sub(b))
		require.True(t, a.Contains(a.Sub(b)), "a contains a - b")
		if a.Contains(b) {
			requireEqual(t, a, a.Sub(b).Add(b), "(a - b) + b = a if a contains b")
		}
		scalars := func(r Resources) Resources { return r.Scalars() }
		requireEqual(t, scalars(a), scalars(a).Add(scalars(b)).Sub(scalars(b)), "(a + b) - b = a for scalars")
		require.Equal(t, before, a.String()+b.String(), "operands are not changed")
	})
}

func TestLawsOfContains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := genResources().Draw(t, "a"), genResources().Draw(t, "b"), genResources().Draw(t, "c")
		require.True(t, a.Contains(a))
		require.True(t, a.Contains(Resources{}))
		if a.Contains(b) && b.Contains(c) {
			require.True(t, a.Contains(c))
		}
		require.Equal(t, a.Contains(b) && b.Contains(a), a.Equal(b))
		if a.Contains(b) {
			require.True(t, a.Add(c).Contains(b))
			require.True(t, b.Sub(a).IsEmpty())
			require.True(t, a.ContainsQuantities(b.Quantities()))
		}
	})
}

// The accumulator is the same algebra in place.
func TestAccumulatorFollowsResources(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sum Accumulator
		var model Resources
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			x := genResources().Draw(t, "x")
			if rapid.Bool().Draw(t, "add") {
				sum.Add(x)
				model = model.Add(x)
			} else {
				sum.Sub(x)
				model = model.Sub(x)
			}
			requireEqual(t, model, sum.Resources())
			require.Equal(t, model.Contains(x), sum.Contains(x))
			require.True(t, model.Quantities().Equal(sum.Quantities()))
		}
		was := sum.Resources()
		text := was.String()
		sum.Add(genResources().Draw(t, "more"))
		require.Equal(t, text, was.String(), "what was taken is not changed")
		sum.Reset()
		require.True(t, sum.IsEmpty())
	})
}

func TestFiltersPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genResources().Draw(t, "r")
		requireSame(t, r, r.Unreserved().Add(r.Reserved()))
		requireSame(t, r, r.Revocable().Add(r.NonRevocable()))
		requireSame(t, r, r.Shared().Add(r.NonShared()))
		var byName, byRole, reserved Accumulator
		for _, name := range r.Names() {
			byName.Add(r.Named(name))
		}
		requireSame(t, r, byName.Resources())
		last := ""
		for role, part := range r.Allocations() {
			require.True(t, last == "" || last < role)
			last = role
			byRole.Add(part)
		}
		requireSame(t, r, byRole.Resources())
		for role, part := range r.Reservations() {
			requireSame(t, part, r.ReservedTo(role))
			require.True(t, r.ReservedInSubtree(role).Contains(part))
			require.True(t, r.AllocatableTo(role).Contains(part))
			reserved.Add(part)
		}
		requireSame(t, r.Reserved(), reserved.Resources())
	})
}

func TestAllocationAndReservationKeepQuantities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// One role of allocation and unshared disks, so that no ranges overlap and no volumes are dropped.
		r := genResources().Draw(t, "r").NonShared()
		if len(r.Ranges("ports")) > 0 || len(r.Set("zones")) > 0 {
			r = r.Scalars()
		}
		q := r.Quantities()
		for name, changed := range map[string]Resources{
			"allocate": r.Allocate("x"), "unallocate": r.Unallocate(),
			"allocate missing": r.AllocateMissing("x"), "unreserve": r.ToUnreserved(),
		} {
			requireCanonical(t, changed)
			require.Equal(t, q.String(), changed.Quantities().String(), name)
		}
		requireSame(t, r.Unallocate(), r.Allocate("x").Unallocate())
		require.True(t, r.ToUnreserved().Reserved().IsEmpty())

		plain := r.ToUnreserved()
		pushed, err := plain.PushReservation(Reservation{Type: Dynamic, Role: "new"})
		require.NoError(t, err)
		popped, err := pushed.PopReservation()
		require.NoError(t, err)
		requireSame(t, plain, popped)
	})
}

func TestMessagesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genResources().Draw(t, "r")
		r = oneCopy(r) // messages don't count copies
		messages := r.Proto()
		for _, m := range messages {
			require.NoError(t, Validate(m))
			bytes, err := proto.Marshal(m)
			require.NoError(t, err)
			proto.Reset(m)
			require.NoError(t, proto.Unmarshal(bytes, m))
		}
		back, err := FromProto(messages)
		require.NoError(t, err)
		requireSame(t, r, back)

		endpoint, err := FromProto(r.ProtoEndpoint())
		require.NoError(t, err)
		requireSame(t, r, endpoint)

		old, err := r.ProtoPreRefinement()
		if r.Any(Resource.IsRefined) {
			require.ErrorContains(t, err, "Cannot downgrade resources containing refined reservations")
			return
		}
		require.NoError(t, err)
		for _, m := range old {
			require.Empty(t, m.Reservations)
			require.NotNil(t, m.Role)
		}
		back, err = FromProto(old)
		require.NoError(t, err)
		requireSame(t, r, back)
	})
}

func oneCopy(r Resources) Resources {
	return r.mapEntries(func(e Resource) Resource {
		if e.IsShared() {
			return e.AsShared(1)
		}
		return e
	})
}

func TestMessagesBelongToTheCaller(t *testing.T) {
	r := MustParse(`[{"name":"disk","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"DYNAMIC","role":"r",
		"labels":{"labels":[{"key":"k","value":"v"}]}}],"disk":{"persistence":{"id":"i"},"volume":{"container_path":"p","mode":"RW"}}},
		{"name":"zones","type":"SET","set":{"item":["a"]}},{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2}]}}]`)
	r = r.Allocate("r")
	want := r.String()
	for _, m := range r.Proto() {
		*m.Name, *m.AllocationInfo.Role = "x", "x"
		if m.Disk != nil {
			*m.Disk.Persistence.Id, *m.Disk.Volume.ContainerPath = "x", "x"
			*m.Reservations[0].Role, *m.Reservations[0].Labels.Labels[0].Key = "x", "x"
		}
		if m.Set != nil {
			m.Set.Item[0] = "x"
		}
		if m.Ranges != nil {
			*m.Ranges.Range[0].Begin = 0
		}
	}
	require.Equal(t, want, r.String())

	messages := r.Proto()
	r, err := FromProto(messages)
	require.NoError(t, err)
	for _, m := range messages {
		if m.Set != nil {
			m.Set.Item[0] = "x"
		}
		m.Scalar = &mesosproto.Value_Scalar{Value: proto.Float64(9)}
	}
	require.Equal(t, want, r.String())
}

func TestFindTakesWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, targets := genResources().Draw(t, "r").NonShared(), genResources().Draw(t, "targets").NonShared()
		found, ok := r.Find(targets)
		if r.Contains(targets) && len(targets.entries) == 1 {
			require.True(t, ok)
		}
		if !ok {
			return
		}
		requireCanonical(t, found)
		require.True(t, r.Contains(found))
		require.Equal(t, targets.ScalarQuantities().String(), found.ScalarQuantities().String())
	})
}

func TestFindsShortCutFindsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, targets := genResources().Draw(t, "r"), genResources().Draw(t, "targets")
		if rapid.Bool().Draw(t, "there is enough") {
			r = r.Add(targets)
		}
		found, ok := r.Find(targets)
		want, wanted := r.find(targets)
		require.Equal(t, wanted, ok)
		require.Equal(t, want.String(), found.String())
	})
}

func TestShrinkStaysWithinTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genResources().Draw(t, "r")
		target := genResources().Draw(t, "target").Quantities()
		reverse := func(n int, swap func(i, j int)) {
			for i := range n / 2 {
				swap(i, n-1-i)
			}
		}
		for _, shuffle := range []func(int, func(i, j int)){nil, reverse} {
			got := r.Shrink(target, shuffle)
			requireCanonical(t, got)
			require.True(t, target.Contains(got.Quantities()), "%s within %s", got, target)
			require.True(t, r.Contains(got), "%s is part of %s", got, r)
			limits, err := NewLimits(Quantity{"cpus", target.Get("cpus")})
			require.NoError(t, err)
			limited := r.ShrinkToLimits(limits, shuffle)
			require.True(t, limits.Contains(limited.Quantities()))
			requireSame(t, r.Filter(notNamed("cpus")), limited.Filter(notNamed("cpus")))
		}
	})
}

func notNamed(name string) func(Resource) bool {
	return func(e Resource) bool { return e.Name() != name }
}
