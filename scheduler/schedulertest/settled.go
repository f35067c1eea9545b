package schedulertest

import (
	"time"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
)

func (c *Cluster) sinceStart() time.Duration { return c.sim.Now().Sub(loop.Epoch) }

// CheckSettled checks what holds once no fault has happened for a while: of every task that a framework
// asked for, the framework has heard that it has ended, runs or is unreachable; and what it has heard
// is true: a task runs if and only if its container does. Agents are registered.
//
// A framework is only held to it as long as it has the id under which it launched the task, and its driver
// has not been stopped; and it has to reconcile: nobody else can know of an ACCEPT that was lost. Of a
// framework that was torn down nothing runs any more.
func (c *Cluster) CheckSettled() {
	c.t.Helper()
	c.Check()
	live := map[string]bool{}
	for _, f := range c.fws {
		if id := f.driver.FrameworkID().GetValue(); id != "" && f.serves() {
			live[id] = true
		}
		if err := f.driver.Err(); err != nil {
			c.check.violated(InvariantNoFatal, "the driver of %s ended: %v", f.name, err)
		}
		if f.serves() {
			c.check.unanswered(f)
		}
	}
	runs := map[taskKey]bool{}
	for _, a := range c.agents {
		for _, id := range a.machine.order {
			if x := a.machine.containers[id]; !x.ended && x.spec.Task != nil {
				runs[taskKey{x.spec.FrameworkID, x.spec.Task.GetTaskId().GetValue()}] = true
			}
		}
	}
	for _, l := range c.check.updates.order {
		if live[l.key.framework] {
			c.check.kept(l) // first: what was lost is why a task seems stuck
			c.check.settled(l, runs[l.key] || l.runs())
		}
	}
	c.check.emptied()
	c.check.registered()
	c.check.stop()
}

// registered checks that the master has all agents that run and that nothing keeps from it.
func (k *checker) registered() {
	m := k.cluster.master
	if m.closed() {
		return
	}
	connected := map[string]bool{}
	for a := range m.master.Snapshot().Agents.All() {
		connected[a.PID] = a.Connected
	}
	for _, a := range k.cluster.agents {
		if k.reached(a) && !connected[a.pid] {
			k.violated(InvariantBounded, "%s runs and can reach %s, but is not registered with it", a.name, m.name)
		}
	}
}

// launchWithin is how long a task may be on its way to RUNNING, or to its end. A framework may have launched
// it just now; an executor that does not register is given up after a minute.
const launchWithin = 5 * time.Minute

// settled checks one task.
func (k *checker) settled(l *taskLife, runs bool) {
	fresh := k.cluster.sim.Now().Before(l.launched.Add(launchWithin))
	switch {
	case k.killed(l) && !l.unknown && !transitions.Terminal(l.last) && l.last != mesosproto.TaskState_TASK_UNREACHABLE:
		k.violated(InvariantKilled, "task %s of %s is still %v; it was due to end by %v", l.key.task, l.key.framework, l.last, l.kill.due.Sub(loop.Epoch))
	case l.unknown:
		if runs {
			k.violated(InvariantTruth, "task %s of %s is unknown to the master, but its container runs", l.key.task, l.key.framework)
		}
	case fresh && (l.lastFrom == nil || !transitions.Terminal(l.last) && l.last != mesosproto.TaskState_TASK_RUNNING):
	case l.lastFrom == nil:
		k.violated(InvariantBounded, "task %s of %s was launched, and nothing was ever heard of it", l.key.task, l.key.framework)
	case transitions.Terminal(l.last):
		if runs {
			k.violated(InvariantTruth, "task %s of %s is %v for its framework, but its container runs", l.key.task, l.key.framework, l.last)
		}
	case l.last == mesosproto.TaskState_TASK_UNREACHABLE:
	case l.last == mesosproto.TaskState_TASK_RUNNING:
		if !runs {
			k.violated(InvariantTruth, "task %s of %s is RUNNING for its framework, but no container runs", l.key.task, l.key.framework)
		}
	default:
		k.violated(InvariantStuck, "task %s of %s is still %v", l.key.task, l.key.framework, l.last)
	}
}
