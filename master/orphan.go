package master

import (
	"maps"
	"slices"
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

// addOrphan remembers an operation until its framework comes, or the operation is over. That of an operator
// waits for nobody.
func (c *core) addOrphan(o *operation) {
	if o.owner == "" {
		return
	}
	if c.orphans[o.owner] == nil {
		c.orphans[o.owner] = make(map[*operation]struct{})
	}
	c.orphans[o.owner][o] = struct{}{}
}

func (c *core) removeOrphan(o *operation) {
	delete(c.orphans[o.owner], o)
	if len(c.orphans[o.owner]) == 0 {
		delete(c.orphans, o.owner)
	}
}

// adoptOperations gives a framework that has just become known its operations on the agents that came
// back before it.
func (c *core) adoptOperations(f *framework) {
	list := slices.SortedFunc(maps.Keys(c.orphans[f.id]), bySeq)
	delete(c.orphans, f.id)
	for _, o := range list {
		o.framework = f
		if id := o.info.GetId().GetValue(); id != "" {
			f.operations[id] = o
		}
	}
}
