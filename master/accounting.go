package master

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// This file keeps the books: which tasks and executors there are, what they use, how many there are of
// each state. Whatever uses resources gives them back exactly once.

// addTask enters a task into the records of its framework and agent.
func (c *core) addTask(a *agent, t *task) {
	c.seq++
	t.seq = c.seq
	f := t.framework
	f.tasks[t.id] = t
	t.slot = f.taskTable.add(t.snapshot())
	if a.tasks[f.id] == nil {
		if a.tasks == nil {
			a.tasks = make(map[string]map[string]*task)
		}
		a.tasks[f.id] = make(map[string]*task)
	}
	a.tasks[f.id][t.id] = t
	if !ended(t.state) {
		t.holds = true
		c.use(f, a, t.resources)
	}
	c.countTask(t, 1)
	c.touchTask(t)
}

// release gives back what a task uses; doing so again has no effect.
func (c *core) release(t *task) {
	if !t.holds && !c.guards.Off(guard.ReleaseOnce) {
		return
	}
	t.holds = false
	c.unuse(t.framework, t.agentID, t.resources)
	c.allocator.RecoverResources(t.framework.id, t.agentID, t.resources, nil, true)
}

// removeTask strikes a task out of the records of its agent. A task of an unreachable agent is kept
// apart, since it may come back; others are archived.
//
// Mesos: src/master/master.cpp, Master::removeTask.
func (c *core) removeTask(t *task, unreachable bool) {
	f := t.framework
	c.release(t)
	delete(f.tasks, t.id)
	f.taskTable.remove(t.slot)
	t.slot = -1
	if a := c.agents.get(t.agentID); a != nil {
		delete(a.tasks[f.id], t.id)
		if len(a.tasks[f.id]) == 0 {
			delete(a.tasks, f.id)
		}
		c.touchAgent(a)
	}
	if unreachable {
		f.unreachable.put(t.id, t)
		for f.unreachable.len() > c.cfg.MaxUnreachableTasks {
			_, oldest, _ := f.unreachable.oldest()
			f.unreachable.remove(oldest.id)
			c.countTask(oldest, -1)
		}
		f.away = nil
	} else {
		c.countTask(t, -1)
		c.archive(t)
	}
	c.touchFramework(f)
}

// archive remembers a task that is over.
func (c *core) archive(t *task) {
	f := t.framework
	f.done = append(f.done, t.snapshot())
	if n := len(f.done) - c.cfg.MaxCompletedTasks; n > 0 {
		f.done = f.done[n:] // snapshots share the array: nothing in it is overwritten
	}
}

// countTask keeps the gauges of states: by is 1 when the task appears in its state, -1 when it leaves it.
func (c *core) countTask(t *task, by int64) {
	f := t.framework
	if s := int(t.state); s >= 0 && s < taskStates && !transitions.Terminal(t.state) {
		c.counters.TasksByState[s] += by
		f.metrics.ActiveTasks[s] += by
	}
}

// countEnd counts a task that has ended in a state, or will never start; s says so.
func (c *core) countEnd(f *framework, state mesosproto.TaskState, s *mesosproto.TaskStatus) {
	if transitions.Terminal(state) {
		c.counters.TasksByState[state]++
		f.metrics.TerminalTasks[state]++
	}
	if s.Reason != nil {
		c.reasons[Reason{s.GetState(), s.GetSource(), s.GetReason()}]++
		c.newReasons = true
	}
}

func (c *core) addExecutor(f *framework, a *agent, info *mesosproto.ExecutorInfo, needs resources.Resources) {
	c.seq++
	e := &executor{seq: c.seq, id: info.ExecutorId.GetValue(), info: info, framework: f, agent: a, resources: needs}
	if a.executors == nil {
		a.executors = make(map[string]map[string]*executor)
	}
	if a.executors[f.id] == nil {
		a.executors[f.id] = make(map[string]*executor)
	}
	a.executors[f.id][e.id] = e
	e.slot = f.executorTable.add(&ExecutorState{Info: info, AgentID: a.id})
	c.use(f, a, needs)
}

func (c *core) removeExecutor(e *executor) {
	f, a := e.framework, e.agent
	delete(a.executors[f.id], e.id)
	if len(a.executors[f.id]) == 0 {
		delete(a.executors, f.id)
	}
	f.executorTable.remove(e.slot)
	c.unuse(f, a.id, e.resources)
	c.allocator.RecoverResources(f.id, a.id, e.resources, nil, true)
}

func (c *core) use(f *framework, a *agent, r resources.Resources) {
	f.used.add(a.id, r)
	a.used.Add(r)
	c.touchFramework(f)
	c.touchAgent(a)
}

func (c *core) unuse(f *framework, agentID string, r resources.Resources) {
	f.used.sub(agentID, r)
	c.touchFramework(f)
	if a := c.agents.get(agentID); a != nil {
		a.used.Sub(r)
		c.touchAgent(a)
	}
}

// usedOn is what each framework uses on an agent, by framework id.
func usedOn(a *agent) map[string]resources.Resources {
	used := make(map[string]resources.Resources)
	for id, tasks := range a.tasks {
		used[id] = usedBy(tasks, a.executors[id])
	}
	for id, executors := range a.executors {
		if a.tasks[id] == nil {
			used[id] = usedBy(nil, executors)
		}
	}
	return used
}

// usedByAgent is what a framework uses, by agent id.
func (c *core) usedByAgent(f *framework) map[string]resources.Resources {
	used := make(map[string]resources.Resources)
	for _, a := range c.agents.all() {
		if a.tasks[f.id] != nil || a.executors[f.id] != nil {
			used[a.id] = usedBy(a.tasks[f.id], a.executors[f.id])
		}
	}
	return used
}

func usedBy(tasks map[string]*task, executors map[string]*executor) resources.Resources {
	var sum resources.Accumulator
	for _, t := range tasks { // sums don't depend on the order
		if t.holds {
			sum.Add(t.resources)
		}
	}
	for _, e := range executors {
		sum.Add(e.resources)
	}
	return sum.Resources()
}

// tasksInOrder lists tasks as the master came to know them.
func tasksInOrder(m map[string]*task) []*task {
	return slices.SortedFunc(maps.Values(m), func(a, b *task) int { return cmp.Compare(a.seq, b.seq) })
}

func executorsInOrder(m map[string]*executor) []*executor {
	return slices.SortedFunc(maps.Values(m), func(a, b *executor) int { return cmp.Compare(a.seq, b.seq) })
}

// sortedKeys lists the keys of a map in a fixed order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func sortedStops(m map[string]func() bool) []func() bool {
	stops := make([]func() bool, 0, len(m))
	for _, key := range sortedKeys(m) {
		stops = append(stops, m[key])
	}
	return stops
}
