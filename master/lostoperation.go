package master

import (
	"cmp"
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// takeTotal takes over which reservations and volumes an agent has. Operations may have got lost on the way
// to it, and with them tasks that were to use what they make. These can't be there, and what they use is
// counted upon no longer. (The reference counts them until the agent has answered for them, in what it does
// not have.)
func (c *core) takeTotal(a *agent, back *comeback) {
	c.allocator.Pause()
	if !back.total.Contains(a.used.Resources().Add(a.offered.Resources()).Unallocate().OneCopy()) {
		c.rescindAgent(a)
		c.loseImpossible(a, back)
	}
	a.total = back.total
	c.allocator.UpdateAgent(a.info, a.total, a.capabilities)
	c.allocator.Resume()
}

// loseImpossible ends tasks that the agent does not list, the latest first, until it has all reservations and
// volumes that are used. What else may be missing, such as what is oversubscribed, takes nothing from them.
func (c *core) loseImpossible(a *agent, back *comeback) {
	reported := reportedTasks(back.m)
	var missing []*task
	for _, id := range sortedKeys(a.tasks) {
		for _, t := range tasksInOrder(a.tasks[id]) {
			if t.holds && !reported[taskKey{id, t.id}] && t.resources.Any(resources.Resource.NeedsCheckpoint) {
				missing = append(missing, t)
			}
		}
	}
	slices.SortFunc(missing, func(x, y *task) int { return cmp.Compare(y.seq, x.seq) })
	for _, t := range missing {
		if back.total.Contains(a.used.Resources().NeedCheckpoint().Unallocate().OneCopy()) {
			return
		}
		s := c.masterStatus(t, t.framework.lost(mesosproto.TaskState_TASK_DROPPED),
			"The checkpointed resources being used by the task are unknown to the agent", mesosproto.TaskStatus_REASON_RESOURCES_UNKNOWN)
		c.updateTask(t, s, nil)
		c.removeTask(t, false)
		c.sendLoss(t.framework, t, s)
	}
}
