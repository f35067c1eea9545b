package framework

import "time"

const (
	// Launch backoff, as Marathon has it.
	delayFirst  = time.Second
	delayMax    = 5 * time.Minute
	delayFactor = 1.15

	// stable is how long an instance must have been ready for its next failure to count as the first.
	stable = time.Minute
)

// slot is one instance of a spec.
type slot struct {
	outcome
	index   int
	task    *task     // which fills it; nil: it waits, or has ended
	waiting time.Time // since when
	held    bool      // waits for its turn in a rollout
	last    string    // how the last task ended; of one that did not fail it is not remembered
}

// canLaunch tells whether the slot waits for nothing but an offer.
func (sl *slot) canLaunch(now time.Time) bool {
	return sl.task == nil && !sl.Ended && !sl.held && !sl.NotBefore.After(now)
}

// forgetOutcome has a slot begin anew.
func (c *core) forgetOutcome(w *workload, sl *slot) {
	if sl.remembered() {
		c.changes[instanceKey(w.name, sl.index)] = nil
	}
	sl.outcome = outcome{}
}

func (c *core) rememberOutcome(w *workload, sl *slot) {
	c.changes[instanceKey(w.name, sl.index)] = encode(sl.outcome)
}

// remembered tells whether there is something to remember.
func (o outcome) remembered() bool { return o.Ended || o.Failures > 0 || o.Delay > 0 }

// renew makes a slot begin anew if what runs in it has changed.
func (c *core) renew(w *workload, sl *slot) {
	if sl.Generation == w.spec.generation {
		return
	}
	c.forgetOutcome(w, sl)
	sl.Generation, sl.last = w.spec.generation, ""
}

// failed has a slot wait after its task did not do what it should. counts says that a batch has used up
// one of its tries.
func (c *core) failed(w *workload, sl *slot, counts bool, why string) {
	sl.task, sl.last, sl.Message = nil, why, why
	sl.Delay = min(max(delayFirst, time.Duration(float64(sl.Delay)*delayFactor)), delayMax)
	sl.NotBefore = c.driver.Now().Add(sl.Delay)
	w.dirty = true
	if counts {
		sl.Failures++
		if w.spec.batch && w.spec.retries >= 0 && sl.Failures > w.spec.retries {
			sl.Ended, sl.Failed = true, true
		}
	}
	c.rememberOutcome(w, sl)
}

// succeed forgets the failures of a slot whose task has been ready for long enough; those of a batch
// count all the same.
func (c *core) succeed(w *workload, sl *slot, now time.Time) {
	if sl.Delay == 0 || sl.task == nil || sl.task.running.IsZero() {
		return
	}
	at := sl.task.running.Add(stable)
	if at.After(now) {
		w.later(at, now)
		return
	}
	if w.spec.batch && sl.Failures > 0 {
		sl.Delay, sl.NotBefore = 0, time.Time{}
		c.rememberOutcome(w, sl)
		return
	}
	c.forgetOutcome(w, sl)
	sl.Generation = w.spec.generation
}
