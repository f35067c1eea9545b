//lint:file-ignore SA1019 the deprecated field role is half of the old format of reservations

package resources

import "github.com/mesokit/mesokit/mesosproto"

// FromProto converts messages in either format of reservations and returns their sum. Zero amounts
// vanish; the messages are neither changed nor kept.
//
// Errors: the first message that is not legal, as [Validate] says. The reference's class leaves those
// out silently, but checks everything that peers send beforehand.
func FromProto(list []*mesosproto.Resource) (Resources, error) {
	entries := make([]Resource, 0, len(list))
	for _, m := range list {
		r, err := convert(m)
		if err != nil {
			return Resources{}, invalidResource(m, err)
		}
		entries = append(entries, r)
	}
	return collect(entries), nil
}

// FromMessage converts one message; r may be empty.
//
// Errors: as [Validate].
func FromMessage(m *mesosproto.Resource) (Resource, error) {
	r, err := convert(m)
	if err != nil {
		return Resource{}, invalidResource(m, err)
	}
	return r, nil
}

// convert validates and upgrades. The checks come in the reference's order, since their first reason
// reaches frameworks.
func convert(m *mesosproto.Resource) (Resource, error) {
	if m.GetName() == "" {
		return Resource{}, reason("Empty resource name")
	}
	r := Resource{role: m.GetAllocationInfo().GetRole()}
	var err error
	if r.scalar, r.list, err = valueOf(m); err != nil {
		return Resource{}, err
	}
	if m.Disk != nil {
		if *m.Name != "disk" {
			return Resource{}, reason("DiskInfo should not be set for %s resource", *m.Name)
		}
		if m.Disk.Source != nil {
			if err := validateSource(m.Disk.Source); err != nil {
				return Resource{}, err
			}
		}
	}
	t := traits{
		name:      *m.Name,
		typ:       Type(*m.Type),
		revocable: m.Revocable != nil,
		shared:    m.Shared != nil,
		provider:  m.GetProviderId().GetValue(),
		disk:      diskOf(m.Disk),
	}
	if len(m.Reservations) == 0 {
		if err := validateOldFormat(m); err != nil {
			return Resource{}, err
		}
		t.reservations = upgraded(m)
	} else {
		t.reservations = stackOf(m.Reservations)
		if err := validateNewFormat(m, t.reservations); err != nil {
			return Resource{}, err
		}
	}
	if err := t.validate(); err != nil {
		return Resource{}, err
	}
	if t.shared {
		r.copies = 1
	}
	r.id = identify(t)
	return r, nil
}

// upgraded returns the reservations that role and reservation of the old format mean.
func upgraded(m *mesosproto.Resource) []Reservation {
	role := m.GetRole()
	if role == AnyRole {
		return nil
	}
	if m.GetReservation() == nil {
		return []Reservation{{Type: Static, Role: role}}
	}
	r := reservationOf(m.Reservation)
	r.Type, r.Role = Dynamic, role
	return []Reservation{r}
}

func stackOf(list []*mesosproto.Resource_ReservationInfo) []Reservation {
	stack := make([]Reservation, len(list))
	for i, res := range list {
		stack[i] = reservationOf(res)
	}
	return stack
}

func reservationOf(res *mesosproto.Resource_ReservationInfo) Reservation {
	r := Reservation{Role: res.GetRole(), Principal: res.GetPrincipal(), Labels: labelsOf(res.GetLabels())}
	switch res.GetType() {
	case mesosproto.Resource_ReservationInfo_STATIC:
		r.Type = Static
	case mesosproto.Resource_ReservationInfo_DYNAMIC:
		r.Type = Dynamic
	}
	return r
}

func labelsOf(m *mesosproto.Labels) []Label {
	if len(m.GetLabels()) == 0 {
		return nil
	}
	labels := make([]Label, len(m.Labels))
	for i, l := range m.Labels {
		labels[i] = Label{l.GetKey(), l.GetValue()}
	}
	return labels
}

func rangesOf(m *mesosproto.Value_Ranges) []Range {
	ranges := make([]Range, len(m.GetRange()))
	for i, r := range m.GetRange() {
		ranges[i] = Range{r.GetBegin(), r.GetEnd()}
	}
	return ranges
}

func diskOf(m *mesosproto.Resource_DiskInfo) *DiskInfo {
	if m == nil {
		return nil
	}
	d := &DiskInfo{}
	if s := m.Source; s != nil {
		d.Source = &DiskSource{
			Type:     SourceType(s.GetType()),
			Root:     s.GetPath().GetRoot() + s.GetMount().GetRoot(), // at most one is there
			ID:       s.GetId(),
			Vendor:   s.GetVendor(),
			Profile:  s.GetProfile(),
			Metadata: labelsOf(s.GetMetadata()),
		}
	}
	if p := m.Persistence; p != nil {
		d.Persistence = &Persistence{ID: p.GetId(), Principal: p.GetPrincipal()}
	}
	if v := m.Volume; v != nil {
		d.Volume = &Volume{
			ContainerPath: v.GetContainerPath(),
			HostPath:      v.GetHostPath(),
			ReadOnly:      v.GetMode() == mesosproto.Volume_RO,
		}
	}
	return d
}
