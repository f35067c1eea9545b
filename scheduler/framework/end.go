package framework

import "time"

// end has the master tear the framework down, once it is saved that it ends. Whether the master has heard
// that shows when the next driver is refused: so no TEARDOWN that is lost leaves tasks that nobody
// remembers.
func (c *core) end() {
	now := c.driver.Now()
	switch due := c.since.Add(c.endAfter); {
	case !c.connected || c.asked:
	case due.After(now):
		if !c.waits {
			c.waits = true
			c.driver.AfterFunc(due.Sub(now), func() {
				c.waits = false
				c.post()
			})
		}
	default:
		c.connected, c.asked = false, true
		c.driver.Stop(false)
	}
}

const (
	// endFirst and endMax are how long a driver waits that is not the first to tear the framework down.
	endFirst = time.Second
	endMax   = time.Minute
)
