package operator

import (
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/offer"
	"github.com/mesokit/mesokit/mesosproto"
)

// writeSummary writes the members of a framework that /state-summary shows as well.
//
// Mesos: src/master/http.cpp, json(Summary<Framework>).
func writeSummary(j *operatorapi.JSON, f *master.FrameworkState) {
	j.Field("id", f.ID)
	j.Field("name", f.Info.GetName())
	j.ResourcesField("used_resources", f.Used)
	j.ResourcesField("offered_resources", f.Offered)
	operatorapi.CapabilitiesField(j, f.Info.GetCapabilities(), (*mesosproto.FrameworkInfo_Capability).GetType)
	j.Field("hostname", f.Info.GetHostname())
	j.Field("webui_url", f.Info.GetWebuiUrl())
	j.BoolField("active", f.Active)
	j.BoolField("connected", f.Connected)
	j.BoolField("recovered", f.Recovered)
}

// writeFramework writes a whole framework.
//
// Mesos: src/master/http.cpp, FullFrameworkWriter.
func writeFramework(b *operatorapi.Builder, f *shelvedFramework) {
	s := f.state
	b.Open('{')
	writeSummary(&b.JSON, s)
	b.Field("user", s.Info.GetUser())
	b.DoubleField("failover_timeout", s.Info.GetFailoverTimeout())
	b.BoolField("checkpoint", s.Info.GetCheckpoint())
	b.TimeField("registered_time", s.Registered)
	b.TimeField("unregistered_time", s.Unregistered)
	b.OptionalField("principal", s.Info.GetPrincipal())
	if !s.Reregistered.IsZero() && !s.Reregistered.Equal(s.Registered) {
		b.TimeField("reregistered_time", s.Reregistered)
	}
	b.ResourcesField("resources", s.Used, s.Offered)
	b.RolesField(s.Info)

	b.Key("tasks")
	b.Open('[')
	for page := range s.Tasks.Pages() {
		b.Insert(f.tasks.Get(page, func(j *operatorapi.JSON) {
			for t := range page.All() {
				j.Element()
				writeTask(j, t)
			}
		}))
	}
	b.Close(']')
	b.Key("unreachable_tasks")
	b.Open('[')
	b.Insert(f.unreachable.fragments()...)
	b.Close(']')
	b.Key("completed_tasks")
	b.Open('[')
	b.Insert(f.done.fragments()...)
	b.Close(']')

	b.Key("offers")
	b.Open('[')
	for o := range s.Offers.All() {
		if !o.Inverse {
			b.Element()
			writeOffer(&b.JSON, o)
		}
	}
	b.Close(']')
	b.Key("executors")
	b.Open('[')
	for e := range s.Executors.All() {
		b.Element()
		writeExecutor(&b.JSON, e)
	}
	b.Close(']')
	b.LabelsField(s.Info.GetLabels())
	b.Key("offer_constraints")
	if s.Constraints == nil {
		b.Raw("{}")
	} else {
		b.Message(s.Constraints)
	}
	b.Close('}')
}

func writeTask(j *operatorapi.JSON, t *master.TaskState) { j.Task(t.Info, t.State, t.Statuses) }

func writeOffer(j *operatorapi.JSON, o *offer.Offer) {
	j.Open('{')
	j.Field("id", o.ID)
	j.Field("framework_id", o.FrameworkID)
	j.Key("allocation_info")
	j.Open('{')
	j.Field("role", o.Role)
	j.Close('}')
	j.Field("slave_id", o.AgentID)
	j.ResourcesField("resources", o.Resources)
	j.Close('}')
}

func writeExecutor(j *operatorapi.JSON, e *master.ExecutorState) {
	j.Open('{')
	j.Field("executor_id", e.Info.GetExecutorId().GetValue())
	j.Field("name", e.Info.GetName())
	j.Field("framework_id", e.Info.GetFrameworkId().GetValue())
	j.CommandField(e.Info.GetCommand())
	j.ResourceMessagesField("resources", e.Info.GetResources())
	j.RoleField(e.Info.GetResources())
	j.LabelsField(e.Info.GetLabels())
	if e.Info.Type != nil {
		j.Field("type", e.Info.GetType().String())
	}
	j.Field("slave_id", e.AgentID)
	j.Close('}')
}
