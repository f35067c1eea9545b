package schedulertest

import "github.com/mesokit/mesokit/internal/loop"

// teardown is the end of a framework.
type teardown struct {
	by string // the master's process
	at loop.Instant
}

// emptied checks that nothing of a framework that was torn down runs any more, where the master can have
// it ended and that is due. It has to be the master that took the TEARDOWN: the next one learns from the
// agents that there is such a framework, and waits for it to come back. It reports whether anything still
// runs anywhere.
func (k *checker) emptied(due func(a *Agent, since loop.Instant) bool) (left bool) {
	m := k.cluster.master
	if len(k.torndown) == 0 || m.closed() {
		return false
	}
	for _, a := range k.cluster.agents {
		for _, id := range a.machine.order {
			x := a.machine.containers[id]
			t, removed := k.torndown[x.spec.FrameworkID]
			if !removed || t.by != m.name || x.ended {
				continue
			}
			left = true
			if k.reached(a) && due(a, t.at) {
				k.violated(InvariantTruth, "framework %s was torn down, but its container %s runs on %s", x.spec.FrameworkID, id, a.name)
			}
		}
	}
	return left
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
