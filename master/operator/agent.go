package operator

import (
	"net/http"

	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
)

// writeAgent writes the members of an agent.
//
// Mesos: src/master/http.cpp, json(Summary<Slave>).
func writeAgent(j *operatorapi.JSON, a *master.AgentState) {
	writeAgentInfo(j, a.ID, a.Info)
	j.Field("pid", a.PID)
	j.TimeField("registered_time", a.Registered)
	if !a.Reregistered.IsZero() {
		j.TimeField("reregistered_time", a.Reregistered)
	}
	j.ResourcesField("resources", a.Total)
	j.ResourcesField("used_resources", a.Used)
	j.ResourcesField("offered_resources", a.Offered)
	j.ReservationsField("reserved_resources", a.Total)
	j.ResourcesField("unreserved_resources", a.Total.Unreserved())
	j.BoolField("active", a.Active)
	j.BoolField("deactivated", a.Deactivated)
	j.Field("version", a.Version)
	operatorapi.CapabilitiesField(j, a.Capabilities, (*mesosproto.AgentInfo_Capability).GetType)
}

// writeFullAgent adds the resources as messages.
func writeFullAgent(j *operatorapi.JSON, a *master.AgentState) {
	j.Open('{')
	writeAgent(j, a)
	j.FullReservationsField("reserved_resources_full", a.Total)
	j.FullResourcesField("unreserved_resources_full", a.Total.Unreserved())
	j.FullResourcesField("used_resources_full", a.Used)
	j.FullResourcesField("offered_resources_full", a.Offered)
	j.Close('}')
}

func writeAgentInfo(j *operatorapi.JSON, id string, info *mesosproto.AgentInfo) {
	j.Field("id", id)
	j.Field("hostname", info.GetHostname())
	j.IntField("port", int64(info.GetPort()))
	j.AttributesField("attributes", info.GetAttributes())
	if m := info.GetDomain(); m != nil {
		j.MessageField("domain", m)
	}
}

// writeRecovered writes the agents that the registry knows and that are not back yet.
func writeRecovered(j *operatorapi.JSON, s *master.Snapshot, only ...string) {
	j.Key("recovered_slaves")
	j.Open('[')
	for info := range s.Awaited.All() {
		if id := info.GetId().GetValue(); len(only) == 0 || id == only[0] {
			j.Element()
			j.Open('{')
			writeAgentInfo(j, id, info)
			j.Close('}')
		}
	}
	j.Close(']')
}

// slaves serves /slaves, of one agent with ?slave_id=.
//
// Mesos: src/master/readonly_handler.cpp, Master::ReadOnlyHandler::slaves.
func (h *Handler) slaves(w http.ResponseWriter, r *http.Request, s *master.Snapshot) {
	if id := r.URL.Query().Get("slave_id"); id != "" {
		operatorapi.Serve(w, r, agentDocument(s, id))
		return
	}
	l := &h.library
	v := l.document(slavesView, s, func(v *view) {
		l.fullSlave.Turn()
		var b operatorapi.Builder
		b.Open('{')
		b.Key("slaves")
		b.Open('[')
		for page := range v.snapshot.Agents.Pages() {
			b.Insert(l.fullSlave.Get(page, func(j *operatorapi.JSON) {
				for a := range page.All() {
					j.Element()
					writeFullAgent(j, a)
				}
			}))
		}
		b.Close(']')
		writeRecovered(&b.JSON, v.snapshot)
		b.Close('}')
		v.document = b.Document()
	})
	operatorapi.Serve(w, r, v.document)
}

func agentDocument(s *master.Snapshot, id string) *operatorapi.Document {
	var b operatorapi.Builder
	b.Open('{')
	b.Key("slaves")
	b.Open('[')
	for a := range s.Agents.All() {
		if a.ID == id {
			b.Element()
			writeFullAgent(&b.JSON, a)
		}
	}
	b.Close(']')
	writeRecovered(&b.JSON, s, id)
	b.Close('}')
	return b.Document()
}
