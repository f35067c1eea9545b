package schedulertest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// mixed is a careful framework that launches all kinds of tasks, by turns, and kills some of them.
type mixed struct {
	*careful
	doomed map[string]bool // on its disk: to be killed
}

func (f *mixed) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, m *mesosproto.MasterInfo) {
	f.careful.Registered(d, id, m)
	f.killAgain(d)
}

func (f *mixed) Reregistered(d *scheduler.Driver, m *mesosproto.MasterInfo) {
	f.careful.Reregistered(d, m)
	f.killAgain(d)
}

// killAgain kills all that are to be killed, now and every minute: a kill may be lost.
func (f *mixed) killAgain(d *scheduler.Driver) {
	for _, id := range f.disk.order {
		if f.doomed[id] && !transitions.Terminal(f.disk.tasks[id]) {
			_ = d.Kill(&mesosproto.TaskID{Value: proto.String(id)})
		}
	}
	d.AfterFunc(time.Minute, func() { f.killAgain(d) })
}

// words are what tasks do, by turns.
var words = []string{"server", "sleep 60", "exit 1", "sleep 300", "sleep 5; exit 1", "true"}

// next is what the framework would launch now: a command task, a task under an executor or a group.
func (f *mixed) next() part {
	n := len(f.disk.order)
	need := resources.MustParse("cpus:0.5;mem:32")
	id := func(n int) string { return fmt.Sprintf("%s-%d", f.prefix, n) }
	under := func(n int) *mesosproto.TaskInfo {
		t := scheduler.ExecutorTask(id(n), nil, need)
		t.Data = []byte(words[n%len(words)])
		return t
	}
	switch n % 5 {
	case 0:
		return part{tasks: []*mesosproto.TaskInfo{scheduler.CommandTask(id(n), words[n%len(words)], need)}}
	case 1: // and its tasks follow it
		return part{custom(fmt.Sprintf("%s-group-%d", f.prefix, n)), []*mesosproto.TaskInfo{under(n), under(n + 1)}}
	}
	t := under(n)
	t.Executor = custom([]string{"stays", "leaves", "crashes", "silent", "rigid"}[n%9%5])
	return part{tasks: []*mesosproto.TaskInfo{t}}
}

func (f *mixed) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		var operations []*mesosproto.Offer_Operation
		for f.alive() < f.want && len(f.disk.order) < f.total {
			p := f.next()
			if !room.PutGroup(p.group, p.tasks...) {
				break
			}
			for _, t := range p.tasks {
				id := t.GetTaskId().GetValue()
				f.disk.order = append(f.disk.order, id)
				f.disk.tasks[id] = staging
				f.disk.where[id] = o.GetAgentId()
				if n := len(f.disk.order); n%3 == 0 {
					wait := []time.Duration{0, time.Millisecond, 20 * time.Second, 2 * time.Minute}[n/3%4]
					d.AfterFunc(wait, func() {
						f.doomed[id] = true
						_ = d.Kill(t.GetTaskId()) // while it is disconnected: again within a minute
					})
				}
			}
			operations = append(operations, p.operation())
		}
		_ = d.Accept(room.Offers(), operations, scheduler.RefuseFor(time.Minute)) // while it is disconnected: the offer is void
	}
}

// behave is what the executors of mixed do.
func behave(spec *containerizer.Spec) schedulertest.Behaviour {
	b := schedulertest.Command(spec)
	if spec.Task != nil {
		return b
	}
	linger := 20 * time.Second
	switch spec.ExecutorID {
	case "stays":
		linger = 0
	case "crashes":
		b.Run, b.Exit = 2*time.Minute, 3
	case "rigid":
		b.FailUpdate = errBroken
	case "silent":
		b.Silent = true
	}
	b.Executor = func() executor.Executor { return &schedulertest.ScriptedExecutor{Linger: linger} }
	return b
}

// mixedProcess is how a mixed framework begins. stuck lists what it killed in vain.
func mixedProcess(name string, capabilities ...mesosproto.FrameworkInfo_Capability_Type) (begin func(disk bool) scheduler.Config, stuck func() []string) {
	first := process(name, 8, capabilities...)
	var doomed map[string]bool
	var disk *memory
	begin = func(kept bool) scheduler.Config {
		cfg := first(kept)
		c := cfg.Scheduler.(*careful)
		if disk != c.disk {
			disk, doomed = c.disk, map[string]bool{}
		}
		cfg.Scheduler = &mixed{careful: c, doomed: doomed}
		return cfg
	}
	return begin, func() (out []string) {
		for _, id := range disk.order {
			if doomed[id] && !transitions.Terminal(disk.tasks[id]) && disk.tasks[id] != unreachable && disk.tasks[id] != unknown {
				out = append(out, id)
			}
		}
		return out
	}
}

func executorExploration() schedulertest.Exploration {
	return mixedExploration(behave, func(f *mixed) scheduler.Scheduler { return f })
}

// mixedExploration is an exploration with frameworks that kill some of their tasks: what as makes of a mixed one.
func mixedExploration(behave func(*containerizer.Spec) schedulertest.Behaviour, as func(*mixed) scheduler.Scheduler) schedulertest.Exploration {
	e := exploration()
	e.Config.Behave = behave
	var stuck sync.Map // by cluster; []func() []string
	e.Scenario = func(_ testing.TB, c *schedulertest.Cluster) {
		var all []func() []string
		for _, name := range []string{"aware", "plain"} {
			var capabilities []mesosproto.FrameworkInfo_Capability_Type
			if name == "aware" {
				capabilities = append(capabilities, partitionAware)
			}
			begin, killed := mixedProcess(name, capabilities...)
			c.RunProcess(func(disk bool) scheduler.Config {
				cfg := begin(disk)
				cfg.Scheduler = as(cfg.Scheduler.(*mixed))
				return cfg
			})
			all = append(all, killed)
		}
		stuck.Store(c, all)
		c.Advance(5 * time.Second)
	}
	e.Settled = func(t testing.TB, c *schedulertest.Cluster) {
		all, _ := stuck.LoadAndDelete(c)
		for _, f := range all.([]func() []string) {
			if s := f(); len(s) > 0 {
				t.Errorf("killed, and alive: %v", s)
			}
		}
	}
	return e
}

func TestTheInvariantsHoldForExecutorsWhateverFails(t *testing.T) {
	e := executorExploration()
	if testing.Short() {
		e.Seeds = min(e.Seeds, 30)
	}
	ran := schedulertest.Explore(t, e)
	t.Log(ran)
	requireKnown(t, ran.Reached)
	if ran.Seeds >= 100 {
		for _, kind := range faultsBut(ofElection) {
			require.Positive(t, ran.Faults[kind], "%s", kind)
		}
	}
	if ran.Seeds >= 250 {
		forEachCell(func(x schedulertest.Cell) {
			if !ofElection(x.Kind) {
				require.Positive(t, ran.Timed[x], "%s at %s", x.Kind, x.Step)
			}
		})
	}
}

func TestTheInvariantsHoldForExecutorsUnderEachFaultAlone(t *testing.T) {
	eachAlone(t, executorExploration, faultsBut(ofElection))
}

func TestTheSameFaultsOfExecutorsMakeTheSameRunAtAnyGOMAXPROCS(t *testing.T) {
	sameRun(t, executorExploration())
}
