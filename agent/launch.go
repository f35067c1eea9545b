package agent

import (
	"bytes"
	"fmt"
	"slices"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// launchRequest is a RunTaskMessage or a RunTaskGroupMessage.
type launchRequest struct {
	framework *mesosproto.FrameworkInfo
	executor  *mesosproto.ExecutorInfo // nil: the agent supervises the task itself
	tasks     []*mesosproto.TaskInfo
	group     bool
	pid       string
	versions  []*messagespb.ResourceVersionUUID
	launch    *bool // whether the master wants a new executor; nil: an old master does not say
}

func (r *launchRequest) executorID() string {
	if r.executor != nil {
		return r.executor.GetExecutorId().GetValue()
	}
	return r.tasks[0].GetTaskId().GetValue()
}

func (c *core) runTask(m *messagespb.RunTaskMessage) {
	c.run(&launchRequest{
		framework: m.GetFramework(),
		executor:  m.GetTask().GetExecutor(),
		tasks:     []*mesosproto.TaskInfo{m.GetTask()},
		pid:       m.GetPid(),
		versions:  m.GetResourceVersionUuids(),
		launch:    m.LaunchExecutor,
	})
}

func (c *core) runTaskGroup(m *messagespb.RunTaskGroupMessage) {
	c.run(&launchRequest{
		framework: m.GetFramework(),
		executor:  m.GetExecutor(),
		tasks:     m.GetTaskGroup().GetTasks(),
		group:     true,
		versions:  m.GetResourceVersionUuids(),
		launch:    m.LaunchExecutor,
	})
}

// run is the agent's half of a launch: check, then queue the tasks for their executor, which is
// started first if need be.
func (c *core) run(r *launchRequest) {
	if c.state == recovering || c.state == terminating || len(r.tasks) == 0 || r.group && r.executor == nil {
		c.log.Warn("launch ignored", zap.String("state", string(c.state)), zap.Int("tasks", len(r.tasks)))
		return
	}
	ignored := func(why string, about ...zap.Field) {
		c.log.Warn("launch ignored: "+why, append(about, zap.String("framework_id", r.framework.GetId().GetValue()), zap.String("executor_id", r.executorID()))...)
	}
	for _, t := range r.tasks {
		if t.GetAgentId().GetValue() != c.agentID() {
			ignored("it is for another agent", zap.String("agent_id", t.GetAgentId().GetValue()))
			return
		}
		if !validID(r.framework.GetId().GetValue()) || !validID(r.executorID()) || !validID(t.GetTaskId().GetValue()) {
			ignored("an id can't be part of a path")
			return
		}
	}
	fw := c.admitFramework(r)
	if fw.terminating {
		ignored("the framework is being shut down")
		return
	}
	for i, t := range r.tasks {
		id := t.GetTaskId().GetValue()
		if fw.task(id) != nil || slices.ContainsFunc(r.tasks[:i], func(o *mesosproto.TaskInfo) bool { return o.GetTaskId().GetValue() == id }) {
			ignored("there is a task of that id", zap.String("task_id", id))
			c.forgetIfIdle(fw)
			return
		}
	}
	ex := fw.executors[r.executorID()]
	if reason, why, refused := c.refuse(r, ex); refused {
		c.drop(r, fw, reason, why)
		c.forgetIfIdle(fw)
		return
	}
	if ex == nil {
		ex = newExecutor(fw, r.executorID(), c.nextAge())
		if r.executor != nil {
			ex.info = proto.CloneOf(r.executor)
			ex.info.FrameworkId = fw.info.GetId()
		} else {
			ex.info = commandExecutorInfo(fw, r.tasks[0])
			ex.supervisor = &supervisor{ex: ex, stopKill: noTimer, stopMax: noTimer}
		}
	}
	b := &batch{group: r.group}
	for _, info := range r.tasks {
		t := &task{ex: ex, id: info.GetTaskId().GetValue(), info: info, state: mesosproto.TaskState_TASK_STAGING, queued: true, seq: c.nextAge()}
		ex.addTask(t)
		b.tasks = append(b.tasks, t)
		if ex.supervisor != nil {
			ex.supervisor.adopt(t)
		}
		c.rememberTask(t, b)
		if e := c.log.Check(zap.InfoLevel, "task accepted"); e != nil {
			e.Write(zap.String("framework_id", fw.id), zap.String("executor_id", ex.id), zap.String("task_id", t.id))
		}
	}
	ex.queue = append(ex.queue, b)
	c.touched(ex)
	switch {
	case ex.container == nil:
		c.launchExecutor(ex)
	case ex.state == executorRunning:
		c.deliver(ex)
	}
}

// admitFramework finds or makes the framework's record.
func (c *core) admitFramework(r *launchRequest) *framework {
	id := r.framework.GetId().GetValue()
	fw := c.frameworks[id]
	if fw == nil {
		fw = newFramework(id, c.nextAge())
		fw.info, fw.pid = r.framework, schedulerPID(r.pid)
		c.departures.takeBack(fw)
		c.frameworks[id] = fw
		c.rememberFramework(fw)
		c.changed()
	}
	return fw
}

// schedulerPID is the pid of a v0 scheduler; v1 schedulers have none, which masters write in two ways.
func schedulerPID(pid string) string {
	if pid == "@0.0.0.0:0" {
		return ""
	}
	return pid
}

// refuse says why tasks can't be launched, in the order in which the reference looks.
func (c *core) refuse(r *launchRequest, ex *executor) (reason mesosproto.TaskStatus_Reason, why string, refused bool) {
	switch {
	case c.drain != nil:
		return mesosproto.TaskStatus_REASON_AGENT_DRAINING, "Task was received while agent was already draining", true
	case !c.current(r.versions) && !c.guards.Off(guard.LaunchVersion):
		return mesosproto.TaskStatus_REASON_INVALID_OFFERS, "Task assumes outdated resource state", true
	case !c.hasAll(r):
		return mesosproto.TaskStatus_REASON_RESOURCES_UNKNOWN, "The checkpointed resources being used by the task or its executor are unknown to the agent", true
	case r.executor == nil && ex != nil:
		return mesosproto.TaskStatus_REASON_TASK_INVALID, fmt.Sprintf("Cannot launch a command task: an executor with ID '%s' exists; use another task ID", ex.id), true
	case ex != nil && ex.supervisor != nil:
		return mesosproto.TaskStatus_REASON_TASK_INVALID, fmt.Sprintf("Executor ID '%s' is in use by a command task; use another executor ID", ex.id), true
	case ex != nil && (ex.state == executorTerminating || ex.state == executorTerminated) && !r.launchesExecutor():
		return mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED, "Executor terminating/terminated", true
	case r.launch == nil:
		return 0, "", false
	case *r.launch && ex != nil:
		// The master does not know of this executor, or not yet of its end: it can't have it.
		if ex.state != executorTerminating && ex.state != executorTerminated {
			c.shutdownExecutor(ex)
		}
		return mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED, "Master wants to launch executor, but one already exists", true
	case !*r.launch && ex == nil:
		return mesosproto.TaskStatus_REASON_EXECUTOR_TERMINATED, "No executor is expected to launch and there is none running", true
	}
	return 0, "", false
}

// hasAll reports whether the reservations and volumes that the tasks use are here.
func (c *core) hasAll(r *launchRequest) bool {
	for _, t := range r.tasks {
		if !c.has(t.GetResources()) {
			return false
		}
	}
	return c.has(r.executor.GetResources())
}

func (r *launchRequest) launchesExecutor() bool { return r.launch != nil && *r.launch }

// current reports whether the master knew the agent's resources as they are. A master that does not say
// is believed.
func (c *core) current(versions []*messagespb.ResourceVersionUUID) bool {
	for _, v := range versions {
		if v.GetResourceProviderId() == nil {
			return bytes.Equal(v.GetUuid().GetValue(), c.resourceVersion.GetValue())
		}
	}
	return len(versions) == 0
}

// drop ends tasks that were not accepted. If the master expects an executor it is told that there is
// none, so that it frees the executor's resources.
func (c *core) drop(r *launchRequest, fw *framework, reason mesosproto.TaskStatus_Reason, why string) {
	if r.launchesExecutor() {
		c.send(&messagespb.ExitedExecutorMessage{
			SlaveId:     c.info.GetId(),
			FrameworkId: fw.info.GetId(),
			ExecutorId:  &mesosproto.ExecutorID{Value: proto.String(r.executorID())},
			Status:      proto.Int32(-1),
		})
	}
	for _, info := range r.tasks {
		c.log.Warn("task dropped", zap.String("framework_id", fw.id), zap.String("task_id", info.GetTaskId().GetValue()), zap.Stringer("reason", reason), zap.String("why", why))
		c.report(fw.info.GetId(), fw, &mesosproto.TaskStatus{
			TaskId:     info.GetTaskId(),
			State:      droppedOrLost(fw.info).Enum(),
			Reason:     reason.Enum(),
			Message:    proto.String(why),
			ExecutorId: &mesosproto.ExecutorID{Value: proto.String(r.executorID())},
		}, nil)
	}
}

// deliver gives the queued tasks to a subscribed executor, in order. The container gets the resources of
// the tasks first. Then it is recorded that the executor may have them: an agent that is killed right after
// must not take them for tasks that nobody has.
func (c *core) deliver(ex *executor) {
	if ex.updating || ex.stream == nil || ex.state != executorRunning || len(ex.queue) == 0 {
		return
	}
	ex.updating = true
	upTo := ex.queue[len(ex.queue)-1]
	c.containers.Update(ex.container, ex.liveResources(), ex.limits(), func(err error) {
		if err == nil {
			c.rememberDeliveries(ex, upTo, func() {
				ex.updating = false
				if ex.stream != nil && ex.state == executorRunning {
					c.deliverThrough(ex, upTo)
					c.deliver(ex)
				}
			})
			return
		}
		ex.updating = false
		if ex.state == executorRunning {
			c.destroy(ex, &ending{
				state:   goneOrLost(ex.fw.info).Enum(),
				reason:  mesosproto.TaskStatus_REASON_CONTAINER_UPDATE_FAILED,
				message: "Failed to update resources for container: " + err.Error(),
			})
		}
	})
}

// deliverThrough sends the batches up to one that the container has room for; it may have been killed.
func (c *core) deliverThrough(ex *executor, last *batch) {
	for len(ex.queue) > 0 {
		b := ex.queue[0]
		if b.tasks[0].seq > last.tasks[0].seq {
			return
		}
		ex.queue = ex.queue[1:]
		for _, t := range b.tasks {
			t.queued = false
			c.log.Debug("task delivered", zap.String("framework_id", ex.fw.id), zap.String("executor_id", ex.id), zap.String("task_id", t.id))
		}
		ex.stream.Send(launchEvent(b))
	}
	c.touched(ex)
}
