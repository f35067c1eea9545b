package operator

import (
	"slices"
	"sync"
	"time"

	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
)

// idle is how long a view is kept that nobody asks for.
const idle = 5 * time.Minute

// library keeps the views of the latest snapshot that was asked for, and what they are made of.
type library struct {
	flags map[string]string

	mu    sync.Mutex // guards what follows
	hits  int64
	views [views]view

	states    frameworkShelf // whole frameworks, for /state and /frameworks
	slaves    operatorapi.Cache[*master.Page[master.AgentState]]
	fullSlave operatorapi.Cache[*master.Page[master.AgentState]] // with the resources as messages
	shown     *master.Snapshot                                   // whose frameworks are in states
}

// viewKind is a document of a whole snapshot.
type viewKind int

const (
	stateView viewKind = iota
	frameworksView
	slavesView
	summaryView
	rolesView
	tasksView
	views
)

// view is a document and the snapshot that it shows.
type view struct {
	snapshot *master.Snapshot
	document *operatorapi.Document
	tasks    []*timedTask // of tasksView
	used     time.Time
}

// document returns a view of s: the one that is kept, or what build makes. build runs under the mutex.
func (l *library) document(kind viewKind, s *master.Snapshot, build func(*view)) view {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := &l.views[kind]
	now := time.Now()
	switch {
	case v.snapshot == s:
		l.hits++
	case v.snapshot != nil && v.snapshot.Version > s.Version && v.snapshot.Info == s.Info:
		// Somebody who came later was faster. What is newer is as good.
		l.hits++
	default:
		*v = view{snapshot: s}
		build(v)
	}
	v.used = now
	l.sweep(now)
	return *v
}

// sweep lets go of views that nobody asks for any more.
func (l *library) sweep(now time.Time) {
	for i := range l.views {
		if v := &l.views[i]; v.snapshot != nil && now.Sub(v.used) > idle {
			*v = view{}
		}
	}
	if l.views[stateView].snapshot == nil && l.views[frameworksView].snapshot == nil {
		l.states, l.shown = frameworkShelf{}, nil
	}
	if l.views[stateView].snapshot == nil {
		l.slaves = operatorapi.Cache[*master.Page[master.AgentState]]{}
	}
	if l.views[slavesView].snapshot == nil {
		l.fullSlave = operatorapi.Cache[*master.Page[master.AgentState]]{}
	}
}

// cacheHits is how often a view did not have to be made.
func (l *library) cacheHits() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(time.Now()) // metrics are asked for in most clusters, whatever else is
	return l.hits
}

// frameworkShelf keeps the fragments of frameworks.
type frameworkShelf struct {
	registered map[string]*shelvedFramework // by id
	completed  map[*master.FrameworkState]*shelvedFramework
}

// shelvedFramework is a framework in fragments, and those of its tasks.
type shelvedFramework struct {
	state       *master.FrameworkState
	parts       []*operatorapi.Fragment
	tasks       operatorapi.Cache[*master.Page[master.TaskState]]
	unreachable runs
	done        runs
}

// show brings the shelf up to date.
func (f *frameworkShelf) show(s *master.Snapshot) {
	registered := make(map[string]*shelvedFramework, s.Frameworks.Len())
	for state := range s.Frameworks.All() {
		shelved := f.registered[state.ID]
		if shelved == nil {
			shelved = &shelvedFramework{}
		}
		shelved.show(state)
		registered[state.ID] = shelved
	}
	completed := make(map[*master.FrameworkState]*shelvedFramework, len(s.Completed))
	for _, state := range s.Completed {
		shelved := f.completed[state]
		if shelved == nil {
			if shelved = f.registered[state.ID]; shelved == nil {
				shelved = &shelvedFramework{}
			}
			shelved.show(state)
		}
		completed[state] = shelved
	}
	f.registered, f.completed = registered, completed
}

func (f *shelvedFramework) show(state *master.FrameworkState) {
	if f.state == state {
		return
	}
	f.state = state
	f.tasks.Turn()
	f.unreachable = f.unreachable.next(state.Unreachable)
	f.done = f.done.next(state.Done)
	var b operatorapi.Builder
	writeFramework(&b, f)
	f.parts = b.Parts()
}

// runs is a list of tasks in fragments. Such lists grow at the end and lose from the front, so the runs
// in the middle stay.
type runs []run

type run struct {
	tasks    []*master.TaskState
	fragment *operatorapi.Fragment
}

const runLength = 32

func newRun(tasks []*master.TaskState) run {
	tasks = slices.Clone(tasks) // a part of the master's array would keep all of that
	return run{tasks: tasks, fragment: operatorapi.Encode(func(j *operatorapi.JSON) {
		for _, t := range tasks {
			j.Element()
			writeTask(j, t)
		}
	})}
}

// next returns the runs of tasks, with as many fragments as possible of r.
func (r runs) next(tasks []*master.TaskState) runs {
	out := make(runs, 0, len(tasks)/runLength+2)
	for len(r) > 0 && len(tasks) > 0 {
		gone := slices.Index(r[0].tasks, tasks[0])
		if gone < 0 {
			r = r[1:]
			continue
		}
		// From here on the old runs and the new list may go in step.
		if gone > 0 {
			if rest := r[0].tasks[gone:]; len(tasks) >= len(rest) && slices.Equal(rest, tasks[:len(rest)]) {
				out = append(out, newRun(tasks[:len(rest)]))
				tasks = tasks[len(rest):]
			}
			r = r[1:]
		}
		for len(r) > 0 {
			n := len(r[0].tasks)
			if len(tasks) < n || !slices.Equal(r[0].tasks, tasks[:n]) || n < runLength && len(tasks) > n && len(r) == 1 {
				break // the last one, if it is short, is made anew until it is full
			}
			out = append(out, r[0])
			tasks, r = tasks[n:], r[1:]
		}
		break
	}
	for len(tasks) > 0 {
		n := min(runLength, len(tasks))
		out = append(out, newRun(tasks[:n:n]))
		tasks = tasks[n:]
	}
	return out
}

func (r runs) fragments() []*operatorapi.Fragment {
	list := make([]*operatorapi.Fragment, len(r))
	for i := range r {
		list[i] = r[i].fragment
	}
	return list
}
