package agent

import (
	"slices"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/deepcopy"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// executors is the agent as executors see it.
type executors struct{ core *core }

var _ link.Server[*executorpb.Call, *executorpb.Event] = executors{}

func (e executors) Subscribe(_ link.Caller, call *executorpb.Call, stream link.Stream[*executorpb.Event], answer func(string, error)) {
	e.core.loop.Post(func() { e.core.subscribe(call, stream, answer) })
}

func (e executors) Call(_ link.Caller, call *executorpb.Call, done func(error)) {
	e.core.loop.Post(func() { e.core.executorCall(call, done) })
}

func (e executors) Ended(stream link.Stream[*executorpb.Event]) {
	e.core.loop.Post(func() { e.core.streamEnded(stream) })
}

// caller finds the executor that a call comes from, in the order of checks of the reference.
func (c *core) caller(call *executorpb.Call) (*executor, error) {
	if err := ValidateCall(call); err != nil {
		return nil, err
	}
	if c.state == recovering && !c.recoveredContainers || c.stopped {
		return nil, status.Error(codes.Unavailable, "Agent has not finished recovery")
	}
	if c.state == recovering && call.GetType() != executorpb.Call_SUBSCRIBE {
		return nil, status.Error(codes.Unavailable, "Agent has not finished recovery")
	}
	fw := c.frameworks[call.GetFrameworkId().GetValue()]
	if fw == nil {
		return nil, status.Error(codes.NotFound, "Framework cannot be found")
	}
	ex := fw.executors[call.GetExecutorId().GetValue()]
	if ex == nil || ex.supervisor != nil {
		return nil, status.Error(codes.NotFound, "Executor cannot be found")
	}
	if ex.state == executorRegistering && call.GetType() != executorpb.Call_SUBSCRIBE {
		return nil, status.Error(codes.FailedPrecondition, "Executor is not subscribed")
	}
	return ex, nil
}

// subscribe connects an executor, for the first time or again.
func (c *core) subscribe(call *executorpb.Call, stream link.Stream[*executorpb.Event], answer func(string, error)) {
	ex, err := c.caller(call)
	if err != nil {
		answer("", err)
		return
	}
	answer("", nil)
	log := c.log.With(zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id))
	if c.state == terminating || ex.fw.terminating || ex.state == executorTerminating || ex.state == executorTerminated {
		log.Info("subscribing executor is told to shut down")
		stream.Send(&executorpb.Event{Type: executorpb.Event_SHUTDOWN.Enum()})
		stream.Close()
		return
	}
	log.Info("executor subscribed", zap.String("container_id", ex.container.GetValue()))
	if ex.stream != nil {
		ex.stream.Close()
	}
	ex.stream = stream
	ex.stopRegistration()
	ex.state = executorRunning
	if !ex.subscribed {
		ex.subscribed = true
		c.rememberExecutor(ex)
	}
	c.touched(ex)
	tasks, updates := call.GetSubscribe().GetUnacknowledgedTasks(), call.GetSubscribe().GetUnacknowledgedUpdates()
	c.adopt(ex, tasks)
	if !ex.reported && len(tasks) == 0 && len(updates) == 0 {
		// No task has reached it. If none is left for it, it would wait for ever. Mesos: everSentTask.
		if c.dropUndelivered(ex, nil); !ex.busy() {
			c.shutdownExecutor(ex)
			c.executorIsBack()
			return
		}
	}
	// Executor libraries drop what comes before SUBSCRIBED, so acknowledgements come after it.
	stream.Send(subscribedEvent(ex, c.info))
	overtaken := c.overtaken(ex, updates)
	for i, u := range updates {
		if err := validateUpdate(call, u.GetStatus()); err != nil {
			log.Warn("unacknowledged update ignored", zap.Error(err))
			continue
		}
		if overtaken[i] {
			ex.acknowledge(u.GetStatus())
			continue
		}
		c.updateFrom(ex, u.GetStatus(), func(error) {})
	}
	if ex.stream != stream {
		return
	}
	c.dropUndelivered(ex, tasks)
	c.heartbeatLater(ex)
	c.executorIsBack()
	for _, t := range ex.tasks {
		if t.killed {
			t.killed = false
			stream.Send(killEvent(t, t.killedUnder))
		}
	}
	c.deliver(ex)
}

// overtaken finds the updates of which the agent knows nothing, but of which it has a later one of the same
// task. Executors send them in order, so an earlier process of the agent took them, and forgot them when the
// framework had acknowledged them and the later one said the same state; only the executor has not heard that.
// Told again they would follow the later one.
//
// The reference passes on all of them. An executor that is not of this module, and sends a later update though
// an earlier one got lost on the way, loses the earlier one here: it is acknowledged, and no framework hears of
// it. This module's executors send what is not acknowledged again before what comes later.
func (c *core) overtaken(ex *executor, updates []*executorpb.Call_Update) []bool {
	out := make([]bool, len(updates))
	later := make(map[string]bool) // tasks
	for i, u := range slices.Backward(updates) {
		id := u.GetStatus().GetTaskId().GetValue()
		if _, seen := c.streams.get(ex.fw.id, id).updates().Seen(u.GetStatus().GetUuid()); seen {
			later[id] = true
		} else {
			out[i] = later[id] && !c.guards.Off(guard.UpdateDedup)
		}
	}
	return out
}

// acknowledge tells an executor that it may forget an update.
func (ex *executor) acknowledge(s *mesosproto.TaskStatus) {
	if ex.stream != nil {
		ex.stream.Send(&executorpb.Event{
			Type:         executorpb.Event_ACKNOWLEDGED.Enum(),
			Acknowledged: &executorpb.Event_Acknowledged{TaskId: s.GetTaskId(), Uuid: s.GetUuid()},
		})
	}
}

// dropUndelivered ends tasks that were sent to an executor which does not have them: they were lost with
// the stream, or with the agent process that sent them.
func (c *core) dropUndelivered(ex *executor, has []*mesosproto.TaskInfo) {
	known := make(map[string]bool, len(has))
	for _, t := range has {
		known[t.GetTaskId().GetValue()] = true
	}
	for _, t := range slices.Clone(ex.tasks) {
		if !t.queued && t.state == mesosproto.TaskState_TASK_STAGING && !known[t.id] && !c.guards.Off(guard.UndeliveredTasks) {
			c.agentUpdate(t, &mesosproto.TaskStatus{
				State:   droppedOrLost(ex.fw.info).Enum(),
				Reason:  mesosproto.TaskStatus_REASON_AGENT_RESTARTED.Enum(),
				Message: proto.String("Task launched during agent restart"),
			})
		}
	}
}

func (c *core) heartbeatLater(ex *executor) {
	ex.stopHeartbeat()
	ex.stopHeartbeat = c.loop.AfterFunc(c.cfg.ExecutorHeartbeatInterval, func() {
		if ex.stream != nil {
			ex.stream.Send(&executorpb.Event{Type: executorpb.Event_HEARTBEAT.Enum()})
			c.heartbeatLater(ex)
		}
	})
}

// executorCall handles every call but SUBSCRIBE.
func (c *core) executorCall(call *executorpb.Call, done func(error)) {
	if err := ValidateCall(call); err != nil {
		done(err)
		return
	}
	if call.GetType() == executorpb.Call_HEARTBEAT {
		done(nil)
		return
	}
	ex, err := c.caller(call)
	if err != nil {
		done(err)
		return
	}
	switch call.GetType() {
	case executorpb.Call_UPDATE:
		c.updateFrom(ex, call.GetUpdate().GetStatus(), done)
	case executorpb.Call_MESSAGE:
		c.executorMessage(ex, call.GetMessage().GetData())
		done(nil)
	case executorpb.Call_SUBSCRIBE:
		done(status.Error(codes.InvalidArgument, "SUBSCRIBE opens a stream; it can't be sent as a call"))
	default:
		done(status.Error(codes.Unimplemented, "501 Not Implemented."))
	}
}

// updateFrom takes an update of a subscribed executor. done says that it was taken; that it is safe is
// told by the event ACKNOWLEDGED.
func (c *core) updateFrom(ex *executor, s *mesosproto.TaskStatus, done func(error)) {
	s = deepcopy.TaskStatus(s)
	refused := error(nil)
	c.executorUpdate(ex, ex.task(s.GetTaskId().GetValue()), s, func(err error) {
		if err != nil {
			refused = err
			return
		}
		ex.acknowledge(s)
	})
	done(refused)
}

// executorMessage passes bytes on to the framework; nobody promises that they arrive.
func (c *core) executorMessage(ex *executor, data []byte) {
	if c.state != running || ex.fw.terminating {
		c.counters.InvalidMessages++
		return
	}
	c.counters.FrameworkMessages++
	c.send(&messagespb.ExecutorToFrameworkMessage{
		SlaveId:     c.info.GetId(),
		FrameworkId: ex.fw.info.GetId(),
		ExecutorId:  ex.info.GetExecutorId(),
		Data:        data,
	})
}

// frameworkMessage passes bytes on to an executor.
func (c *core) frameworkMessage(m *messagespb.FrameworkToExecutorMessage) {
	fw := c.frameworks[m.GetFrameworkId().GetValue()]
	if c.state != running || fw == nil || fw.terminating {
		c.counters.InvalidMessages++
		return
	}
	ex := fw.executors[m.GetExecutorId().GetValue()]
	if ex == nil || ex.state != executorRunning || ex.stream == nil {
		c.counters.InvalidMessages++
		c.log.Warn("framework message dropped: the executor is not there", zap.String("framework_id", fw.id), zap.String("executor_id", m.GetExecutorId().GetValue()))
		return
	}
	c.counters.FrameworkMessages++
	ex.stream.Send(&executorpb.Event{Type: executorpb.Event_MESSAGE.Enum(), Message: &executorpb.Event_Message{Data: m.GetData()}})
}

// streamEnded is an executor that is gone, or that did not read. It may subscribe again; if its
// container ended the containerizer says so.
func (c *core) streamEnded(stream link.Stream[*executorpb.Event]) {
	for _, fw := range inOrder(c.frameworks) {
		for _, ex := range inOrder(fw.executors) {
			if ex.stream == stream {
				c.log.Info("executor disconnected", zap.String("framework_id", fw.id), zap.String("executor_id", ex.id))
				ex.stream = nil
				ex.stopHeartbeat()
				c.touched(ex)
			}
		}
	}
}
