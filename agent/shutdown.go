package agent

import (
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

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
	c.departures.add(fw, &c.older)
	c.forgetFramework(fw)
	c.changed()
	c.drained()
	c.exitIfDown()
}

// shutdown is the master's order to end everything and exit.
func (c *core) shutdown(m *messagespb.ShutdownMessage) {
	c.end("the master told this agent to shut down: " + m.GetMessage())
}

// end ends all frameworks, then the agent.
func (c *core) end(why string) {
	if c.state == terminating || c.stopped {
		return
	}
	c.log.Warn("shutting down", zap.String("why", why))
	c.state = terminating
	c.shutdownReason = why
	c.retry.Stop()
	c.silence.Stop()
	c.correction.stop()
	c.stopRecovery()
	c.changed()
	for _, fw := range inOrder(c.frameworks) {
		c.endFramework(fw)
	}
	c.exitIfDown()
}

// unregister is shutdown by the operator: the master is told that the agent will not come back.
func (c *core) unregister(why string) {
	if c.state == running {
		c.send(&messagespb.UnregisterSlaveMessage{SlaveId: c.info.GetId()})
	}
	c.end(why)
}

// exitIfDown ends the agent once all frameworks are gone.
func (c *core) exitIfDown() {
	if c.state != terminating || len(c.frameworks) > 0 || c.stopped {
		return
	}
	c.exit(status.Errorf(codes.Aborted, "%s", c.shutdownReason))
}
