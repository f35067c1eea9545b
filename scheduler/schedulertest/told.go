package schedulertest

import (
	"github.com/mesokit/mesokit/mesosproto"
)

// Told is what frameworks are told of tasks: a state, who says so, and why.
type Told struct {
	State  mesosproto.TaskState
	Source mesosproto.TaskStatus_Source
	Reason mesosproto.TaskStatus_Reason // NoReason: the status gives none
}

// NoReason is the Reason of a status without one. Zero is a reason.
const NoReason mesosproto.TaskStatus_Reason = -1

func toldBy(s *mesosproto.TaskStatus) Told {
	t := Told{s.GetState(), s.GetSource(), NoReason}
	if s.Reason != nil {
		t.Reason = s.GetReason()
	}
	return t
}

// String is Told in the words of the protocol.
func (t Told) String() string {
	out := t.State.String() + ", " + t.Source.String()
	if t.Reason != NoReason {
		out += ", " + t.Reason.String()
	}
	return out
}

// Change is a state that a framework heard of a task, and what it had heard before: TASK_STAGING if that
// was nothing. Both may be the same.
type Change struct{ From, To mesosproto.TaskState }

// String is an arrow.
func (c Change) String() string { return c.From.String() + " → " + c.To.String() }

// Reached is what frameworks were told, of one or more runs, and how often.
type Reached struct {
	Told map[Told]int
	// Changes are how the states of tasks followed each other. Answers that the master knows nothing of a
	// task are no news of it, and do not count.
	Changes map[Change]int
}

// Add adds what was told in other runs.
func (r *Reached) Add(other Reached) {
	if r.Told == nil {
		r.Told, r.Changes = map[Told]int{}, map[Change]int{}
	}
	for t, n := range other.Told {
		r.Told[t] += n
	}
	for c, n := range other.Changes {
		r.Changes[c] += n
	}
}

// Reached is what the cluster's frameworks were told so far.
func (c *Cluster) Reached() (r Reached) {
	r.Add(c.check.updates.reached)
	return r
}
