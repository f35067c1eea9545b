package schedulertest_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

var (
	seeds = flag.Uint64("seeds", defaultSeeds, "how many seeds the explorations run, from 1")
	twice = flag.Bool("twice", false, "run each seed twice, at different GOMAXPROCS, and compare the runs")
	seed  = flag.Uint64("seed", 1, "the first of them, from 1")
)

// memory is the disk of a careful framework.
type memory struct {
	id    string
	tasks map[string]mesosproto.TaskState // as heard last; STAGING: launched
	where map[string]*mesosproto.AgentID
	order []string
}

// careful is a framework written by hand that does all it should: it saves its id and its tasks, asks
// for the state of what it does not know to have ended, and uses or declines every offer.
type careful struct {
	scheduler.Base
	disk    *memory
	prefix  string
	want    int // tasks that should be alive
	total   int // tasks launched at most
	stopAsk func() bool
}

func (f *careful) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	f.disk.id = id.GetValue()
	f.ask(d)
}

func (f *careful) Reregistered(d *scheduler.Driver, _ *mesosproto.MasterInfo) { f.ask(d) }

// ask reconciles now and every two minutes.
func (f *careful) ask(d *scheduler.Driver) {
	if f.stopAsk != nil {
		f.stopAsk()
	}
	var open []*mesosproto.TaskStatus
	for _, id := range f.disk.order {
		if !transitions.Terminal(f.disk.tasks[id]) {
			open = append(open, &mesosproto.TaskStatus{TaskId: &mesosproto.TaskID{Value: proto.String(id)}, AgentId: f.disk.where[id]})
		}
	}
	if len(open) > 0 {
		_ = d.Reconcile(open...) // while it is disconnected: again after Reregistered
	}
	_ = d.Reconcile() // tasks that were taken for lost may be back
	f.stopAsk = d.AfterFunc(2*time.Minute, func() { f.ask(d) })
}

func (f *careful) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		var tasks []*mesosproto.TaskInfo
		for f.alive() < f.want && len(f.disk.order) < f.total {
			n := len(f.disk.order)
			command := []string{"server", "sleep 60", "sleep 5; exit 1"}[n%3]
			t := scheduler.CommandTask(fmt.Sprintf("%s-%d", f.prefix, n), command, resources.MustParse("cpus:1;mem:64"))
			if !room.Put(t) {
				break
			}
			f.disk.order = append(f.disk.order, t.GetTaskId().GetValue())
			f.disk.tasks[t.GetTaskId().GetValue()] = staging
			f.disk.where[t.GetTaskId().GetValue()] = o.GetAgentId()
			tasks = append(tasks, t)
		}
		_ = d.LaunchTasks(room.Offers(), tasks, scheduler.RefuseFor(time.Minute)) // while it is disconnected: the offer is void
	}
}

func (f *careful) alive() (n int) {
	for _, s := range f.disk.tasks {
		if !transitions.Terminal(s) && s != unreachable {
			n++
		}
	}
	return n
}

func (f *careful) StatusUpdate(_ *scheduler.Driver, s *mesosproto.TaskStatus) {
	was, mine := f.disk.tasks[s.GetTaskId().GetValue()]
	if mine && (was == lost || !transitions.Terminal(was)) {
		f.disk.tasks[s.GetTaskId().GetValue()] = s.GetState()
	}
}

// process is how a careful framework begins.
func process(name string, want int, capabilities ...mesosproto.FrameworkInfo_Capability_Type) func(disk bool) scheduler.Config {
	saved, lives := &memory{}, 0
	return func(disk bool) scheduler.Config {
		in := info(capabilities...)
		if !disk {
			lives++
			saved = &memory{tasks: map[string]mesosproto.TaskState{}, where: map[string]*mesosproto.AgentID{}}
		} else if saved.id != "" {
			in.Id = &mesosproto.FrameworkID{Value: proto.String(saved.id)}
		}
		return scheduler.Config{
			Framework: in, Scheduler: &careful{disk: saved, prefix: fmt.Sprintf("%s%d", name, lives), want: want, total: 40},
		}
	}
}

func exploration() schedulertest.Exploration {
	return schedulertest.Exploration{
		Config: schedulertest.Config{Agents: 3, Bound: 15 * time.Minute}, // its frameworks ask often
		First:  *seed, Seeds: *seeds, Twice: *twice,
		Steps: true,
		Scenario: func(_ testing.TB, c *schedulertest.Cluster) {
			c.RunProcess(process("aware", 4, partitionAware))
			c.RunProcess(process("plain", 3))
			c.Advance(5 * time.Second)
		},
	}
}

func TestTheInvariantsHoldWhateverFails(t *testing.T) {
	e := exploration()
	if testing.Short() {
		e.Seeds = min(e.Seeds, 30)
	}
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	requireKnown(t, ran.Reached)
	if ran.Seeds >= 100 {
		for _, kind := range faultsBut(ofExecutors, ofElection) {
			require.Positive(t, ran.Faults[kind], "%s", kind)
		}
	}
}

// faultsBut are all kinds but some that can do nothing: those of executors where no task is under one, and
// those of the election where there is a single master.
func faultsBut(these ...func(schedulertest.FaultKind) bool) []schedulertest.FaultKind {
	return slices.DeleteFunc(schedulertest.AllFaults(), func(k schedulertest.FaultKind) bool {
		return slices.ContainsFunc(these, func(is func(schedulertest.FaultKind) bool) bool { return is(k) })
	})
}

func ofElection(kind schedulertest.FaultKind) bool { return strings.Contains(string(kind), "election") }

func TestTheInvariantsHoldUnderEachFaultAlone(t *testing.T) {
	eachAlone(t, exploration, faultsBut(ofExecutors, ofElection))
}

// eachAlone explores with faults of one kind at a time.
func eachAlone(t *testing.T, begin func() schedulertest.Exploration, kinds []schedulertest.FaultKind) {
	for _, kind := range kinds {
		e := begin()
		e.Seeds, e.Kinds = seedsAlone, []schedulertest.FaultKind{kind}
		t.Run(string(kind), func(t *testing.T) { schedulertest.Explore(t, e) })
	}
}

func TestTheSameFaultsMakeTheSameRunAtAnyGOMAXPROCS(t *testing.T) {
	sameRun(t, exploration())
}

func sameRun(t *testing.T, e schedulertest.Exploration) {
	script := schedulertest.RandomFaults(*seed, 20, 10*time.Minute)
	first := schedulertest.Replay(t, e, *seed, script).Hash()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	require.Equal(t, first, schedulertest.Replay(t, e, *seed, script).Hash())
}
