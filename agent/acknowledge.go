package agent

import (
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// acknowledge is the framework's word that it has an update: the retries stop and the next goes out.
// When it has the last one the task is over, and with its last task the executor.
func (c *core) acknowledge(m *messagespb.StatusUpdateAcknowledgementMessage) {
	if c.state != running {
		return
	}
	framework, id := m.GetFrameworkId().GetValue(), m.GetTaskId().GetValue()
	stream := c.streams.get(framework, id)
	u := c.streams.acknowledge(stream, m.GetUuid())
	if u == nil {
		c.log.Warn("acknowledgement ignored: it is not for the update that was sent", zap.String("framework_id", framework), zap.String("task_id", id))
		return
	}
	if e := c.log.Check(zap.DebugLevel, "acknowledged"); e != nil {
		e.Write(zap.String("framework_id", framework), zap.String("task_id", id))
	}
	fw := c.frameworks[framework]
	var t *task
	if fw != nil {
		t = fw.task(id)
	}
	if !u.Terminal() {
		c.streams.prune(stream, t)
		if t == nil && stream.Empty() {
			c.streams.close(stream)
		}
		return
	}
	// The task first: an agent that knew it without its end would launch it again, or say that it is lost.
	if t != nil {
		c.complete(t)
	}
	c.forgetUpdate(u)
	c.streams.close(stream)
	if t != nil {
		c.removeExecutorIfDone(t.ex)
	}
	if fw != nil {
		c.forgetIfIdle(fw)
	}
}
