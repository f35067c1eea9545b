package schedulertest

import (
	"slices"
	"time"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
)

// DefaultBound is how long it may take until all is well, unless Config says otherwise. Agents wait for up
// to ten minutes before they send an update again, and a master that takes over as long for agents to come
// back; after that, frameworks have to ask, which those that are busy do every ten minutes.
const DefaultBound = 20 * time.Minute

// What is pending is looked at every minute, agents that are not registered are looked for now and then,
// and everything is checked from scratch once an hour.
const (
	lookEvery       = loop.Instant(time.Minute)
	minutesToAgents = 5
	minutesToFull   = 60
)

// moved notes that something became of a task, or that its framework heard of it. From then on it is
// looked at, until all is well with it.
func (k *checker) moved(l *taskLife) {
	l.moved = k.now()
	k.await(l)
}

func (k *checker) await(l *taskLife) {
	if !l.pending {
		l.pending = true
		k.pending = append(k.pending, l)
	}
}

// look checks what should be well by now.
func (k *checker) look() {
	known, led := k.known(), k.led()
	k.hoarded()
	k.pending = slices.DeleteFunc(k.pending, func(l *taskLife) bool {
		l.pending = k.looked(l, l.containers > 0 || l.runs(), known[l.key.framework], led)
		return !l.pending
	})
	k.lookAtOperations(known, led)
	if k.emptying {
		k.emptying = k.emptied(k.due(led))
	}
	if k.minutes%minutesToAgents == 0 {
		k.registered(k.due(led))
		k.agreed(k.due(led))
	}
}

// due returns what tells whether an agent must by now have done what it should, which it has been asked
// for since a time.
func (k *checker) due(led loop.Instant) func(a *Agent, since loop.Instant) bool {
	return func(a *Agent, since loop.Instant) bool {
		return k.past(max(led, since, k.fit(a)), 0) && !k.away(a)
	}
}

// lookAll does the same for everything, from scratch.
func (k *checker) lookAll() {
	known, led, runs := k.known(), k.led(), k.containers()
	for _, f := range k.cluster.fws {
		f.conduct.lineUp()
	}
	k.hoarded()
	for _, l := range k.updates.order {
		k.looked(l, runs[l.key] || l.runs(), known[l.key.framework], led)
	}
	k.lookAtOperations(known, led)
	k.emptied(k.due(led))
	k.registered(k.due(led))
	k.agreed(k.due(led))
}

// known are the frameworks by the ids under which they are told of tasks, or will be when they are back.
func (k *checker) known() map[string]*Framework {
	known := map[string]*Framework{}
	for _, f := range k.cluster.fws {
		for _, id := range []string{f.conduct.id, f.driver.FrameworkID().GetValue()} {
			if was := known[id]; was == nil || !was.serves() {
				known[id] = f
			}
		}
	}
	delete(known, "")
	return known
}

// containers are the tasks whose containers run.
func (k *checker) containers() map[taskKey]bool {
	runs := map[taskKey]bool{}
	for _, a := range k.cluster.agents {
		for _, id := range a.machine.order {
			if x := a.machine.containers[id]; !x.ended && x.spec.Task != nil {
				runs[keyOf(x)] = true
			}
		}
	}
	return runs
}

func keyOf(x *container) taskKey {
	return taskKey{x.spec.FrameworkID, x.spec.Task.GetTaskId().GetValue()}
}

// ran notes that a container has started to run, or does not any more.
func (k *checker) ran(x *container, more int) {
	if _, over := k.torndown[x.spec.FrameworkID]; over {
		k.emptying = true
	}
	if x.spec.Task != nil {
		l := k.updates.of(x.spec.FrameworkID, x.spec.Task.GetTaskId().GetValue())
		l.containers += more
		k.moved(l)
	}
}

// past reports whether all has to be well that was hindered last at a time.
func (k *checker) past(last loop.Instant, more time.Duration) bool {
	bound := k.cluster.cfg.Bound
	return bound >= 0 && k.now() >= last+loop.Instant(bound+more)
}

// looked checks a task of a framework, nil if nobody is told of it any more. It reports whether the task
// has to be looked at again.
//
// The time that all may take is counted from the last trouble of those on which it depends: the leader,
// the framework, the task's agent. That an agent is away is trouble when it begins and when it ends; while
// it lasts, the framework has to hear of it, and what the agent itself should do is not asked for.
func (k *checker) looked(l *taskLife, runs bool, f *Framework, led loop.Instant) (again bool) {
	if f == nil {
		return false
	}
	invariant, what := l.wrong(runs)
	kill, lost := k.killing(l), false
	for range l.unheard() {
		lost = true
		break
	}
	if invariant == "" && !kill && !lost {
		return false
	}
	if !f.serves() {
		return true
	}
	last, away := max(led, k.hears(f)), false
	if a := k.hosts[l.agent]; a != nil {
		last, away = max(last, k.fit(a)), k.away(a)
	}
	grace := time.Duration(0)
	if kill || l.last == mesosproto.TaskState_TASK_KILLING {
		grace = l.grace
	}
	moved := max(last, l.moved)
	switch {
	case lost && !away && k.past(moved, grace):
		k.kept(l) // first: what was lost is why a task seems stuck
	case kill && k.past(max(last, l.kill.taken), grace):
		k.lives(l)
	case invariant != "" && !(away && runs) && k.past(moved, grace):
		k.unwell(l, invariant, what)
	}
	return true
}

// wrong says what is wrong with a task if nothing more becomes of it; an empty invariant: nothing.
func (l *taskLife) wrong(runs bool) (invariant, what string) {
	switch {
	case l.unknown:
		if runs {
			return InvariantTruth, "is unknown to the master, but its container runs"
		}
	case l.lastFrom == nil:
		return InvariantBounded, "was launched, and nothing was ever heard of it"
	case transitions.Terminal(l.last):
		if runs {
			return InvariantTruth, "has ended for its framework, but its container runs"
		}
	case l.last == mesosproto.TaskState_TASK_UNREACHABLE, l.ended && !runs: // nobody need ask
	case l.last == mesosproto.TaskState_TASK_RUNNING:
		if !runs {
			return InvariantTruth, "runs for its framework, but no container does"
		}
	default:
		return InvariantStuck, "is still on its way"
	}
	return "", ""
}

// unwell tells of what is wrong.
func (k *checker) unwell(l *taskLife, invariant, what string) {
	heard := "nothing heard"
	if l.lastFrom != nil {
		heard = l.last.String()
	}
	k.violated(invariant, "task %s of %s (%s, launched at %v, last moved at %v) %s", l.key.task, l.key.framework, heard, l.launched.Sub(loop.Epoch), time.Duration(l.moved), what)
}
