package master

import (
	"slices"

	"github.com/mesokit/mesokit/resources"
)

// newVolumes refuses volumes whose id is taken on the agent, and shared ones of frameworks that would not be
// offered them.
func newVolumes(f *framework, a *agent, conversions []resources.Conversion) error {
	for _, conversion := range conversions {
		for v := range conversion.Converted.All() {
			if v.IsShared() && !f.caps.shared() {
				return refusal("Create volume operation for '" + v.String() + "' has been attempted by framework '" + f.id +
					"' with no SHARED_RESOURCES capability")
			}
			for e := range a.total.All() {
				if e.IsPersistentVolume() && e.Disk().Persistence.ID == v.Disk().Persistence.ID && e.ReservationRole() == v.ReservationRole() {
					return refusal("Persistence ID '" + v.Disk().Persistence.ID + "' already exists on the agent for role '" + v.ReservationRole() + "'")
				}
			}
		}
	}
	return nil
}

// unusedVolumes refuses volumes that tasks or executors use: shared ones are offered all the same.
func unusedVolumes(a *agent, conversions []resources.Conversion) error {
	used := a.used.Resources().PersistentVolumes().Unallocate()
	for _, conversion := range conversions {
		for v := range conversion.Consumed.Shared().All() {
			if used.Contains(v.AsShared(1).AllocatedTo("").Resources()) {
				return refusal("Persistent volumes in use")
			}
		}
	}
	return nil
}

// rescindVolumes takes back the offers of volumes that are destroyed.
func (c *core) rescindVolumes(a *agent, conversions []resources.Conversion) {
	for _, o := range c.offers.OfAgent(a.id) {
		offered := o.Resources.Shared().Unallocate()
		if slices.ContainsFunc(conversions, func(x resources.Conversion) bool {
			return x.Consumed.Shared().Any(func(v resources.Resource) bool {
				return offered.Contains(v.AsShared(1).AllocatedTo("").Resources())
			})
		}) {
			c.rescind(o, nil)
		}
	}
}
