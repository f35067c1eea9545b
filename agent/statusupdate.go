package agent

import (
	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/statusupdate"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// report sends an update on the agent's own account, for a task that it may not know: a dropped one, or
// one that only the master believes in. It is delivered like any other.
func (c *core) report(framework *mesosproto.FrameworkID, fw *framework, s *mesosproto.TaskStatus, t *task) {
	s.Source = mesosproto.TaskStatus_SOURCE_AGENT.Enum()
	s.AgentId = c.info.GetId()
	s.Timestamp = proto.Float64(c.timestamp())
	s.Uuid = c.newUUID()
	if fw != nil && fw.terminating {
		return
	}
	c.take(framework, t, s, func(error) {})
}

// agentUpdate is report for a task that is here.
func (c *core) agentUpdate(t *task, s *mesosproto.TaskStatus) {
	s.TaskId = t.info.GetTaskId()
	s.ExecutorId = t.ex.info.GetExecutorId()
	c.report(t.ex.fw.info.GetId(), t.ex.fw, s, t)
}

// executorUpdate takes an update from an executor, or from the agent in the role of one. acked, which
// may be nil, is called once the update is safe here: nil, or why it was refused. t is nil for a task
// that the executor made up, or that is forgotten; its update is passed on all the same, as the
// reference does, because it may be the last of a task that ended while the agent was away.
func (c *core) executorUpdate(ex *executor, t *task, s *mesosproto.TaskStatus, acked func(error)) {
	if acked == nil {
		acked = func(error) {}
	}
	if ex.fw.terminating {
		c.log.Debug("update ignored: the framework is being shut down", zap.String("framework_id", ex.fw.id), zap.String("task_id", s.GetTaskId().GetValue()))
		return
	}
	s.AgentId = c.info.GetId()
	s.Source = mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum()
	s.ExecutorId = ex.info.GetExecutorId()
	c.drainStatus(ex.fw, s)
	if t == nil {
		c.log.Warn("update for a task that the executor does not have", zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id), zap.String("task_id", s.GetTaskId().GetValue()))
	} else {
		s.ContainerStatus = c.containerStatus(ex, s.GetContainerStatus())
		c.hasReported(ex)
	}
	c.acceptFrom(ex, t, s, acked)
}

// hasReported notes that a task has reached an executor: from now on it is kept when it is idle.
func (c *core) hasReported(ex *executor) {
	if ex.supervisor == nil && !ex.reported {
		ex.reported = true
		c.rememberExecutor(ex)
	}
}

// acceptFrom checks what only executors can get wrong.
func (c *core) acceptFrom(ex *executor, t *task, s *mesosproto.TaskStatus, acked func(error)) {
	stream := c.streams.get(ex.fw.id, s.GetTaskId().GetValue())
	if u, seen := stream.updates().Seen(s.GetUuid()); seen && !c.guards.Off(guard.UpdateDedup) {
		c.acceptAgain(u, acked)
		return
	}
	switch {
	case t == nil && stream == nil && ex.completed(s.GetTaskId().GetValue()):
		c.log.Debug("update of a completed task is not forwarded", zap.String("framework_id", ex.fw.id), zap.String("task_id", s.GetTaskId().GetValue()), zap.Stringer("state", s.GetState()))
		c.rememberEnd(ex, s.GetTaskId().GetValue(), func() { acked(nil) })
		return
	case t == nil && stream == nil && c.streams.strangers(ex.fw) >= maxStrangers:
		acked(status.Errorf(codes.ResourceExhausted, "framework %s has updates of %d tasks that are not here; the first must be acknowledged", ex.fw.id, maxStrangers))
		return
	case stream.updates().Full():
		acked(status.Errorf(codes.ResourceExhausted, "%d updates of task %s wait for their acknowledgement by the framework; send fewer", statusupdate.MaxPending, s.GetTaskId().GetValue()))
		return
	case t != nil && t.terminal():
		// Nothing follows the end. The executor must not send it for ever, so it is acknowledged.
		c.log.Warn("update after the terminal one is not forwarded", zap.String("framework_id", ex.fw.id), zap.String("task_id", t.id), zap.Stringer("was", t.state), zap.Stringer("is", s.GetState()))
		c.counters.InvalidUpdates++
		acked(nil)
		return
	}
	c.take(ex.fw.info.GetId(), t, s, acked)
}

// acceptAgain answers an executor that missed the acknowledgement; u is nil if the update is long done.
func (c *core) acceptAgain(u *statusupdate.Update, acked func(error)) {
	switch {
	case u == nil || u.Safe:
		acked(nil)
	case len(u.Waiting) < 2: // one answer is enough, however often it asks
		u.Waiting = append(u.Waiting, acked)
	}
}

// take records an update and sends it when its turn comes.
func (c *core) take(framework *mesosproto.FrameworkID, t *task, s *mesosproto.TaskStatus, acked func(error)) {
	both := &struct { // one allocation for both: they live as long
		update  statusupdate.Update
		message messagespb.StatusUpdate
	}{}
	u, m := &both.update, &both.message
	u.Message = m
	m.FrameworkId, m.ExecutorId, m.SlaveId = framework, s.GetExecutorId(), c.info.GetId()
	m.Status, m.Timestamp, m.Uuid = s, s.Timestamp, s.GetUuid()
	if m.Timestamp == nil {
		m.Timestamp = proto.Float64(c.timestamp())
	}
	if e := c.log.Check(zap.InfoLevel, "update"); e != nil {
		e.Write(zap.String("framework_id", framework.GetValue()), zap.String("task_id", s.GetTaskId().GetValue()), zap.Stringer("state", s.GetState()))
	}
	c.counters.Updates++
	stream := c.streams.open(framework.GetValue(), s.GetTaskId().GetValue())
	if t != nil {
		wasTerminal := t.terminal()
		t.observe(s)
		if t.terminal() && !wasTerminal {
			c.taskEnded(t)
		}
		c.streams.prune(stream, t)
		c.touched(t.ex)
	}
	u.Waiting = []func(error){acked}
	if fw := c.frameworks[framework.GetValue()]; fw != nil && fw.info.GetCheckpoint() {
		u.Key = updateKey(fw.id, s.GetTaskId().GetValue(), c.nextAge())
	}
	stream.Add(u)
	c.write(stream, u)
}

// write makes an update safe; then it goes out, and the executor may forget it. What can't be written
// now goes out all the same, but the executor is not told before it is safe.
func (c *core) write(s *stream, u *statusupdate.Update) {
	done := func(err error) {
		if err != nil {
			c.log.Error("update can't be checkpointed; is the disk of --work_dir full?", zap.String("key", u.Key), zap.Error(err))
		}
		if !u.Ready {
			c.streams.written(s, u)
		}
		if err != nil {
			return
		}
		u.Safe = true
		waiting := u.Waiting
		u.Waiting = nil
		for _, f := range waiting {
			f(nil)
		}
	}
	if u.Key == "" {
		done(nil)
		return
	}
	c.rememberUpdate(u, c.guards.Wait(guard.UpdateStore, done))
}

// taskEnded frees what the task held.
func (c *core) taskEnded(t *task) {
	t.queued = false
	c.counters.ended(t.state)
	if ex := t.ex; ex.supervisor == nil && ex.launched && !ex.hasEnded {
		c.shrink(ex)
	}
}

// shrink takes from an executor's container what tasks that have ended held: for the master it is free.
func (c *core) shrink(ex *executor) {
	c.containers.Update(ex.container, ex.liveResources(), ex.limits(), func(err error) {
		if err != nil {
			c.log.Warn("container keeps the resources of a task that has ended", zap.String("container_id", ex.container.GetValue()), zap.Error(err))
		}
	})
}

// containerStatus completes what an executor says of its container with what is known of it. An
// executor that runs tasks in nested containers says so itself.
func (c *core) containerStatus(ex *executor, said *mesosproto.ContainerStatus) *mesosproto.ContainerStatus {
	if said == nil && ex.told != nil && ex.toldOf == ex.status {
		return ex.told
	}
	out := &mesosproto.ContainerStatus{}
	if ex.status != nil {
		proto.Merge(out, ex.status)
	}
	out.ContainerId = ex.container
	if said != nil {
		if len(said.GetNetworkInfos()) > 0 {
			out.NetworkInfos = nil
		}
		if said.GetContainerId() != nil {
			out.ContainerId = nil
		}
		proto.Merge(out, said)
	}
	if len(out.GetNetworkInfos()) == 0 {
		out.NetworkInfos = c.ownNetwork
	}
	if said == nil {
		ex.told, ex.toldOf = out, ex.status
	}
	return out
}

// forward sends the head of a stream to the master.
func (c *core) forward(u *messagespb.StatusUpdate) {
	m := &struct { // one allocation for all: it is sent for each update
		message messagespb.StatusUpdateMessage
		update  messagespb.StatusUpdate
		latest  mesosproto.TaskState
	}{}
	m.message.Update, m.message.Pid = u, &c.cfg.PID
	if fw := c.frameworks[u.GetFrameworkId().GetValue()]; fw != nil {
		if t := fw.task(u.GetStatus().GetTaskId().GetValue()); t != nil {
			t.forwarded = u.GetStatus()
			// The master frees the task's resources when it knows the latest state, however many
			// updates still wait before it.
			m.message.Update, m.latest = &m.update, t.state
			m.update.FrameworkId, m.update.ExecutorId, m.update.SlaveId = u.FrameworkId, u.ExecutorId, u.SlaveId
			m.update.Status, m.update.Timestamp, m.update.Uuid = u.Status, u.Timestamp, u.Uuid
			m.update.LatestState = &m.latest
		}
	}
	c.send(&m.message)
}

// updateFramework is sent when a scheduler subscribed anew: it wants what is still unacknowledged now.
func (c *core) updateFramework(m *messagespb.UpdateFrameworkMessage) {
	fw := c.frameworks[m.GetFrameworkId().GetValue()]
	if c.state == recovering || fw == nil || fw.terminating {
		return
	}
	if m.GetFrameworkInfo() != nil {
		info := proto.CloneOf(m.GetFrameworkInfo())
		info.Id = fw.info.GetId()
		fw.info = info
	}
	fw.pid = schedulerPID(m.GetPid())
	c.rememberFramework(fw)
	c.touchedFramework(fw)
	c.streams.resend(fw.id)
}
