package framework

import (
	"bytes"
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
)

// StatusUpdate takes in what became of a task. It is acknowledged once that is durable.
func (c *core) StatusUpdate(_ *scheduler.Driver, s *mesosproto.TaskStatus) {
	if len(s.GetUuid()) > 0 {
		c.owe(s)
	}
	c.post()
	t := c.tasks[s.GetTaskId().GetValue()]
	switch {
	case t == nil:
		c.stranger(s)
		return
	case len(s.GetUuid()) > 0 && bytes.Equal(t.UUID, s.GetUuid()): // again
		t.confirmed = true
		return
	}
	t.confirmed = true
	t.UUID = s.GetUuid()
	c.specs[t.Spec].dirty = true
	if ended(s.GetState()) {
		c.ended(t, s)
	} else {
		c.progress(t, s)
	}
}

// owe notes that an update is to be acknowledged: the last of its task, for an agent that has sent
// another waits for nothing else.
func (c *core) owe(s *mesosproto.TaskStatus) {
	id := s.GetTaskId().GetValue()
	if i, ok := c.owed[id]; ok {
		c.acks[i] = s
		return
	}
	c.owed[id] = len(c.acks)
	c.acks = append(c.acks, s)
}

// stranger deals with a task that is not remembered: one that has ended and whose acknowledgement was
// lost, or one that nobody wants.
func (c *core) stranger(s *mesosproto.TaskStatus) {
	if ended(s.GetState()) || s.GetState() == mesosproto.TaskState_TASK_UNREACHABLE {
		return
	}
	now := c.driver.Now()
	t := &task{Task: Task{
		ID: s.GetTaskId().GetValue(), Agent: s.GetAgentId().GetValue(), State: s.GetState(),
		Launched: now, Since: now, UUID: s.GetUuid(),
	}, confirmed: true}
	c.add(t)
	c.kill(t, "the framework does not know it")
}

// order is how far a task has come.
func order(s mesosproto.TaskState) int {
	switch s {
	case mesosproto.TaskState_TASK_STARTING:
		return 1
	case mesosproto.TaskState_TASK_RUNNING:
		return 2
	case mesosproto.TaskState_TASK_KILLING:
		return 3
	case mesosproto.TaskState_TASK_UNREACHABLE:
		return 4
	}
	return 0
}

// progress takes in a state that is not the last.
func (c *core) progress(t *task, s *mesosproto.TaskStatus) {
	now := c.driver.Now()
	was := t.State
	// A task never goes back but from unreachable; an answer that says so is older than what is known.
	if order(s.GetState()) > order(was) || was == mesosproto.TaskState_TASK_UNREACHABLE {
		t.State = s.GetState()
	}
	if t.State != was {
		t.Since = now
		t.killNext = time.Time{} // back, perhaps
		c.log.Info("task changed", zap.String("task_id", t.ID), zap.Stringer("state", t.State), zap.String("message", s.GetMessage()))
	}
	if s.Healthy != nil {
		healthy := s.GetHealthy()
		t.Healthy = &healthy
	}
	if !t.ready(c.specs[t.Spec].spec) {
		t.running = time.Time{}
	} else if t.running.IsZero() {
		t.running = now
	}
	c.save(t)
}

// ended takes in a task's end, and what it means for the instance that it was.
func (c *core) ended(t *task, s *mesosproto.TaskStatus) {
	now := c.driver.Now()
	w, sl := c.specs[t.Spec], c.slotOf(t)
	c.drop(t)
	why := explain(s)
	c.log.Info("task ended", zap.String("task_id", t.ID), zap.String("how", why))
	if sl == nil || sl.Ended {
		return
	}
	finished := s.GetState() == mesosproto.TaskState_TASK_FINISHED
	if finished && w.spec.batch {
		sl.Ended, sl.task = true, nil
		c.rememberOutcome(w, sl)
		return
	}
	if sl.task != t || t.Killing != "" {
		return // it was not wanted any more
	}
	c.succeed(w, sl, now)
	sl.task = nil
	switch {
	case s.GetReason() == mesosproto.TaskStatus_REASON_INVALID_OFFERS:
		sl.last = why // a stale offer: it was nobody's fault
	case s.GetState() == mesosproto.TaskState_TASK_FAILED, s.GetState() == mesosproto.TaskState_TASK_ERROR, finished:
		c.failed(w, sl, true, why)
	case s.GetState() == mesosproto.TaskState_TASK_KILLED, order(t.State) == 0:
		c.failed(w, sl, false, why) // killed by somebody else, or it never got there
	default:
		sl.last = why // lost with its agent
	}
}

// explain says how a task ended, in words.
func explain(s *mesosproto.TaskStatus) string {
	why := s.GetState().String()
	if s.Reason != nil {
		why += ", " + s.GetReason().String()
	}
	if m := s.GetMessage(); m != "" {
		why += ": " + m
	}
	return why
}
