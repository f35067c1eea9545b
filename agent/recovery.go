package agent

import (
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// recover brings back what an earlier process of this agent left: first the facts, then the containers,
// then the executors, which have a moment to come back before the master hears of the agent.
func (c *core) recover() {
	c.disk.Load(func(entries []checkpoint.Entry, err error) {
		if c.stopped {
			return
		}
		if err == nil {
			err = c.restore(entries)
		}
		if err != nil {
			c.exit(fmt.Errorf("recover: %w", err))
			return
		}
		c.carryOn()
		c.recoverContainers()
	})
}

// recoverContainers finds the containers again. Those that this agent does not know are destroyed.
func (c *core) recoverContainers() {
	var known []containerizer.Checkpoint
	for _, fw := range inOrder(c.frameworks) {
		for _, ex := range inOrder(fw.executors) {
			if ex.hasEnded || !ex.launched {
				continue
			}
			known = append(known, containerizer.Checkpoint{Spec: c.spec(ex, c.user(ex)), Pid: ex.pid})
		}
	}
	c.containers.Recover(known, func(err error) {
		if c.stopped {
			return
		}
		if err != nil {
			c.exit(fmt.Errorf("recover containers: %w", err))
			return
		}
		c.log.Info("recovered", zap.Int("containers", len(known)), zap.Int("frameworks", len(c.frameworks)))
		c.recoveredContainers = true
		c.changed()
		waiting := 0
		for _, fw := range inOrder(c.frameworks) {
			for _, ex := range inOrder(fw.executors) {
				c.resumeExecutor(ex)
				if ex.awaited() {
					waiting++
				}
			}
			c.forgetIfIdle(fw)
		}
		if waiting == 0 {
			c.detect()
			return
		}
		c.stopRecovery = c.loop.AfterFunc(c.cfg.ExecutorReregistrationTimeout, c.executorsAreBack)
	})
}

// awaited reports whether an executor should subscribe again after a restart of the agent.
func (ex *executor) awaited() bool {
	return ex.supervisor == nil && ex.subscribed && ex.stream == nil && !ex.hasEnded && ex.state == executorRegistering
}

// executorIsBack ends the wait early when the last executor has subscribed.
func (c *core) executorIsBack() {
	if c.state != recovering {
		return
	}
	for _, fw := range inOrder(c.frameworks) {
		for _, ex := range inOrder(fw.executors) {
			if ex.awaited() {
				return
			}
		}
	}
	c.executorsAreBack()
}

// executorsAreBack ends recovery: executors that did not subscribe again are lost.
func (c *core) executorsAreBack() {
	c.stopRecovery()
	for _, fw := range inOrder(c.frameworks) {
		for _, ex := range inOrder(fw.executors) {
			if ex.awaited() {
				c.destroy(ex, &ending{
					state:   goneOrLost(fw.info).Enum(),
					reason:  mesosproto.TaskStatus_REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
					message: "Executor did not reregister within " + durationText(c.cfg.ExecutorReregistrationTimeout),
				})
			}
		}
	}
	c.detect()
}

// live reports whether a task of the executor has not ended.
func (ex *executor) live() bool {
	return slices.ContainsFunc(ex.tasks, func(t *task) bool { return !t.terminal() })
}

// resumeExecutor goes on where the last process was.
func (c *core) resumeExecutor(ex *executor) {
	switch {
	case ex.hasEnded:
		c.removeExecutorIfDone(ex)
		return
	case len(ex.tasks) == 0 && ex.supervisor != nil: // the task was over, or never written
		ex.hasEnded, ex.state = true, executorTerminated
		c.removeExecutor(ex)
		return
	case !ex.launched && !ex.live(): // its tasks ended before there was anything to be started
		ex.hasEnded, ex.state = true, executorTerminated
		c.rememberExecutor(ex)
		c.removeExecutorIfDone(ex)
		return
	case !ex.launched: // nothing was started: begin again
		c.launchExecutor(ex)
		return
	}
	c.await(ex)
	c.containers.Status(ex.container, func(s *mesosproto.ContainerStatus, err error) {
		if err == nil && ex.status == nil {
			ex.status = s
		}
	})
	if ex.supervisor != nil {
		c.resumeSupervision(ex.supervisor)
		return
	}
	c.shrink(ex)        // the last process may have made room for a task that it had not written yet
	if !ex.subscribed { // it was just starting
		c.expectRegistration(ex)
	}
}
