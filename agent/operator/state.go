package operator

import (
	"net/http"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// state serves /state: everything.
//
// Mesos: src/slave/http.cpp, Http::state.
func (h *Handler) state(w http.ResponseWriter, r *http.Request, s *agent.Snapshot) {
	operatorapi.Serve(w, r, h.stateDocument(s))
}

func (h *Handler) stateDocument(s *agent.Snapshot) *operatorapi.Document {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shown != s {
		h.executors.Turn()
		var b operatorapi.Builder
		h.writeState(&b, s)
		h.shown, h.document = s, b.Document()
	}
	return h.document
}

func (h *Handler) writeState(b *operatorapi.Builder, s *agent.Snapshot) {
	build := operatorapi.ThisBuild()
	b.Open('{')
	b.Field("version", s.Version)
	build.CommitField(&b.JSON)
	build.DateField(&b.JSON)
	b.TimeField("start_time", s.Started)
	b.Field("id", s.Info.GetId().GetValue())
	b.Field("pid", s.PID)
	b.Field("hostname", s.Info.GetHostname())
	operatorapi.CapabilitiesField(&b.JSON, capabilities, func(c mesosproto.AgentInfo_Capability_Type) mesosproto.AgentInfo_Capability_Type { return c })
	if m := s.Info.GetDomain(); m != nil {
		b.MessageField("domain", m)
	}
	if s.Drain != nil {
		b.MessageField("drain_config", s.Drain)
	}
	total, allocated := s.Total, allocatedOf(s)
	b.ResourcesField("resources", total)
	b.ReservationsField("reserved_resources", total)
	b.ResourcesField("unreserved_resources", total.Unreserved())
	b.FullReservationsField("reserved_resources_full", total)
	b.FullResourcesField("unreserved_resources_full", total.Unreserved())
	b.ReservationsField("reserved_resources_allocated", allocated)
	b.ResourcesField("unreserved_resources_allocated", allocated.Unreserved())
	b.TextsField("resource_providers", nil)
	b.AttributesField("attributes", s.Info.GetAttributes())
	b.OptionalField("master_hostname", s.Master.GetHostname())
	b.FlagsField(h.cfg.Flags)
	for _, list := range []struct {
		name       string
		frameworks []*agent.FrameworkState
	}{{"frameworks", s.Frameworks}, {"completed_frameworks", s.CompletedFrameworks}} {
		b.Key(list.name)
		b.Open('[')
		for _, f := range list.frameworks {
			b.Element()
			h.writeFramework(b, f)
		}
		b.Close(']')
	}
	b.Close('}')
}

// capabilities are those of every agent since 1.10, and of this one.
var capabilities = func() (list []mesosproto.AgentInfo_Capability_Type) {
	for t := mesosproto.AgentInfo_Capability_MULTI_ROLE; t <= mesosproto.AgentInfo_Capability_TASK_RESOURCE_LIMITS; t++ {
		list = append(list, t)
	}
	return list
}()

// allocatedOf is what executors and tasks use or are about to.
func allocatedOf(s *agent.Snapshot) resources.Resources {
	var list []*mesosproto.Resource
	for _, f := range s.Frameworks {
		for e := range f.Executors.All() {
			for _, r := range usedBy(e) {
				list = append(list, r...)
			}
		}
	}
	return sum(list)
}

// sum leaves out what is not legal, which no core has.
func sum(list []*mesosproto.Resource) resources.Resources {
	if all, err := resources.FromProto(list); err == nil {
		return all
	}
	var legal []resources.Resource
	for _, m := range list {
		if r, err := resources.FromMessage(m); err == nil {
			legal = append(legal, r)
		}
	}
	return resources.New(legal...)
}

// usedBy lists the resources of an executor and of its tasks that have not ended.
func usedBy(e *agent.ExecutorState) (lists [][]*mesosproto.Resource) {
	lists = append(lists, e.Info.GetResources())
	for _, tasks := range [][]*mesosproto.Task{e.QueuedTasks, e.Tasks} {
		for _, t := range tasks {
			lists = append(lists, t.GetResources())
		}
	}
	return lists
}
