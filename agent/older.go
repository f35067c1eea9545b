package agent

import (
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// olderForm puts resources into the format of before 1.4, with role and reservation, which every master
// reads. Tasks of one kind have the same resources, so it remembers what it made last.
type olderForm struct {
	of   resources.Resources
	last []*mesosproto.Resource
}

// form returns list in that format. Resources whose reservation has a history have no such form and stay
// as they are. The result is shared: nobody may change it.
func (o *olderForm) form(list []*mesosproto.Resource) []*mesosproto.Resource {
	rs, err := resources.FromProto(list)
	if err != nil {
		return list
	}
	if o.last != nil && o.of.Equal(rs) {
		return o.last
	}
	old, err := rs.ProtoPreRefinement()
	if err != nil {
		return list
	}
	if !slices.ContainsFunc(list, func(r *mesosproto.Resource) bool { return r.Disk != nil }) { // of equal volumes the mounts may differ
		o.of, o.last = rs, old
	}
	return old
}
