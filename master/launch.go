package master

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/master/validation"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// launch carries out LAUNCH. Each task is judged for itself: a bad one does not hold the others up.
func (c *core) launch(x *acceptance, op *mesosproto.Offer_Operation) {
	f, a := x.framework, x.agent
	tasks := tasksOf(op)
	if err := checkLaunch(op, tasks, nil); err != nil {
		c.refuseTasks(f, tasks, err, mesosproto.TaskStatus_REASON_TASK_INVALID)
		return
	}
	scope := c.scope(x)
	for _, t := range tasks {
		t = completeTask(t, f, x.allocation)
		c.shareVolumes(x, t)
		scope.Available = x.remaining
		cost, err := validation.Task(t, scope)
		if err != nil {
			c.refuseTask(f, t, mesosproto.TaskState_TASK_ERROR, err.Error(), mesosproto.TaskStatus_REASON_TASK_INVALID)
			continue
		}
		x.take(cost.Total)
		if cost.LaunchesExecutor {
			c.addExecutor(f, a, t.Executor, cost.Executor)
		}
		c.addTask(a, newTask(f, t, cost.Tasks[0]))
		a.send(&messagespb.RunTaskMessage{
			Framework:            f.info,
			Task:                 t,
			Pid:                  proto.String(noPID),
			ResourceVersionUuids: a.versions,
			// A command task brings an executor of the agent's own making.
			LaunchExecutor: proto.Bool(t.Executor == nil || cost.LaunchesExecutor),
		})
	}
}

// launchGroup carries out LAUNCH_GROUP: all of its tasks are launched, or none.
func (c *core) launchGroup(x *acceptance, op *mesosproto.Offer_Operation) {
	f, a := x.framework, x.agent
	tasks, e := tasksOf(op), op.GetLaunchGroup().GetExecutor()
	if e == nil {
		e = &mesosproto.ExecutorInfo{} // validation says what is missing
	}
	if err := checkLaunch(op, tasks, e); err != nil {
		c.refuseTasks(f, tasks, err, mesosproto.TaskStatus_REASON_TASK_GROUP_INVALID)
		return
	}
	e = completeExecutor(e, nil, x.allocation)
	group := groupOf(tasks, e)
	for i, t := range group.Tasks {
		group.Tasks[i] = completeTask(t, nil, x.allocation)
	}
	c.shareVolumes(x, group.Tasks...)
	cost, err := validation.TaskGroup(group, e, c.scope(x))
	if err != nil {
		c.refuseTasks(f, tasks, err, mesosproto.TaskStatus_REASON_TASK_GROUP_INVALID)
		return
	}
	x.take(cost.Total)
	if cost.LaunchesExecutor {
		c.addExecutor(f, a, e, cost.Executor)
	}
	for i, t := range group.Tasks {
		c.addTask(a, newTask(f, t, cost.Tasks[i]))
	}
	a.send(&messagespb.RunTaskGroupMessage{
		Framework:            f.info,
		Executor:             e,
		TaskGroup:            group,
		ResourceVersionUuids: a.versions,
		LaunchExecutor:       proto.Bool(cost.LaunchesExecutor),
	})
}

func (c *core) refuseTasks(f *framework, tasks []*mesosproto.TaskInfo, err error, reason mesosproto.TaskStatus_Reason) {
	for _, t := range tasks {
		c.refuseTask(f, t, mesosproto.TaskState_TASK_ERROR, err.Error(), reason)
	}
}

// checkLaunch is what a whole LAUNCH or LAUNCH_GROUP must pass before its tasks are looked at.
func checkLaunch(op *mesosproto.Offer_Operation, tasks []*mesosproto.TaskInfo, e *mesosproto.ExecutorInfo) error {
	if err := resources.ValidateAll(e.GetResources()); err != nil {
		return err
	}
	for _, t := range tasks {
		if err := resources.ValidateAll(t.GetResources()); err != nil {
			return err
		}
		if err := resources.ValidateAll(t.GetExecutor().GetResources()); err != nil {
			return err
		}
	}
	if op.GetId() != nil {
		return refusal("'id' must not be set on " + op.GetType().String() + ": tasks report their state themselves")
	}
	return nil
}

// scope is what validation must know of the place of a launch.
func (c *core) scope(x *acceptance) validation.Launch {
	f, a := x.framework, x.agent
	return validation.Launch{
		FrameworkID: f.id,
		AgentID:     a.id,
		Available:   x.remaining,
		TaskIDInUse: func(id string) bool { return f.tasks[id] != nil || f.unreachable.has(id) },
		Executor: func(id string) *mesosproto.ExecutorInfo {
			if e := a.executor(f.id, id); e != nil {
				return e.info
			}
			return nil
		},
		AgentSupportsLimits: a.caps.has(mesosproto.AgentInfo_Capability_TASK_RESOURCE_LIMITS),
	}
}

func (x *acceptance) take(r resources.Resources) {
	x.remaining = x.remaining.Sub(r)
	x.launched.Add(r)
}

// shareVolumes makes copies of shared volumes: tasks may use as many as they like of one offered, also if tasks
// before them took that one, and in a group, where Mesos has it that each needs a copy that was offered.
func (c *core) shareVolumes(x *acceptance, tasks ...*mesosproto.TaskInfo) {
	var needed resources.Resources
	for _, t := range tasks {
		if !slices.ContainsFunc(t.Resources, func(r *mesosproto.Resource) bool { return r.GetShared() != nil }) {
			continue
		}
		list, err := resources.FromProto(t.Resources)
		if err != nil {
			return // validation says so
		}
		needed = needed.Add(list.Shared())
	}
	if needed.IsEmpty() {
		return
	}
	taken := x.launched.Resources().Shared()
	copies := x.remaining.Add(taken).ShareCopies(needed.Add(taken))
	if more, err := x.remaining.Apply(copies...); err == nil {
		x.remaining = more
		x.conversions = append(x.conversions, copies...)
	}
}

// completeTask returns a task with all that a framework may leave out: allocation roles and, for a
// single task, the executor's framework id and the type of the health check. t is not changed.
func completeTask(t *mesosproto.TaskInfo, f *framework, to *mesosproto.Resource_AllocationInfo) *mesosproto.TaskInfo {
	list := completeResources(t.Resources, to)
	e := completeExecutor(t.Executor, f, to)
	h := completeHealthCheck(t.HealthCheck)
	if sameSlice(list, t.Resources) && e == t.Executor && h == t.HealthCheck {
		return t
	}
	t = copyTaskInfo(t)
	t.Resources, t.Executor, t.HealthCheck = list, e, h
	return t
}

func completeExecutor(e *mesosproto.ExecutorInfo, f *framework, to *mesosproto.Resource_AllocationInfo) *mesosproto.ExecutorInfo {
	if e == nil {
		return nil
	}
	list := completeResources(e.Resources, to)
	id := e.FrameworkId
	if id == nil && f != nil {
		id = f.idProto
	}
	if sameSlice(list, e.Resources) && id == e.FrameworkId {
		return e
	}
	return &mesosproto.ExecutorInfo{
		Type:                e.Type,
		ExecutorId:          e.ExecutorId,
		FrameworkId:         id,
		Command:             e.Command,
		Container:           e.Container,
		Resources:           list,
		Name:                e.Name,
		Source:              e.Source, //lint:ignore SA1019 passed on as it is
		Data:                e.Data,
		Discovery:           e.Discovery,
		ShutdownGracePeriod: e.ShutdownGracePeriod,
		Labels:              e.Labels,
	}
}

func completeHealthCheck(h *mesosproto.HealthCheck) *mesosproto.HealthCheck {
	if h == nil || h.Type != nil || h.Command == nil && h.Http == nil {
		return h
	}
	kind := mesosproto.HealthCheck_COMMAND
	if h.Http != nil {
		kind = mesosproto.HealthCheck_HTTP
	}
	h = proto.CloneOf(h)
	h.Type = kind.Enum()
	return h
}

// completeResources allocates to a role what is not allocated, and brings reservations into the new
// format. list and its messages are not changed.
func completeResources(list []*mesosproto.Resource, to *mesosproto.Resource_AllocationInfo) []*mesosproto.Resource {
	var out []*mesosproto.Resource
	for i, r := range list {
		if r == nil {
			continue // validation refuses it
		}
		//lint:ignore SA1019 the old format is what is looked for
		old := r.Role != nil || r.Reservation != nil
		if r.AllocationInfo != nil && !old {
			continue
		}
		if out == nil {
			out = append(make([]*mesosproto.Resource, 0, len(list)), list...)
		}
		m := copyResource(r)
		if m.AllocationInfo == nil {
			m.AllocationInfo = to
		}
		if old {
			resources.Upgrade(m)
		}
		out[i] = m
	}
	if out == nil {
		return list
	}
	return out
}

func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
