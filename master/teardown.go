package master

import (
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// removeFramework ends a framework for good: TEARDOWN, or its failover timeout has passed. All agents
// are told to end its executors; its tasks count as killed at once, and nobody is told.
//
// Mesos: src/master/master.cpp, Master::removeFramework.
func (c *core) removeFramework(f *framework) {
	c.stopFrameworkTimers(f)
	c.deactivate(f)
	m := &messagespb.ShutdownFrameworkMessage{FrameworkId: f.idProto}
	for _, a := range c.agents.all() {
		a.send(m)
	}
	message := "Framework " + f.id + " removed"
	for _, t := range tasksInOrder(f.tasks) {
		c.updateTask(t, c.masterStatus(t, mesosproto.TaskState_TASK_KILLED, message,
			mesosproto.TaskStatus_REASON_FRAMEWORK_REMOVED), nil)
		c.removeTask(t, false)
	}
	for _, t := range f.unreachable.all() {
		c.updateTask(t, c.masterStatus(t, mesosproto.TaskState_TASK_KILLED, message,
			mesosproto.TaskStatus_REASON_FRAMEWORK_REMOVED), nil)
		f.unreachable.remove(t.id)
		f.away = nil
		c.countTask(t, -1)
		c.archive(t)
	}
	for _, a := range c.agents.all() {
		for _, e := range executorsInOrder(a.executors[f.id]) {
			c.removeExecutor(e)
		}
		c.dropOperations(a, f)
	}
	if f.stream != nil {
		stream := f.stream
		c.disconnectStream(f)
		stream.Close()
	}
	c.allocator.RemoveFramework(f.id)

	f.state = transitions.FrameworkCompleted
	delete(c.frameworks, f.id)
	c.frameworkOrder.remove(f.id)
	done := f.snapshot()
	done.Unregistered = c.loop.Now()
	c.frameworkTable.remove(f.slot)
	f.slot = -1
	c.completeFramework(done)
	c.touch()
	c.log.Info("framework removed", zap.String("framework_id", f.id))
}

// completeFramework remembers a removed framework, and forgets the oldest if there are too many.
func (c *core) completeFramework(f *FrameworkState) {
	c.completed = append(c.completed, f)
	c.completedID[f.ID] = true
	for len(c.completed) > c.cfg.MaxCompletedFrameworks {
		delete(c.completedID, c.completed[0].ID)
		c.completed = c.completed[1:] // snapshots share the array: nothing in it is overwritten
	}
}
