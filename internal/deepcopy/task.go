package deepcopy

import (
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
)

// Operation copies an operation on offers.
func Operation(m *mesosproto.Offer_Operation) *mesosproto.Offer_Operation {
	if m.GetType() != mesosproto.Offer_Operation_LAUNCH || !plain(m) || !plain(m.Launch) {
		return rare(m)
	}
	// A LAUNCH has nothing but its tasks; what else somebody has set is copied the slow way.
	out := rare(&mesosproto.Offer_Operation{
		Type: m.Type, Id: m.Id, LaunchGroup: m.LaunchGroup, Reserve: m.Reserve, Unreserve: m.Unreserve, Create: m.Create, Destroy: m.Destroy,
		GrowVolume: m.GrowVolume, ShrinkVolume: m.ShrinkVolume, CreateDisk: m.CreateDisk, DestroyDisk: m.DestroyDisk,
	})
	out.Launch = &mesosproto.Offer_Operation_Launch{TaskInfos: list(m.Launch.TaskInfos, TaskInfo)}
	return out
}

type taskInfo struct {
	message mesosproto.TaskInfo
	name    string
	task    taskID
	agent   agentID
}

// TaskInfo copies a task.
func TaskInfo(m *mesosproto.TaskInfo) *mesosproto.TaskInfo {
	if !plain(m) {
		return rare(m)
	}
	to := new(taskInfo)
	t := &to.message
	t.Name = put(&to.name, m.Name)
	t.TaskId = to.task.put(m.TaskId)
	t.AgentId = to.agent.put(m.AgentId)
	t.Resources = copyResources(m.Resources)
	t.Executor = rare(m.Executor)
	t.Command = copyCommand(m.Command)
	t.Container = rare(m.Container)
	t.HealthCheck = rare(m.HealthCheck)
	t.Check = rare(m.Check)
	t.KillPolicy = rare(m.KillPolicy)
	t.Data = slices.Clone(m.Data)
	t.Labels = rare(m.Labels)
	t.Discovery = rare(m.Discovery)
	t.MaxCompletionTime = rare(m.MaxCompletionTime)
	if m.Limits != nil {
		t.Limits = rare(&mesosproto.TaskInfo{Limits: m.Limits}).Limits
	}
	return t
}

type commandInfo struct {
	message     mesosproto.CommandInfo
	value, user string
	shell       bool
}

func copyCommand(m *mesosproto.CommandInfo) *mesosproto.CommandInfo {
	if !plain(m) {
		return rare(m)
	}
	to := new(commandInfo)
	c := &to.message
	c.Uris = list(m.Uris, rare)
	c.Environment = rare(m.Environment)
	c.Shell = put(&to.shell, m.Shell)
	c.Value = put(&to.value, m.Value)
	c.Arguments = slices.Clone(m.Arguments)
	c.User = put(&to.user, m.User)
	return c
}

// resource has room for what most resources have.
type resource struct {
	message    mesosproto.Resource
	scalar     mesosproto.Value_Scalar
	value      float64
	name, role string
	kind       mesosproto.Value_Type
}

func copyResources(from []*mesosproto.Resource) []*mesosproto.Resource {
	if from == nil {
		return nil
	}
	to := make([]*mesosproto.Resource, len(from))
	block := make([]resource, len(from))
	for i, m := range from {
		to[i] = block[i].put(m)
	}
	return to
}

func (to *resource) put(m *mesosproto.Resource) *mesosproto.Resource {
	if !plain(m) {
		return rare(m)
	}
	r := &to.message
	r.ProviderId = rare(m.ProviderId)
	r.Name = put(&to.name, m.Name)
	r.Type = put(&to.kind, m.Type)
	if plain(m.Scalar) {
		to.scalar.Value = put(&to.value, m.Scalar.Value)
		r.Scalar = &to.scalar
	} else {
		r.Scalar = rare(m.Scalar)
	}
	r.Ranges = rare(m.Ranges)
	r.Set = rare(m.Set)
	r.Role = put(&to.role, m.Role) //lint:ignore SA1019 copied as it is
	r.AllocationInfo = rare(m.AllocationInfo)
	r.Reservation = rare(m.Reservation)
	r.Reservations = list(m.Reservations, rare)
	r.Disk = rare(m.Disk)
	r.Revocable = rare(m.Revocable)
	r.Shared = rare(m.Shared)
	return r
}
