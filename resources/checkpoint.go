package resources

// ApplyCheckpointed returns what an agent has after a restart: total, from its configuration, with the
// reservations and volumes that it had checkpointed made again.
//
// Errors: something checkpointed does not need it, or total has no room for it (the configuration shrank).
// Mesos: src/common/resources_utils.cpp, applyCheckpointedResources.
func ApplyCheckpointed(total, checkpointed Resources) (Resources, error) {
	for _, e := range checkpointed.entries {
		if !e.NeedsCheckpoint() {
			return Resources{}, reason("Unexpected checkpointed resources %s", e)
		}
		before := e.WithoutVolume()
		if e.IsDynamicallyReserved() {
			if stack := e.Reservations(); stack[0].Type == Static {
				before = before.Reserved(stack[0])
			} else {
				before = before.Reserved()
			}
		}
		if !total.Contains(before.Resources()) {
			return Resources{}, reason("Incompatible agent resources: %s does not contain %s", total, before)
		}
		total = total.Sub(before.Resources()).Add(e.Resources())
	}
	return total, nil
}
