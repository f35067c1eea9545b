package schedulertest

import (
	"iter"
	"slices"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// telling is what the executor of a task has said of it, and what its agent has promised to pass on.
type telling struct {
	by       *process // the last that spoke; nil: none
	said     []saying
	passed   int             // how many of said the agent has passed on, or left out for good
	promises map[string]bool // acknowledged by the agent, by uuid
	reset    bool            // its agent has lost its disk
}

type saying struct {
	uuid  string
	state mesosproto.TaskState
}

// reported notes the updates in a call of an executor, when it makes it.
func (k *checker) reported(p *process, m *executorpb.Call) {
	switch m.GetType() {
	case executorpb.Call_UPDATE:
		k.told(p, m.GetFrameworkId(), m.GetUpdate().GetStatus())
	case executorpb.Call_SUBSCRIBE:
		for _, u := range m.GetSubscribe().GetUnacknowledgedUpdates() {
			k.told(p, m.GetFrameworkId(), u.GetStatus())
		}
	}
}

func (k *checker) told(p *process, framework *mesosproto.FrameworkID, s *mesosproto.TaskStatus) {
	l := k.updates.of(framework.GetValue(), s.GetTaskId().GetValue())
	uuid := string(s.GetUuid())
	if l.by != p {
		l.by = p
		p.tasks = append(p.tasks, l)
	}
	if !slices.ContainsFunc(l.said, func(x saying) bool { return x.uuid == uuid }) {
		l.said = append(l.said, saying{uuid, s.GetState()})
		k.moved(l)
	}
}

// promised notes what an agent acknowledges: from then on the executor forgets the update.
func (k *checker) promised(p *process, e *executorpb.Event) {
	if e.GetType() != executorpb.Event_ACKNOWLEDGED {
		return
	}
	a := e.GetAcknowledged()
	l := k.updates.of(p.container.spec.FrameworkID, a.GetTaskId().GetValue())
	if l.promises == nil {
		l.promises = map[string]bool{}
	}
	l.promises[string(a.GetUuid())] = true
	k.moved(l)
}

// passes checks that an agent passes on what an executor said in the order in which it said it. It is told
// of each update that the agent sends for the first time.
func (k *checker) passes(l *taskLife, uuid string) {
	i := slices.IndexFunc(l.said, func(x saying) bool { return x.uuid == uuid })
	if i >= 0 && i < l.passed {
		k.violated(InvariantOrder, "task %s of %s: the agent sends update %x (%v) of its executor after a later one", l.key.task, l.key.framework, uuid, l.said[i].state)
	}
	l.passed = max(l.passed, i+1)
}

// runs reports whether a task runs under an executor: it does if the executor lives and says so.
func (t *telling) runs() bool {
	n := len(t.said)
	return n > 0 && t.by.alive() && !transitions.Terminal(t.said[n-1].state)
}

// kept checks that a framework has heard what an agent has promised to pass on.
//
// An agent passes nothing on of a task whose end was told. If it was the agent that told it, the
// executor may not know, and gets its updates acknowledged all the same. A machine that died has kept
// only the terminal ones, and a disk that failed or is lost nothing for certain.
func (k *checker) kept(l *taskLife) {
	for s := range l.unheard() {
		k.violated(InvariantDurable, "task %s of %s: the agent acknowledged update %x (%v) of its executor; the framework has not seen it", l.key.task, l.key.framework, s.uuid, s.state)
	}
}

// unheard are the updates that an agent has promised to pass on and that the framework has not heard.
func (l *taskLife) unheard() iter.Seq[saying] {
	return func(yield func(saying) bool) {
		if l.reset || l.lastFrom != nil && transitions.Terminal(l.last) && l.lastFrom.GetSource() != mesosproto.TaskStatus_SOURCE_EXECUTOR {
			return
		}
		for i, s := range l.said {
			end := transitions.Terminal(s.state)
			forgot := i < l.forgot.said && (l.forgot.all || !end)
			if l.promises[s.uuid] && !forgot && !slices.Contains(l.seen, s.uuid) && !yield(s) || end {
				return
			}
		}
	}
}

// reset notes that an agent lost its disk: it comes back as another one, and this one never.
func (k *checker) reset(agent string) {
	for _, l := range k.updates.order {
		if l.agent == agent {
			l.reset = true
		}
	}
}
