package framework_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// subject is a framework that goes through the suite: this package's, or one that is written by hand.
// The ids of its tasks begin with the name of what they are for, and a dot.
type subject interface {
	// process is how a process of it begins; see schedulertest.Cluster.RunProcess. Its disk is new, or
	// that of the last process.
	process(disk bool) scheduler.Config
	// declare says what should run from now on, also in processes to come.
	declare(jobs []job)
	// kill has one of its tasks killed.
	kill(task string)
	// breakDisk lets saving fail, until it is called with false.
	breakDisk(broken bool)
}

// job is something that should run.
type job struct {
	name    string
	count   int
	command string // empty: they are for an executor, which those on an agent share
	once    bool   // each of count to its end; else always
	retries int    // of once; negative: any number
	checked bool   // for its health, by a command
}

// within is how long what a script of the suite does to framework and cluster takes.
const within = 10 * time.Minute

// suite is what a framework has to stand: services, one with health checks, and batches under faults of
// all kinds, while what it should run changes, tasks are killed, containers hang and get sick, and the
// framework's own disk refuses writes. Invariants hold all the while, and once all is over, exactly
// what was declared last runs.
func suite(begin func() subject) schedulertest.Exploration {
	var runs sync.Map // of *suiteRun, by cluster
	return schedulertest.Exploration{
		// Each agent has room for what is left behind, some 20 tasks, if every fault takes the framework's disk.
		Config: schedulertest.Config{Agents: 3, Resources: "cpus:600;mem:65536;disk:16384;ports:[31000-32000]"},
		Faults: 25, Within: within, Steps: true,
		Scenario: func(_ testing.TB, c *schedulertest.Cluster) {
			s := &suiteRun{Cluster: c, subject: begin(), random: rand.New(rand.NewPCG(c.Seed(), 0xf)), launched: map[string]int{}}
			runs.Store(c, s)
			s.play()
		},
		Settled: func(t testing.TB, c *schedulertest.Cluster) {
			s, _ := runs.LoadAndDelete(c)
			s.(*suiteRun).settled(t)
		},
	}
}

// suiteRun is one run of the suite.
type suiteRun struct {
	*schedulertest.Cluster
	subject
	random   *rand.Rand
	runs     *schedulertest.Framework
	jobs     []job
	launched map[string]int // containers, by job
	sick     bool           // what is checked
}

// play starts the framework and plans what is wanted of it.
func (s *suiteRun) play() {
	s.jobs = []job{
		{name: "web", count: 4, command: "server 1"},
		{name: "checked", count: 2, command: "server", checked: true},
		{name: "shared", count: 3},
		{name: "array", count: 4, command: "sleep 40", once: true, retries: -1},
		{name: "hopeless", count: 1, command: "exit 1", once: true, retries: 2},
	}
	s.Behave(s.behave)
	s.declare(s.jobs)
	s.runs = s.RunProcess(s.process)
	for range 8 {
		begin, end := s.demand()
		at := time.Duration(s.random.Int64N(int64(within)))
		s.AfterFunc(at, begin)
		s.AfterFunc(at+time.Duration(s.random.Int64N(int64(within-at))), end)
	}
}

// demand is something that is wanted of the framework for a while, or done to it.
func (s *suiteRun) demand() (begin, end func()) {
	n := s.random.IntN(6)
	switch s.random.IntN(6) {
	case 0:
		return func() { s.change(func(web *job) { web.count = n }) }, func() {}
	case 1:
		return func() { s.change(func(web *job) { web.command = fmt.Sprint("server ", n) }) }, func() {}
	case 2:
		return func() { s.declare(s.jobs[1:]) }, func() { s.declare(s.jobs) }
	case 3:
		return func() {
			if tasks := slices.Sorted(maps.Keys(s.running())); len(tasks) > 0 {
				s.kill(tasks[n%len(tasks)])
			}
		}, func() {}
	case 4:
		return func() { s.sick = true }, func() { s.sick = false }
	default:
		return func() { s.breakDisk(true) }, func() { s.breakDisk(false) }
	}
}

func (s *suiteRun) change(how func(web *job)) {
	s.jobs = slices.Clone(s.jobs)
	how(&s.jobs[0])
	s.declare(s.jobs)
}

// behave lets some of the first containers hang as they start, or fail.
func (s *suiteRun) behave(c *containerizer.Spec) schedulertest.Behaviour {
	b := schedulertest.Command(c)
	name := nameOf(c.Task.GetTaskId().GetValue())
	s.launched[name]++
	switch n := s.launched[name]; {
	case (name == "web" || name == "checked") && n == 2:
		b.Start = 1000 * time.Hour
	case name == "array" && n <= 3:
		b.Run, b.Exit = time.Second, 1
	case name == "checked":
		b.Check = func(*mesosproto.CommandInfo) int {
			if s.sick {
				return 1
			}
			return 0
		}
	}
	return b
}

func nameOf(task string) string {
	name, _, _ := strings.Cut(task, ".")
	return name
}

// running are the tasks of the framework, by id, with their commands: those that have not ended, or have
// without the framework's having said that it knows.
func (s *suiteRun) running() map[string]string {
	out := map[string]string{}
	for f := range s.Master().Frameworks.All() {
		if f.ID != s.runs.Driver().FrameworkID().GetValue() {
			continue // it has lost that
		}
		for task := range f.Tasks.All() {
			id := task.Info.GetTaskId().GetValue()
			out[id] = s.runs.Task(id).GetCommand().GetValue()
		}
	}
	return out
}

// settled checks that no offer is held and that what is declared runs, and only that, now and after
// another start.
func (s *suiteRun) settled(t testing.TB) {
	s.RunUntil(time.Minute, "no offer to be held", func() bool {
		held := 0
		for f := range s.Master().Frameworks.All() {
			held += f.Offers.Len()
		}
		return held == 0
	})
	s.exact(t)
	before, heard := s.running(), len(s.runs.Updates)
	s.runs.Crash()
	s.runs.Restart(true)
	s.Advance(5 * time.Minute)
	s.CheckSettled()
	require.Equal(t, before, s.running(), "another process takes over what runs")
	require.Len(t, s.runs.Updates, heard, "and begins nothing again that has ended")
}

func (s *suiteRun) exact(t testing.TB) {
	want, have := map[string]int{}, map[string]int{}
	for _, j := range s.jobs {
		if !j.once {
			want[j.name+": "+j.command] = j.count
		}
	}
	maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
	for id, command := range s.running() {
		have[nameOf(id)+": "+command]++
		state, _ := s.runs.State(id)
		require.Equal(t, mesosproto.TaskState_TASK_RUNNING, state, id)
	}
	require.Equal(t, want, have, "exactly what is declared runs")
	for _, j := range s.jobs {
		if !j.once {
			continue
		}
		ended := map[mesosproto.TaskState]int{} // as first told: an agent whose disk fails may forget it
		for id, told := range s.runs.Updates {
			if i := slices.IndexFunc(told, func(u *mesosproto.TaskStatus) bool { return transitions.Terminal(u.GetState()) }); i >= 0 && nameOf(id) == j.name {
				ended[told[i].GetState()]++
			}
		}
		if j.retries < 0 {
			require.GreaterOrEqual(t, ended[mesosproto.TaskState_TASK_FINISHED], j.count, "%s: %v", j.name, ended)
		} else {
			require.GreaterOrEqual(t, ended[mesosproto.TaskState_TASK_FAILED], j.retries+1, "%s: %v", j.name, ended)
		}
	}
}

// right is this package's framework, as the suite's subject. Every second time what is declared is the store's
// alone, in between the next process has it in its Config, too. Like a program with an API of its own, it says
// again what is not saved yet.
type right struct {
	cfg     framework.Config
	disk    *flaky
	jobs    []job
	changes int                  // of jobs
	edited  bool                 // cfg has been since the present process began
	unsaved map[string]bool      // specs that the disk may not know as they are
	f       *framework.Framework // the present process's, or the last one's
}

func (r *right) process(disk bool) scheduler.Config {
	if !disk {
		r.disk = &flaky{}
		for _, s := range r.cfg.Specs {
			r.unsaved[specName(s)] = true
		}
		for _, j := range r.jobs {
			r.unsaved[j.name] = true
		}
	}
	r.edited = false
	r.cfg.Store = r.disk
	r.cfg.Driver.Framework = &mesosproto.FrameworkInfo{Name: proto.String("right"), User: proto.String("nobody")}
	r.cfg.Changed = r.changed
	r.f = must(framework.New(r.cfg))
	for _, name := range slices.Sorted(maps.Keys(r.unsaved)) {
		r.say(name)
	}
	cfg := must(r.f.SchedulerConfig())
	cfg.Scheduler = shown{cfg.Scheduler, r.disk}
	return cfg
}

func (r *right) declare(jobs []job) {
	before := r.jobs
	r.jobs = jobs
	if r.edited = r.edited || r.changes%2 == 0; r.edited {
		r.cfg.Specs = nil
		for _, j := range jobs {
			r.cfg.Specs = append(r.cfg.Specs, j.spec())
		}
	}
	if r.changes++; r.f == nil {
		r.unsaved = map[string]bool{}
		return
	}
	for _, j := range slices.Concat(before, jobs) {
		if was, is := jobOf(before, j.name), jobOf(jobs, j.name); was == nil || is == nil || *was != *is {
			r.unsaved[j.name] = true
			r.say(j.name)
		}
	}
}

// say tells the framework what there is under a name.
func (r *right) say(name string) {
	if j := jobOf(r.jobs, name); j == nil {
		r.f.Remove(name)
	} else if err := r.f.Apply(j.spec()); err != nil {
		panic(err)
	}
}

// changed looks for what is saved.
func (r *right) changed(s *framework.Snapshot) {
	if !s.Saving {
		return
	}
	for name := range r.unsaved {
		j, has := jobOf(r.jobs, name), s.Spec(name)
		if j == nil && has.Spec == nil || j != nil && has.Spec != nil && has.Want == j.count && taskOf(has.Spec).GetCommand().GetValue() == j.command {
			delete(r.unsaved, name)
		}
	}
}

func jobOf(jobs []job, name string) *job {
	if i := slices.IndexFunc(jobs, func(j job) bool { return j.name == name }); i >= 0 {
		return &jobs[i]
	}
	return nil
}

// shown lets the simulation look at a framework's disk.
type shown struct {
	scheduler.Scheduler
	disk *flaky
}

var _ schedulertest.Rememberer = shown{}

// Remembers returns what the disk says of a task that has not ended.
func (s shown) Remembers(id string) (mesosproto.TaskState, bool) {
	entries, _ := s.disk.Load() // which doesn't fail
	record, ok := entries["task/"+id]
	if !ok {
		return 0, false
	}
	var t framework.Task
	if err := json.Unmarshal(record, &t); err != nil {
		panic(err)
	}
	return t.State, true
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

func (r *right) kill(task string)      { r.f.Kill(task) }
func (r *right) breakDisk(broken bool) { r.disk.broken = broken }

// task is what an instance of the job is, without an id.
func (j job) task() *mesosproto.TaskInfo {
	need := resources.MustParse("cpus:1;mem:64")
	if j.command == "" {
		return scheduler.ExecutorTask("", scheduler.CustomExecutor("x", "executor", need), need)
	}
	t := scheduler.CommandTask("", j.command, need)
	if j.checked {
		check := scheduler.CommandCheck("check")
		check.DelaySeconds, check.IntervalSeconds = proto.Float64(0), proto.Float64(20)
		scheduler.WithHealthCheck(check)(t)
	}
	return t
}

func (j job) spec() framework.Spec {
	if j.once {
		return framework.Batch{Name: j.name, Count: j.count, Retries: j.retries, Task: j.task()}
	}
	return framework.Service{Name: j.name, Instances: j.count, Task: j.task()}
}

func specName(s framework.Spec) string {
	if b, ok := s.(framework.Batch); ok {
		return b.Name
	}
	return s.(framework.Service).Name
}

// flaky is a Store that can fail: before it has written, or after.
type flaky struct {
	framework.Memory
	broken bool
	tries  int
}

var errNoSpace = errors.New("no space left on device")

func (f *flaky) Save(changes map[string][]byte) error {
	if !f.broken {
		return f.Memory.Save(changes)
	}
	if f.tries++; f.tries%2 == 0 {
		_ = f.Memory.Save(changes) // which doesn't fail
	}
	return errNoSpace
}
