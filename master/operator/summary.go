package operator

import (
	"net/http"
	"slices"

	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
)

// summaryStates are the states that /state-summary counts.
var summaryStates = [...]mesosproto.TaskState{
	mesosproto.TaskState_TASK_STAGING,
	mesosproto.TaskState_TASK_STARTING,
	mesosproto.TaskState_TASK_RUNNING,
	mesosproto.TaskState_TASK_KILLING,
	mesosproto.TaskState_TASK_FINISHED,
	mesosproto.TaskState_TASK_KILLED,
	mesosproto.TaskState_TASK_FAILED,
	mesosproto.TaskState_TASK_LOST,
	mesosproto.TaskState_TASK_ERROR,
	mesosproto.TaskState_TASK_UNREACHABLE,
}

// tally counts the tasks of an agent or a framework, and lists whose or where they are.
type tally struct {
	counts [len(summaryStates)]int64
	others map[string]bool
}

func (t *tally) add(state mesosproto.TaskState, other string) {
	if i := slices.Index(summaryStates[:], state); i >= 0 {
		t.counts[i]++
	}
	if t.others == nil {
		t.others = make(map[string]bool)
	}
	t.others[other] = true
}

func (t *tally) write(j *operatorapi.JSON, others string) {
	for i, state := range summaryStates {
		j.IntField(state.String(), t.counts[i])
	}
	list := make([]string, 0, len(t.others))
	for id := range t.others {
		list = append(list, id)
	}
	slices.Sort(list)
	j.TextsField(others, list)
}

// stateSummary serves /state-summary: agents and registered frameworks, with how many tasks they have
// instead of the tasks. Tasks that ended count for as long as they are remembered.
//
// Mesos: src/master/readonly_handler.cpp, Master::ReadOnlyHandler::stateSummary.
func (h *Handler) stateSummary(w http.ResponseWriter, r *http.Request, s *master.Snapshot) {
	v := h.library.document(summaryView, s, func(v *view) { v.document = summaryDocument(v.snapshot) })
	operatorapi.Serve(w, r, v.document)
}

func summaryDocument(s *master.Snapshot) *operatorapi.Document {
	agents := make(map[string]*tally, s.Agents.Len())
	frameworks := make(map[string]*tally, s.Frameworks.Len())
	for f := range s.Frameworks.All() {
		ofFramework := &tally{}
		frameworks[f.ID] = ofFramework
		for t := range allTasks(f) {
			id := t.Info.GetAgentId().GetValue()
			if agents[id] == nil {
				agents[id] = &tally{}
			}
			agents[id].add(t.State, f.ID)
			ofFramework.add(t.State, id)
		}
	}
	var b operatorapi.Builder
	b.Open('{')
	b.Field("hostname", s.Info.GetHostname())
	b.OptionalField("cluster", s.Cluster)
	b.Key("slaves")
	b.Open('[')
	none := &tally{}
	for a := range s.Agents.All() {
		b.Element()
		b.Open('{')
		writeAgent(&b.JSON, a)
		t := agents[a.ID]
		if t == nil {
			t = none
		}
		t.write(&b.JSON, "framework_ids")
		b.Close('}')
	}
	b.Close(']')
	b.Key("frameworks")
	b.Open('[')
	for f := range s.Frameworks.All() {
		b.Element()
		b.Open('{')
		writeSummary(&b.JSON, f)
		frameworks[f.ID].write(&b.JSON, "slave_ids")
		b.Close('}')
	}
	b.Close(']')
	b.Close('}')
	return b.Document()
}
