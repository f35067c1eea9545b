package operator

import (
	"iter"
	"slices"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/mesosproto"
)

// writeFramework writes a framework.
//
// Mesos: src/slave/http.cpp, FrameworkWriter.
func (h *Handler) writeFramework(b *operatorapi.Builder, f *agent.FrameworkState) {
	b.Open('{')
	b.Field("id", f.Info.GetId().GetValue())
	b.Field("name", f.Info.GetName())
	b.Field("user", f.Info.GetUser())
	b.DoubleField("failover_timeout", f.Info.GetFailoverTimeout())
	b.BoolField("checkpoint", f.Info.GetCheckpoint())
	b.Field("hostname", f.Info.GetHostname())
	b.OptionalField("principal", f.Info.GetPrincipal())
	b.RolesField(f.Info)
	for _, list := range []struct {
		name      string
		executors iter.Seq[*agent.ExecutorState]
	}{{"executors", f.Executors.All()}, {"completed_executors", slices.Values(f.CompletedExecutors)}} {
		b.Key(list.name)
		b.Open('[')
		for e := range list.executors {
			b.Insert(h.executors.Get(e, func(j *operatorapi.JSON) { writeExecutor(j, e) }))
		}
		b.Close(']')
	}
	b.Close('}')
}

// writeExecutor writes an executor with its tasks. Resources are the executor's own and those of its
// tasks that have not ended.
//
// Mesos: src/slave/http.cpp, ExecutorWriter.
func writeExecutor(j *operatorapi.JSON, e *agent.ExecutorState) {
	j.Open('{')
	j.Field("id", e.Info.GetExecutorId().GetValue())
	j.Field("name", e.Info.GetName())
	j.Field("source", e.Info.GetSource()) //lint:ignore SA1019 operators' tools read it
	j.Field("container", e.ContainerID)
	j.Field("directory", e.Directory)
	used := usedBy(e)
	j.ResourceMessagesField("resources", used...)
	for _, list := range used {
		if len(list) > 0 {
			j.RoleField(list)
			break
		}
	}
	j.LabelsField(e.Info.GetLabels())
	if e.Info.GetType() != mesosproto.ExecutorInfo_UNKNOWN {
		j.Field("type", e.Info.GetType().String())
	}
	writeTasks(j, "tasks", e.Tasks)
	j.Key("queued_tasks")
	j.Open('[')
	for _, t := range e.QueuedTasks {
		j.Element()
		writeQueued(j, t)
	}
	j.Close(']')
	writeTasks(j, "completed_tasks", e.CompletedTasks, e.TerminatedTasks)
	j.Close('}')
}

func writeTasks(j *operatorapi.JSON, name string, lists ...[]*mesosproto.Task) {
	j.Key(name)
	j.Open('[')
	for _, list := range lists {
		for _, t := range list {
			j.Element()
			j.Task(t, t.GetState(), t.GetStatuses())
		}
	}
	j.Close(']')
}

// writeQueued writes a task that its executor does not have yet: it has no state.
func writeQueued(j *operatorapi.JSON, t *mesosproto.Task) {
	j.Open('{')
	j.Field("id", t.GetTaskId().GetValue())
	j.Field("name", t.GetName())
	j.Field("slave_id", t.GetAgentId().GetValue())
	j.ResourceMessagesField("resources", t.GetResources())
	j.RoleField(t.GetResources())
	j.OptionalField("executor_id", t.GetExecutorId().GetValue())
	if m := t.GetDiscovery(); m != nil {
		j.MessageField("discovery", m)
	}
	j.Close('}')
}
