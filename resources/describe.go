package resources

import (
	"strings"

	"github.com/mesokit/mesokit/mesosproto"
)

// describe prints a message that may be invalid as [Resource.String] prints a valid one, cut short if
// it is long, for errors.
func describe(m *mesosproto.Resource) string {
	const limit = 500
	id := &identity{traits: traits{
		name:         m.GetName(),
		typ:          Type(m.GetType()),
		reservations: stackOf(m.GetReservations()),
		disk:         diskOf(m.GetDisk()),
		revocable:    m.GetRevocable() != nil,
		shared:       m.GetShared() != nil,
	}}
	if len(id.reservations) == 0 {
		id.reservations = upgraded(m)
	}
	r := Resource{id: id, role: m.GetAllocationInfo().GetRole(), scalar: ScalarOf(m.GetScalar().GetValue())}
	r = r.withList(rangesOf(m.GetRanges()), m.GetSet().GetItem())
	text := r.String()
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
