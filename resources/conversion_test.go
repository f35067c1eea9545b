package resources

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/mesosproto"
)

// testdata/operations.json has offers of a Mesos master before and after a framework's operations.
func TestRecordedOperations(t *testing.T) {
	data, err := os.ReadFile("testdata/operations.json")
	require.NoError(t, err)
	var steps []struct {
		Name          string
		Before, After json.RawMessage
		Operation     json.RawMessage
		Error         string
	}
	require.NoError(t, json.Unmarshal(data, &steps))
	require.Len(t, steps, 6)
	for _, step := range steps {
		t.Run(step.Name, func(t *testing.T) {
			op := &mesosproto.Offer_Operation{}
			require.NoError(t, protojson.Unmarshal(step.Operation, op))
			before := MustParse(string(step.Before)).Unallocate()
			got, err := before.ApplyOperation(op)
			if step.Error != "" {
				require.Error(t, err)
				// The reference keeps entries in no particular order.
				require.Equal(t, entries(step.Error), entries(err.Error()))
				return
			}
			require.NoError(t, err)
			requireSame(t, MustParse(string(step.After)).Unallocate(), got)
		})
	}
}

func entries(message string) []string {
	message = strings.ReplaceAll(message, "(allocated: dev)", "")
	have, lacks, _ := strings.Cut(message, " does not contain ")
	list := strings.Split(have, "; ")
	slices.Sort(list)
	return append(list, lacks)
}

func TestVolumesAreCreatedAndDestroyed(t *testing.T) {
	mount := onSource(DiskSource{Type: MountSource, Root: "/m"})
	onMount := mount.WithDisk(&DiskInfo{Source: mount.Disk().Source, Persistence: &Persistence{ID: "m"}, Volume: &Volume{ContainerPath: "p"}})
	for _, row := range []struct{ disk, volume Resource }{
		{reservedDisk(), volume("id", "p")},
		{reservedDisk(), volume("id", "p").AsShared(1)},
		{mount, onMount},
	} {
		total := row.disk.Resources()
		create, err := CreateVolumes(row.volume.Resources())
		require.NoError(t, err)
		created, err := total.Apply(create...)
		require.NoError(t, err)
		requireSame(t, row.volume.Resources(), created)
		destroy, err := DestroyVolumes(created)
		require.NoError(t, err)
		destroyed, err := created.Apply(destroy...)
		require.NoError(t, err)
		requireSame(t, total, destroyed)
	}
	_, err := CreateVolumes(reservedDisk().Resources())
	require.ErrorContains(t, err, "is not a persistent volume")
	_, err = DestroyVolumes(reservedDisk().Resources())
	require.ErrorContains(t, err, "is not a persistent volume")
}

func TestVolumeWithCopiesLeftIsNotDestroyed(t *testing.T) {
	one := volume("id", "p").AsShared(1).Resources()
	destroy, err := DestroyVolumes(one)
	require.NoError(t, err)
	_, err = one.Add(one).Apply(destroy...)
	require.EqualError(t, err, "Persistent volume disk(reservations: [(DYNAMIC,r)])[id:p]<SHARED>:100 cannot be removed due to additional shared copies")
}

func TestCopiesOfSharedVolumesAreMadeWhenNeeded(t *testing.T) {
	v := volume("id", "p").AsShared(1)
	offered := v.Resources().Add(MustParse("cpus:1"))
	needed := v.AsShared(3).Resources().Add(MustParse("cpus:1"))
	require.False(t, offered.Contains(needed))
	enough, err := offered.Apply(offered.ShareCopies(needed)...)
	require.NoError(t, err)
	requireSame(t, needed, enough)
	require.Empty(t, enough.ShareCopies(needed))
	require.Empty(t, MustParse("cpus:1").ShareCopies(needed), "what was not offered is not made")
}

func TestVolumesGrowAndShrink(t *testing.T) {
	addition := reservedDisk().WithScalar(32 * Unit)
	grow, err := GrowVolume(volume("id", "p"), addition)
	require.NoError(t, err)
	grown, err := volume("id", "p").Resources().Add(addition.Resources()).Apply(grow...)
	require.NoError(t, err)
	require.Equal(t, "disk(reservations: [(DYNAMIC,r)])[id:p]:132", grown.String())
	shrink, err := ShrinkVolume(grown.At(0), 32*Unit)
	require.NoError(t, err)
	shrunk, err := grown.Apply(shrink...)
	require.NoError(t, err)
	requireSame(t, New(volume("id", "p"), addition), shrunk)

	mounted := volume("id", "p").WithDisk(&DiskInfo{
		Source: &DiskSource{Type: MountSource, Root: "/m"}, Persistence: &Persistence{ID: "id"}})
	for want, volume := range map[string]Resource{
		"is not a persistent volume":                    reservedDisk(),
		"Operation not supported for resource provider": volume("id", "p").WithProvider("rp"),
		"cannot be resized":                             volume("id", "p").AsShared(1),
	} {
		_, err = GrowVolume(volume, addition)
		require.ErrorContains(t, err, want)
		_, err = ShrinkVolume(volume, Unit)
		require.ErrorContains(t, err, want)
	}
	for want, addition := range map[string]Resource{
		"must be greater than zero": addition.WithScalar(0),
		"Incompatible resource":     addition.Reserved(dynamic("s")),
	} {
		_, err = GrowVolume(volume("id", "p"), addition)
		require.ErrorContains(t, err, want)
	}
	_, err = GrowVolume(mounted, mounted.WithoutVolume())
	require.ErrorContains(t, err, "Incompatible resource")
	_, err = ShrinkVolume(mounted, Unit)
	require.ErrorContains(t, err, "is on an exclusive disk")
	_, err = ShrinkVolume(volume("id", "p"), 0)
	require.ErrorContains(t, err, "must be greater than zero")
	_, err = ShrinkVolume(volume("id", "p"), 100*Unit)
	require.ErrorContains(t, err, "must be smaller than the size")
}

func TestPortsAreReservedAndUnreserved(t *testing.T) {
	total := MustParse("ports:[1-10]")
	reserved := NewRange("ports", Range{3, 5}).Reserved(dynamic("r")).Resources()
	reserve, err := Reserve(reserved)
	require.NoError(t, err)
	got, err := total.Apply(reserve...)
	require.NoError(t, err)
	require.Equal(t, "ports:[1-2, 6-10]; ports(reservations: [(DYNAMIC,r)]):[3-5]", got.String())
	unreserve, err := Unreserve(reserved)
	require.NoError(t, err)
	got, err = got.Apply(unreserve...)
	require.NoError(t, err)
	requireSame(t, total, got)
}

func TestReservationsCanBeExchanged(t *testing.T) {
	source := NewScalar("cpus", Unit).Reserved(dynamic("a"), dynamic("a/b"))
	target := NewScalar("cpus", Unit).Reserved(dynamic("a"), dynamic("a/c"))
	exchange, err := Rereserve(source.Resources(), target.Resources())
	require.NoError(t, err)
	got, err := source.Resources().Add(MustParse("cpus:1")).Apply(exchange...)
	require.NoError(t, err)
	requireSame(t, target.Resources().Add(MustParse("cpus:1")), got)
	for _, row := range []struct {
		source, target Resources
		want           string
	}{
		{Resources{}, target.Resources(), "must not be empty"},
		{source.Resources(), Resources{}, "must not be empty"},
		{source.Resources().Add(MustParse("cpus:1")), target.Resources(), "'source' must all have the same reservations"},
		{source.Resources(), target.Resources().Add(MustParse("cpus:1")), "'resources' must all have the same reservations"},
		{source.Resources(), target.WithScalar(5).Resources(), "must differ in reservations alone"},
	} {
		_, err := Rereserve(row.source, row.target)
		require.ErrorContains(t, err, row.want)
	}
}

func TestVolumesAreNotUnreserved(t *testing.T) {
	_, err := Unreserve(volume("id", "p").Resources())
	require.ErrorContains(t, err, "Please destroy the persistent volume first")
	_, err = Unreserve(MustParse("cpus(a):1"))
	require.EqualError(t, err, "Resource cpus(reservations: [(STATIC,a)]):1 is not dynamically reserved")
}

// Whatever is converted, nothing is won or lost, and the way back leads back.
func TestConversionsConserveQuantities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Equal ports reserved twice would become one when unreserved, so scalars.
		r := genResources().Draw(t, "r").NonShared().Scalars()
		target := genResources().Draw(t, "target").NonShared().Scalars()
		for _, pair := range []struct {
			name        string
			forth, back func(Resources) ([]Conversion, error)
			of          Resources
		}{
			{"reserve", Reserve, Unreserve, target.Filter(func(e Resource) bool { return e.IsDynamicallyReserved() && !e.IsPersistentVolume() })},
			{"create", CreateVolumes, DestroyVolumes, target.PersistentVolumes()},
		} {
			forth, err := pair.forth(pair.of)
			require.NoError(t, err, pair.name)
			back, err := pair.back(pair.of)
			require.NoError(t, err, pair.name)
			var needed Accumulator
			for _, c := range forth {
				needed.Add(c.Consumed)
			}
			total := r.Sub(needed.Resources()).Add(needed.Resources())
			there, err := total.Apply(forth...)
			require.NoError(t, err, pair.name)
			require.True(t, there.Contains(pair.of))
			require.Equal(t, total.ScalarQuantities().String(), there.ScalarQuantities().String(), pair.name)
			again, err := there.Apply(back...)
			require.NoError(t, err, pair.name)
			requireEqual(t, total, again, pair.name)
		}
	})
}

func TestOperationsAsMessages(t *testing.T) {
	res := func(list ...Resource) []*mesosproto.Resource { return New(list...).Proto() }
	typ := func(t mesosproto.Offer_Operation_Type) *mesosproto.Offer_Operation_Type { return &t }
	v, addition := volume("id", "p"), reservedDisk().WithScalar(Unit)
	for want, op := range map[string]*mesosproto.Offer_Operation{
		"disk:100": {Type: typ(mesosproto.Offer_Operation_RESERVE),
			Reserve: &mesosproto.Offer_Operation_Reserve{Resources: res(reservedDisk())}},
		"disk(reservations: [(DYNAMIC,r)]):100": {Type: typ(mesosproto.Offer_Operation_UNRESERVE),
			Unreserve: &mesosproto.Offer_Operation_Unreserve{Resources: res(reservedDisk())}},
		"disk(reservations: [(DYNAMIC,r)]):200": {Type: typ(mesosproto.Offer_Operation_CREATE),
			Create: &mesosproto.Offer_Operation_Create{Volumes: res(v, volume("id2", "p"))}},
		"disk(reservations: [(DYNAMIC,r)])[id:p]:100": {Type: typ(mesosproto.Offer_Operation_DESTROY),
			Destroy: &mesosproto.Offer_Operation_Destroy{Volumes: res(v)}},
		"disk(reservations: [(DYNAMIC,r)]):1; disk(reservations: [(DYNAMIC,r)])[id:p]:100": {Type: typ(mesosproto.Offer_Operation_GROW_VOLUME),
			GrowVolume: &mesosproto.Offer_Operation_GrowVolume{Volume: v.Proto(), Addition: addition.Proto()}},
		"disk(reservations: [(DYNAMIC,r)])[id:p]:50": {Type: typ(mesosproto.Offer_Operation_SHRINK_VOLUME),
			ShrinkVolume: &mesosproto.Offer_Operation_ShrinkVolume{Volume: v.WithScalar(50 * Unit).Proto(), Subtract: Unit.Proto()}},
		"disk(reservations: [(DYNAMIC,a)]):1": {Type: typ(mesosproto.Offer_Operation_RESERVE),
			Reserve: &mesosproto.Offer_Operation_Reserve{
				Source: res(addition.Reserved(dynamic("a"))), Resources: res(addition)}},
		"disk[RAW(,,fast)]:1": {Type: typ(mesosproto.Offer_Operation_CREATE_DISK),
			CreateDisk: &mesosproto.Offer_Operation_CreateDisk{Source: NewScalar("disk", Unit).
				WithDisk(&DiskInfo{Source: &DiskSource{Type: RawSource, Profile: "fast"}}).Proto()}},
		"disk[BLOCK(,b,)]:1": {Type: typ(mesosproto.Offer_Operation_DESTROY_DISK),
			DestroyDisk: &mesosproto.Offer_Operation_DestroyDisk{Source: NewScalar("disk", Unit).
				WithDisk(&DiskInfo{Source: &DiskSource{Type: BlockSource, ID: "b"}}).Proto()}},
	} {
		consumed, err := Consumed(op)
		require.NoError(t, err, want)
		require.Equal(t, want, consumed.String())
		if op.CreateDisk != nil || op.DestroyDisk != nil {
			made := NewScalar("disk", Unit).WithDisk(&DiskInfo{Source: &DiskSource{Type: MountSource, ID: "new"}})
			c, err := DiskConversion(op, res(made))
			require.NoError(t, err)
			got, err := consumed.Apply(c)
			require.NoError(t, err)
			requireSame(t, made.Resources(), got)
			_, err = Conversions(op)
			require.ErrorContains(t, err, "not supported")
			continue
		}
		_, err = consumed.ApplyOperation(op)
		require.NoError(t, err, want)
		_, err = Resources{}.ApplyOperation(op)
		require.ErrorContains(t, err, "{} does not contain")
		_, err = DiskConversion(op, nil)
		require.ErrorContains(t, err, "has no disk")
	}
}

func TestOperationsWithoutBodyAreRefused(t *testing.T) {
	for n := range mesosproto.Offer_Operation_Type_name {
		typ := mesosproto.Offer_Operation_Type(n)
		op := &mesosproto.Offer_Operation{Type: &typ}
		_, err := Conversions(op)
		require.Error(t, err, typ)
		_, err = Consumed(op)
		if typ == mesosproto.Offer_Operation_LAUNCH || typ == mesosproto.Offer_Operation_LAUNCH_GROUP {
			require.NoError(t, err, "no tasks need nothing")
		} else {
			require.Error(t, err, typ)
		}
	}
	_, err := Conversions(nil)
	require.ErrorContains(t, err, "Operation UNKNOWN not supported")
}

func TestLaunchConsumesTasksAndNewExecutors(t *testing.T) {
	executor := func(id string) *mesosproto.ExecutorInfo {
		return &mesosproto.ExecutorInfo{
			ExecutorId: &mesosproto.ExecutorID{Value: proto.String(id)}, Resources: MustParse("cpus:0.1;mem:32").Proto()}
	}
	task := func(e *mesosproto.ExecutorInfo) *mesosproto.TaskInfo {
		return &mesosproto.TaskInfo{Resources: MustParse("cpus:1").Proto(), Executor: e}
	}
	launch := mesosproto.Offer_Operation_LAUNCH
	tasks := []*mesosproto.TaskInfo{task(nil), task(executor("a")), task(executor("a")), task(executor("b"))}
	consumed, err := Consumed(&mesosproto.Offer_Operation{Type: &launch, Launch: &mesosproto.Offer_Operation_Launch{TaskInfos: tasks}})
	require.NoError(t, err)
	require.Equal(t, "cpus:4.2; mem:64", consumed.String())

	consumed, err = LaunchConsumes(tasks, nil, func(id string) bool { return id == "b" })
	require.NoError(t, err)
	require.Equal(t, "cpus:4.1; mem:32", consumed.String())

	group := mesosproto.Offer_Operation_LAUNCH_GROUP
	consumed, err = Consumed(&mesosproto.Offer_Operation{Type: &group, LaunchGroup: &mesosproto.Offer_Operation_LaunchGroup{
		Executor: executor("a"), TaskGroup: &mesosproto.TaskGroupInfo{Tasks: tasks[:3]}}})
	require.NoError(t, err)
	require.Equal(t, "cpus:3.1; mem:32", consumed.String())

	tasks[0].Resources[0].Name = proto.String("")
	_, err = LaunchConsumes(tasks, nil, nil)
	require.ErrorContains(t, err, "Empty resource name")
	_, err = LaunchConsumes(nil, &mesosproto.ExecutorInfo{Resources: tasks[0].Resources}, nil)
	require.ErrorContains(t, err, "Empty resource name")
}
