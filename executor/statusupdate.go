package executor

import (
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/deepcopy"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/randomid"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// ackTimeout is how long an update that was sent may stay unacknowledged. Then it is sent again: an agent
// that can't store an update for now does not tell so when the update came with SUBSCRIBE.
const ackTimeout = 30 * time.Second

// update is one that the agent has not acknowledged.
type update struct {
	call *executorpb.Call_Update
	on   *connection // it was sent there, by itself or in SUBSCRIBE; nil: not yet
	at   time.Time   // when it was sent there
}

// SendStatusUpdate reports what became of a task. TaskId and State must be set. Uuid, Source, ExecutorId
// and, unless it is set, Timestamp are filled in; the agent fills in AgentId and ContainerStatus. s is
// copied; the same may be changed and sent again.
//
// The update is delivered at least once, in order: it is kept until the agent has stored it, and sent
// again after a reconnection. The agent then takes care that the framework gets it. Returns once it is
// queued; never waits. Safe in callbacks and for concurrent use.
//
// Errors: InvalidArgument for what the agent would refuse; FailedPrecondition before Start and after
// Stop; ResourceExhausted if 65536 updates are not acknowledged yet. Later refusals arrive through
// Executor.Error.
// Mesos: executor Call UPDATE.
func (d *Driver) SendStatusUpdate(s *mesosproto.TaskStatus) error {
	s = deepcopy.TaskStatus(s)
	if err := d.check(s); err != nil {
		return err
	}
	if n := d.unacked.Add(1); n > maxUnacknowledged {
		d.unacked.Add(-1)
		return status.Errorf(codes.ResourceExhausted, "%s of task %s: the agent has not acknowledged %d updates; wait until it has",
			executorpb.Call_UPDATE, s.GetTaskId().GetValue(), maxUnacknowledged)
	}
	err := d.post(executorpb.Call_UPDATE, func(c *core) { c.statusUpdate(s) })
	if err != nil {
		d.unacked.Add(-1)
	}
	return err
}

// check refuses what the agent would refuse, so that the mistake shows where it was made.
func (d *Driver) check(s *mesosproto.TaskStatus) error {
	t, id := executorpb.Call_UPDATE, s.GetTaskId().GetValue()
	switch {
	case id == "":
		return invalid("%s: TaskStatus.TaskId is not set", t)
	case s.State == nil:
		return invalid("%s of task %s: TaskStatus.State is not set", t, id)
	case s.GetState() == mesosproto.TaskState_TASK_STAGING:
		return invalid("%s of task %s: %s is the state before an executor has the task; expecting TASK_STARTING, TASK_RUNNING or a later one",
			t, id, s.GetState())
	}
	// The driver's to say.
	s.Uuid = nil
	s.Source = mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum()
	s.ExecutorId = d.cfg.ExecutorID
	if err := proto.CheckInitialized(s); err != nil {
		return invalid("%s of task %s: %s", t, id, missing(err))
	}
	return nil
}

// statusUpdate completes an update, keeps it, and sends it if there is a connection.
func (c *core) statusUpdate(s *mesosproto.TaskStatus) {
	if c.over {
		c.driver.unacked.Add(-1)
		return
	}
	s.Uuid = randomid.UUID(c.loop.Rand())
	if s.Timestamp == nil {
		s.Timestamp = proto.Float64(float64(c.loop.Now().UnixNano()) / 1e9)
	}
	c.log.Info("task update", zap.String("task_id", s.GetTaskId().GetValue()), zap.Stringer("state", s.GetState()),
		zap.Binary("uuid", s.GetUuid()))
	u := &update{call: &executorpb.Call_Update{Status: s}}
	if !c.guards.Off(guard.UpdateMemory) {
		c.updates.put(string(s.GetUuid()), u)
	}
	if c.conn != nil && c.conn.subscribed {
		c.sendUpdate(c.conn, u)
	}
}

// sendUpdate sends an update by itself.
func (c *core) sendUpdate(conn *connection, u *update) {
	u.on, u.at = conn, c.loop.Now()
	c.watchUpdates(conn)
	call := c.call(executorpb.Call_UPDATE)
	call.Update = u.call
	c.send(conn, call, func(err error) {
		if err != nil && isRefusal(err) && c.forget(string(u.call.GetStatus().GetUuid())) {
			c.refused(call, err)
		}
	})
}

// watchUpdates makes a new connection if the oldest update stays without an acknowledgement. It is one
// timer that is set again when it finds a younger one.
func (c *core) watchUpdates(conn *connection) {
	oldest, ok := c.updates.first()
	if !ok || conn.watch != nil {
		return
	}
	conn.watch = c.loop.AfterFunc(ackTimeout-c.age(oldest), func() {
		conn.watch = nil
		oldest, ok := c.updates.first()
		switch {
		case !ok:
			return
		case !conn.shared && c.backlog.Full(): // nobody reads, so nothing can be heard
			oldest.at = c.loop.Now()
		case c.age(oldest) >= ackTimeout:
			c.renew(conn, status.Errorf(codes.Unavailable, "update of task %s not acknowledged within %v",
				oldest.call.GetStatus().GetTaskId().GetValue(), ackTimeout))
			return
		}
		c.watchUpdates(conn)
	})
}

// age is how long ago an update was sent. If the clock has gone back since, it is sent just now.
func (c *core) age(u *update) time.Duration {
	now := c.loop.Now()
	if now.Before(u.at) {
		u.at = now
	}
	return now.Sub(u.at)
}
