package resources

import (
	"cmp"
	"slices"
)

// ReservationType says who made a reservation.
type ReservationType uint8

const (
	// Static reservations come from the agent's configuration (--resources) and can't be undone.
	Static ReservationType = 1
	// Dynamic reservations are made and undone by frameworks and operators.
	Dynamic ReservationType = 2
)

// String returns the name in messages: STATIC, DYNAMIC or UNKNOWN.
func (t ReservationType) String() string {
	switch t {
	case Static:
		return "STATIC"
	case Dynamic:
		return "DYNAMIC"
	}
	return "UNKNOWN"
}

// Label is a key with an optional value; an empty value is the same as none.
type Label struct {
	Key, Value string
}

// Reservation keeps a resource for a role and its subroles. An empty Principal is the same as none.
// Labels are compared without regard to their order.
//
// Mesos: Resource.ReservationInfo.
type Reservation struct {
	Type      ReservationType
	Role      string
	Principal string
	Labels    []Label
}

// Equal compares type, role, principal and labels.
func (r Reservation) Equal(x Reservation) bool {
	return r.Type == x.Type && r.Role == x.Role && r.Principal == x.Principal && equalLabels(r.Labels, x.Labels)
}

// String prints "DYNAMIC,role,principal,{key: value}".
func (r Reservation) String() string { return string(r.append(nil)) }

func (r Reservation) append(dst []byte) []byte {
	dst = append(dst, r.Type.String()...)
	dst = append(dst, ',')
	dst = append(dst, r.Role...)
	if r.Principal != "" {
		dst = append(dst, ',')
		dst = append(dst, r.Principal...)
	}
	if len(r.Labels) > 0 {
		dst = append(dst, ',')
		dst = appendLabels(dst, r.Labels)
	}
	return dst
}

func appendLabels(dst []byte, labels []Label) []byte {
	dst = append(dst, '{')
	for i, l := range labels {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, l.Key...)
		if l.Value != "" {
			dst = append(dst, ": "...)
			dst = append(dst, l.Value...)
		}
	}
	return append(dst, '}')
}

func sortedLabels(labels []Label) []Label {
	byKey := func(a, b Label) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
	}
	if slices.IsSortedFunc(labels, byKey) {
		return labels
	}
	sorted := slices.Clone(labels)
	slices.SortFunc(sorted, byKey)
	return sorted
}

func equalLabels(a, b []Label) bool {
	return len(a) == len(b) && slices.Equal(sortedLabels(a), sortedLabels(b))
}

// validateStack checks a list of reservations, oldest first: an optional STATIC one, then DYNAMIC
// ones, each for a strict subrole of the one before.
func validateStack(stack []Reservation) error {
	for _, r := range stack {
		if r.Role == "" {
			return reason("Invalid reservation: 'Resource.ReservationInfo.role' field must be set.")
		}
		if err := ValidateRole(r.Role); err != nil {
			return err
		}
		if r.Role == AnyRole {
			return reason(`Invalid reservation: role "*" cannot be reserved`)
		}
	}
	for i, r := range stack {
		if r.Type != Static && r.Type != Dynamic {
			return reason("Unsupported 'Resource.ReservationInfo.Type'")
		}
		if i == 0 {
			continue
		}
		if r.Type == Static {
			return reason("Invalid refined reservation: A refined reservation cannot be STATIC")
		}
		if above := stack[i-1].Role; !IsStrictSubrole(r.Role, above) {
			return reason("Invalid refined reservation: role '%s' is not a refinement of '%s'", r.Role, above)
		}
	}
	return nil
}
