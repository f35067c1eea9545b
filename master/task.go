package master

import (
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// task is what the master knows of a task that has not been acknowledged to have ended, or that is on
// an unreachable agent.
type task struct {
	seq       uint64 // order in which the master came to know tasks
	id        string
	framework *framework
	agentID   string
	executor  string           // id of its executor; empty for command tasks
	info      *mesosproto.Task // without state, statuses and status_update_*
	resources resources.Resources

	state          mesosproto.TaskState
	statuses       []*mesosproto.TaskStatus
	forwardedState mesosproto.TaskState
	forwardedUUID  []byte               // nil: no update with a uuid was forwarded
	forwarded      bool                 // an update was forwarded by this master, or the agent said so
	missed         bool                 // an update came while the framework was away; the agent will send it again
	believed       mesosproto.TaskState // before the first that was missed
	holds          bool                 // its resources are in use: given back exactly once
	killed         bool                 // it is to be killed: its agent is told whenever it comes back

	slot  int // in the framework's table of tasks
	dirty bool
}

// ended reports whether a task in this state uses no resources any more, as far as the master can tell.
func ended(s mesosproto.TaskState) bool {
	return s == mesosproto.TaskState_TASK_UNREACHABLE || transitions.Terminal(s)
}

func (t *task) snapshot() *TaskState {
	return &TaskState{
		Info:           t.info,
		State:          t.state,
		Statuses:       t.statuses,
		ForwardedState: t.forwardedState,
		ForwardedUUID:  t.forwardedUUID,
	}
}

// last is the latest status update, or nil.
func (t *task) last() *mesosproto.TaskStatus {
	if len(t.statuses) == 0 {
		return nil
	}
	return t.statuses[len(t.statuses)-1]
}

// endTold reports whether the framework was told how the task ended. Nothing may follow.
func (t *task) endTold() bool { return t.forwarded && transitions.Terminal(t.forwardedState) }

// newTask makes the record of a task that is launched. info is complete and will not change.
func newTask(f *framework, info *mesosproto.TaskInfo, needs resources.Resources) *task {
	t := &task{
		id:        info.TaskId.GetValue(),
		framework: f,
		agentID:   info.AgentId.GetValue(),
		executor:  info.Executor.GetExecutorId().GetValue(),
		resources: needs,
		state:     mesosproto.TaskState_TASK_STAGING,
		info: &mesosproto.Task{
			Name:        info.Name,
			TaskId:      info.TaskId,
			FrameworkId: f.idProto,
			ExecutorId:  info.Executor.GetExecutorId(),
			AgentId:     info.AgentId,
			Resources:   info.Resources,
			Labels:      info.Labels,
			Discovery:   info.Discovery,
			Container:   info.Container,
			HealthCheck: info.HealthCheck,
			KillPolicy:  info.KillPolicy,
			Limits:      info.Limits,
		},
	}
	switch {
	case info.Command.GetUser() != "":
		t.info.User = info.Command.User
	case info.Executor.GetCommand().GetUser() != "":
		t.info.User = info.Executor.Command.User
	}
	return t
}

// reportedTask makes the record of a task that a re-registering agent has.
func reportedTask(f *framework, m *mesosproto.Task, needs resources.Resources) *task {
	return &task{
		id:             m.TaskId.GetValue(),
		framework:      f,
		agentID:        m.AgentId.GetValue(),
		executor:       m.ExecutorId.GetValue(),
		info:           taskWithoutState(m),
		resources:      needs,
		state:          m.GetState(),
		statuses:       m.Statuses,
		forwarded:      m.StatusUpdateState != nil,
		forwardedState: m.GetStatusUpdateState(),
		forwardedUUID:  m.StatusUpdateUuid,
	}
}

// taskWithoutState copies what does not change in the life of a task; the parts are shared.
func taskWithoutState(m *mesosproto.Task) *mesosproto.Task {
	return &mesosproto.Task{
		Name:        m.Name,
		TaskId:      m.TaskId,
		FrameworkId: m.FrameworkId,
		ExecutorId:  m.ExecutorId,
		AgentId:     m.AgentId,
		Resources:   m.Resources,
		Labels:      m.Labels,
		Discovery:   m.Discovery,
		Container:   m.Container,
		HealthCheck: m.HealthCheck,
		KillPolicy:  m.KillPolicy,
		User:        m.User,
		Limits:      m.Limits,
	}
}

// executor is an executor that runs, or is about to run, on an agent. The executors that agents make
// for command tasks are not known to the master.
type executor struct {
	seq       uint64
	id        string
	info      *mesosproto.ExecutorInfo
	framework *framework
	agent     *agent
	resources resources.Resources
	slot      int // in the framework's table of executors
}

// taskKey names a task of any framework.
type taskKey struct{ framework, task string }

// told is the state that the framework was told last, as far as is known.
func (t *task) told() mesosproto.TaskState {
	switch {
	case t.forwarded:
		return t.forwardedState
	case t.missed:
		return t.believed
	}
	return t.state
}
