package operator

import (
	"cmp"
	"iter"
	"net/http"
	"slices"
	"strconv"

	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
)

// timedTask is a task and when its first status was made; without one it comes before all others.
type timedTask struct {
	at   float64
	task *master.TaskState
}

// tasks serves /tasks: those that framework_id and task_id name, sorted by time, from offset, at most
// limit (default 100, -1: all). Numbers that are none count as not given.
//
// Mesos: src/master/readonly_handler.cpp, Master::ReadOnlyHandler::tasks.
func (h *Handler) tasks(w http.ResponseWriter, r *http.Request, s *master.Snapshot) {
	q := r.URL.Query()
	var list []*timedTask // ascending
	if framework, task := q.Get("framework_id"), q.Get("task_id"); framework != "" || task != "" {
		list = sortedTasks(s, framework, task)
	} else {
		list = h.library.document(tasksView, s, func(v *view) { v.tasks = sortedTasks(v.snapshot, "", "") }).tasks
	}
	limit, offset := number(q.Get("limit"), 100), number(q.Get("offset"), 0)
	if limit < 0 || limit > len(list) {
		limit = len(list)
	}
	offset = min(max(offset, 0), len(list))
	limit = min(limit, len(list)-offset)
	ascending := q.Get("order") == "asc"
	var b operatorapi.Builder
	b.Open('{')
	b.Key("tasks")
	b.Open('[')
	for i := offset; i < offset+limit; i++ {
		t := list[i]
		if !ascending {
			t = list[len(list)-1-i]
		}
		b.Element()
		writeTask(&b.JSON, t.task)
	}
	b.Close(']')
	b.Close('}')
	operatorapi.Serve(w, r, b.Document())
}

func number(text string, otherwise int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return otherwise
}

// sortedTasks lists the tasks of a framework and of an id; empty means any.
func sortedTasks(s *master.Snapshot, framework, id string) (list []*timedTask) {
	for f := range allFrameworks(s) {
		if framework != "" && f.ID != framework {
			continue
		}
		for t := range allTasks(f) {
			if id != "" && t.Info.GetTaskId().GetValue() != id {
				continue
			}
			timed := &timedTask{at: -1, task: t}
			if len(t.Statuses) > 0 {
				timed.at = t.Statuses[0].GetTimestamp()
			}
			list = append(list, timed)
		}
	}
	slices.SortStableFunc(list, func(a, b *timedTask) int { return cmp.Compare(a.at, b.at) })
	return list
}

// allFrameworks yields registered frameworks, then completed ones.
func allFrameworks(s *master.Snapshot) iter.Seq[*master.FrameworkState] {
	return func(yield func(*master.FrameworkState) bool) {
		for f := range s.Frameworks.All() {
			if !yield(f) {
				return
			}
		}
		for _, f := range s.Completed {
			if !yield(f) {
				return
			}
		}
	}
}

// allTasks yields a framework's tasks: running, unreachable, ended.
func allTasks(f *master.FrameworkState) iter.Seq[*master.TaskState] {
	return func(yield func(*master.TaskState) bool) {
		for t := range f.Tasks.All() {
			if !yield(t) {
				return
			}
		}
		for _, list := range [][]*master.TaskState{f.Unreachable, f.Done} {
			for _, t := range list {
				if !yield(t) {
					return
				}
			}
		}
	}
}
