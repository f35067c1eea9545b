package framework_test

import (
	"testing"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

func named(name string, s framework.Service) framework.Service {
	s.Name = name
	return s
}

// saved waits until all that was declared is durable.
func (w *world) saved() {
	w.t.Helper()
	w.Advance(time.Second)
	require.True(w.t, w.f.Snapshot().Saving)
}

// What Apply and Remove have declared is the store's, so it holds for the next process, whether the one
// before has ended or stands still, and nothing is launched or killed for that.
func TestWhatWasAppliedOutlivesTheProcess(t *testing.T) {
	for name, crash := range map[string]bool{"the next process": true, "one that stood by": false} {
		t.Run(name, func(t *testing.T) {
			w := start(t, schedulertest.Config{Agents: 3}, service(2, "server"), named("gone", service(1, "server")))
			w.ready("gone", 1)
			require.NoError(t, w.f.Apply(service(4, "server")))
			require.NoError(t, w.f.Apply(named("more", service(1, "server"))))
			w.f.Remove("gone")
			w.f.Remove("never there")
			w.ready("web", 4)
			w.ready("more", 1)
			w.saved()
			before := w.active()
			if crash {
				w.runs.Crash()
			}
			w.begin()
			w.Advance(10 * time.Minute)
			require.Equal(t, before, w.active())
			require.Empty(t, w.runs.Launched)
			require.Len(t, w.f.Snapshot().Specs, 2)
		})
	}
}

// A program that declares something else than at its last start has the last word.
func TestAStartWithAnotherConfigCounts(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 3}, service(2, "server"), named("gone", service(1, "server")), named("leftout", service(1, "server")))
	w.ready("gone", 1)
	require.NoError(t, w.f.Apply(service(4, "server")))
	require.NoError(t, w.f.Apply(named("leftout", service(2, "server"))))
	w.f.Remove("gone")
	w.ready("web", 4)
	w.saved()
	w.runs.Crash()
	w.cfg.Specs = []framework.Spec{service(4, "server --new"), named("gone", service(2, "server"))}
	w.begin()
	least := 100
	w.until("all to be replaced", func(s *framework.Snapshot) bool {
		web := 0
		for _, id := range w.active() {
			if nameOf(id) == "web" {
				web++
			}
		}
		least = min(least, web)
		st := s.Spec("web")
		return st.Ready == 4 && len(st.Tasks) == 4 && len(s.Strangers) == 0
	})
	require.Equal(t, 4, least, "one by one")
	w.ready("gone", 2)
	require.Len(t, w.f.Snapshot().Specs, 2)
	require.Len(t, w.active(), 6)
}

// Nothing that was declared is lost because it could not be saved.
func TestWhatCouldNotBeSavedIsSaidAgainByTheSameFramework(t *testing.T) {
	store := &flaky{}
	w := startWith(t, schedulertest.Config{Agents: 2}, framework.Config{Store: store, Specs: []framework.Spec{service(2, "server"), named("gone", service(1, "server"))}})
	w.ready("gone", 1)
	store.broken = true
	require.NoError(t, w.f.Apply(service(3, "server")))
	w.f.Remove("gone")
	w.Advance(time.Minute)
	require.False(t, w.f.Snapshot().Saving)
	w.runs.Crash()
	store.broken = false
	w.run()
	w.ready("web", 3)
	w.saved()
	w.runs.Crash()
	w.begin()
	w.settled("web", 3)
}

func TestAFrameworkThatStartsOverKeepsWhatWasApplied(t *testing.T) {
	w := startWith(t, schedulertest.Config{Agents: 2}, framework.Config{
		Store: &framework.Memory{}, OnRemoved: framework.StartOver, Specs: []framework.Spec{service(1, "server")}})
	w.ready("web", 1)
	require.NoError(t, w.f.Apply(service(3, "server")))
	w.ready("web", 3)
	w.runs.Crash()
	w.Advance(8 * 24 * time.Hour)
	w.begin()
	w.RunUntil(time.Hour, "the refusal", func() bool { return w.runs.Driver().Err() != nil })
	w.begin()
	w.settled("web", 3)
}

// A spec is the same after it was stored, and so are the tasks that run as it says.
func TestASpecIsStoredWhole(t *testing.T) {
	need := resources.MustParse("cpus:0.1;mem:32")
	for _, s := range []framework.Spec{
		framework.Service{
			Name: "s", Instances: 2, Surge: 3, Unavailable: 1, ReplaceAfter: time.Hour,
			Task:        scheduler.CommandTask("", "server", need, scheduler.WithEnv("A", "b"), scheduler.WithHealthCheck(scheduler.CommandCheck("true"))),
			Ports:       []framework.Port{{}, {Protocol: "udp"}},
			Constraints: []framework.Constraint{framework.MustConstraint("hostname:LIKE:agent.*"), {Field: "a:b", Op: framework.Unlike, Value: "x:y"}},
		},
		framework.Batch{Name: "s", Count: 2, Retries: 7, ReplaceAfter: -1, Task: scheduler.CommandTask("", "sleep 1000", need)},
		framework.Batch{Name: "s", Retries: -1, Task: scheduler.CommandTask("", "sleep 1000", need)},
	} {
		w := start(t, schedulertest.Config{})
		require.NoError(t, w.f.Apply(s))
		w.until("it to run", func(s *framework.Snapshot) bool { return s.Spec("s").Want > 0 && s.Spec("s").Ready == s.Spec("s").Want })
		w.saved()
		before := w.f.Snapshot().Spec("s")
		w.runs.Crash()
		w.begin()
		w.Advance(time.Minute)
		after := w.f.Snapshot().Spec("s")
		require.Equal(t, ids(before.Tasks), ids(after.Tasks))
		require.Zero(t, after.Old)
		require.True(t, proto.Equal(taskOf(before.Spec), taskOf(after.Spec)))
		require.Equal(t, withoutTask(before.Spec), withoutTask(after.Spec))
	}
}

func taskOf(s framework.Spec) *mesosproto.TaskInfo {
	if b, ok := s.(framework.Batch); ok {
		return b.Task
	}
	return s.(framework.Service).Task
}

func withoutTask(s framework.Spec) framework.Spec {
	if b, ok := s.(framework.Batch); ok {
		b.Task = nil
		return b
	}
	x := s.(framework.Service)
	x.Task = nil
	return x
}

func TestAStoredSpecThatIsNoneIsRefused(t *testing.T) {
	for _, value := range []string{``, `{`, `{"spec":{"count":-1,"task":""}}`, `{"spec":{"count":1,"task":"AAAA"}}`, `{"spec":1}`} {
		store := &framework.Memory{}
		require.NoError(t, store.Save(map[string][]byte{"spec/web": []byte(value)}))
		f, err := framework.New(framework.Config{Store: store, Driver: scheduler.Config{Framework: &mesosproto.FrameworkInfo{Name: proto.String("x")}}})
		require.NoError(t, err)
		_, err = f.SchedulerConfig()
		require.Equal(t, codes.DataLoss, status.Code(err), "%s: %v", value, err)
		require.ErrorContains(t, err, `entry "spec/web" of the store is no spec`)
	}
}
