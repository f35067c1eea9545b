package resources

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func dynamic(role string) Reservation { return Reservation{Type: Dynamic, Role: role} }

// reservedDisk is 100 MB of disk dynamically reserved to role r.
func reservedDisk() Resource { return NewScalar("disk", 100*Unit).Reserved(dynamic("r")) }

func volume(id, path string) Resource {
	return reservedDisk().WithDisk(&DiskInfo{Persistence: &Persistence{ID: id}, Volume: &Volume{ContainerPath: path}})
}

func onSource(s DiskSource) Resource { return reservedDisk().WithDisk(&DiskInfo{Source: &s}) }

func TestEntriesThatCanBeAddedAreOne(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "{}",
		"cpus:1;cpus:2":                 "cpus:3",
		"cpus:0":                        "{}",
		"cpus(r):1;cpus:1":              "cpus:1; cpus(reservations: [(STATIC,r)]):1",
		"ports:[1-3];ports:[4-6]":       "ports:[1-6]",
		"mem:1.5001;mem:1.5":            "mem:3",
		"zones:{b, a};zones:{c};cpus:1": "cpus:1; zones:{a, b, c}",
		"ports:[5-9, 1-2];mem:2;disk:3;cpus:1;gpus:4;x:1": "cpus:1; mem:2; disk:3; gpus:4; ports:[1-2, 5-9]; x:1",
	} {
		require.Equal(t, want, MustParse(text).String(), text)
	}
}

func TestSubtraction(t *testing.T) {
	for _, row := range []struct{ a, b, want string }{
		{"cpus:3;mem:5", "cpus:1", "cpus:2; mem:5"},
		{"cpus:1", "cpus:2", "{}"}, // what is too much is lost
		{"cpus:1", "cpus(r):1", "cpus:1"},
		{"cpus:1", "mem:1", "cpus:1"},
		{"ports:[1-10]", "ports:[3-5]", "ports:[1-2, 6-10]"},
		{"ports:[1-10]", "ports:[1-20]", "{}"},
		{"zones:{a, b}", "zones:{b, c}", "zones:{a}"},
	} {
		a, b := MustParse(row.a), MustParse(row.b)
		require.Equal(t, row.want, a.Sub(b).String(), "%v", row)
		var sum Accumulator
		sum.Add(a)
		sum.Sub(b)
		require.Equal(t, row.want, sum.Resources().String(), "%v", row)
	}
}

func TestContains(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"cpus:1", "cpus:0", true},
		{"cpus:1", "", true},
		{"", "cpus:1", false},
		{"cpus(r):1;cpus:1", "cpus:2", false}, // never over several entries
		{"cpus(r):1;cpus:1", "cpus:1;cpus(r):1", true},
		{"cpus(r):1", "cpus:1", false},
		{"cpus(r/s):1", "cpus(r):1", false},
		{"mem:1.5001", "mem:1.5", true},
		{"mem:1.5", "mem:1.5004", true},
		{"mem:1.5", "mem:1.5006", false},
		{"ports:[1-5, 7-9]", "ports:[2-3, 7-7]", true},
		{"ports:[1-5, 7-9]", "ports:[4-7]", false},
		{"zones:{a, b}", "zones:{b}", true},
		{"zones:{a, b}", "zones:{c}", false},
		{"cpus:1;mem:1", "cpus:1;mem:1;disk:1", false},
	} {
		require.Equal(t, row.want, MustParse(row.a).Contains(MustParse(row.b)), "%v", row)
	}
}

func TestGettersSumOverRoles(t *testing.T) {
	r := MustParse("cpus:1;cpus(r):1.5;mem:10;disk:20;gpus:2;ports:[1-2];ports(r):[3-4];zones:{a};zones(r):{b}")
	require.Equal(t, []float64{2.5, 10, 20, 2}, []float64{r.CPUs(), r.Mem(), r.Disk(), r.GPUs()})
	require.Equal(t, "[1-4]", r.Ports().String())
	require.Equal(t, "{a, b}", r.Set("zones").String())
	require.Equal(t, []string{"cpus", "disk", "gpus", "mem", "ports", "zones"}, r.Names())
	require.True(t, r.ContainsQuantities(MustParse("cpus:2.5;ports:[7-10]").Quantities()))
	require.False(t, r.ContainsQuantities(MustParse("cpus:2.501").Quantities()))
}

// What differs in anything but the amount stays apart.
func TestIdentity(t *testing.T) {
	disk := reservedDisk()
	labelled := func(labels ...Label) Resource {
		return disk.Reserved(Reservation{Type: Dynamic, Role: "r", Labels: labels})
	}
	path := onSource(DiskSource{Type: PathSource, Root: "/p"})
	apart := []Resource{
		NewScalar("disk", Unit), NewScalar("disks", Unit), disk, disk.AllocatedTo("r"), disk.AsRevocable(),
		disk.WithProvider("p"), disk.Reserved(Reservation{Type: Static, Role: "r"}), disk.Reserved(dynamic("r/s")),
		disk.Reserved(dynamic("r"), dynamic("r/s")), disk.Reserved(Reservation{Type: Dynamic, Role: "r", Principal: "p"}),
		labelled(Label{"a", "b"}), labelled(Label{"a", ""}), labelled(Label{"a", "b"}, Label{"a", "b"}), labelled(Label{"ab", ""}),
		volume("id1", "p"), volume("id2", "p"), volume("id1", "p").AsShared(1), path,
		onSource(DiskSource{Type: PathSource, Root: "/q"}), onSource(DiskSource{Type: RawSource}),
		onSource(DiskSource{Type: RawSource, Profile: "x"}), onSource(DiskSource{Type: RawSource, Vendor: "x"}),
		onSource(DiskSource{Type: RawSource, ID: "x"}), onSource(DiskSource{Type: RawSource, Metadata: []Label{{"x", ""}}}),
		NewRange("disk", Range{1, 2}), NewItems("disk", "a"),
	}
	require.Equal(t, len(apart), New(apart...).Len(), "all stay apart")
	for i, a := range apart {
		for j, b := range apart {
			require.Equal(t, i == j, a.Resources().Contains(b.Resources()), "%s and %s", a, b)
		}
	}
	for _, same := range [][2]Resource{
		{labelled(Label{"a", "1"}, Label{"b", "2"}), labelled(Label{"b", "2"}, Label{"a", "1"})},
		{volume("id1", "a"), volume("id1", "b")}, // where a volume is mounted makes no difference
	} {
		a, b := same[0].Resources(), same[1].Resources()
		require.True(t, a.Equal(b), "%s and %s", a, b)
	}
}

func TestOrderOfAddingDoesNotShow(t *testing.T) {
	a, b := New(volume("id", "a"), NewScalar("x", Unit)), New(volume("id", "b"), NewScalar("cpus", Unit))
	const want = "cpus:1; x:1; disk(reservations: [(DYNAMIC,r)])[id:a]:100; disk(reservations: [(DYNAMIC,r)])[id:b]:100"
	require.Equal(t, want, a.Add(b).String())
	require.Equal(t, want, b.Add(a).String())
}

// Names and ids are a peer's: none may look like two terms.
func TestIdentitiesOfOddNames(t *testing.T) {
	labelled := func(labels ...Label) Resource {
		return NewScalar("cpus", Unit).Reserved(Reservation{Type: Dynamic, Role: "r", Labels: labels})
	}
	all := []Resource{
		NewScalar("x", Unit), NewScalar("x\x00", Unit), NewScalar("x\x00\x01", Unit), NewScalar("x\x00\xff\x00\x01", Unit),
		labelled(Label{"a\x00\x01b", ""}), labelled(Label{"a", "b"}), labelled(Label{"a\x00", "b"}), labelled(Label{"a", "\x00b"}),
		labelled(Label{"a", "b\x00\x01\x01c\x00\x01d"}), labelled(Label{"a", "b"}, Label{"c", "d"}),
	}
	require.Equal(t, len(all), New(all...).Len())
}

func TestIndivisibleDisksStayApart(t *testing.T) {
	for _, disk := range []Resource{
		onSource(DiskSource{Type: MountSource, Root: "/m"}), onSource(DiskSource{Type: BlockSource, ID: "b"}),
		onSource(DiskSource{Type: RawSource, ID: "r"}), volume("id", "p"),
	} {
		one := disk.Resources()
		two := one.Add(one)
		require.Equal(t, 2, two.Len(), "%s", disk)
		require.True(t, two.Contains(one) && two.Contains(two) && !one.Contains(two), "%s", disk)
		require.False(t, two.Contains(disk.WithScalar(50*Unit).Resources()), "no part of %s", disk)
		require.Equal(t, two.String(), two.Sub(disk.WithScalar(50*Unit).Resources()).String())
		requireSame(t, one, two.Sub(one))
		var sum Accumulator
		sum.Add(two)
		sum.Add(one)
		require.Equal(t, 3, sum.Resources().Len(), "%s", disk)
		sum.Sub(two)
		requireSame(t, one, sum.Resources())
		require.True(t, disk.Shrink(50*Unit).IsEmpty())
		require.Equal(t, disk, disk.Shrink(100*Unit))
	}
	for _, disk := range []Resource{
		onSource(DiskSource{Type: PathSource, Root: "/p"}), onSource(DiskSource{Type: RawSource, Profile: "x"}), reservedDisk(),
	} {
		require.Equal(t, 1, New(disk, disk).Len(), "%s", disk)
		require.Equal(t, 50*Unit, disk.Shrink(50*Unit).Scalar(), "%s", disk)
	}
}

func TestSharedVolumesAreCounted(t *testing.T) {
	one := volume("id", "p").AsShared(1).Resources()
	three := one.Add(one).Add(one)
	require.Equal(t, 1, three.Len())
	require.Equal(t, 3, three.At(0).Copies())
	require.Equal(t, 100.0, three.Disk(), "copies take no space")
	require.True(t, three.Contains(one) && !one.Contains(three))
	require.Equal(t, 2, three.Sub(one).At(0).Copies())
	require.True(t, one.Sub(three).IsEmpty())
	require.Len(t, three.Proto(), 1, "messages don't count copies")
	require.Equal(t, 2, New(volume("id", "p").AsShared(1), volume("id", "p").AsShared(1).WithScalar(Unit)).Len(),
		"copies of another size are another volume")
}

func TestInvalidAndEmptyEntriesAreLeftOut(t *testing.T) {
	require.Equal(t, "cpus:1", New(
		Resource{}, NewScalar("", Unit), NewScalar("cpus", -1), NewScalar("cpus", Unit), NewScalar("mem", 0),
		NewScalar("cpus", Unit).Reserved(dynamic("*")), NewScalar("cpus", Unit).Reserved(dynamic("a"), dynamic("b")),
		NewScalar("cpus", Unit).AsShared(1), NewScalar("cpus", Unit).WithDisk(&DiskInfo{}),
		NewRange("ports"), NewItems("zones"), NewRange("ports", Range{2, 1}),
	).String())
}

func TestReservations(t *testing.T) {
	r := MustParse("cpus:1;cpus(a):2;cpus(a/b):3;mem(c):4")
	require.Equal(t, "cpus:1; cpus(reservations: [(STATIC,a)]):2", r.AllocatableTo("a").String())
	require.Equal(t, "cpus:1; cpus(reservations: [(STATIC,a)]):2; cpus(reservations: [(STATIC,a/b)]):3", r.AllocatableTo("a/b/x").String())
	require.Equal(t, "cpus(reservations: [(STATIC,a)]):2; cpus(reservations: [(STATIC,a/b)]):3", r.ReservedInSubtree("a").String())
	require.Equal(t, "cpus(reservations: [(STATIC,a)]):2", r.ReservedTo("a").String())
	require.Equal(t, "cpus:6; mem:4", r.ToUnreserved().String())

	refined, err := r.ReservedTo("a").PushReservation(dynamic("a/b"))
	require.NoError(t, err)
	require.Equal(t, "cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):2", refined.String())
	require.True(t, refined.At(0).IsDynamicallyReserved() && refined.At(0).IsRefined())
	require.Equal(t, "a/b", refined.At(0).ReservationRole())
	popped, err := refined.PopReservation()
	require.NoError(t, err)
	requireSame(t, r.ReservedTo("a"), popped)

	_, err = r.PushReservation(dynamic("a/b"))
	require.ErrorContains(t, err, "role 'a/b' is not a refinement of 'a/b'")
	_, err = r.PopReservation()
	require.EqualError(t, err, "Resource cpus:1 is not reserved")
}

func TestAllocation(t *testing.T) {
	r := MustParse("cpus:1;mem:2")
	both := r.Allocate("a").Add(r.Allocate("b"))
	require.Equal(t, "cpus(allocated: a):1; cpus(allocated: b):1; mem(allocated: a):2; mem(allocated: b):2", both.String())
	require.Equal(t, "cpus:2; mem:4", both.Unallocate().String())
	require.Equal(t, "cpus(allocated: a):2; mem(allocated: a):4", both.Allocate("a").String())
	require.Equal(t, "cpus(allocated: a):1; mem(allocated: a):2", both.AllocatedInSubtree("a").String())
	require.Equal(t, "cpus(allocated: a):2; cpus(allocated: b):1; mem(allocated: a):4; mem(allocated: b):2",
		both.Add(r).AllocateMissing("a").String())
	require.False(t, both.Contains(r), "allocated and unallocated resources don't compare")
}

func TestFind(t *testing.T) {
	r := MustParse("cpus:1;cpus(a):2;cpus(b):3")
	for target, want := range map[string]string{
		"cpus(a):1": "cpus(reservations: [(STATIC,a)]):1",
		"cpus:1":    "cpus:1",
		"cpus(a):3": "cpus:1; cpus(reservations: [(STATIC,a)]):2",
		"cpus:5":    "cpus:1; cpus(reservations: [(STATIC,a)]):2; cpus(reservations: [(STATIC,b)]):2",
	} {
		found, ok := r.Find(MustParse(target))
		require.True(t, ok, target)
		require.Equal(t, want, found.String(), target)
	}
	_, ok := r.Find(MustParse("cpus:7"))
	require.False(t, ok)
	_, ok = r.Find(MustParse("cpus:4;cpus(b):3"))
	require.False(t, ok, "nothing is found twice")
}

func TestShrink(t *testing.T) {
	target, err := ParseQuantities("cpus:3;disk:150")
	require.NoError(t, err)
	r := MustParse("cpus:2;cpus(r):2;mem:10").Add(New(volume("a", "p"), volume("b", "p"), reservedDisk()))
	require.Equal(t, "cpus:2; cpus(reservations: [(STATIC,r)]):1; disk(reservations: [(DYNAMIC,r)]):100", r.Shrink(target, nil).String())
	limits, err := ParseLimits("cpus:3;disk:0")
	require.NoError(t, err)
	require.Equal(t, "cpus:2; mem:10; cpus(reservations: [(STATIC,r)]):1", r.ShrinkToLimits(limits, nil).String())
	require.True(t, r.Shrink(Quantities{}, nil).IsEmpty())
	requireSame(t, r, r.ShrinkToLimits(Limits{}, nil))
}

func TestCheckpointedResourcesAreMadeAgain(t *testing.T) {
	total := MustParse("cpus:4;cpus(a):2;disk:500")
	refined := NewScalar("cpus", Unit).Reserved(Reservation{Type: Static, Role: "a"}, dynamic("a/b"))
	checkpointed := New(refined, volume("id", "p"), NewScalar("cpus", 3*Unit).Reserved(dynamic("c")))
	got, err := ApplyCheckpointed(total, checkpointed)
	require.NoError(t, err)
	require.Equal(t, "cpus:1; disk:400; cpus(reservations: [(STATIC,a)]):1; cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):1;"+
		" cpus(reservations: [(DYNAMIC,c)]):3; disk(reservations: [(DYNAMIC,r)])[id:p]:100", got.String())
	requireSame(t, checkpointed, got.NeedCheckpoint())

	_, err = ApplyCheckpointed(MustParse("disk:50"), checkpointed.PersistentVolumes())
	require.EqualError(t, err, "Incompatible agent resources: disk:50 does not contain disk:100")
	_, err = ApplyCheckpointed(total, MustParse("cpus:1"))
	require.EqualError(t, err, "Unexpected checkpointed resources cpus:1")
}
