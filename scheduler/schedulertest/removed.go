package schedulertest

// emptied checks that nothing of a framework that was torn down runs any more, where the master can have
// it ended. It has to be the master that took the TEARDOWN: the next one learns from the agents that there
// is such a framework, and waits for it to come back.
func (k *checker) emptied() {
	m := k.cluster.master
	if len(k.torndown) == 0 || m.closed() {
		return
	}
	for _, a := range k.cluster.agents {
		if !k.reached(a) {
			continue
		}
		for _, id := range a.machine.order {
			x := a.machine.containers[id]
			if by, removed := k.torndown[x.spec.FrameworkID]; removed && by == m.name && !x.ended {
				k.violated(InvariantTruth, "framework %s was torn down, but its container %s runs on %s", x.spec.FrameworkID, id, a.name)
			}
		}
	}
}

// reached reports whether an agent runs and nothing keeps it and the master from each other.
func (k *checker) reached(a *Agent) bool {
	net, m := k.cluster.net, k.cluster.master
	return !a.loop.Closed() && !net.blocked(a.name, m.name) && !net.blocked(m.name, a.name)
}

// serves reports whether a framework's driver still tells it of its tasks: its process runs, and has not
// stopped it.
func (f *Framework) serves() bool {
	select {
	case <-f.driver.Done():
		return false
	default:
		return !f.loop.Closed()
	}
}
