package validation

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// The least that an executor should have.
const (
	MinExecutorCPUs = 0.01
	MinExecutorMem  = 32 // MB
)

// Launch is where tasks are to be launched: what the master knows of the framework, the agent and what
// is left of the offers. Resources and executors in the tasks are already complete: allocation roles
// and the executor's framework id are filled in.
type Launch struct {
	FrameworkID string
	AgentID     string
	// Available is what is left of the offers after the operations before this one.
	Available resources.Resources
	// TaskIDInUse reports whether the framework has a task of this id, active or unreachable.
	TaskIDInUse func(id string) bool
	// Executor is the framework's executor of this id on the agent, nil if there is none.
	Executor func(id string) *mesosproto.ExecutorInfo
	// AgentSupportsLimits: the agent has the capability TASK_RESOURCE_LIMITS.
	AgentSupportsLimits bool
}

// Cost is what a valid launch takes from the offers.
type Cost struct {
	// Tasks holds each task's own resources, in order.
	Tasks []resources.Resources
	// Executor is the executor's resources if it must be launched with the tasks; empty if there is
	// none or it runs already.
	Executor resources.Resources
	// LaunchesExecutor: a new executor comes with the launch.
	LaunchesExecutor bool
	// Total is the sum.
	Total resources.Resources
}

// Task checks one task of a LAUNCH and says what it costs.
func Task(task *mesosproto.TaskInfo, l Launch) (Cost, error) {
	own, err := taskItself(task, l)
	if err != nil {
		return Cost{}, err
	}
	if (task.Command == nil) == (task.Executor == nil) {
		return Cost{}, reason("Task should have at least one (but not both) of CommandInfo or ExecutorInfo present")
	}
	if task.Container.GetLinuxInfo() != nil && task.Container.LinuxInfo.ShareCgroups != nil && !task.Container.LinuxInfo.GetShareCgroups() {
		return Cost{}, reason("Only tasks in a task group can have 'share_cgroups' set to false")
	}
	cost := Cost{Tasks: []resources.Resources{own}, Total: own}
	if task.Executor != nil {
		if cost.Executor, cost.LaunchesExecutor, err = executor(task.Executor, l, false); err != nil {
			return Cost{}, err
		}
		if overlap(own, cost.Executor) {
			return Cost{}, reason("Task and its executor use overlapping ranges")
		}
		cost.Total = own.Add(cost.Executor)
	}
	if !l.Available.Contains(cost.Total) {
		return Cost{}, reason("Total resources %s required by task and its executor is more than available %s", cost.Total, l.Available)
	}
	return cost, nil
}

// TaskGroup checks the tasks and the executor of a LAUNCH_GROUP; one bad task spoils the group.
func TaskGroup(group *mesosproto.TaskGroupInfo, e *mesosproto.ExecutorInfo, l Launch) (Cost, error) {
	var cost Cost
	seen := make(map[string]bool, len(group.GetTasks()))
	shares := 0
	for _, task := range group.GetTasks() {
		id := task.GetTaskId().GetValue()
		own, err := groupTask(task, e, l)
		if err == nil && seen[id] {
			err = reason("Task has duplicate ID: %s", id)
		}
		if err != nil {
			return Cost{}, reason("Task '%s' is invalid: %s", id, err)
		}
		seen[id] = true
		if shareCgroups(task) {
			shares++
		}
		cost.Tasks = append(cost.Tasks, own)
		cost.Total = cost.Total.Add(own)
	}
	if shares != 0 && shares != len(group.GetTasks()) {
		return Cost{}, reason("Not all tasks in the task group have the same value for 'share_cgroups'")
	}
	if err := groupExecutor(e); err != nil {
		return Cost{}, err
	}
	var err error
	if cost.Executor, cost.LaunchesExecutor, err = executor(e, l, true); err != nil {
		return Cost{}, err
	}
	full, _ := resources.FromProto(e.GetResources()) // executor has checked them
	if err := groupExecutorResources(e, full); err != nil {
		return Cost{}, err
	}
	cost.Total = cost.Total.Add(cost.Executor)
	if !l.Available.Contains(cost.Total) {
		return Cost{}, reason("Total resources %s required by task group and its executor are more than available %s", cost.Total, l.Available)
	}
	return cost, nil
}

// taskItself checks what is the same for single tasks and tasks of a group.
func taskItself(task *mesosproto.TaskInfo, l Launch) (resources.Resources, error) {
	id := task.GetTaskId().GetValue()
	if err := ID(id); err != nil {
		return resources.Resources{}, err
	}
	if l.TaskIDInUse(id) {
		return resources.Resources{}, reason("Task has duplicate ID: %s", id)
	}
	if agent := task.GetAgentId().GetValue(); agent != l.AgentID {
		return resources.Resources{}, reason("Task uses invalid agent %s while agent %s is expected", agent, l.AgentID)
	}
	if task.GetKillPolicy().GetGracePeriod().GetNanoseconds() < 0 {
		return resources.Resources{}, reason("Task's 'kill_policy.grace_period' must be non-negative")
	}
	if task.GetMaxCompletionTime().GetNanoseconds() < 0 {
		return resources.Resources{}, reason("Task's 'max_completion_time' must be non-negative")
	}
	if task.Check != nil {
		if err := Check(task.Check); err != nil {
			return resources.Resources{}, reason("Task uses invalid check: %s", err)
		}
	}
	if task.HealthCheck != nil {
		if err := HealthCheck(task.HealthCheck); err != nil {
			return resources.Resources{}, reason("Task uses invalid health check: %s", err)
		}
	}
	if len(task.GetResources()) == 0 {
		return resources.Resources{}, reason("Task uses no resources")
	}
	own, err := consumable(task.GetResources())
	if err != nil {
		return resources.Resources{}, reason("Task uses invalid resources: %s", err)
	}
	if task.Command != nil {
		if err := Command(task.Command); err != nil {
			return resources.Resources{}, reason("Task's `CommandInfo` is invalid: %s", err)
		}
	}
	if task.Container != nil {
		if err := Container(task.Container); err != nil {
			return resources.Resources{}, reason("Task's `ContainerInfo` is invalid: %s", err)
		}
	}
	return own, limits(task, own, l)
}

// consumable checks resources that a task or an executor is to use.
func consumable(list []*mesosproto.Resource) (resources.Resources, error) {
	if err := resources.ValidateAll(list); err != nil {
		return resources.Resources{}, err
	}
	r, err := resources.FromProto(list)
	if err != nil {
		return resources.Resources{}, err
	}
	roles, persistence, kinds := []string{}, map[string]bool{}, map[string]bool{}
	for e := range r.All() {
		if !slices.Contains(roles, e.AllocationRole()) {
			roles = append(roles, e.AllocationRole())
		}
		if e.Name() == "gpus" && e.Scalar()%resources.Unit != 0 {
			return resources.Resources{}, reason("The 'gpus' resource must be an unsigned integer")
		}
		if e.IsPersistentVolume() {
			id := e.ReservationRole() + "/" + e.Disk().Persistence.ID
			if persistence[id] && !e.IsShared() {
				return resources.Resources{}, reason("Persistence ID '%s' is not unique", e.Disk().Persistence.ID)
			}
			persistence[id] = true
		}
		if was, known := kinds[e.Name()]; known && was != e.IsRevocable() {
			return resources.Resources{}, reason("Cannot use both revocable and non-revocable '%s' at the same time", e.Name())
		}
		kinds[e.Name()] = e.IsRevocable()
	}
	if len(roles) > 1 {
		return resources.Resources{}, reason("The resources have multiple allocation roles (%s) but only one allocation role is allowed", braced(roles))
	}
	return r, nil
}

func limits(task *mesosproto.TaskInfo, own resources.Resources, l Launch) error {
	if len(task.GetLimits()) == 0 {
		return nil
	}
	if !l.AgentSupportsLimits {
		return reason("Task specifies resource limits but the agent does not support them")
	}
	for _, name := range sortedKeys(task.GetLimits()) {
		limit := task.GetLimits()[name].GetValue()
		if name != "cpus" && name != "mem" {
			return reason("Limits may only be set on cpus and mem, but a limit is set on '%s'", name)
		}
		request := own.Scalar(name).Float()
		if request == 0 {
			return reason("Task specifies a limit of '%s' but no request for it", name)
		}
		if math.IsNaN(limit) || limit < request {
			return reason("Task's limit of '%s' (%v) is less than its request (%v)", name, limit, request)
		}
	}
	return nil
}

// executor checks a task's or a group's executor. It costs nothing if it runs already.
func executor(e *mesosproto.ExecutorInfo, l Launch, group bool) (cost resources.Resources, launches bool, err error) {
	none := resources.Resources{}
	if !group && e.Type != nil && e.GetType() != mesosproto.ExecutorInfo_CUSTOM {
		return none, false, reason("'ExecutorInfo.type' must be 'CUSTOM'")
	}
	if e.GetType() != mesosproto.ExecutorInfo_DEFAULT && e.Command == nil {
		return none, false, reason("'ExecutorInfo.command' must be set for 'CUSTOM' executor")
	}
	if err := ID(e.GetExecutorId().GetValue()); err != nil {
		return none, false, err
	}
	if e.GetShutdownGracePeriod().GetNanoseconds() < 0 {
		return none, false, reason("ExecutorInfo's 'shutdown_grace_period' must be non-negative")
	}
	if e.FrameworkId == nil {
		return none, false, reason("'ExecutorInfo.framework_id' must be set")
	}
	if id := e.GetFrameworkId().GetValue(); id != l.FrameworkID {
		return none, false, reason("ExecutorInfo has an invalid FrameworkID (Actual: %s vs Expected: %s)", id, l.FrameworkID)
	}
	own, err := consumable(e.GetResources())
	if err != nil {
		return none, false, reason("Executor uses invalid resources: %s", err)
	}
	if own.Any(resources.Resource.IsShared) {
		return none, false, reason("Executor resources %s should not contain any shared resources", own)
	}
	if e.Command != nil {
		if err := Command(e.Command); err != nil {
			return none, false, reason("Executor's `CommandInfo` is invalid: %s", err)
		}
	}
	if e.Container != nil {
		if err := Container(e.Container); err != nil {
			return none, false, reason("Executor's `ContainerInfo` is invalid: %s", err)
		}
	}
	running := l.Executor(e.GetExecutorId().GetValue())
	if running == nil {
		return own, true, nil
	}
	if !sameExecutor(running, e) {
		const line = "------------------------------------------------------------\n"
		return none, false, reason("ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n%sExisting ExecutorInfo:\n%s\n%sTask's ExecutorInfo:\n%s\n%s",
			line, prototext.Format(running), line, prototext.Format(e), line)
	}
	return none, false, nil
}

// sameExecutor compares two executors; resources in another order or format are the same.
func sameExecutor(a, b *mesosproto.ExecutorInfo) bool {
	if a == b || proto.Equal(a, b) {
		return true
	}
	ra, errA := resources.FromProto(a.GetResources())
	rb, errB := resources.FromProto(b.GetResources())
	if errA != nil || errB != nil || !ra.Unallocate().Equal(rb.Unallocate()) {
		return false
	}
	a, b = proto.CloneOf(a), proto.CloneOf(b)
	a.Resources, b.Resources = nil, nil
	return proto.Equal(a, b)
}

// overlap reports whether two collections claim the same port or the like.
func overlap(a, b resources.Resources) bool {
	for x := range a.All() {
		if x.Type() != resources.TypeRanges {
			continue
		}
		for y := range b.All() {
			if y.Type() != resources.TypeRanges || x.Name() != y.Name() {
				continue
			}
			for _, p := range x.Ranges() {
				for _, q := range y.Ranges() {
					if p.Begin <= q.End && q.Begin <= p.End {
						return true
					}
				}
			}
		}
	}
	return false
}

// groupTask checks a task of a group.
func groupTask(task *mesosproto.TaskInfo, e *mesosproto.ExecutorInfo, l Launch) (resources.Resources, error) {
	own, err := taskItself(task, l)
	if err != nil {
		return own, err
	}
	if task.Executor == nil {
		return own, reason("'TaskInfo.executor' must be set")
	}
	if !sameExecutor(task.Executor, e) {
		return own, reason("The 'ExecutorInfo' of the task differs from that of the task group")
	}
	if task.GetContainer().GetType() == mesosproto.ContainerInfo_DOCKER && task.Container != nil {
		return own, reason("Docker ContainerInfo is not supported on the task")
	}
	if h := task.GetHealthCheck(); h != nil && len(task.GetContainer().GetNetworkInfos()) > 0 &&
		(h.GetType() == mesosproto.HealthCheck_HTTP || h.GetType() == mesosproto.HealthCheck_TCP) {
		return own, reason("HTTP and TCP health checks are not supported for nested containers not joining parent's network")
	}
	if len(task.GetLimits()) > 0 && shareCgroups(task) {
		return own, reason("Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'")
	}
	return own, nil
}

func shareCgroups(task *mesosproto.TaskInfo) bool {
	info := task.GetContainer().GetLinuxInfo()
	return info == nil || info.ShareCgroups == nil || info.GetShareCgroups()
}

// groupExecutor checks what only executors of groups must fulfil.
func groupExecutor(e *mesosproto.ExecutorInfo) error {
	if e.Type == nil {
		return reason("'ExecutorInfo.type' must be set")
	}
	switch e.GetType() {
	case mesosproto.ExecutorInfo_DEFAULT:
		if e.Command != nil {
			return reason("'ExecutorInfo.command' must not be set for 'DEFAULT' executor")
		}
		if c := e.Container; c != nil {
			if c.GetType() != mesosproto.ContainerInfo_MESOS {
				return reason("'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor")
			}
			if c.GetMesos().GetImage() != nil {
				return reason("'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor")
			}
		}
	case mesosproto.ExecutorInfo_CUSTOM:
		if e.Command == nil {
			return reason("'ExecutorInfo.command' must be set for 'CUSTOM' executor")
		}
	default:
		return reason("Unknown executor type")
	}
	if e.Container != nil && e.Container.GetType() == mesosproto.ContainerInfo_DOCKER {
		return reason("Docker ContainerInfo is not supported on the executor")
	}
	return nil
}

func groupExecutorResources(e *mesosproto.ExecutorInfo, own resources.Resources) error {
	id := e.GetExecutorId().GetValue()
	if own.CPUs() < MinExecutorCPUs {
		return reason("Executor '%s' uses less CPUs (%s) than the minimum required (%v)", id, orNone(own, "cpus", ""), MinExecutorCPUs)
	}
	if own.Mem() < MinExecutorMem {
		return reason("Executor '%s' uses less memory (%s) than the minimum required (%dMB)", id, orNone(own, "mem", "MB"), MinExecutorMem)
	}
	if own.Disk() <= 0 {
		return reason("Executor '%s' uses no disk", id)
	}
	return nil
}

func orNone(r resources.Resources, name, unit string) string {
	if s := r.Scalar(name); s != 0 {
		return s.String() + unit
	}
	return "None"
}
