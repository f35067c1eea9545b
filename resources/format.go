//lint:file-ignore SA1019 the deprecated field role is half of the old format of reservations

package resources

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
)

// Upgrade changes a valid message in place to the new format of reservations. What already is in the
// new format, or in both, loses role and reservation.
//
// Mesos: src/common/resources_utils.cpp, convertResourceFormat.
func Upgrade(m *mesosproto.Resource) {
	if len(m.Reservations) == 0 {
		for _, res := range upgraded(m) {
			m.Reservations = append(m.Reservations, res.Proto())
		}
	}
	m.Role, m.Reservation = nil, nil
}

// Downgrade changes a valid message in place to the old format: role "*" if unreserved, else role
// and, for dynamic reservations, reservation.
//
// Errors: more than one reservation; the message stays as it is then.
func Downgrade(m *mesosproto.Resource) error {
	if len(m.Reservations) == 0 && m.Role != nil {
		return nil // already in the old format
	}
	if len(m.Reservations) > 1 {
		return reason("Cannot downgrade resources containing refined reservations: %s", describe(m))
	}
	setOldFormat(m)
	m.Reservations = nil
	return nil
}

// setOldFormat sets role and reservation from at most one of reservations.
func setOldFormat(m *mesosproto.Resource) {
	if len(m.Reservations) == 0 {
		m.Role = proto.String(AnyRole)
		return
	}
	only := m.Reservations[0]
	m.Role = only.Role
	if only.GetType() == mesosproto.Resource_ReservationInfo_DYNAMIC {
		m.Reservation = &mesosproto.Resource_ReservationInfo{Principal: only.Principal, Labels: only.Labels}
	}
}
