package framework

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Snapshot says how things are. It is immutable.
type Snapshot struct {
	// FrameworkID is the framework's id; empty before the master gave one.
	FrameworkID string
	// Connected: the framework is subscribed.
	Connected bool
	// Saving is false while the store can't be written; nothing is launched or acknowledged then. What a
	// snapshot shows is durable if it is true.
	Saving bool
	// Specs are those declared, by name.
	Specs []Status
	// Strangers are tasks that belong to no spec; they are being killed.
	Strangers []Task
}

// Spec returns what became of the spec of that name; the zero Status if there is none.
func (s *Snapshot) Spec(name string) Status {
	for _, x := range s.Specs {
		if x.Name == name {
			return x
		}
	}
	return Status{}
}

// Status is what became of one spec.
type Status struct {
	Name string
	// Spec is what was declared, a Service or a Batch, with defaults filled in. It must not be changed.
	Spec Spec
	// Want is the number of instances.
	Want int
	// Ready is how many of them run as last declared and, with a health check, are healthy.
	Ready int
	// Old are tasks that run as declared before.
	Old int
	// Finished and Failed are a Batch's instances that have ended.
	Finished, Failed int
	// Tasks are those that have not ended, also those being killed, by launch.
	Tasks []Task
	// Waiting are the instances without a task, and why.
	Waiting []Waiting
}

// Done tells whether a Batch has ended, one way or the other.
func (s Status) Done() bool { return s.Name != "" && s.Finished+s.Failed == s.Want }

// Waiting says why an instance has no task.
type Waiting struct {
	Index int
	// Since is when it began to wait.
	Since time.Time
	// Until is when it may be launched again, after it failed; zero or past: now.
	Until time.Time
	// Failures is how often it has failed, of a Service in a row, and Last what became of its last task.
	Failures int
	Last     string
	// Held: instances of before must make room first, for the spec was changed.
	Held bool
	// Refused says which agents were offered since the last launch of the spec, and which requirement
	// failed on each; at most 100. It is empty if there was no offer.
	Refused []Refusal
}

// Refusal is one agent that was offered and did not do.
type Refusal struct {
	Agent, Host string
	// Why names the requirement that failed, and the values: "cpus: 2 needed, 0.5 left".
	Why string
	At  time.Time
}

// String explains in one line a reason.
func (w Waiting) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "instance %d waits since %s", w.Index, w.Since.Format(time.RFC3339))
	if w.Last != "" {
		fmt.Fprintf(&b, "\n  the last task ended: %s (%d failures)", w.Last, w.Failures)
	}
	switch {
	case w.Held:
		b.WriteString("\n  it is held until instances of the spec as it was have ended")
	case w.Until.After(w.Since):
		fmt.Fprintf(&b, "\n  it is not launched before %s", w.Until.Format(time.RFC3339))
	}
	if len(w.Refused) == 0 && !w.Held {
		b.WriteString("\n  no offer has come since the last launch")
	}
	for _, r := range w.Refused {
		fmt.Fprintf(&b, "\n  %s: %s", r.Host, r.Why)
	}
	return b.String()
}

// Explain says of each instance of a spec that has no task why it waits; nil if none does.
func (f *Framework) Explain(name string) []Waiting { return f.Snapshot().Spec(name).Waiting }

// publish lets the handle see how things are.
func (c *core) publish() {
	s := &Snapshot{FrameworkID: c.id, Connected: c.connected, Saving: !c.broken && len(c.changes) == 0}
	for _, name := range c.names {
		w := c.specs[name]
		if w.spec == nil {
			for _, t := range w.tasks {
				s.Strangers = append(s.Strangers, t.Task)
			}
			continue
		}
		s.Specs = append(s.Specs, w.status())
	}
	c.framework.snapshot.Store(s)
	if c.cfg.Changed != nil {
		c.cfg.Changed(s)
	}
}

func (w *workload) status() Status {
	st := Status{Name: w.name, Spec: w.spec.source, Want: w.spec.count}
	for _, t := range w.tasks {
		st.Tasks = append(st.Tasks, t.Task)
		switch {
		case t.Generation != w.spec.generation:
			st.Old++
		case t.ready(w.spec):
			st.Ready++
		}
	}
	refused := slices.Clone(w.refused)
	for _, sl := range w.slots {
		switch {
		case sl.Failed:
			st.Failed++
		case sl.Ended:
			st.Finished++
		case sl.task == nil:
			st.Waiting = append(st.Waiting, Waiting{
				Index: sl.index, Since: sl.waiting, Until: sl.NotBefore, Failures: sl.Failures, Last: sl.last, Held: sl.held, Refused: refused,
			})
		}
	}
	return st
}
