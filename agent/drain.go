package agent

import (
	"slices"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// drainAgent ends all tasks and takes no new ones until they are gone. Without tasks there is nothing to
// do, and nothing to remember.
func (c *core) drainAgent(m *messagespb.DrainSlaveMessage) {
	if c.state != running || len(c.frameworks) == 0 {
		return
	}
	c.log.Info("draining", zap.Bool("mark_gone", m.GetConfig().GetMarkGone()))
	c.drain = m.GetConfig()
	c.changed()
	for _, fw := range inOrder(c.frameworks) {
		if fw.terminating {
			continue
		}
		for _, ex := range inOrder(fw.executors) {
			for _, t := range slices.Clone(ex.tasks) {
				c.killKnown(t, drainPolicy(t, c.drain.GetMaxGracePeriod()))
			}
		}
	}
}

// drainPolicy shortens a task's grace period to the drain's maximum; nil if it is short enough.
func drainPolicy(t *task, most *mesosproto.DurationInfo) *mesosproto.KillPolicy {
	if most == nil {
		return nil
	}
	own := t.info.GetKillPolicy().GetGracePeriod()
	if own != nil && own.GetNanoseconds() <= most.GetNanoseconds() {
		return nil
	}
	return &mesosproto.KillPolicy{GracePeriod: most}
}

// drained leaves draining once the last framework is gone.
func (c *core) drained() {
	if c.drain != nil && len(c.frameworks) == 0 {
		c.log.Info("drained")
		c.drain = nil
	}
}

// drainStatus is what a framework hears of a task that the drain killed.
func (c *core) drainStatus(fw *framework, s *mesosproto.TaskStatus) {
	if c.drain == nil {
		return
	}
	switch s.GetState() {
	case mesosproto.TaskState_TASK_KILLING:
	case mesosproto.TaskState_TASK_KILLED:
		if c.drain.GetMarkGone() && capable(fw.info, mesosproto.FrameworkInfo_Capability_PARTITION_AWARE) {
			s.State = mesosproto.TaskState_TASK_GONE_BY_OPERATOR.Enum()
		}
	default:
		return
	}
	s.Reason = mesosproto.TaskStatus_REASON_AGENT_DRAINING.Enum()
}
