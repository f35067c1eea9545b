package master

import (
	"time"

	"github.com/mesokit/mesokit/internal/guard"
)

// orphanWait is how long after an agent's return its operations wait for their frameworks to come back, too.
//
// Mesos: src/master/constants.hpp, MIN_WAIT_BEFORE_ORPHAN_OPERATION_ADOPTION.
const orphanWait = 10 * time.Minute

// waits reports whether an operation's framework may still come back, and then wants to know of it.
func (c *core) waits(o *operation) bool {
	return !c.guards.Off(guard.OrphanWait) && o.info.Id != nil && o.framework == nil && o.owner != "" && !c.completedID[o.owner] &&
		!o.agent.reregistered.IsZero() && c.loop.Now().Sub(o.agent.reregistered) < orphanWait
}

// adoptOperations gives a framework that has just become known its operations on the agents that came
// back before it.
func (c *core) adoptOperations(f *framework) {
	for _, a := range c.agents.all() {
		for _, o := range operationsInOrder(a.operations) {
			if o.owner != f.id {
				continue
			}
			o.framework = f
			if id := o.info.GetId().GetValue(); id != "" {
				f.operations[id] = o
			}
		}
	}
}
