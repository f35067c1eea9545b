package operatorapi

import (
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// amount is what there is of one name, over all roles, reservations and disks.
type amount struct {
	name   string
	kind   mesosproto.Value_Type
	scalar resources.Scalar
	ranges resources.Ranges
	items  []string
}

// amounts sums resources as the v0 API shows them. disk, mem, gpus and cpus are always there.
type amounts struct {
	disk, mem, gpus, cpus resources.Scalar
	others                []amount
}

func (a *amounts) addScalar(name string, revocable bool, v resources.Scalar) {
	if !revocable {
		switch name {
		case "disk":
			a.disk += v
			return
		case "mem":
			a.mem += v
			return
		case "gpus":
			a.gpus += v
			return
		case "cpus":
			a.cpus += v
			return
		}
	}
	a.other(name, revocable, mesosproto.Value_SCALAR).scalar += v
}

func (a *amounts) other(name string, revocable bool, kind mesosproto.Value_Type) *amount {
	if revocable {
		name += "_revocable"
	}
	for i := range a.others {
		if a.others[i].name == name && a.others[i].kind == kind {
			return &a.others[i]
		}
	}
	a.others = append(a.others, amount{name: name, kind: kind})
	return &a.others[len(a.others)-1]
}

func (a *amounts) add(r resources.Resources) {
	for e := range r.All() {
		switch e.Type() {
		case resources.TypeScalar:
			a.addScalar(e.Name(), e.IsRevocable(), e.Scalar())
		case resources.TypeRanges:
			o := a.other(e.Name(), e.IsRevocable(), mesosproto.Value_RANGES)
			o.ranges = o.ranges.Add(e.Ranges())
		case resources.TypeSet:
			o := a.other(e.Name(), e.IsRevocable(), mesosproto.Value_SET)
			o.items = append(o.items, e.Set()...)
		}
	}
}

func (a *amounts) addMessages(list []*mesosproto.Resource) {
	for _, r := range list {
		name, revocable := r.GetName(), r.GetRevocable() != nil
		switch r.GetType() {
		case mesosproto.Value_SCALAR:
			a.addScalar(name, revocable, resources.ScalarOf(r.GetScalar().GetValue()))
		case mesosproto.Value_RANGES:
			o := a.other(name, revocable, mesosproto.Value_RANGES)
			o.ranges = o.ranges.Add(rangesOf(r.GetRanges()))
		case mesosproto.Value_SET:
			o := a.other(name, revocable, mesosproto.Value_SET)
			o.items = append(o.items, r.GetSet().GetItem()...)
		}
	}
}

func rangesOf(m *mesosproto.Value_Ranges) resources.Ranges {
	list := make([]resources.Range, 0, len(m.GetRange()))
	for _, r := range m.GetRange() {
		list = append(list, resources.Range{Begin: r.GetBegin(), End: r.GetEnd()})
	}
	return resources.NewRanges(list...)
}

func (a *amounts) write(j *JSON) {
	j.Open('{')
	j.DoubleField("disk", a.disk.Float())
	j.DoubleField("mem", a.mem.Float())
	j.DoubleField("gpus", a.gpus.Float())
	j.DoubleField("cpus", a.cpus.Float())
	for _, o := range a.others {
		switch o.kind {
		case mesosproto.Value_SCALAR:
			j.DoubleField(o.name, o.scalar.Float())
		case mesosproto.Value_RANGES:
			j.Field(o.name, o.ranges.String())
		default:
			j.Field(o.name, setText(o.items))
		}
	}
	j.Close('}')
}

// setText prints "{a, b}".
func setText(items []string) string {
	items = slices.Clone(items)
	slices.Sort(items)
	return resources.Set(slices.Compact(items)).String()
}

// ResourcesField writes a member {"disk":0.0,"mem":1024.0,"gpus":0.0,"cpus":4.0,"ports":"[31000-32000]"}: the
// sum over roles, reservations and disks; what may be taken away apart, as "cpus_revocable".
//
// Mesos: src/common/http.cpp, json(Resources).
func (j *JSON) ResourcesField(name string, list ...resources.Resources) {
	var a amounts
	for _, r := range list {
		a.add(r)
	}
	j.Key(name)
	a.write(j)
}

// ResourceMessagesField is ResourcesField of messages.
func (j *JSON) ResourceMessagesField(name string, lists ...[]*mesosproto.Resource) {
	var a amounts
	for _, list := range lists {
		a.addMessages(list)
	}
	j.Key(name)
	a.write(j)
}

// ReservationsField writes a member {role: resources}, of what is reserved to each role.
func (j *JSON) ReservationsField(name string, r resources.Resources) {
	j.Key(name)
	j.Open('{')
	for role, reserved := range r.Reservations() {
		if role != resources.AnyRole {
			j.ResourcesField(role, reserved)
		}
	}
	j.Close('}')
}

// FullReservationsField is ReservationsField with messages, in both formats of reservations.
func (j *JSON) FullReservationsField(name string, r resources.Resources) {
	j.Key(name)
	j.Open('{')
	for role, reserved := range r.Reservations() {
		if role != resources.AnyRole {
			j.FullResourcesField(role, reserved)
		}
	}
	j.Close('}')
}

// FullResourcesField writes a member [Resource], in both formats of reservations.
func (j *JSON) FullResourcesField(name string, r resources.Resources) {
	j.Key(name)
	j.Open('[')
	for _, m := range r.ProtoEndpoint() {
		j.Element()
		j.Message(m)
	}
	j.Close(']')
}

// QuantitiesField writes a member {name: amount}; names that are zero are left out but those given.
func (j *JSON) QuantitiesField(name string, q resources.Quantities, always ...string) {
	j.Key(name)
	j.Open('{')
	for _, n := range always {
		j.DoubleField(n, q.Get(n).Float())
	}
	for n, v := range q.All() {
		if !slices.Contains(always, n) {
			j.DoubleField(n, v.Float())
		}
	}
	j.Close('}')
}

// RoleField writes the role that resources are allocated to, if they are to any.
func (j *JSON) RoleField(list []*mesosproto.Resource) {
	for _, r := range list {
		if role := r.GetAllocationInfo().GetRole(); role != "" {
			j.Field("role", role)
			return
		}
	}
}

// AttributesField writes a member {name: value}; of several values of a name the last.
func (j *JSON) AttributesField(name string, list []*mesosproto.Attribute) {
	j.Key(name)
	j.Open('{')
	for i, a := range list {
		if slices.ContainsFunc(list[i+1:], func(b *mesosproto.Attribute) bool { return b.GetName() == a.GetName() }) {
			continue
		}
		switch a.GetType() {
		case mesosproto.Value_SCALAR:
			j.DoubleField(a.GetName(), a.GetScalar().GetValue())
		case mesosproto.Value_RANGES:
			j.Field(a.GetName(), rangesOf(a.GetRanges()).String())
		case mesosproto.Value_SET:
			j.Field(a.GetName(), setText(a.GetSet().GetItem()))
		case mesosproto.Value_TEXT:
			j.Field(a.GetName(), a.GetText().GetValue())
		}
	}
	j.Close('}')
}
