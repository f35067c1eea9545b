package agent

import (
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// destroy ends the container, whatever stage it is in. The first reason given is the one that counts;
// nil if there is nothing to say about it.
func (c *core) destroy(ex *executor, why *ending) {
	if ex.hasEnded {
		return
	}
	if ex.pending == nil {
		ex.pending = why
	}
	ex.destroying = true
	ex.state = executorTerminating
	c.touched(ex)
	ex.cancel() // a step before the launch ends by itself: launchStep sees it
	if !ex.launched {
		return
	}
	c.containers.Destroy(ex.container, func(t containerizer.Termination, err error) {
		if err != nil && !errors.Is(err, containerizer.ErrUnknown) {
			// Whoever owns the machine must look: the container may still run. Its tasks keep their
			// resources, because nobody knows that they have ended.
			c.log.Error("container can't be destroyed", zap.String("container_id", ex.container.GetValue()), zap.Error(err))
			c.counters.ContainerDestroyErrors++
			return
		}
		c.ended(ex, t, err)
	})
}

// ended is the end of a container, or of an executor that never got one.
func (c *core) ended(ex *executor, t containerizer.Termination, err error) {
	if c.stopped || ex.hasEnded {
		return
	}
	ex.hasEnded = true
	ex.cancel()
	ex.stopTimers()
	if ex.stream != nil {
		ex.stream.Close()
		ex.stream = nil
	}
	c.log.Info("executor ended", zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id),
		zap.Bool("exited", t.Exited), zap.Int("wait_status", int(t.WaitStatus)), zap.String("message", t.Message), zap.Error(err))
	ex.state = executorTerminated
	ex.queue = nil
	c.counters.ExecutorsTerminated++
	if err != nil && t.Message == "" && !errors.Is(err, containerizer.ErrUnknown) {
		t.Message = err.Error()
	}
	if ex.supervisor != nil {
		c.supervisedEnded(ex, t)
	} else {
		c.send(exitedMessage(c.info.GetId(), ex, t))
		c.loseTasks(ex, t)
	}
	// After the last updates: an agent that is killed in between asks the containerizer again.
	c.rememberExecutor(ex)
	c.touched(ex)
	c.removeExecutorIfDone(ex)
}

func exitedMessage(agent *mesosproto.AgentID, ex *executor, t containerizer.Termination) *messagespb.ExitedExecutorMessage {
	code := int32(-1)
	if t.Exited {
		code = int32(t.WaitStatus)
	}
	return &messagespb.ExitedExecutorMessage{
		SlaveId:     agent,
		FrameworkId: ex.fw.info.GetId(),
		ExecutorId:  ex.info.GetExecutorId(),
		Status:      proto.Int32(code),
	}
}

// loseTasks ends the tasks that an executor left behind.
func (c *core) loseTasks(ex *executor, t containerizer.Termination) {
	if ex.fw.terminating {
		return
	}
	for _, task := range slices.Clone(ex.tasks) {
		if !task.terminal() {
			c.agentUpdate(task, terminationStatus(ex, t))
		}
	}
}

// terminationStatus says what the end of its container means for a task: first what the
// containerizer says, then why the agent ended it, else that the executor failed.
func terminationStatus(ex *executor, t containerizer.Termination) *mesosproto.TaskStatus {
	s := &mesosproto.TaskStatus{
		State:  mesosproto.TaskState_TASK_FAILED.Enum(),
		Reason: mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED.Enum(),
	}
	var messages []string
	if p := ex.pending; p != nil {
		if p.state != nil {
			s.State = p.state
		}
		s.Reason = p.reason.Enum()
		if p.message != "" {
			messages = append(messages, p.message)
		}
	}
	if t.State != nil {
		s.State = t.State
	}
	if t.Reason != nil {
		s.Reason = t.Reason
	}
	// A container that could not be launched ends with the same words as its launch.
	if t.Message != "" && !slices.ContainsFunc(messages, func(m string) bool { return strings.HasSuffix(m, t.Message) }) {
		messages = append(messages, t.Message)
	}
	if len(messages) == 0 {
		messages = append(messages, "Executor terminated")
	}
	s.Message = proto.String(strings.Join(messages, "; "))
	if !t.LimitedResources.IsEmpty() {
		s.Limitation = &mesosproto.TaskResourceLimitation{Resources: t.LimitedResources.Proto()}
	}
	return s
}

// removeExecutorIfDone forgets an executor that has ended and whose last updates were acknowledged.
func (c *core) removeExecutorIfDone(ex *executor) {
	if ex.state != executorTerminated || !ex.hasEnded {
		return
	}
	if len(ex.tasks) > 0 && !ex.fw.terminating {
		return
	}
	c.removeExecutor(ex)
}

func (c *core) removeExecutor(ex *executor) {
	fw := ex.fw
	if fw.executors[ex.id] != ex {
		return
	}
	ex.stopTimers()
	for _, t := range slices.Clone(ex.tasks) {
		c.complete(t)
	}
	delete(fw.executors, ex.id)
	fw.pages = fw.pages.remove(ex)
	fw.completed = append(fw.completed, ex.snapshot())
	fw.completed = fw.completed[max(0, len(fw.completed)-c.cfg.MaxCompletedExecutors):]
	c.forgetExecutor(ex)
	if ex.launched {
		c.containers.Remove(ex.container, func(err error) {
			if err != nil && !errors.Is(err, containerizer.ErrUnknown) {
				c.log.Warn("container is not forgotten", zap.String("container_id", ex.container.GetValue()), zap.Error(err))
			}
		})
	}
	c.touched(ex)
	c.forgetIfIdle(fw)
}
