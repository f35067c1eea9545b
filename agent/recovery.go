package agent

import (
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// recover brings back what an earlier process left, then looks for a master.
func (c *core) recover() {
	c.containers.Recover(nil, func(err error) {
		if c.stopped {
			return
		}
		if err != nil {
			c.exit(err)
			return
		}
		c.recoveredContainers = true
		c.detect()
	})
}

func (c *core) rememberAgent(done func(error))                                        { c.loop.Post(func() { done(nil) }) }
func (c *core) rememberFramework(*framework)                                          {}
func (c *core) forgetFramework(*framework)                                            {}
func (c *core) rememberExecutor(*executor)                                            {}
func (c *core) rememberContainer(*executor)                                           {}
func (c *core) rememberSubscribed(*executor)                                          {}
func (c *core) forgetExecutor(*executor)                                              {}
func (c *core) rememberTask(*task)                                                    {}
func (c *core) rememberUpdate(_ *task, _ *messagespb.StatusUpdate, acked func(error)) { acked(nil) }
func (c *core) rememberAcknowledgement(string, *task, string, []byte)                 {}
func (c *core) whenSafe(_ *mesosproto.FrameworkID, _ *mesosproto.TaskStatus, acked func(error)) {
	acked(nil)
}
