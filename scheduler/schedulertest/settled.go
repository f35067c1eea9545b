package schedulertest

import (
	"time"

	"github.com/mesokit/mesokit/internal/loop"
)

func (c *Cluster) sinceStart() time.Duration { return c.sim.Now().Sub(loop.Epoch) }

// CheckSettled checks what holds once no fault has happened for a while, without waiting for it any longer:
// of every task that a framework asked for, the framework has heard that it has ended, runs or is
// unreachable; and what it has heard is true: a task runs if and only if its container does. Agents are
// registered. The same is checked all the time, of what has had Config.Bound to come true.
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
	}
	runs := c.check.containers()
	for _, l := range c.check.updates.order {
		if live[l.key.framework] {
			c.check.kept(l) // first: what was lost is why a task seems stuck
			c.check.settled(l, runs[l.key] || l.runs())
		}
	}
	c.check.operationsSettled(live)
	now := func(*Agent, loop.Instant) bool { return true }
	c.check.emptied(now)
	c.check.registered(now)
	c.check.agreed(now)
	c.check.stop()
}

// registered checks that the master has all agents that run and that nothing keeps from it, of those that
// are due to be.
func (k *checker) registered(due func(a *Agent, since loop.Instant) bool) {
	m := k.cluster.master
	if m.closed() {
		return
	}
	connected := map[string]bool{}
	for a := range m.master.Snapshot().Agents.All() {
		connected[a.PID] = a.Connected
	}
	for _, a := range k.cluster.agents {
		if k.reached(a) && !connected[a.pid] && due(a, 0) {
			k.violated(InvariantBounded, "%s runs and can reach %s, but is not registered with it", a.name, m.name)
		}
	}
}

// launchWithin is how long a task may be on its way to RUNNING, or to its end. A framework may have launched
// it just now; an executor that does not register is given up after a minute.
const launchWithin = 5 * time.Minute

// settled checks one task.
func (k *checker) settled(l *taskLife, runs bool) {
	if k.killed(l) {
		k.lives(l)
		return
	}
	invariant, what := l.wrong(runs)
	fresh := k.cluster.sim.Now().Before(l.launched.Add(launchWithin))
	if invariant != "" && !(fresh && (invariant == InvariantBounded || invariant == InvariantStuck)) {
		k.unwell(l, invariant, what)
	}
}
