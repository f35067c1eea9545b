package agent

import (
	"syscall"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// supervisor is the agent in the role of the reference's command executor or, if docker is set, of its
// Docker executor: it runs one task and reports on it in their words.
type supervisor struct {
	ex     *executor
	task   *task
	docker bool

	// delivered is when an executor process would have got the task; from here on the updates are an
	// executor's. A command task is delivered when its process runs, a Docker task when its image is
	// there, since the reference's executors start at these points.
	delivered bool

	killing   bool      // a kill was asked for
	announced bool      // and, if the framework wants to know, TASK_KILLING was sent
	killedAt  time.Time // when the (latest, if docker) kill was asked for
	killAt    time.Time // when it is destroyed
	timedOut  bool      // max_completion_time is over
	unhealthy bool      // killed by its health check
	checker   *checker

	signalling bool // SIGTERM is under way
	overdue    bool // it still was when the grace period ended

	stopKill, stopMax func() bool
}

// adopt gives the supervisor its task.
func (s *supervisor) adopt(t *task) {
	s.task = t
	s.docker = t.info.GetContainer() != nil && t.info.GetContainer().GetType() == mesosproto.ContainerInfo_DOCKER
}

// supervised is the task that the agent runs itself; nil for real executors.
func (ex *executor) supervised() *task {
	if ex.supervisor == nil {
		return nil
	}
	return ex.supervisor.task
}

func (s *supervisor) stopTimers() {
	s.stopKill()
	s.stopMax()
	s.checker.stop()
}

// aboutToStart is called right before the container is launched.
func (c *core) aboutToStart(ex *executor) {
	if ex.supervisor.docker {
		c.deliverSupervised(ex.supervisor)
	}
}

func (c *core) deliverSupervised(s *supervisor) {
	s.delivered = true
	s.ex.state = executorRunning
	s.ex.queue = nil
	s.task.queued = false
	c.limitCompletion(s)
	c.rememberDelivery(s.task)
	c.say(s, &mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_STARTING.Enum()})
}

// limitCompletion starts the timer of a task that may run only so long.
func (c *core) limitCompletion(s *supervisor) {
	if most := s.task.info.GetMaxCompletionTime(); most != nil {
		s.stopMax = c.loop.AfterFunc(nanoseconds(most)-c.elapsed(s.task), func() { c.completionTimeOver(s) })
	}
}

// resumeSupervision goes on with a task whose container an earlier agent process started.
func (c *core) resumeSupervision(s *supervisor) {
	if s.task.queued { // it came up, but nobody was told
		c.deliverSupervised(s)
	} else {
		s.delivered = true
		s.ex.state = executorRunning
		c.limitCompletion(s)
	}
	if s.task.terminal() {
		return
	}
	switch s.task.state {
	case mesosproto.TaskState_TASK_STAGING, mesosproto.TaskState_TASK_STARTING:
		c.say(s, &mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_RUNNING.Enum()})
		c.startChecks(s)
	case mesosproto.TaskState_TASK_KILLING: // how much of its grace is left nobody knows: it begins again
		s.announced = true
		c.startKill(s, s.grace(c, nil))
	default:
		c.startChecks(s)
	}
}

// supervisedUp is called when the task's container runs.
func (c *core) supervisedUp(ex *executor, l containerizer.Launched) {
	s := ex.supervisor
	if !s.delivered {
		c.deliverSupervised(s)
	}
	status := &mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_RUNNING.Enum()}
	if s.docker {
		status.Data = l.Data
	}
	c.say(s, status)
	if s.killing { // asked for while the container started
		c.terminate(s)
		return
	}
	c.startChecks(s)
}

// completionTimeOver ends a task that ran too long: without grace, and without TASK_KILLING.
func (c *core) completionTimeOver(s *supervisor) {
	if s.killing || s.task.terminal() {
		return
	}
	c.log.Info("max_completion_time is over", zap.String("framework_id", s.ex.fw.id), zap.String("task_id", s.task.id))
	s.timedOut = true
	c.startKill(s, 0)
}

// kill ends a delivered task with grace. A repeated kill of a command task can only shorten what is left
// of the grace period; of a Docker task it starts a new one, as docker stop does.
func (c *core) kill(s *supervisor, policy *mesosproto.KillPolicy) {
	grace := s.grace(c, policy)
	switch {
	case !s.killing:
		s.stopMax()
		c.startKill(s, grace)
	case s.docker:
		s.killedAt = c.loop.Now()
		c.killWithin(s, grace)
		c.terminate(s)
	default:
		if left := grace - c.loop.Now().Sub(s.killedAt); left < s.left(c) {
			c.killWithin(s, left)
		}
	}
}

// grace is how long the task may take to end: what the kill says, or the task, or the executor's
// default.
func (s *supervisor) grace(c *core, policy *mesosproto.KillPolicy) time.Duration {
	for _, p := range []*mesosproto.KillPolicy{policy, s.task.info.GetKillPolicy()} {
		if p.GetGracePeriod() != nil {
			return nanoseconds(p.GetGracePeriod())
		}
	}
	if s.docker {
		return c.shutdownGrace(s.ex)
	}
	return defaultKillGrace
}

// defaultKillGrace is how long the reference's command executor lets a task take.
const defaultKillGrace = 3 * time.Second

func (c *core) startKill(s *supervisor, grace time.Duration) {
	s.killing = true
	s.killedAt = c.loop.Now()
	s.checker.stop()
	c.killWithin(s, grace)
	if s.task.state != mesosproto.TaskState_TASK_STARTING { // else when it is up
		c.terminate(s)
	}
}

// killWithin sets the moment at which whatever is left of the task is destroyed.
func (c *core) killWithin(s *supervisor, grace time.Duration) {
	s.stopKill()
	s.killAt = c.loop.Now().Add(max(grace, 0))
	s.stopKill = c.loop.AfterFunc(grace, func() { c.graceOver(s) })
}

// signalTime is how long a signal may be under way after the grace period.
const signalTime = time.Second

// graceOver destroys what is left of the task. A signal that is under way, as it is if there was no
// grace, goes first: what ended the command must not depend on which of two goroutines is faster.
func (c *core) graceOver(s *supervisor) {
	if !s.signalling {
		c.destroy(s.ex, nil)
		return
	}
	s.overdue = true
	s.stopKill = c.loop.AfterFunc(signalTime, func() { c.destroy(s.ex, nil) })
}

func (s *supervisor) left(c *core) time.Duration { return s.killAt.Sub(c.loop.Now()) }

// terminate asks the task to end.
func (c *core) terminate(s *supervisor) {
	if !s.announced && !s.timedOut && capable(s.ex.fw.info, mesosproto.FrameworkInfo_Capability_TASK_KILLING_STATE) {
		s.announced = true
		c.say(s, &mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_KILLING.Enum()})
	}
	s.signalling = true
	c.containers.Signal(s.ex.container, syscall.SIGTERM, func(err error) {
		s.signalling = false
		if s.overdue {
			s.stopKill()
			c.destroy(s.ex, nil)
		}
		if err != nil && !s.ex.hasEnded {
			c.log.Warn("task can't be signalled; it is destroyed when its grace period ends", zap.String("container_id", s.ex.container.GetValue()), zap.Error(err))
		}
	})
}

// supervisedEnded is called when the task's container has ended, or could not be launched.
func (c *core) supervisedEnded(ex *executor, t containerizer.Termination) {
	s := ex.supervisor
	if ex.fw.terminating || s.task.terminal() {
		return
	}
	text := s.exitText(t)
	switch {
	case !s.delivered:
		c.agentUpdate(s.task, terminationStatus(ex, t))
	case s.timedOut:
		c.say(s, &mesosproto.TaskStatus{
			State:   mesosproto.TaskState_TASK_FAILED.Enum(),
			Reason:  mesosproto.TaskStatus_REASON_MAX_COMPLETION_TIME_REACHED.Enum(),
			Message: text,
		})
	case s.killing:
		status := &mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_KILLED.Enum(), Message: text}
		if s.unhealthy {
			status.Healthy = proto.Bool(false)
		}
		c.say(s, status)
	case ex.pending != nil && ex.pending.reason == mesosproto.TaskStatus_REASON_CONTAINER_LAUNCH_FAILED:
		// Only a Docker task is delivered before its container runs; its executor says what failed.
		c.say(s, &mesosproto.TaskStatus{
			State:   mesosproto.TaskState_TASK_FAILED.Enum(),
			Message: proto.String("Failed to run docker container: " + ex.pending.detail),
		})
	case !t.Exited || t.State != nil || t.Reason != nil || ex.pending != nil:
		// It did not end by itself: what the agent and the containerizer know counts.
		c.agentUpdate(s.task, terminationStatus(ex, t))
	case t.WaitStatus.Exited() && t.WaitStatus.ExitStatus() == 0:
		c.say(s, &mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_FINISHED.Enum(), Message: text})
	default:
		c.say(s, &mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_FAILED.Enum(), Message: text})
	}
}

// say sends an update as the executor would.
func (c *core) say(s *supervisor, status *mesosproto.TaskStatus) {
	status.TaskId = s.task.info.GetTaskId()
	status.Source = mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum()
	status.ExecutorId = s.ex.info.GetExecutorId()
	status.Timestamp = proto.Float64(c.timestamp())
	status.Uuid = c.newUUID()
	if status.CheckStatus == nil {
		status.CheckStatus = emptyCheckStatus(s.task.info)
	}
	c.executorUpdate(s.ex, s.task, status, nil)
}
