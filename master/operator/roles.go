package operator

import (
	"maps"
	"net/http"
	"slices"

	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/resources"
)

// role is what is known of a role, with the roles below it.
type role struct {
	frameworks         []string // subscribed, or with something allocated; of the role itself
	allocated, offered resources.Quantities
	reserved           resources.Quantities
	consumed           resources.Quantities // of its quota: reserved, or allocated and not reserved
}

// rolesOf gathers the roles that there are: those with frameworks, allocations, reservations or a
// weight, and all above them.
//
// Mesos: src/master/readonly_handler.cpp, Master::ReadOnlyHandler::roles; src/master/master.hpp, Role.
func rolesOf(s *master.Snapshot) map[string]*role {
	roles := make(map[string]*role)
	one := func(name string) *role {
		if roles[name] == nil {
			roles[name] = &role{}
		}
		return roles[name]
	}
	// lineage calls do for the role and all above it.
	lineage := func(name string, do func(*role)) {
		do(one(name))
		for above := range resources.Ancestors(name) {
			do(one(above))
		}
	}
	for f := range s.Frameworks.All() {
		mine := make(map[string]bool, len(f.Roles))
		for _, name := range f.Roles {
			mine[name] = true
		}
		for name, r := range f.Used.Allocations() {
			mine[name] = true
			amount, unreserved := r.Quantities(), r.Unreserved().NonRevocable().Quantities()
			lineage(name, func(x *role) {
				x.allocated = x.allocated.Add(amount)
				x.consumed = x.consumed.Add(unreserved)
			})
		}
		for name, r := range f.Offered.Allocations() {
			mine[name] = true
			amount := r.Quantities()
			lineage(name, func(x *role) { x.offered = x.offered.Add(amount) })
		}
		for _, name := range slices.Sorted(maps.Keys(mine)) {
			lineage(name, func(*role) {})
			roles[name].frameworks = append(roles[name].frameworks, f.ID)
		}
	}
	for a := range s.Agents.All() {
		for name, r := range a.Total.Reserved().Reservations() {
			amount, consumed := r.Quantities(), r.NonRevocable().Quantities()
			lineage(name, func(x *role) {
				x.reserved = x.reserved.Add(amount)
				x.consumed = x.consumed.Add(consumed)
			})
		}
	}
	for name := range s.Weights {
		lineage(name, func(*role) {})
	}
	return roles
}

// weightOf is the weight of a role, 1 unless set.
func weightOf(s *master.Snapshot, name string) float64 {
	if w, ok := s.Weights[name]; ok {
		return w
	}
	return 1
}

// roles serves /roles. cpus, mem, disk and gpus are always among the resources, where the reference
// leaves zeros out: collectors read them without a check.
func (h *Handler) roles(w http.ResponseWriter, r *http.Request, s *master.Snapshot) {
	v := h.library.document(rolesView, s, func(v *view) { v.document = rolesDocument(v.snapshot) })
	operatorapi.Serve(w, r, v.document)
}

func rolesDocument(s *master.Snapshot) *operatorapi.Document {
	known := rolesOf(s)
	var b operatorapi.Builder
	b.Open('{')
	b.Key("roles")
	b.Open('[')
	for _, name := range slices.Sorted(maps.Keys(known)) {
		x := known[name]
		b.Element()
		b.Open('{')
		b.Field("name", name)
		b.DoubleField("weight", weightOf(s, name))
		b.Key("quota")
		b.Open('{')
		b.Field("role", name)
		b.QuantitiesField("guarantee", resources.Quantities{})
		b.QuantitiesField("limit", resources.Quantities{})
		b.QuantitiesField("consumed", x.consumed)
		b.Close('}')
		b.QuantitiesField("resources", x.allocated.Add(x.offered), "cpus", "mem", "disk", "gpus")
		b.QuantitiesField("allocated", x.allocated)
		b.QuantitiesField("offered", x.offered)
		b.QuantitiesField("reserved", x.reserved)
		b.TextsField("frameworks", x.frameworks)
		b.Close('}')
	}
	b.Close(']')
	b.Close('}')
	return b.Document()
}
