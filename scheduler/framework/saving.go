package framework

import (
	"maps"

	"go.uber.org/zap"
)

// save notes that a task's record has changed.
func (c *core) save(t *task) { c.changes[taskKey(t.ID)] = encode(t.Task) }

// flush saves what has changed, and then acknowledges what is remembered now. It reports whether all is
// durable.
func (c *core) flush() bool {
	if c.broken {
		return false
	}
	if len(c.changes) > 0 {
		if err := c.store.Save(maps.Clone(c.changes)); err != nil {
			wait := c.saving.Bound()
			c.log.Error("saving failed; nothing is launched or acknowledged until it works again",
				zap.Error(err), zap.Duration("again_in", wait))
			c.broken = true
			c.driver.AfterFunc(wait, func() {
				c.broken = false
				c.work()
			})
			return false
		}
		c.saving.Reset()
		clear(c.changes)
	}
	c.framework.saved(c.heard)
	c.heard = nil
	acks := c.acks
	c.acks = nil
	clear(c.owed)
	for _, s := range acks {
		c.call(c.driver.Acknowledge(s))
	}
	return true
}

// forgetAll ends the framework for good.
func (c *core) forgetAll() {
	c.forget(func(string) bool { return true })
	c.done = c.failure == nil
}

// forget deletes from the store what belongs to the framework that is no more.
func (c *core) forget(what func(key string) bool) {
	entries, err := c.store.Load()
	if err == nil {
		maps.DeleteFunc(entries, func(key string, _ []byte) bool { return !what(key) })
		for key := range entries {
			entries[key] = nil
		}
		err = c.store.Save(entries)
	}
	if err != nil {
		c.fail(err)
	}
}
