package resources

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// Proto converts to messages, reservations in the new format: in "reservations" alone. Shared entries
// come once, whatever their number of copies. The messages belong to the caller.
func (r Resources) Proto() []*mesosproto.Resource {
	if len(r.entries) == 0 {
		return nil
	}
	list := make([]*mesosproto.Resource, len(r.entries))
	block := make([]entryMessages, len(r.entries)) // one allocation for all
	for i := range r.entries {
		list[i] = r.entries[i].fill(&block[i])
	}
	return list
}

// Proto converts one entry, as [Resources.Proto] does.
func (r Resource) Proto() *mesosproto.Resource {
	return r.fill(new(entryMessages))
}

// entryMessages are the messages that most entries need.
type entryMessages struct {
	resource   mesosproto.Resource
	scalar     mesosproto.Value_Scalar
	allocation mesosproto.Resource_AllocationInfo
	name, role string
	value      float64
	typ        mesosproto.Value_Type
}

// fill converts into to.
func (r *Resource) fill(to *entryMessages) *mesosproto.Resource {
	id := r.ident()
	m := &to.resource
	to.name, to.typ = id.name, mesosproto.Value_Type(id.typ)
	m.Name, m.Type = &to.name, &to.typ
	if r.role != "" {
		to.role = r.role
		to.allocation.Role = &to.role
		m.AllocationInfo = &to.allocation
	}
	id.fill(m)
	switch id.typ {
	case TypeScalar:
		to.value = r.scalar.Float()
		to.scalar.Value = &to.value
		m.Scalar = &to.scalar
	case TypeRanges:
		m.Ranges = r.Ranges().Proto()
	case TypeSet:
		m.Set = &mesosproto.Value_Set{Item: slices.Clone(r.Set())}
	}
	return m
}

// ProtoPreRefinement converts to messages in the old format: role and reservation. It is what
// frameworks and agents without the capability RESERVATION_REFINEMENT understand, and the registry holds.
//
// Errors: an entry has more than one reservation.
func (r Resources) ProtoPreRefinement() ([]*mesosproto.Resource, error) {
	list := r.Proto()
	for _, m := range list {
		if err := Downgrade(m); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ProtoEndpoint converts to messages with both formats at once, as the v0 HTTP endpoints show them;
// refined reservations are in the new format alone.
func (r Resources) ProtoEndpoint() []*mesosproto.Resource {
	list := r.Proto()
	for _, m := range list {
		if len(m.Reservations) <= 1 {
			setOldFormat(m)
		}
	}
	return list
}

// Proto converts an amount.
func (s Scalar) Proto() *mesosproto.Value_Scalar {
	return &mesosproto.Value_Scalar{Value: proto.Float64(s.Float())}
}

// Proto converts the ranges.
func (a Ranges) Proto() *mesosproto.Value_Ranges {
	bounds := slices.Clone(a)
	list := make([]mesosproto.Value_Range, len(a))
	m := &mesosproto.Value_Ranges{Range: make([]*mesosproto.Value_Range, len(a))}
	for i := range a {
		list[i].Begin, list[i].End = &bounds[i].Begin, &bounds[i].End
		m.Range[i] = &list[i]
	}
	return m
}

// fill converts what few resources have: reservations, disk and so on.
func (id *identity) fill(m *mesosproto.Resource) {
	for _, res := range id.reservations {
		m.Reservations = append(m.Reservations, res.Proto())
	}
	if id.disk != nil {
		m.Disk = id.disk.Proto()
	}
	if id.revocable {
		m.Revocable = &mesosproto.Resource_RevocableInfo{}
	}
	if id.shared {
		m.Shared = &mesosproto.Resource_SharedInfo{}
	}
	if id.provider != "" {
		m.ProviderId = &mesosproto.ResourceProviderID{Value: proto.String(id.provider)}
	}
}

// Proto converts the reservation.
func (r Reservation) Proto() *mesosproto.Resource_ReservationInfo {
	return &mesosproto.Resource_ReservationInfo{
		Type:      mesosproto.Resource_ReservationInfo_Type(r.Type).Enum(),
		Role:      &r.Role,
		Principal: optional(r.Principal),
		Labels:    labelsProto(r.Labels),
	}
}

// Proto converts the disk.
func (d *DiskInfo) Proto() *mesosproto.Resource_DiskInfo {
	m := &mesosproto.Resource_DiskInfo{}
	if s := d.Source; s != nil {
		m.Source = s.Proto()
	}
	if p := d.Persistence; p != nil {
		m.Persistence = &mesosproto.Resource_DiskInfo_Persistence{Id: proto.String(p.ID), Principal: optional(p.Principal)}
	}
	if v := d.Volume; v != nil {
		mode := mesosproto.Volume_RW
		if v.ReadOnly {
			mode = mesosproto.Volume_RO
		}
		m.Volume = &mesosproto.Volume{
			Mode:          &mode,
			ContainerPath: proto.String(v.ContainerPath),
			HostPath:      optional(v.HostPath),
		}
	}
	return m
}

// Proto converts the source.
func (s *DiskSource) Proto() *mesosproto.Resource_DiskInfo_Source {
	m := &mesosproto.Resource_DiskInfo_Source{
		Type:     mesosproto.Resource_DiskInfo_Source_Type(s.Type).Enum(),
		Vendor:   optional(s.Vendor),
		Id:       optional(s.ID),
		Metadata: labelsProto(s.Metadata),
		Profile:  optional(s.Profile),
	}
	if s.Root != "" {
		switch s.Type {
		case PathSource:
			m.Path = &mesosproto.Resource_DiskInfo_Source_Path{Root: optional(s.Root)}
		case MountSource:
			m.Mount = &mesosproto.Resource_DiskInfo_Source_Mount{Root: optional(s.Root)}
		}
	}
	return m
}

func labelsProto(labels []Label) *mesosproto.Labels {
	if len(labels) == 0 {
		return nil
	}
	m := &mesosproto.Labels{Labels: make([]*mesosproto.Label, len(labels))}
	for i, l := range labels {
		m.Labels[i] = &mesosproto.Label{Key: &l.Key, Value: optional(l.Value)}
	}
	return m
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
