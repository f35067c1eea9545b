package framework

import (
	"slices"
	"time"

	"github.com/mesokit/mesokit/mesosproto"
)

// settled is how long a new instance must have been ready before one of an older generation goes for it:
// what crashes as soon as it has started replaces nothing.
const settled = 10 * time.Second

// resize makes w have n slots. What ended in those that go is forgotten.
func (c *core) resize(w *workload, n int) {
	for i := n; i < len(w.slots); i++ {
		c.forgetOutcome(w, w.slots[i])
	}
	w.slots = w.slots[:min(n, len(w.slots))]
	for len(w.slots) < n {
		w.slots = append(w.slots, &slot{index: len(w.slots)})
	}
}

// convergeDue looks at the workloads about which something is new, or due.
func (c *core) convergeDue(now time.Time) {
	if now.Before(c.latest) {
		c.clockWentBack(now)
	}
	c.latest = now
	for _, name := range slices.Clone(c.names) {
		if w := c.specs[name]; w.dirty || !w.next.IsZero() && !w.next.After(now) {
			c.converge(w, now)
		}
	}
}

// clockWentBack lets nothing have begun after now, or be due later than it can be: the clock was wrong, or
// that of the process that remembered it.
func (c *core) clockWentBack(now time.Time) {
	c.since = earlier(c.since, now)
	for _, name := range c.names {
		w := c.specs[name]
		w.dirty = true
		for _, t := range w.tasks {
			t.Since, t.running = earlier(t.Since, now), earlier(t.running, now)
			t.killNext = earlier(t.killNext, now)
		}
		for _, sl := range w.slots {
			sl.waiting, sl.NotBefore = earlier(sl.waiting, now), earlier(sl.NotBefore, now.Add(sl.Delay))
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// converge compares what w should be with what it is: it fills slots with tasks, kills what is too much
// and repeats kills, and finds out which slots wait. Launching is up to offers.
func (c *core) converge(w *workload, now time.Time) {
	w.dirty, w.next = false, time.Time{}
	c.watch(w, now)
	if w.spec == nil {
		for _, t := range w.tasks {
			c.kill(t, "nothing declares it")
		}
	} else {
		c.resize(w, w.spec.count)
		for _, sl := range w.slots {
			c.renew(w, sl)
		}
		old := c.fill(w, now)
		for _, sl := range w.slots {
			c.succeed(w, sl, now)
		}
		c.rollOut(w, old, now)
		c.wait(w, now)
	}
	c.sendKills(w, now)
	if w.spec == nil && len(w.tasks) == 0 {
		delete(c.specs, w.name)
		c.names = slices.DeleteFunc(c.names, func(n string) bool { return n == w.name })
	}
}

// later has w looked at again then; a time that is not to come is one that an event will come for.
func (w *workload) later(at, now time.Time) {
	if at.After(now) && (w.next.IsZero() || at.Before(w.next)) {
		w.next = at
	}
}

// slotOf returns the slot that a task was launched for; nil if it is not wanted any more.
func (c *core) slotOf(t *task) *slot {
	w := c.specs[t.Spec]
	if w == nil || w.spec == nil || t.Generation != w.spec.generation || t.Index >= len(w.slots) {
		return nil
	}
	return w.slots[t.Index]
}

// fill puts tasks into the slots that they were launched for, and returns those of older generations.
func (c *core) fill(w *workload, now time.Time) (old []*task) {
	s := w.spec
	for _, sl := range w.slots {
		sl.task = nil
	}
	for _, t := range w.tasks {
		if t.Killing != "" {
			continue
		}
		if t.Generation != s.generation {
			old = append(old, t)
			continue
		}
		if t.Index >= s.count {
			c.kill(t, "there are fewer instances now")
			continue
		}
		sl := w.slots[t.Index]
		if sl.Ended {
			c.kill(t, "the instance has ended")
			continue
		}
		if t.State == mesosproto.TaskState_TASK_UNREACHABLE && s.replaceAfter >= 0 {
			due := t.Since.Add(s.replaceAfter)
			if !due.After(now) {
				continue // its place is free; if it comes back it takes part again
			}
			w.later(due, now)
		}
		if sl.task == nil {
			sl.task = t
			continue
		}
		surplus := t
		if rank(t, s) > rank(sl.task, s) {
			surplus, sl.task = sl.task, t
		}
		if surplus.State != mesosproto.TaskState_TASK_UNREACHABLE {
			c.kill(surplus, "another task runs as this instance")
		}
	}
	return old
}

// rank says which of two tasks is rather kept; equal ones are kept by age.
func rank(t *task, s *spec) int {
	switch {
	case t.State == mesosproto.TaskState_TASK_UNREACHABLE:
		return 0
	case t.ready(s):
		return 2
	}
	return 1
}

// rollOut kills tasks of older generations as new ones get ready, and holds slots back so that there are
// never too many.
func (c *core) rollOut(w *workload, old []*task, now time.Time) {
	s := w.spec
	for _, sl := range w.slots {
		sl.held = false
	}
	if s.batch {
		for _, t := range old {
			c.kill(t, "the spec has changed")
		}
		return
	}
	available, present, ending := 0, 0, 0
	for _, sl := range w.slots {
		if sl.task != nil {
			present++
			if at := sl.task.running.Add(settled); !sl.task.ready(s) || sl.task.running.IsZero() {
				continue
			} else if at.After(now) {
				w.later(at, now)
			} else {
				available++
			}
		}
	}
	for _, t := range w.tasks {
		if t.Killing != "" && t.Generation != s.generation && t.State != mesosproto.TaskState_TASK_UNREACHABLE {
			ending++
		}
	}
	if len(old)+ending == 0 {
		return
	}
	var serving []*task
	for _, t := range old {
		if !t.ready(nil) {
			c.kill(t, "the spec has changed")
			if t.State != mesosproto.TaskState_TASK_UNREACHABLE {
				ending++
			}
			continue
		}
		serving = append(serving, t)
	}
	spare := available + len(serving) - (s.count - s.unavailable)
	for _, t := range serving {
		if spare > 0 {
			c.kill(t, "the spec has changed")
			spare--
			ending++
		} else {
			present++
		}
	}
	budget := s.count + s.surge - present - ending
	for _, sl := range w.slots {
		if sl.task != nil || sl.Ended {
			continue
		}
		sl.held = budget <= 0
		budget--
	}
}

// wait finds the slots that wait, and for what.
func (c *core) wait(w *workload, now time.Time) {
	w.ready = 0
	for _, sl := range w.slots {
		switch {
		case sl.task != nil || sl.Ended:
			sl.waiting = time.Time{}
			continue
		case sl.waiting.IsZero():
			sl.waiting = now
		}
		if sl.canLaunch(now) {
			w.ready++
		} else if !sl.held {
			w.later(sl.NotBefore, now)
		}
	}
}
