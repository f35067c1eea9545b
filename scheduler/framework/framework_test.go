package framework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// world is a cluster with one framework.
type world struct {
	*schedulertest.Cluster
	t     testing.TB
	store framework.Store
	cfg   framework.Config
	f     *framework.Framework
	runs  *schedulertest.Framework
	core  scheduler.Scheduler // that runs
}

func start(t *testing.T, cluster schedulertest.Config, specs ...framework.Spec) *world {
	t.Helper()
	return startWith(t, cluster, framework.Config{Store: &framework.Memory{}, Specs: specs})
}

func startWith(t testing.TB, cluster schedulertest.Config, cfg framework.Config) *world {
	t.Helper()
	cfg.Driver.Framework = &mesosproto.FrameworkInfo{Name: proto.String("test"), User: proto.String("nobody")}
	w := &world{Cluster: schedulertest.New(t, cluster), t: t, store: cfg.Store, cfg: cfg}
	w.begin()
	return w
}

// begin starts an instance of the framework, as a new process would.
func (w *world) begin() {
	w.t.Helper()
	f, err := framework.New(w.cfg)
	require.NoError(w.t, err)
	w.f = f
	w.run()
}

func (w *world) run() {
	w.t.Helper()
	cfg, err := w.f.SchedulerConfig()
	require.NoError(w.t, err)
	w.core, w.runs = cfg.Scheduler, w.Run(cfg)
}

func (w *world) until(what string, cond func(s *framework.Snapshot) bool) {
	w.t.Helper()
	w.RunUntil(time.Hour, what, func() bool { return cond(w.f.Snapshot()) })
}

// ready waits until a spec has n ready instances and nothing else.
func (w *world) ready(name string, n int) framework.Status {
	w.t.Helper()
	w.until(fmt.Sprintf("%s to have %d instances", name, n), func(s *framework.Snapshot) bool {
		st := s.Spec(name)
		return st.Ready == n && len(st.Tasks) == n && len(s.Strangers) == 0
	})
	return w.f.Snapshot().Spec(name)
}

// active are the ids of the tasks that the master takes for running, sorted.
func (w *world) active() (ids []string) {
	for fw := range w.Master().Frameworks.All() {
		for task := range fw.Tasks.All() {
			if task.State == mesosproto.TaskState_TASK_RUNNING {
				ids = append(ids, task.Info.GetTaskId().GetValue())
			}
		}
	}
	slices.Sort(ids)
	return ids
}

func ids(tasks []framework.Task) (out []string) {
	for _, t := range tasks {
		out = append(out, t.ID)
	}
	slices.Sort(out)
	return out
}

// settled checks that master and framework agree, after they had time to.
func (w *world) settled(name string, n int) {
	w.t.Helper()
	w.Advance(30 * time.Minute)
	require.Equal(w.t, ids(w.ready(name, n).Tasks), w.active())
	for fw := range w.Master().Frameworks.All() {
		require.Zero(w.t, fw.Offers.Len(), "no offer is held")
	}
}

func service(n int, command string) framework.Service {
	return framework.Service{Name: "web", Instances: n, Task: scheduler.CommandTask("", command, resources.MustParse("cpus:1;mem:64"))}
}

func TestAServiceRuns(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, service(5, "server"))
	w.settled("web", 5)
	require.Equal(t, w.f.Snapshot().FrameworkID, w.runs.Driver().FrameworkID().GetValue())
	require.Empty(t, w.f.Explain("web"))
}

func TestAnInstanceThatEndsIsReplaced(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "sleep 300"))
	first := ids(w.ready("web", 2).Tasks)
	w.Advance(301 * time.Second)
	second := ids(w.ready("web", 2).Tasks)
	require.NotEqual(t, first, second)
	require.Len(t, w.runs.Updates, 4)
}

func TestACrashLoopBacksOffUpToFiveMinutes(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(1, "exit 1"))
	w.Advance(time.Hour)
	// 1s growing by 1.15 fills an hour: the delay reaches 300s at the 41st failure, after 2,000s.
	n := len(w.runs.Updates)
	require.Greater(t, n, 40)
	require.Less(t, n, 60)
	why := w.f.Explain("web")
	require.Len(t, why, 1)
	require.Equal(t, n, why[0].Failures)
	require.Contains(t, why[0].Last, "TASK_FAILED")
	require.Contains(t, why[0].String(), "it is not launched before")
	require.LessOrEqual(t, why[0].Until.Sub(w.Now()), 5*time.Minute)
	// What is repaired runs without further ado.
	require.NoError(t, w.f.Apply(service(1, "server")))
	begin := w.Now()
	w.ready("web", 1)
	require.Less(t, w.Now().Sub(begin), 10*time.Second)
}

func TestARestartedFrameworkTakesItsTasksOver(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, service(4, "server"))
	before := ids(w.ready("web", 4).Tasks)
	id := w.f.Snapshot().FrameworkID
	w.runs.Crash()
	w.Advance(time.Minute)
	w.begin()
	require.Equal(t, before, ids(w.ready("web", 4).Tasks))
	require.Equal(t, id, w.f.Snapshot().FrameworkID)
	w.settled("web", 4)
	require.Equal(t, before, w.active())
}

func TestASecondInstanceTakesOverAndTheFirstEnds(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, service(4, "server"))
	before := ids(w.ready("web", 4).Tasks)
	first := w.runs
	w.begin()
	w.RunUntil(time.Minute, "the first to end", func() bool { return first.Driver().Err() != nil })
	require.Equal(t, before, ids(w.ready("web", 4).Tasks))
	w.settled("web", 4)
	require.Equal(t, before, w.active())
}

func TestWhatHappenedMeanwhileIsNoticed(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, service(4, "sleep 600"))
	w.ready("web", 4)
	w.runs.Crash()
	w.Advance(time.Hour) // they have ended long ago
	w.cfg.Specs = []framework.Spec{service(4, "server")}
	w.begin()
	w.settled("web", 4)
}

func TestWhatIsNotDeclaredAnyMoreIsKilled(t *testing.T) {
	other := service(1, "server")
	other.Name = "other"
	w := start(t, schedulertest.Config{Agents: 2}, service(4, "server"), other)
	w.ready("web", 4)
	w.ready("other", 1)
	w.runs.Crash()
	w.cfg.Specs = []framework.Spec{other}
	w.begin()
	w.settled("other", 1)
	w.f.Remove("other")
	w.RunUntil(time.Minute, "it to go, but for the framework's id and that it is removed", func() bool {
		entries, err := w.store.Load()
		require.NoError(t, err)
		return len(entries) == 2
	})
	require.Empty(t, w.active())
}

func TestAFrameworkWithoutItsRecordsKillsWhatItDoesNotKnow(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	lost := ids(w.ready("web", 2).Tasks)
	w.runs.Crash()
	entries, err := w.store.Load()
	require.NoError(t, err)
	store := &framework.Memory{}
	require.NoError(t, store.Save(map[string][]byte{"framework": entries["framework"]}))
	w.cfg.Store, w.store = store, store
	w.begin()
	w.settled("web", 2)
	for _, id := range lost {
		require.NotContains(t, w.active(), id)
	}
}

func TestScalingUpAndDown(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 3}, service(2, "server"))
	first := ids(w.ready("web", 2).Tasks)
	require.NoError(t, w.f.Apply(service(6, "server")))
	w.settled("web", 6)
	require.Subset(t, w.active(), first)
	require.NoError(t, w.f.Apply(service(2, "server")))
	w.settled("web", 2)
	require.Equal(t, first, w.active())
	require.NoError(t, w.f.Apply(service(0, "server")))
	w.settled("web", 0)
}

func TestAChangedServiceIsRolledOutOneByOne(t *testing.T) {
	for _, c := range []struct{ surge, unavailable, most, least int }{{0, 0, 5, 4}, {2, 0, 6, 4}, {0, 1, 4, 3}, {1, 2, 5, 2}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			s := service(4, "server")
			s.Surge, s.Unavailable = c.surge, c.unavailable
			w := start(t, schedulertest.Config{Agents: 3}, s)
			old := ids(w.ready("web", 4).Tasks)
			s.Task = scheduler.CommandTask("", "server --new", resources.MustParse("cpus:1;mem:64"))
			require.NoError(t, w.f.Apply(s))
			most, least := 0, 100
			w.until("the new ones", func(s *framework.Snapshot) bool {
				n := len(w.active())
				most, least = max(most, n), min(least, n)
				st := s.Spec("web")
				return st.Ready == 4 && len(st.Tasks) == 4 && !slices.Contains(old, st.Tasks[0].ID)
			})
			require.LessOrEqual(t, most, c.most)
			require.GreaterOrEqual(t, least, c.least)
			w.settled("web", 4)
			for _, id := range old {
				require.NotContains(t, w.active(), id)
			}
		})
	}
}

func TestAChangeThatDoesNotWorkLeavesWhatDoes(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 3}, service(4, "server"))
	old := ids(w.ready("web", 4).Tasks)
	require.NoError(t, w.f.Apply(service(4, "exit 1")))
	w.Advance(time.Hour)
	require.Subset(t, w.active(), old)
	require.Equal(t, 4, w.f.Snapshot().Spec("web").Old)
	held := 0
	for _, x := range w.f.Explain("web") {
		if x.Held {
			held++
			require.Contains(t, x.String(), "it is held")
		}
	}
	require.Equal(t, 3, held)
	require.NoError(t, w.f.Apply(service(4, "server")))
	w.settled("web", 4)
	require.Equal(t, old, w.active())
}

func TestKill(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(2, "server"))
	tasks := ids(w.ready("web", 2).Tasks)
	w.f.Kill(tasks[0])
	w.f.Kill("no such task")
	w.until("it to go", func(s *framework.Snapshot) bool { return !slices.Contains(ids(s.Spec("web").Tasks), tasks[0]) })
	w.settled("web", 2)
	require.Contains(t, w.active(), tasks[1])
}

func TestABatchRunsToCompletion(t *testing.T) {
	b := framework.Batch{Name: "job", Count: 20, Task: scheduler.CommandTask("", "sleep 30", resources.MustParse("cpus:1;mem:64"))}
	w := start(t, schedulertest.Config{Agents: 2}, b)
	w.until("the batch to end", func(s *framework.Snapshot) bool { return s.Spec("job").Done() })
	require.Equal(t, 20, w.f.Snapshot().Spec("job").Finished)
	require.Len(t, w.runs.Updates, 20)
	w.Advance(time.Second) // for the last acknowledgement
	w.runs.Crash()
	w.begin()
	w.Advance(time.Hour)
	require.True(t, w.f.Snapshot().Spec("job").Done(), "that is remembered")
	require.Empty(t, w.runs.Updates)
	b.Task = scheduler.CommandTask("", "sleep 31", resources.MustParse("cpus:1;mem:64"))
	require.NoError(t, w.f.Apply(b))
	w.Advance(time.Hour)
	require.Len(t, w.runs.Updates, 20, "a changed batch starts over")
}

func TestABatchRetries(t *testing.T) {
	for retries, runs := range map[int]int{0: 1, 3: 4} {
		b := framework.Batch{Name: "job", Retries: retries, Task: scheduler.CommandTask("", "exit 1", resources.MustParse("cpus:1;mem:64"))}
		w := start(t, schedulertest.Config{}, b)
		w.until("the batch to end", func(s *framework.Snapshot) bool { return s.Spec("job").Done() })
		require.Equal(t, 1, w.f.Snapshot().Spec("job").Failed)
		w.Advance(time.Hour)
		require.Len(t, w.runs.Updates, runs)
	}
}

func TestADestroyedAgentsInstancesAreReplaced(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, service(4, "server"))
	w.ready("web", 4)
	w.Agent(0).Destroy()
	w.Advance(2 * time.Minute)
	w.until("replacement", func(s *framework.Snapshot) bool { return s.Spec("web").Ready == 4 })
}

func TestAnIsolatedAgentsInstancesComeBackAndTheSurplusIsKilled(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 2}, service(3, "server"))
	before := ids(w.ready("web", 3).Tasks)
	w.Agent(0).Isolate()
	w.Agent(1).Isolate()
	w.AddAgent(schedulertest.DefaultResources)
	w.Advance(2 * time.Minute)
	w.until("replacement", func(s *framework.Snapshot) bool { return s.Spec("web").Ready == 3 && len(s.Spec("web").Tasks) == 6 })
	w.Agent(0).Heal()
	w.Agent(1).Heal()
	w.settled("web", 3)
	require.Equal(t, before, w.active(), "the older ones are kept")
}

func TestReplaceAfterIsWaitedFor(t *testing.T) {
	for _, after := range []time.Duration{10 * time.Minute, -1} {
		s := service(1, "server")
		s.ReplaceAfter = after
		w := start(t, schedulertest.Config{Agents: 1}, s)
		w.ready("web", 1)
		w.Agent(0).Isolate()
		w.AddAgent(schedulertest.DefaultResources)
		w.Advance(11 * time.Minute)
		require.Zero(t, w.f.Snapshot().Spec("web").Ready, "it is still waited for")
		w.Advance(20 * time.Minute)
		require.Equal(t, after > 0, w.f.Snapshot().Spec("web").Ready == 1)
	}
}

// but is f with a change.
func but[S any](f func(S) schedulertest.Behaviour, change func(*schedulertest.Behaviour)) func(S) schedulertest.Behaviour {
	return func(s S) schedulertest.Behaviour {
		b := f(s)
		change(&b)
		return b
	}
}

func TestAStuckTaskIsKilledAndReplaced(t *testing.T) {
	hang := true
	cluster := schedulertest.Config{Behave: but(schedulertest.Command, func(b *schedulertest.Behaviour) {
		if hang {
			b.Start = 24 * time.Hour
		}
		hang = false
	})}
	w := start(t, cluster, service(1, "server"))
	w.Advance(time.Minute)
	first := w.f.Snapshot().Spec("web").Tasks[0].ID
	w.ready("web", 1)
	require.NotEqual(t, first, w.active()[0])
}

func TestNobodyElsesMachineIsKeptWaiting(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 3}, service(1, "server"))
	w.settled("web", 1)
	require.Equal(t, 1, strings.Count(w.Trace(), "SUPPRESS"), w.Trace())
}

func TestMasterFailoverAndBrokenLinks(t *testing.T) {
	w := start(t, schedulertest.Config{Agents: 3}, service(5, "server"))
	before := ids(w.ready("web", 5).Tasks)
	w.CrashMaster()
	w.Advance(10 * time.Second)
	w.RestartMaster()
	w.settled("web", 5)
	for _, n := range []schedulertest.Notice{{}, {Client: 20 * time.Second}, {Server: 20 * time.Second}, {Client: schedulertest.Never}, {Server: schedulertest.Never}} {
		w.runs.BreakLink(n)
		w.settled("web", 5)
		w.Agent(1).BreakLink(n)
		w.settled("web", 5)
	}
	require.Equal(t, before, w.active())
}

func TestARemovedFramework(t *testing.T) {
	for _, policy := range []framework.RemovedPolicy{framework.Fail, framework.StartOver} {
		w := startWith(t, schedulertest.Config{Agents: 2}, framework.Config{
			Store: &framework.Memory{}, OnRemoved: policy, Specs: []framework.Spec{service(3, "server")}})
		w.ready("web", 3)
		id := w.f.Snapshot().FrameworkID
		w.runs.Crash()
		w.Advance(8 * 24 * time.Hour) // longer than the failover timeout
		require.Empty(t, w.active())
		w.begin()
		w.RunUntil(time.Hour, "the refusal", func() bool { return w.runs.Driver().Err() != nil })
		require.ErrorContains(t, w.runs.Driver().Err(), "removed")
		w.begin()
		if policy == framework.Fail {
			w.RunUntil(time.Hour, "the refusal", func() bool { return w.runs.Driver().Err() != nil })
			continue
		}
		w.settled("web", 3)
		require.NotEqual(t, id, w.f.Snapshot().FrameworkID)
	}
}

func TestNothingIsLaunchedOrAcknowledgedThatIsNotSaved(t *testing.T) {
	store := &flaky{}
	w := startWith(t, schedulertest.Config{}, framework.Config{Store: store, Specs: []framework.Spec{service(2, "server")}})
	w.ready("web", 2)
	store.broken = true
	require.NoError(t, w.f.Apply(service(4, "server")))
	w.f.Kill(w.active()[0])
	w.Advance(time.Hour)
	require.Len(t, w.active(), 1)
	require.False(t, w.f.Snapshot().Saving)
	for fw := range w.Master().Frameworks.All() {
		require.Equal(t, 2, fw.Tasks.Len(), "the end of one is not acknowledged")
		require.Zero(t, fw.Offers.Len())
	}
	store.broken = false
	w.settled("web", 4)
}

func TestConstraintsAndPorts(t *testing.T) {
	s := service(4, "server")
	s.Constraints = []framework.Constraint{framework.MustConstraint("hostname:UNIQUE"), {Field: "hostname", Op: framework.Unlike, Value: "agent5.*"}}
	s.Ports = []framework.Port{{}, {}}
	w := start(t, schedulertest.Config{Agents: 5}, s)
	hosts := map[string]int{}
	for _, task := range w.ready("web", 4).Tasks {
		hosts[task.Host()]++
		require.Equal(t, []uint32{31000, 31001}, task.Ports)
	}
	require.Len(t, hosts, 4)
	require.NotContains(t, hosts, "agent5.example")
	s.Instances = 5
	require.NoError(t, w.f.Apply(s))
	w.Advance(10 * time.Minute)
	why := w.f.Explain("web")
	require.Len(t, why, 1)
	require.Len(t, why[0].Refused, 5)
	require.Contains(t, why[0].String(), "hostname:UNIQUE: an instance is on")
}

func TestTheSameSeedGivesTheSameRun(t *testing.T) {
	run := func() string {
		w := start(t, schedulertest.Config{Seed: 5, Agents: 3}, service(5, "sleep 100"))
		w.Advance(10 * time.Minute)
		w.runs.BreakLink(schedulertest.Notice{})
		w.Agent(0).Crash()
		w.Advance(10 * time.Minute)
		return w.Hash()
	}
	require.Equal(t, run(), run())
}

func TestACrashLoopsDelayOutlivesTheProcess(t *testing.T) {
	w := start(t, schedulertest.Config{}, service(1, "exit 1"))
	w.Advance(40 * time.Minute) // the delay is 5min now
	failures := w.f.Explain("web")[0].Failures
	until := w.f.Explain("web")[0].Until
	for range 10 {
		w.runs.Crash()
		w.Advance(time.Second)
		w.begin()
		w.Advance(time.Second)
		if why := w.f.Explain("web"); until.After(w.Now()) {
			require.Equal(t, until, why[0].Until.UTC())
			require.Equal(t, failures, why[0].Failures)
			require.Contains(t, why[0].Last, "TASK_FAILED")
		}
	}
	w.Advance(20 * time.Minute)
	require.LessOrEqual(t, w.f.Explain("web")[0].Failures, failures+5)
}

// What has run well for a minute begins anew, in this process and in the next.
func TestAnInstanceThatRecoversIsForgiven(t *testing.T) {
	failing := true
	w := start(t, schedulertest.Config{Behave: but(schedulertest.Command, func(b *schedulertest.Behaviour) {
		if failing {
			b.Run, b.Exit = 0, 1
		}
	})}, service(1, "server"))
	w.Advance(30 * time.Minute)
	failing = false
	id := w.ready("web", 1).Tasks[0].ID
	entries, err := w.store.Load()
	require.NoError(t, err)
	require.Contains(t, entries, "instance/web/0")
	w.Advance(61 * time.Second)
	entries, err = w.store.Load()
	require.NoError(t, err)
	require.NotContains(t, entries, "instance/web/0")
	failing = true
	w.f.Kill(id)
	w.until("it to fail", func(s *framework.Snapshot) bool {
		return len(s.Spec("web").Waiting) == 1 && s.Spec("web").Waiting[0].Failures == 1
	})
	require.LessOrEqual(t, w.f.Explain("web")[0].Until.Sub(w.Now()), 2*time.Second)
}
