package agent

import (
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// killTask ends a task: at once if nobody has it yet, else through its executor.
func (c *core) killTask(m *messagespb.KillTaskMessage) {
	fw := c.frameworks[m.GetFrameworkId().GetValue()]
	log := c.log.With(zap.String("framework_id", m.GetFrameworkId().GetValue()), zap.String("task_id", m.GetTaskId().GetValue()))
	if c.state == recovering || c.state == terminating || fw == nil || fw.terminating {
		log.Warn("kill ignored: framework unknown, or being shut down")
		return
	}
	t := fw.task(m.GetTaskId().GetValue())
	if t == nil {
		log.Warn("no executor has the task that is to be killed")
		c.report(fw.info.GetId(), fw, &mesosproto.TaskStatus{
			TaskId:  m.GetTaskId(),
			State:   droppedOrLost(fw.info).Enum(),
			Reason:  mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED.Enum(),
			Message: proto.String("Cannot find executor"),
		}, nil)
		return
	}
	log.Info("kill", zap.String("state", t.state.String()))
	c.killKnown(t, m.GetKillPolicy())
}

func (c *core) killKnown(t *task, policy *mesosproto.KillPolicy) {
	ex := t.ex
	switch {
	case t.terminal() || ex.hasEnded:
		// What is to be said of it was said, or is about to be.
	case !t.reachable() && c.guards.Off(guard.KillMemoryOfAgent):
	case t.queued:
		c.killQueued(t)
	case ex.supervisor != nil:
		if !ex.destroying {
			c.kill(ex.supervisor, policy)
		}
	case ex.state == executorTerminating:
	case ex.stream != nil:
		ex.stream.Send(killEvent(t, policy))
	default: // delivered when the executor is back
		t.killed, t.killedUnder = true, policy
	}
}

// reachable reports whether the task is up, and has somebody who can be told to end it. A kill that
// comes earlier is remembered, each kind of task in its own way.
func (t *task) reachable() bool {
	starting := t.state == mesosproto.TaskState_TASK_STAGING || t.state == mesosproto.TaskState_TASK_STARTING
	return !starting && (t.ex.supervisor != nil || t.ex.stream != nil)
}

// killQueued ends a task that was not delivered, and with it its group.
func (c *core) killQueued(t *task) {
	ex := t.ex
	text := "Killed before delivery to the executor"
	for i, b := range ex.queue {
		if !b.has(t) {
			continue
		}
		ex.queue = append(append([]*batch(nil), ex.queue[:i]...), ex.queue[i+1:]...)
		if b.group && ex.state == executorRegistering {
			text = "A task within the task group was killed before delivery to the executor"
		}
		for _, member := range b.tasks {
			c.agentUpdate(member, &mesosproto.TaskStatus{
				State:   mesosproto.TaskState_TASK_KILLED.Enum(),
				Reason:  mesosproto.TaskStatus_REASON_TASK_KILLED_DURING_LAUNCH.Enum(),
				Message: proto.String(text),
			})
		}
		break
	}
	switch {
	case ex.supervisor != nil:
		c.destroy(ex, nil)
	case ex.state == executorRunning && !ex.reported && !ex.busy():
		c.shutdownExecutor(ex)
	}
}

func (b *batch) has(t *task) bool {
	for _, member := range b.tasks {
		if member == t {
			return true
		}
	}
	return false
}
