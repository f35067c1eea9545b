package master

// Orphans is how many operations wait for each framework that is not here.
func (m *Master) Orphans() map[string]int {
	out := make(map[string]int)
	for id, list := range m.core.orphans {
		out[id] = len(list)
	}
	return out
}
