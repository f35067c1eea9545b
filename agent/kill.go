package agent

import (
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
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
	case ex.state == executorRunning && !ex.used && len(ex.queue) == 0:
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

// shutdownGrace is how long an executor may take to shut down.
func (c *core) shutdownGrace(ex *executor) time.Duration {
	if ex.info.GetShutdownGracePeriod() != nil {
		return nanoseconds(ex.info.GetShutdownGracePeriod())
	}
	return c.cfg.ExecutorShutdownGracePeriod
}

// shutdownExecutor asks an executor to end, and destroys its container after the grace period.
func (c *core) shutdownExecutor(ex *executor) {
	if ex.hasEnded || ex.state == executorTerminating {
		return
	}
	grace := c.shutdownGrace(ex)
	c.log.Info("shutting down executor", zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id))
	if !ex.launched {
		c.destroy(ex, nil)
		return
	}
	ex.state = executorTerminating
	c.touched(ex)
	ex.stopShutdown()
	ex.stopShutdown = c.loop.AfterFunc(grace, func() { c.destroy(ex, nil) })
	switch {
	case ex.supervisor != nil:
		// A command executor leaves itself time to reap and to report.
		if !ex.supervisor.killing && ex.supervisor.delivered {
			ex.supervisor.stopMax()
			c.startKill(ex.supervisor, grace-2*time.Second)
		}
	case ex.stream != nil:
		ex.stream.Send(&executorpb.Event{Type: executorpb.Event_SHUTDOWN.Enum()})
	}
}

func (c *core) shutdownExecutorMessage(m *messagespb.ShutdownExecutorMessage) {
	fw := c.frameworks[m.GetFrameworkId().GetValue()]
	if c.state == recovering || c.state == disconnected || fw == nil || fw.terminating {
		return
	}
	ex := fw.executors[m.GetExecutorId().GetValue()]
	if ex == nil {
		c.log.Warn("unknown executor can't be shut down", zap.String("framework_id", fw.id), zap.String("executor_id", m.GetExecutorId().GetValue()))
		return
	}
	c.shutdownExecutor(ex)
}

func (c *core) shutdownFramework(m *messagespb.ShutdownFrameworkMessage) {
	if c.state == recovering || c.state == disconnected {
		return
	}
	if fw := c.frameworks[m.GetFrameworkId().GetValue()]; fw != nil {
		c.endFramework(fw)
	}
}

// endFramework ends all that a framework has here. Nobody wants to hear of it any more.
func (c *core) endFramework(fw *framework) {
	if fw.terminating {
		return
	}
	c.log.Info("shutting down framework", zap.String("framework_id", fw.id))
	fw.terminating = true
	c.streams.discard(fw.id)
	c.touchedFramework(fw)
	for _, ex := range inOrder(fw.executors) {
		if ex.hasEnded {
			c.removeExecutor(ex)
		} else {
			c.shutdownExecutor(ex)
		}
	}
	c.forgetIfIdle(fw)
}

// forgetIfIdle removes a framework that has nothing here any more, not even an update to be
// acknowledged.
func (c *core) forgetIfIdle(fw *framework) {
	if len(fw.executors) > 0 || c.frameworks[fw.id] != fw || !fw.terminating && c.streams.has(fw.id) {
		return
	}
	c.log.Info("framework is gone from this agent", zap.String("framework_id", fw.id))
	delete(c.frameworks, fw.id)
	c.completedFrameworks = append(c.completedFrameworks, fw)
	if n := len(c.completedFrameworks) - maxCompletedFrameworks; n > 0 {
		c.completedFrameworks = append([]*framework(nil), c.completedFrameworks[n:]...)
	}
	c.forgetFramework(fw)
	c.changed()
	c.drained()
	c.exitIfDown()
}

// shutdown is the master's order to end everything and exit.
func (c *core) shutdown(m *messagespb.ShutdownMessage) {
	if c.state == terminating {
		return
	}
	c.log.Warn("the master tells this agent to shut down", zap.String("why", m.GetMessage()))
	c.state = terminating
	c.shutdownReason = m.GetMessage()
	c.stopRetry()
	c.stopPing()
	c.changed()
	for _, fw := range inOrder(c.frameworks) {
		c.endFramework(fw)
	}
	c.exitIfDown()
}
