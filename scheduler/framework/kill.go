package framework

import (
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
)

// watch kills what has been on its way for too long. Time that the framework was away does not count.
func (c *core) watch(w *workload, now time.Time) {
	if !c.connected {
		return
	}
	for _, t := range w.tasks {
		var patience time.Duration
		switch t.State {
		case mesosproto.TaskState_TASK_STAGING:
			patience = c.cfg.StagingTimeout
		case mesosproto.TaskState_TASK_STARTING, mesosproto.TaskState_TASK_KILLING:
			patience = c.cfg.StartingTimeout
		default:
			continue
		}
		if t.Killing != "" {
			continue
		}
		since := t.Since
		if c.since.After(since) {
			since = c.since
		}
		if due := since.Add(patience); due.After(now) {
			w.later(due, now)
			continue
		}
		why := "it was in " + t.State.String() + " for more than " + patience.String()
		c.kill(t, why)
		if sl := c.slotOf(t); sl != nil && sl.task == t {
			c.failed(w, sl, false, why)
		}
	}
}

// kill begins to kill a task.
func (c *core) kill(t *task, why string) {
	if t.Killing != "" {
		return
	}
	t.Killing, t.killNext = why, time.Time{}
	t.killWait.Reset()
	c.save(t)
	c.log.Info("killing a task", zap.String("task_id", t.ID), zap.String("why", why))
}

func (c *core) killOne(id string) {
	if t := c.tasks[id]; t != nil {
		c.kill(t, "Kill was called")
		c.specs[t.Spec].dirty = true
		c.post()
	}
}

// sendKills sends and repeats kills. One of an unreachable task would be in vain; it is sent when the
// task is back.
func (c *core) sendKills(w *workload, now time.Time) {
	if !c.connected {
		return
	}
	for _, t := range w.tasks {
		if t.Killing == "" || t.State == mesosproto.TaskState_TASK_UNREACHABLE {
			continue
		}
		if !t.killNext.After(now) {
			c.call(c.driver.Kill(taskID(t.ID), scheduler.OnAgent(agentID(t.Agent))))
			t.killNext = now.Add(t.killWait.Bound())
		}
		w.later(t.killNext, now)
	}
}
