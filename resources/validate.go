//lint:file-ignore SA1019 the deprecated field role is half of the old format of reservations

package resources

import "github.com/mesokit/mesokit/mesosproto"

// Validate tells why a message is not a legal resource, in the words of the reference. Both formats
// of reservations are legal, and a mixture of both if consistent.
//
// Mesos: src/common/resources.cpp, validate.
func Validate(m *mesosproto.Resource) error {
	_, err := convert(m)
	return err
}

// ValidateAll checks every message of list; the error names the first bad one.
func ValidateAll(list []*mesosproto.Resource) error {
	for _, m := range list {
		if err := Validate(m); err != nil {
			return invalidResource(m, err)
		}
	}
	return nil
}

func invalidResource(m *mesosproto.Resource, err error) error {
	return reason("Resource '%s' is invalid: %s", describe(m), err)
}

// valueOf returns the value of m, if exactly that of the declared type is there and it is sound.
func valueOf(m *mesosproto.Resource) (Scalar, *list, error) {
	if m.Type == nil {
		return 0, nil, reason("Invalid resource type")
	}
	switch *m.Type {
	case mesosproto.Value_SCALAR:
		if m.Scalar == nil || m.Ranges != nil || m.Set != nil {
			return 0, nil, reason("Invalid scalar resource")
		}
		v := m.Scalar.GetValue()
		amount, err := checkedScalar(v)
		if err != nil {
			return 0, nil, reason("Invalid scalar resource: %s", err)
		}
		if v != 0 && amount <= 0 { // negative, or too small to be seen
			return 0, nil, reason("Invalid scalar resource: value <= 0")
		}
		return amount, nil, nil
	case mesosproto.Value_RANGES:
		if m.Scalar != nil || m.Ranges == nil || m.Set != nil {
			return 0, nil, reason("Invalid ranges resource")
		}
		ranges, err := validRanges(rangesOf(m.Ranges))
		return 0, &list{ranges: ranges}, err
	case mesosproto.Value_SET:
		if m.Scalar != nil || m.Ranges != nil || m.Set == nil {
			return 0, nil, reason("Invalid set resource")
		}
		items := NewSet(m.Set.GetItem()...)
		if len(items) != len(m.Set.GetItem()) {
			return 0, nil, reason("Invalid set resource: duplicated elements")
		}
		return 0, &list{items: items}, nil
	}
	return 0, nil, reason("Unsupported resource type")
}

// validRanges makes ranges, which it takes over, canonical.
func validRanges(ranges []Range) (Ranges, error) {
	if isCanonical(ranges) {
		return ranges, nil
	}
	for _, r := range ranges {
		if r.Begin > r.End {
			return nil, reason("Invalid ranges resource: begin > end")
		}
	}
	if overlapping(ranges) {
		return nil, reason("Invalid ranges resource: overlapping ranges")
	}
	return canonical(ranges), nil
}

func validateSource(s *mesosproto.Resource_DiskInfo_Source) error {
	switch typ := s.GetType(); typ {
	case mesosproto.Resource_DiskInfo_Source_PATH, mesosproto.Resource_DiskInfo_Source_MOUNT,
		mesosproto.Resource_DiskInfo_Source_BLOCK, mesosproto.Resource_DiskInfo_Source_RAW:
		if s.Mount != nil && typ != mesosproto.Resource_DiskInfo_Source_MOUNT {
			return reason("Mount should not be set for %s disk source", typ)
		}
		if s.Path != nil && typ != mesosproto.Resource_DiskInfo_Source_PATH {
			return reason("Path should not be set for %s disk source", typ)
		}
		return nil
	default:
		return reason("Unsupported 'DiskInfo.Source.Type' in '%s'", typ)
	}
}

// validateOldFormat checks role and reservation where there are no reservations.
func validateOldFormat(m *mesosproto.Resource) error {
	role := m.GetRole()
	if err := ValidateRole(role); err != nil {
		return err
	}
	switch res := m.Reservation; {
	case res == nil:
		return nil
	case res.Type != nil:
		return reason("'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field")
	case res.Role != nil:
		return reason("'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field")
	case role == AnyRole:
		return reason(`Invalid reservation: role "*" cannot be dynamically reserved`)
	}
	return nil
}

// validateNewFormat checks reservations, and that role and reservation don't contradict them.
func validateNewFormat(m *mesosproto.Resource, stack []Reservation) error {
	for _, res := range m.Reservations {
		if res.GetType() == mesosproto.Resource_ReservationInfo_UNKNOWN && res.Type == nil {
			return reason("Invalid reservation: 'Resource.ReservationInfo.type' field must be set.")
		}
	}
	if err := validateStack(stack); err != nil {
		return err
	}
	if len(stack) > 1 {
		if m.Role != nil {
			return reason("Invalid resource format: 'Resource.role' must not be set if" +
				" there is more than one reservation in 'Resource.reservations'")
		}
		if m.Reservation != nil {
			return reason("Invalid resource format: 'Resource.reservation' must not be set if" +
				" there is more than one reservation in 'Resource.reservations'")
		}
		return nil
	}
	only := stack[0]
	if m.Role != nil && m.GetRole() != only.Role {
		return reason("Invalid resource format: 'Resource.role' field with '%s' does not match the role '%s'"+
			" in 'Resource.reservations'", m.GetRole(), only.Role)
	}
	if only.Type == Static {
		if m.Reservation != nil {
			return reason("Invalid resource format: 'Resource.reservation' must not be set if the single" +
				" reservation in 'Resource.reservations' is STATIC")
		}
		return nil
	}
	if (m.Role != nil) != (m.Reservation != nil) {
		return reason("Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both" +
			" set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC")
	}
	if m.Reservation == nil {
		return nil
	}
	if p := m.Reservation.GetPrincipal(); p != only.Principal {
		return reason("Invalid resource format: 'Resource.reservation.principal' field with '%s' does not match"+
			" the principal '%s' in 'Resource.reservations'", p, only.Principal)
	}
	if labels := labelsOf(m.Reservation.GetLabels()); !equalLabels(labels, only.Labels) {
		return reason("Invalid resource format: 'Resource.reservation.labels' field with '%s' does not match"+
			" the labels '%s' in 'Resource.reservations'", appendLabels(nil, labels), appendLabels(nil, only.Labels))
	}
	return nil
}
