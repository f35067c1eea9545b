package framework_test

import (
	"fmt"
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

// naive keeps two tasks running as first frameworks do, with one classic mistake that is switched
// on. What it remembers outlives its process: *memory is its disk.
type naive struct {
	scheduler.Base
	*memory
	hoards      bool // keeps offers that it has no use for
	forgets     bool // its id
	neverAsks   bool // reconciles
	ignoresLost bool // thinks about offers for a while, and takes no notice when they were stale then
}

type memory struct {
	id    string
	next  int
	tasks map[string]bool
	agent map[string]string
}

func (n *naive) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	n.id = id.GetValue()
	if n.neverAsks {
		return
	}
	for task := range n.tasks {
		d.Reconcile(&mesosproto.TaskStatus{
			TaskId: &mesosproto.TaskID{Value: proto.String(task)}, AgentId: &mesosproto.AgentID{Value: proto.String(n.agent[task])}})
	}
}

func (n *naive) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	if n.ignoresLost {
		d.AfterFunc(10*time.Second, func() { n.launch(d, offers) })
	} else {
		n.launch(d, offers)
	}
}

func (n *naive) launch(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		var tasks []*mesosproto.TaskInfo
		for len(n.tasks) < 2 {
			t := scheduler.CommandTask(fmt.Sprint("task-", n.next), "server", resources.MustParse("cpus:1;mem:64"))
			if !room.Put(t) {
				break
			}
			n.next++
			n.tasks[t.GetTaskId().GetValue()] = true
			n.agent[t.GetTaskId().GetValue()] = t.GetAgentId().GetValue()
			tasks = append(tasks, t)
		}
		if len(tasks) > 0 || !n.hoards {
			d.LaunchTasks(room.Offers(), tasks)
		}
	}
}

func (n *naive) StatusUpdate(_ *scheduler.Driver, s *mesosproto.TaskStatus) {
	switch s.GetState() {
	case mesosproto.TaskState_TASK_STAGING, mesosproto.TaskState_TASK_STARTING, mesosproto.TaskState_TASK_RUNNING:
	case mesosproto.TaskState_TASK_DROPPED:
		if !n.ignoresLost {
			delete(n.tasks, s.GetTaskId().GetValue())
		}
	default:
		delete(n.tasks, s.GetTaskId().GetValue())
	}
}

// begin starts the naive framework's process.
func (n *naive) begin(c *schedulertest.Cluster) *schedulertest.Framework {
	info := &mesosproto.FrameworkInfo{
		Name: proto.String("naive"), User: proto.String("nobody"), Checkpoint: proto.Bool(true), FailoverTimeout: proto.Float64(604800),
		Capabilities: scheduler.Capabilities(mesosproto.FrameworkInfo_Capability_PARTITION_AWARE),
	}
	if n.id != "" && !n.forgets {
		info.Id = &mesosproto.FrameworkID{Value: proto.String(n.id)}
	}
	return c.Run(scheduler.Config{Framework: info, Scheduler: n})
}

// Each row is a mistake and a mishap that shows it. The same mishap does nothing to a Service.
func TestWhatNaiveFrameworksGetWrong(t *testing.T) {
	const hour = time.Hour
	hang := func(first *bool) func(*schedulertest.Behaviour) {
		return func(b *schedulertest.Behaviour) {
			if *first {
				b.Start = 100 * hour
			}
			*first = false
		}
	}
	for _, c := range []struct {
		name    string
		naive   naive
		stuck   bool // the first container hangs
		mishap  func(w *world, begin func())
		running int // with the mistake; 2 without
		offers  bool
	}{
		{name: "hoards offers", naive: naive{hoards: true}, mishap: func(*world, func()) {}, running: 2, offers: true},
		{name: "forgets its id", naive: naive{forgets: true}, running: 4, mishap: func(w *world, begin func()) {
			w.runs.Crash()
			w.Advance(time.Minute)
			// Its memory of tasks is of the former framework's; they are not its own.
			begin()
		}},
		{name: "never reconciles", naive: naive{neverAsks: true}, running: 0, mishap: func(w *world, begin func()) {
			w.runs.Crash()
			w.Agent(0).Destroy()
			w.Advance(5 * time.Minute)
			w.AddAgent(schedulertest.DefaultResources)
			begin()
		}},
		{name: "lets a task be stuck", stuck: true, running: 1, mishap: func(*world, func()) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			play := func(begin func(w *world), restart func(w *world)) *world {
				first := c.stuck
				cfg := schedulertest.Config{}
				if c.stuck {
					cfg.Behave = but(schedulertest.Command, hang(&first))
				}
				w := &world{Cluster: schedulertest.New(t, cfg), t: t, store: &framework.Memory{}}
				w.cfg = framework.Config{Store: w.store, Specs: []framework.Spec{service(2, "server")}}
				w.cfg.Driver.Framework = &mesosproto.FrameworkInfo{Name: proto.String("test"), User: proto.String("nobody")}
				begin(w)
				w.Advance(time.Minute)
				c.mishap(w, func() { restart(w) })
				w.Advance(2 * hour)
				return w
			}
			held := func(w *world) (n int) {
				for f := range w.Master().Frameworks.All() {
					n += f.Offers.Len()
				}
				return n
			}
			right := play((*world).begin, (*world).begin)
			require.Len(t, right.active(), 2)
			require.Zero(t, held(right))

			n := c.naive
			n.memory = &memory{tasks: map[string]bool{}, agent: map[string]string{}}
			wrong := play(func(w *world) { w.runs = n.begin(w.Cluster) }, func(w *world) {
				if n.forgets {
					n.tasks = map[string]bool{}
				}
				w.runs = n.begin(w.Cluster)
			})
			require.Len(t, wrong.active(), c.running)
			require.Equal(t, c.offers, held(wrong) > 0)
		})
	}
}
