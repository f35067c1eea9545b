package operator

import (
	"net/http"

	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
)

// state serves /state: everything.
//
// Mesos: src/master/readonly_handler.cpp, Master::ReadOnlyHandler::state.
func (h *Handler) state(w http.ResponseWriter, r *http.Request, s *master.Snapshot) {
	v := h.library.document(stateView, s, func(v *view) {
		var b operatorapi.Builder
		h.library.writeState(&b, v.snapshot)
		v.document = b.Document()
	})
	operatorapi.Serve(w, r, v.document)
}

func (l *library) writeState(b *operatorapi.Builder, s *master.Snapshot) {
	build := operatorapi.ThisBuild()
	b.Open('{')
	b.Field("version", s.Info.GetVersion())
	build.CommitField(&b.JSON)
	build.DateField(&b.JSON)
	b.TimeField("start_time", s.StartTime)
	if !s.ElectedTime.IsZero() {
		b.TimeField("elected_time", s.ElectedTime)
	}
	b.Field("id", s.Info.GetId())
	b.Field("pid", s.Info.GetPid())
	b.Field("hostname", s.Info.GetHostname())
	operatorapi.CapabilitiesField(&b.JSON, s.Info.GetCapabilities(), (*mesosproto.MasterInfo_Capability).GetType)
	active, inactive := 0, 0
	for a := range s.Agents.All() {
		if a.Active {
			active++
		} else {
			inactive++
		}
	}
	b.DoubleField("activated_slaves", float64(active))
	b.DoubleField("deactivated_slaves", float64(inactive))
	b.DoubleField("unreachable_slaves", float64(s.Unreachable.Len()))
	if m := s.Info.GetDomain(); m != nil {
		b.MessageField("domain", m)
	}
	if m := s.Leader; m != nil {
		b.Field("leader", m.GetPid())
		b.Key("leader_info")
		b.Open('{')
		b.Field("id", m.GetId())
		b.Field("pid", m.GetPid())
		b.IntField("port", int64(m.GetPort()))
		b.Field("hostname", m.GetHostname())
		if m.GetDomain() != nil {
			b.MessageField("domain", m.GetDomain())
		}
		b.Close('}')
	}
	b.OptionalField("cluster", s.Cluster)
	b.FlagsField(l.flags)

	l.slaves.Turn()
	b.Key("slaves")
	b.Open('[')
	for page := range s.Agents.Pages() {
		b.Insert(l.slaves.Get(page, func(j *operatorapi.JSON) {
			for a := range page.All() {
				j.Element()
				j.Open('{')
				writeAgent(j, a)
				j.Close('}')
			}
		}))
	}
	b.Close(']')
	writeRecovered(&b.JSON, s)
	l.writeFrameworks(b, s)
	for _, empty := range []string{"orphan_tasks", "unregistered_frameworks"} {
		b.TextsField(empty, nil)
	}
	b.Close('}')
}

// frameworks serves /frameworks, of one framework with ?framework_id=.
func (h *Handler) frameworks(w http.ResponseWriter, r *http.Request, s *master.Snapshot) {
	if id := r.URL.Query().Get("framework_id"); id != "" {
		operatorapi.Serve(w, r, frameworkDocument(s, id))
		return
	}
	v := h.library.document(frameworksView, s, func(v *view) {
		var b operatorapi.Builder
		b.Open('{')
		h.library.writeFrameworks(&b, v.snapshot)
		b.TextsField("unregistered_frameworks", nil)
		b.Close('}')
		v.document = b.Document()
	})
	operatorapi.Serve(w, r, v.document)
}

// frameworkDocument shows the framework of that id, if there is one.
func frameworkDocument(s *master.Snapshot, id string) *operatorapi.Document {
	var b operatorapi.Builder
	only := func(state *master.FrameworkState) {
		if state.ID == id {
			shelved := &shelvedFramework{}
			shelved.show(state)
			b.Element()
			b.InsertRaw(shelved.parts...)
		}
	}
	b.Open('{')
	b.Key("frameworks")
	b.Open('[')
	for state := range s.Frameworks.All() {
		only(state)
	}
	b.Close(']')
	b.Key("completed_frameworks")
	b.Open('[')
	for _, state := range s.Completed {
		only(state)
	}
	b.Close(']')
	b.TextsField("unregistered_frameworks", nil)
	b.Close('}')
	return b.Document()
}

// writeFrameworks writes the members frameworks and completed_frameworks.
func (l *library) writeFrameworks(b *operatorapi.Builder, s *master.Snapshot) {
	if l.shown != s {
		l.states.show(s)
		l.shown = s
	}
	b.Key("frameworks")
	b.Open('[')
	for state := range s.Frameworks.All() {
		b.Element()
		b.InsertRaw(l.states.registered[state.ID].parts...)
	}
	b.Close(']')
	b.Key("completed_frameworks")
	b.Open('[')
	for _, state := range s.Completed {
		b.Element()
		b.InsertRaw(l.states.completed[state].parts...)
	}
	b.Close(']')
}
