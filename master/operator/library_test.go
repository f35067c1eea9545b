package operator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/operatorapi"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// state returns the document of /state.
func (r *rig) document() *operatorapi.Document {
	r.get("/state")
	r.api.library.mu.Lock()
	defer r.api.library.mu.Unlock()
	return r.api.library.views[stateView].document
}

func names(n int) (list []string) {
	for i := range n {
		list = append(list, "task-"+string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	return list
}

// A change of one task costs the page that it is on, not the others.
func TestUnchangedPagesAreShared(t *testing.T) {
	r := start(t)
	h := r.agent(1, "cpus:400;mem:40960", "")
	f := r.framework(mesosExecute())
	f.launch(h, "cpus:1;mem:32", names(320)...)
	fragments := func() map[*operatorapi.Fragment]bool {
		set := make(map[*operatorapi.Fragment]bool)
		r.document()
		for _, p := range r.api.library.states.registered[f.id.GetValue()].parts {
			set[p] = true
		}
		return set
	}
	before := fragments()
	require.GreaterOrEqual(t, len(before), 10, "ten pages of 32 tasks")
	h.update(f, "task-aa", running, uuid(0))
	made := 0
	for p := range fragments() {
		if !before[p] {
			made++
		}
	}
	require.Equal(t, 3, made, "the page, and what is before and behind the tasks")
	require.Contains(t, r.get("/state"), `"TASK_RUNNING"`)
}

func TestUnchangedPoll(t *testing.T) {
	r := captured(t)
	first := r.do("GET", "/state")
	tag := first.Header.Get("ETag")
	require.NotEmpty(t, tag)
	poll := func() int { return r.do("GET", "/state", "If-None-Match", tag).StatusCode }
	require.Equal(t, http.StatusNotModified, poll())
	version := r.master.Snapshot().Version
	f := r.framework(mesosExecute())
	f.teardown()
	require.Greater(t, r.master.Snapshot().Version, version)
	require.Equal(t, http.StatusOK, poll(), "there is one more completed framework")
	tag = r.do("GET", "/state").Header.Get("ETag")
	require.Equal(t, http.StatusNotModified, poll())

	hits := r.api.library.cacheHits()
	r.get("/roles")
	r.get("/roles")
	r.get("/roles")
	require.Equal(t, hits+2, r.api.library.cacheHits())
}

// The same content has the same tag although it is another snapshot.
func TestTagIsOfTheContent(t *testing.T) {
	r := captured(t)
	s := *r.master.Snapshot()
	h := New(Config{Snapshot: func() *master.Snapshot { return &s }})
	mux := http.NewServeMux()
	h.Mount(mux)
	tag := func() string {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", "/state", nil))
		return w.Header().Get("ETag")
	}
	first := tag()
	later := s
	later.Version++
	later.Metrics = &master.Counters{Dropped: 7}
	s = later
	require.Equal(t, first, tag())
	s.Cluster = "changed" // in place: the snapshot is known already
	require.Equal(t, first, tag())
	changed := s
	h.cfg.Snapshot = func() *master.Snapshot { return &changed }
	changed.Version++
	require.NotEqual(t, first, tag())
}

// Views that nobody asks for, and what only they are made of, are let go.
func TestIdleViewsAreLetGo(t *testing.T) {
	r := captured(t)
	for _, path := range []string{"/state", "/frameworks", "/slaves", "/state-summary", "/roles", "/tasks"} {
		r.get(path)
	}
	l := &r.api.library
	for _, v := range l.views {
		require.NotNil(t, v.snapshot)
	}
	l.sweep(time.Now().Add(idle / 2))
	require.NotNil(t, l.states.registered)
	l.sweep(time.Now().Add(2 * idle))
	require.Equal(t, [views]view{}, l.views)
	require.Nil(t, l.states.registered)
	require.Nil(t, l.states.completed)
	require.Nil(t, l.shown)
	require.Equal(t, operatorapi.Cache[*master.Page[master.AgentState]]{}, l.slaves)
	require.Equal(t, operatorapi.Cache[*master.Page[master.AgentState]]{}, l.fullSlave)
	require.Contains(t, r.get("/state"), `"long"`)
}

// Runs always show their list, whatever happened to it, and what only grows and loses from the front
// keeps what is in the middle.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var list []*master.TaskState
		var r runs
		next := 0
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			grown := rapid.IntRange(0, 100).Draw(rt, "grown")
			for range grown {
				next++
				id := written(next)
				list = append(list, &master.TaskState{Info: &mesosproto.Task{TaskId: &mesosproto.TaskID{Value: proto.String(id)}}})
			}
			lost := min(rapid.IntRange(0, 60).Draw(rt, "lost"), len(list))
			list = list[lost:]
			if rapid.IntRange(0, 9).Draw(rt, "all new") == 0 {
				fresh := make([]*master.TaskState, len(list))
				for i, s := range list {
					copied := *s
					fresh[i] = &copied
				}
				list = fresh
			}
			before := make(map[*operatorapi.Fragment]bool)
			for _, x := range r {
				before[x.fragment] = true
			}
			full := len(r)
			r = r.next(list)
			var shown []*master.TaskState
			var b operatorapi.Builder
			b.Open('[')
			kept := 0
			for _, x := range r {
				shown = append(shown, x.tasks...)
				require.LessOrEqual(t, len(x.tasks), runLength)
				if before[x.fragment] {
					kept++
				}
			}
			b.Insert(r.fragments()...)
			b.Close(']')
			require.True(t, slices.Equal(list, shown))
			var ids []struct{ ID string }
			require.NoError(t, json.Unmarshal(b.Document().Append(nil), &ids))
			require.Len(t, ids, len(list))
			for i := range ids {
				require.Equal(t, list[i].Info.GetTaskId().GetValue(), ids[i].ID)
			}
			if lost == 0 && full > 1 && len(list) > 0 && before[r[0].fragment] {
				require.GreaterOrEqual(t, kept, full-1, "at most the last run is made anew")
			}
		}
	})
}

func written(n int) string {
	return "t" + strings.Repeat("x", n%7) + string(rune('a'+n%26)) + time.Duration(n).String()
}

// Many clients read while the master works.
func TestConcurrentReaders(t *testing.T) {
	real := loop.New()
	defer real.Close()
	m, err := master.New(master.Config{Loop: real})
	require.NoError(t, err)
	m.Start()
	defer m.Stop()
	h := New(Config{Snapshot: m.Snapshot})
	mux := http.NewServeMux()
	h.Mount(mux)
	done := make(chan struct{})
	var clients sync.WaitGroup
	for _, path := range []string{"/state", "/frameworks", "/slaves", "/state-summary", "/roles", "/tasks", "/metrics/snapshot", "/metrics", "/state"} {
		clients.Go(func() {
			for {
				r := httptest.NewRequest("GET", path, nil)
				if path != "/metrics" {
					r.Header.Set("Accept-Encoding", "gzip")
				}
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r)
				if w.Code != http.StatusOK && w.Code != http.StatusServiceUnavailable {
					t.Errorf("%s: %d", path, w.Code)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	r := &rig{t: t, master: m}
	for i := range 200 {
		f := &framework{r: r}
		answered := make(chan struct{})
		call := &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: mesosExecute()}}
		m.Schedulers().Subscribe(link.Caller{}, call, f, func(string, error) { close(answered) })
		<-answered
		if i%2 == 0 {
			m.Schedulers().Ended(f)
		}
	}
	close(done)
	clients.Wait()
}
