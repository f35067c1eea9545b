package agent

import (
	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/transitions"
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
	c.accept(framework, t, s)
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
	}
	c.acceptFrom(ex, t, s, acked)
}

func (c *core) accept(framework *mesosproto.FrameworkID, t *task, s *mesosproto.TaskStatus) {
	c.take(framework, t, s, func(error) {})
}

// acceptFrom checks what only executors can get wrong.
func (c *core) acceptFrom(ex *executor, t *task, s *mesosproto.TaskStatus, acked func(error)) {
	id := ex.fw.info.GetId()
	if c.streams.seen(ex.fw.id, s.GetTaskId().GetValue(), s.GetUuid()) {
		// The executor missed the acknowledgement.
		c.whenSafe(id, s, acked)
		return
	}
	if t == nil && c.streams.strangers(ex.fw) >= maxStrangers {
		acked(status.Errorf(codes.ResourceExhausted, "framework %s has %d updates for tasks that are not here; the first must be acknowledged", ex.fw.id, maxStrangers))
		return
	}
	if t != nil && t.terminal() && transitions.Terminal(s.GetState()) {
		c.log.Warn("second terminal update is not forwarded", zap.String("framework_id", ex.fw.id), zap.String("task_id", t.id), zap.Stringer("was", t.state), zap.Stringer("is", s.GetState()))
		acked(nil)
		return
	}
	if t != nil && c.streams.full(ex.fw.id, t.id) {
		acked(status.Errorf(codes.ResourceExhausted, "%d updates of task %s wait for their acknowledgement by the framework; send fewer", maxPendingUpdates, t.id))
		return
	}
	c.take(id, t, s, acked)
}

// take records an update and sends it when its turn comes.
func (c *core) take(framework *mesosproto.FrameworkID, t *task, s *mesosproto.TaskStatus, acked func(error)) {
	u := &messagespb.StatusUpdate{
		FrameworkId: framework,
		ExecutorId:  s.GetExecutorId(),
		SlaveId:     c.info.GetId(),
		Status:      s,
		Timestamp:   s.Timestamp,
		Uuid:        s.GetUuid(),
	}
	if u.Timestamp == nil {
		u.Timestamp = proto.Float64(c.timestamp())
	}
	c.log.Info("update", zap.String("framework_id", framework.GetValue()), zap.String("task_id", s.GetTaskId().GetValue()), zap.Stringer("state", s.GetState()))
	c.counters.Updates++
	if t != nil {
		wasTerminal := t.terminal()
		t.observe(s)
		if t.terminal() && !wasTerminal {
			c.taskEnded(t)
		}
		c.touched(t.ex)
	}
	c.rememberUpdate(t, u, acked)
	c.streams.update(u)
}

// taskEnded frees what the task held.
func (c *core) taskEnded(t *task) {
	t.queued = false
	c.counters.ended(t.state)
	ex := t.ex
	if ex.supervisor == nil && ex.launched && ex.state == executorRunning {
		c.containers.Update(ex.container, ex.liveResources(), ex.limits(), func(err error) {
			if err != nil {
				c.log.Warn("container keeps the resources of a task that has ended", zap.String("container_id", ex.container.GetValue()), zap.Error(err))
			}
		})
	}
}

// containerStatus completes what an executor says of its container with what is known of it. An
// executor that runs tasks in nested containers says so itself.
func (c *core) containerStatus(ex *executor, said *mesosproto.ContainerStatus) *mesosproto.ContainerStatus {
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
		out.NetworkInfos = []*mesosproto.NetworkInfo{{
			IpAddresses: []*mesosproto.NetworkInfo_IPAddress{{IpAddress: proto.String(c.cfg.IP.String())}},
		}}
	}
	return out
}

// forward sends the head of a stream to the master.
func (c *core) forward(u *messagespb.StatusUpdate) {
	m := &messagespb.StatusUpdateMessage{Update: u, Pid: proto.String(c.cfg.PID)}
	if fw := c.frameworks[u.GetFrameworkId().GetValue()]; fw != nil {
		if t := fw.task(u.GetStatus().GetTaskId().GetValue()); t != nil {
			t.forwarded = u.GetStatus()
			// The master frees the task's resources when it knows the latest state, however many
			// updates still wait before it.
			latest := proto.CloneOf(u)
			latest.LatestState = t.state.Enum()
			m.Update = latest
		}
	}
	c.send(m)
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
	c.changed()
	c.streams.resend(fw.id)
}
