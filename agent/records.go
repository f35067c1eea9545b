package agent

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

const (
	executorRegistering = transitions.ExecutorRegistering
	executorRunning     = transitions.ExecutorRunning
	executorTerminating = transitions.ExecutorTerminating
	executorTerminated  = transitions.ExecutorTerminated
)

const (
	// maxCompletedFrameworks and maxCompletedTasks bound what is remembered of what has ended:
	// MAX_COMPLETED_FRAMEWORKS and MAX_COMPLETED_TASKS_PER_EXECUTOR.
	maxCompletedFrameworks = 50
	maxCompletedTasks      = 200
)

// framework is a framework that has, or had, something on this agent.
type framework struct {
	id          string
	info        *mesosproto.FrameworkInfo
	pid         string // of a v0 scheduler; empty for v1
	terminating bool   // shut down by the master: no more updates
	executors   map[string]*executor
	pages       pages            // the same, oldest first
	tasks       map[string]*task // of all executors, until they are completed
	completed   []*ExecutorState // the latest MaxCompletedExecutors; snapshots share it
	seq         uint64
	page        *FrameworkState // cache of the snapshot; nil if stale
}

func newFramework(id string, seq uint64) *framework {
	return &framework{id: id, executors: make(map[string]*executor), tasks: make(map[string]*task), seq: seq}
}

func (fw *framework) age() uint64 { return fw.seq }

// capable reports whether the framework declared a capability.
func capable(info *mesosproto.FrameworkInfo, t mesosproto.FrameworkInfo_Capability_Type) bool {
	return slices.ContainsFunc(info.GetCapabilities(), func(c *mesosproto.FrameworkInfo_Capability) bool {
		return c.GetType() == t
	})
}

// droppedOrLost is the state of a task that never ran, goneOrLost that of one that was lost here, as
// the framework understands it.
func droppedOrLost(info *mesosproto.FrameworkInfo) mesosproto.TaskState {
	if capable(info, mesosproto.FrameworkInfo_Capability_PARTITION_AWARE) {
		return mesosproto.TaskState_TASK_DROPPED
	}
	return mesosproto.TaskState_TASK_LOST
}

func goneOrLost(info *mesosproto.FrameworkInfo) mesosproto.TaskState {
	if capable(info, mesosproto.FrameworkInfo_Capability_PARTITION_AWARE) {
		return mesosproto.TaskState_TASK_GONE
	}
	return mesosproto.TaskState_TASK_LOST
}

// task finds a task that is not completed; nil if there is none.
func (fw *framework) task(id string) *task { return fw.tasks[id] }

// executor is an executor, or the agent itself in the role of one: then supervisor is set.
type executor struct {
	fw         *framework
	id         string
	info       *mesosproto.ExecutorInfo // for supervised tasks what the reference would generate
	encoded    []byte                   // info as it is recorded, while the container is launched
	supervisor *supervisor
	state      transitions.ExecutorState
	seq        uint64

	container  *mesosproto.ContainerID
	sandbox    string
	spec       *containerizer.Spec            // while it is launched
	launched   bool                           // the containerizer knows the container
	status     *mesosproto.ContainerStatus    // what it says of it
	told       *mesosproto.ContainerStatus    // what updates say of it if the executor does not
	toldOf     *mesosproto.ContainerStatus    // the status that told was made of
	cancel     func()                         // gives up the step of the launch that is under way
	destroying bool                           // the agent ends the container
	pending    *ending                        // why the agent ends the container
	hasEnded   bool                           // the end was handled
	pid        int                            // as checkpointed
	subscribed bool                           // was, at least once
	stream     link.Stream[*executorpb.Event] // of the subscribed executor; nil while it is away
	reported   bool                           // it has said something of a task of its own

	queue    []*batch // accepted, not yet delivered
	updating bool     // room is made for the head of queue, and its delivery recorded
	tasks    []*task  // oldest first, until they are completed

	completedTasks []*task                // the latest maxCompletedTasks of this process of the agent, for people
	over           []completion           // the latest maxCompletedTasks of all
	forgetting     map[string]*forgetting // by task

	stopRegistration, stopShutdown, stopHeartbeat func() bool
	on                                            *page          // of its framework's
	shown                                         *ExecutorState // cache of the snapshot; nil if stale
}

func (ex *executor) age() uint64 { return ex.seq }

// busy reports whether the executor has a task, or will be given one.
func (ex *executor) busy() bool { return len(ex.queue) > 0 || ex.live() }

func (ex *executor) stopTimers() {
	ex.stopRegistration()
	ex.stopShutdown()
	ex.stopHeartbeat()
	if ex.supervisor != nil {
		ex.supervisor.stopTimers()
	}
}

// ending is why the agent ends a container; it colours the last update of the tasks in it.
type ending struct {
	state   *mesosproto.TaskState
	reason  mesosproto.TaskStatus_Reason
	message string
	detail  string // the cause alone
}

// batch is what is delivered together: one task, or a group.
type batch struct {
	tasks []*task
	group bool
}

// task is a task that was accepted. It is removed once its terminal update is acknowledged.
type task struct {
	ex       *executor
	id       string
	info     *mesosproto.TaskInfo
	state    mesosproto.TaskState
	statuses []*mesosproto.TaskStatus // the last of each run of one state
	queued   bool                     // not delivered yet
	seq      uint64
	batch    uint64 // of a recovered task: seq of the first of its group; 0 if it came alone

	// What the master was told last: the state of the update that waits for acknowledgement.
	forwarded *mesosproto.TaskStatus

	killed      bool // a kill is to be delivered once the executor is back
	killedUnder *mesosproto.KillPolicy
}

func (t *task) age() uint64 { return t.seq }

func (t *task) terminal() bool { return transitions.Terminal(t.state) }

// addTask enters a task, the youngest so far.
func (ex *executor) addTask(t *task) {
	ex.tasks = append(ex.tasks, t)
	ex.fw.tasks[t.id] = t
}

// removeTask strikes a task out.
func (ex *executor) removeTask(t *task) {
	if i := slices.Index(ex.tasks, t); i >= 0 {
		ex.tasks = slices.Delete(ex.tasks, i, i+1)
	}
	delete(ex.fw.tasks, t.id)
}

// task finds a task of the executor that is not completed; nil if there is none.
func (ex *executor) task(id string) *task {
	if t := ex.fw.tasks[id]; t != nil && t.ex == ex {
		return t
	}
	return nil
}

// message is the task as the master knows it.
func (t *task) message() *mesosproto.Task {
	m := &mesosproto.Task{
		Name:        t.info.Name,
		TaskId:      t.info.GetTaskId(),
		FrameworkId: t.ex.fw.info.GetId(),
		AgentId:     t.info.GetAgentId(),
		State:       t.state.Enum(),
		Resources:   t.info.GetResources(),
		Statuses:    t.statuses,
		Labels:      t.info.GetLabels(),
		Discovery:   t.info.GetDiscovery(),
		Container:   t.info.GetContainer(),
		HealthCheck: t.info.GetHealthCheck(),
		KillPolicy:  t.info.GetKillPolicy(),
		Limits:      t.info.GetLimits(),
	}
	if e := t.info.GetExecutor(); e != nil {
		m.ExecutorId = e.GetExecutorId()
	}
	if t.forwarded != nil {
		m.StatusUpdateState = t.forwarded.State
		m.StatusUpdateUuid = t.forwarded.Uuid
	}
	switch {
	case t.info.GetCommand().GetUser() != "":
		m.User = proto.String(t.info.GetCommand().GetUser())
	case t.info.GetExecutor().GetCommand().GetUser() != "":
		m.User = proto.String(t.info.GetExecutor().GetCommand().GetUser())
	}
	return m
}

// observe records a status: the task's state and, for people and re-registration, its history. Of
// several statuses in one state only the latest is kept, so health updates do not pile up.
func (t *task) observe(s *mesosproto.TaskStatus) {
	// Snapshots share the slice: it is extended, never overwritten.
	if n := len(t.statuses); n > 0 && t.statuses[n-1].GetState() == s.GetState() {
		t.statuses = append(t.statuses[:n-1:n-1], s)
	} else {
		t.statuses = append(t.statuses, s)
	}
	t.state = s.GetState()
}

// before is the last status but for one; that the task is staging, if there is no other.
func (t *task) before(uuid []byte) *mesosproto.TaskStatus {
	for _, s := range slices.Backward(t.statuses) {
		if !bytes.Equal(s.GetUuid(), uuid) {
			return s
		}
	}
	return &mesosproto.TaskStatus{State: mesosproto.TaskState_TASK_STAGING.Enum()}
}

// remembers reports whether a status is part of the task's history.
func (t *task) remembers(uuid []byte) bool {
	return slices.ContainsFunc(t.statuses, func(s *mesosproto.TaskStatus) bool { return bytes.Equal(s.GetUuid(), uuid) })
}

// validID reports whether an id may become part of a path: the reference's rule for all ids.
func validID(id string) bool {
	if id == "" || id == "." || id == ".." || len(id) > 255 {
		return false
	}
	for i := 0; i < len(id); i++ {
		if b := id[i]; b < ' ' || b == 0x7f || b == '/' || b == '\\' {
			return false
		}
	}
	return true
}
