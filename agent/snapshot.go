package agent

import (
	"time"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Snapshot is the state of an agent as of one moment. It is immutable; parts that did not change are
// shared between snapshots.
type Snapshot struct {
	State     string // RECOVERING, DISCONNECTED, RUNNING or TERMINATING
	Recovered bool   // executors may subscribe
	Info      *mesosproto.AgentInfo
	PID       string
	Version   string
	Started   time.Time
	Master    *mesosproto.MasterInfo // nil if none is known
	Drain     *mesosproto.DrainConfig
	Total     resources.Resources // with the reservations and volumes that were made

	Frameworks          []*FrameworkState
	CompletedFrameworks []*FrameworkState
	Counters            Counters
}

// FrameworkState is a framework in a Snapshot.
type FrameworkState struct {
	Info               *mesosproto.FrameworkInfo
	PID                string
	Active             bool
	Executors          ExecutorList
	CompletedExecutors []*ExecutorState
}

// ExecutorState is an executor, or the agent in the role of one, in a Snapshot.
type ExecutorState struct {
	Info        *mesosproto.ExecutorInfo
	State       string
	ContainerID string
	Directory   string // the sandbox
	CommandTask bool   // supervised by the agent

	QueuedTasks     []*mesosproto.Task
	Tasks           []*mesosproto.Task // delivered, not ended
	TerminatedTasks []*mesosproto.Task // ended, last update not acknowledged
	CompletedTasks  []*mesosproto.Task
}

// Counters count what happened since the start of the process.
type Counters struct {
	Updates, InvalidUpdates            uint64
	FrameworkMessages, InvalidMessages uint64
	ExecutorsTerminated                uint64
	ContainerLaunchErrors              uint64
	ContainerDestroyErrors             uint64
	Registrations                      uint64
	TasksFinished, TasksFailed         uint64
	TasksKilled, TasksLost, TasksGone  uint64
}

func (n *Counters) ended(s mesosproto.TaskState) {
	switch s {
	case mesosproto.TaskState_TASK_FINISHED:
		n.TasksFinished++
	case mesosproto.TaskState_TASK_FAILED:
		n.TasksFailed++
	case mesosproto.TaskState_TASK_KILLED:
		n.TasksKilled++
	case mesosproto.TaskState_TASK_LOST:
		n.TasksLost++
	case mesosproto.TaskState_TASK_GONE:
		n.TasksGone++
	}
}

// touched marks an executor as changed.
func (c *core) touched(ex *executor) {
	ex.shown = nil
	if ex.on != nil {
		ex.on.states = nil
	}
	c.touchedFramework(ex.fw)
}

// touchedFramework marks a framework as changed.
func (c *core) touchedFramework(fw *framework) {
	fw.page = nil
	c.changed()
}

// changed publishes a new snapshot soon: after all that is posted already.
func (c *core) changed() {
	if c.dirty || c.stopped {
		return
	}
	c.dirty = true
	c.loop.Post(func() {
		c.dirty = false
		c.publish(c.snapshot())
	})
}

func (c *core) emptySnapshot() *Snapshot {
	return &Snapshot{State: string(recovering), Info: c.info, PID: c.cfg.PID, Version: c.cfg.Version, Total: c.total}
}

func (c *core) snapshot() *Snapshot {
	s := c.emptySnapshot()
	s.State = string(c.state)
	s.Recovered = c.recoveredContainers
	s.Started = c.started
	s.Master = c.leader
	s.Drain = c.drain
	s.Counters = c.counters
	for _, fw := range inOrder(c.frameworks) {
		s.Frameworks = append(s.Frameworks, fw.snapshot())
	}
	s.CompletedFrameworks = c.departures.departed
	return s
}

// snapshot is cached until the framework, or one of its executors, changes.
func (fw *framework) snapshot() *FrameworkState {
	if fw.page != nil {
		return fw.page
	}
	p := &FrameworkState{Info: fw.info, PID: fw.pid, Active: !fw.terminating, Executors: fw.pages.snapshot()}
	p.CompletedExecutors = fw.completed
	fw.page = p
	return p
}

// snapshot is cached until the executor changes.
func (ex *executor) snapshot() *ExecutorState {
	if ex.shown != nil {
		return ex.shown
	}
	p := &ExecutorState{
		Info:        ex.info,
		State:       string(ex.state),
		ContainerID: ex.container.GetValue(),
		Directory:   ex.sandbox,
		CommandTask: ex.supervisor != nil,
	}
	for _, t := range ex.tasks {
		switch {
		case t.terminal():
			p.TerminatedTasks = append(p.TerminatedTasks, t.message())
		case t.queued:
			p.QueuedTasks = append(p.QueuedTasks, t.message())
		default:
			p.Tasks = append(p.Tasks, t.message())
		}
	}
	for _, t := range ex.completedTasks {
		p.CompletedTasks = append(p.CompletedTasks, t.message())
	}
	ex.shown = p
	return p
}
