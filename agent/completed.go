package agent

import (
	"slices"

	"github.com/mesokit/mesokit/agent/checkpoint"
)

// completion is a task whose end the framework has acknowledged. Its executor may not know that the agent
// has heard of it, and report it again: the agent was killed, or its disk full, before it could say so.
// The framework must not be told again, for it would see the task go backwards.
type completion struct {
	task string
	seq  uint64 // in the order of the acknowledgements
}

// completed reports whether a task is among those that the executor had last.
func (ex *executor) completed(id string) bool {
	return slices.ContainsFunc(ex.over, func(o completion) bool { return o.task == id })
}

// complete moves a task to the completed ones.
func (c *core) complete(t *task) {
	ex := t.ex
	ex.removeTask(t)
	ex.completedTasks = append(ex.completedTasks, t)
	if n := len(ex.completedTasks) - maxCompletedTasks; n > 0 {
		ex.completedTasks = append([]*task(nil), ex.completedTasks[n:]...)
	}
	if ex.supervisor == nil && !ex.hasEnded { // else nobody reports it again
		c.rememberCompletion(t)
	} else {
		c.forgetTask(t)
	}
	c.touched(ex)
}

// rememberCompletion puts a completion in the place of its task: an agent that is killed meanwhile knows
// the one or the other.
func (c *core) rememberCompletion(t *task) {
	ex := t.ex
	o := completion{t.id, c.nextAge()}
	ex.over = append(ex.over, o)
	var gone []completion
	if n := len(ex.over) - maxCompletedTasks; n > 0 {
		gone, ex.over = ex.over[:n], slices.Clone(ex.over[n:])
	}
	if !ex.fw.info.GetCheckpoint() {
		return
	}
	changes := []checkpoint.Entry{
		entry(completedKey(ex.fw.id, ex.id, o.task), completionRecord{Version: recordVersion, Seq: o.seq}),
		forget(taskKey(ex.fw.id, t.id)), forget(deliveredKey(ex.fw.id, t.id)),
	}
	for _, o := range gone {
		if !ex.completed(o.task) { // a framework may use an id again
			changes = append(changes, forget(completedKey(ex.fw.id, ex.id, o.task)))
		}
	}
	c.put(changes...)
}
