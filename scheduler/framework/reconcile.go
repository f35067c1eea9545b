package framework

import (
	"github.com/mesokit/mesokit/mesosproto"
)

// reconcile finds out what became of all tasks: implicitly at once, which also shows tasks that are not
// remembered, then explicitly those that nothing was heard of, until something is.
func (c *core) reconcile() {
	if c.again != nil {
		c.again()
	}
	c.again = c.driver.AfterFunc(c.cfg.ReconcileInterval, c.reconcile)
	if !c.connected {
		return
	}
	for _, name := range c.names {
		for _, t := range c.specs[name].tasks {
			t.confirmed = false
		}
	}
	c.call(c.driver.Reconcile())
	if c.asking != nil {
		c.asking()
		c.asking = nil
	}
	c.askWait.Reset()
	c.askSoon()
}

// askSoon has the tasks that are not confirmed asked for, after a wait that grows.
func (c *core) askSoon() {
	if c.asking == nil {
		c.asking = c.driver.AfterFunc(c.askWait.Bound(), c.ask)
	}
}

// ask asks for them. There is no answer while their agent may still come back after a change of leader.
func (c *core) ask() {
	c.asking = nil
	if !c.connected {
		return // the next subscription begins anew
	}
	var open []*mesosproto.TaskStatus
	for _, name := range c.names {
		for _, t := range c.specs[name].tasks {
			if !t.confirmed {
				open = append(open, &mesosproto.TaskStatus{TaskId: taskID(t.ID), AgentId: agentID(t.Agent)})
			}
		}
	}
	if len(open) == 0 {
		c.askWait.Reset()
		return
	}
	c.call(c.driver.Reconcile(open...))
	c.askSoon()
}
