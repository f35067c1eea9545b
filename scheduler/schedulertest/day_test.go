package schedulertest_test

import (
	"cmp"
	"flag"
	"fmt"
	"runtime/debug"
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

// shift is a framework that has a batch of work every hour. It asks for offers only while something is to
// be launched; what is lost it launches again, under another name.
type shift struct {
	scheduler.Base
	disk  *shiftDisk
	batch int
	first time.Duration // when the first batch comes
}

// shiftDisk is what it saves.
type shiftDisk struct {
	prefix   string
	id       string
	heirOf   string                          // the framework id of who had the disk that is lost, until that is torn down
	due      int                             // to be launched
	n        int                             // names tasks
	open     []string                        // launched, not ended, in the order of launch
	state    map[string]mesosproto.TaskState // of these
	where    map[string]*mesosproto.AgentID
	nextWork time.Time
}

func (f *shift) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	f.disk.id = id.GetValue()
	f.begin(d)
}

func (f *shift) Reregistered(d *scheduler.Driver, _ *mesosproto.MasterInfo) { f.ask(d) }

// begin sets the clock of a process.
func (f *shift) begin(d *scheduler.Driver) {
	if f.disk.nextWork.IsZero() {
		f.disk.nextWork = d.Now().Add(f.first)
	}
	f.ask(d)
	var hour, look func()
	hour = func() {
		f.disk.due += f.batch
		f.disk.nextWork = f.disk.nextWork.Add(time.Hour)
		_ = d.Revive() // while it is disconnected: Reregistered asks again
		d.AfterFunc(f.disk.nextWork.Sub(d.Now()), hour)
	}
	d.AfterFunc(f.disk.nextWork.Sub(d.Now()), hour)
	look = func() {
		f.ask(d)
		d.AfterFunc(10*time.Minute, look)
	}
	d.AfterFunc(10*time.Minute, look)
}

// ask reconciles what is open, and has offers made if there is work.
func (f *shift) ask(d *scheduler.Driver) {
	var open []*mesosproto.TaskStatus
	for _, id := range f.disk.open {
		open = append(open, &mesosproto.TaskStatus{TaskId: &mesosproto.TaskID{Value: proto.String(id)}, AgentId: f.disk.where[id]})
	}
	if len(open) > 0 {
		_ = d.Reconcile(open...)
	}
	f.want(d)
}

func (f *shift) want(d *scheduler.Driver) {
	if f.disk.due > 0 {
		_ = d.Revive()
	} else {
		_ = d.Suppress()
	}
}

var shiftTask = resources.MustParse("cpus:1;mem:64")

func (f *shift) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	var unused []*mesosproto.OfferID
	for _, o := range offers {
		if f.disk.due == 0 {
			unused = append(unused, o.Id)
			continue
		}
		room := scheduler.RoomIn(o)
		var tasks []*mesosproto.TaskInfo
		for f.disk.due > 0 {
			id := fmt.Sprintf("%s-%d", f.disk.prefix, f.disk.n)
			t := scheduler.CommandTask(id, []string{"sleep 300", "sleep 900", "sleep 60; exit 1"}[f.disk.n%3], shiftTask)
			if !room.Put(t) {
				break
			}
			f.disk.n++
			f.disk.due--
			f.disk.open = append(f.disk.open, id)
			f.disk.state[id], f.disk.where[id] = staging, o.GetAgentId()
			tasks = append(tasks, t)
		}
		_ = d.LaunchTasks(room.Offers(), tasks) // while it is disconnected: the offer is void, the task will be lost
	}
	if len(unused) > 0 {
		_ = d.Decline(unused)
	}
	if f.disk.due == 0 {
		_ = d.Suppress()
	}
}

func (f *shift) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	id := s.GetTaskId().GetValue()
	if _, open := f.disk.state[id]; !open {
		return
	}
	f.disk.state[id] = s.GetState()
	if !transitions.Terminal(s.GetState()) {
		return
	}
	delete(f.disk.state, id)
	delete(f.disk.where, id)
	for i, x := range f.disk.open {
		if x == id {
			f.disk.open = append(f.disk.open[:i], f.disk.open[i+1:]...)
			break
		}
	}
	if s.GetState() != finished && s.GetState() != failed {
		f.disk.due++
		_ = d.Revive()
	}
}

// undertaker tears down what a process was that has lost its disk, as an operator would do. Otherwise
// agents would say again and again, for the rest of the day, what nobody acknowledges: a failover timeout
// does not outlive the master that counts it.
type undertaker struct {
	scheduler.Base
	disk *shiftDisk
	done bool
}

func (u *undertaker) Registered(d *scheduler.Driver, _ *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	d.Stop(false)
	u.disk.heirOf, u.done = "", true
}

func (u *undertaker) Error(*scheduler.Driver, error) { u.disk.heirOf, u.done = "", true } // somebody else did

func (*undertaker) ResourceOffers(*scheduler.Driver, []*mesosproto.Offer)  {}
func (*undertaker) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

// day is a virtual day of a large cluster with a fault a minute.
type day struct {
	masters, agents, frameworks, hours int
	tasks                              int // at least
}

// run returns the cluster at the end of the day, and how many tasks were launched.
func (y day) run(t testing.TB, seed uint64) (c *schedulertest.Cluster, launched int) {
	c = schedulertest.New(t, schedulertest.Config{Seed: seed, Masters: y.masters, Agents: y.agents, NoRecords: true})
	batch := (y.tasks + y.frameworks*y.hours - 1) / (y.frameworks * y.hours)
	var disks []*shiftDisk
	var buried []func() // let those begin whose predecessors have been torn down
	for i := range y.frameworks {
		saved, lives := &shiftDisk{}, 0
		var last *undertaker
		f := c.RunProcess(func(disk bool) scheduler.Config {
			in := info(partitionAware)
			in.Name = proto.String(fmt.Sprintf("shift-%d", i))
			if !disk {
				lives++
				saved = &shiftDisk{
					prefix: fmt.Sprintf("f%d-%d", i, lives), heirOf: cmp.Or(saved.id, saved.heirOf), nextWork: saved.nextWork,
					state: map[string]mesosproto.TaskState{}, where: map[string]*mesosproto.AgentID{},
				}
				disks = append(disks, saved)
			}
			if id := cmp.Or(saved.id, saved.heirOf); id != "" {
				in.Id = &mesosproto.FrameworkID{Value: proto.String(id)}
			}
			if last = nil; saved.heirOf != "" {
				last = &undertaker{disk: saved}
				return scheduler.Config{Framework: in, Scheduler: last}
			}
			s := &shift{disk: saved, batch: batch, first: time.Duration(i+1) * 10 * time.Minute}
			return scheduler.Config{Framework: in, Scheduler: s}
		})
		buried = append(buried, func() {
			if last != nil && last.done {
				f.Crash()
				f.Restart(true)
			}
		})
	}
	c.Inject(schedulertest.RandomFaults(seed, y.hours*60, time.Duration(y.hours)*time.Hour))
	for range y.hours * 60 {
		c.Advance(time.Minute)
		for _, begin := range buried {
			begin()
		}
	}
	for _, d := range disks {
		launched += d.n
	}
	return c, launched
}

func TestAShortDayIsTheSameAgain(t *testing.T) {
	y := day{masters: 3, agents: 20, frameworks: 5, hours: 2, tasks: 500}
	c, launched := y.run(t, 1)
	require.GreaterOrEqual(t, launched, y.tasks)
	again, _ := y.run(t, 1)
	require.Equal(t, c.Hash(), again.Hash())
	settle(c)
}

// settle lets all get well after the day, and checks that it has.
func settle(c *schedulertest.Cluster) {
	c.Advance(time.Hour)
	c.CheckSettled()
}

var dayHours = flag.Int("hours", 24, "how long the day of the benchmark is, with a task load in proportion")

// BenchmarkVirtualDay is a day of 3 masters, 1,000 agents and 5 frameworks, with 50,000 tasks and a fault a
// minute, all invariants on. Every iteration is the same day, and must have the same hash; what the cluster
// is like an hour later is checked, too, and not counted. Garbage is collected a little later than usual,
// which costs memory and saves time.
func BenchmarkVirtualDay(b *testing.B) {
	y := day{masters: 3, agents: 1000, frameworks: 5, hours: *dayHours, tasks: 50_000 * *dayHours / 24}
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	b.ReportAllocs()
	hash := ""
	for b.Loop() {
		c, launched := y.run(b, 1)
		if hash == "" {
			hash = c.Hash()
		}
		require.Equal(b, hash, c.Hash(), "the same seed makes the same day")
		require.GreaterOrEqual(b, launched, y.tasks)
		b.ReportMetric(float64(launched), "tasks")
		b.StopTimer()
		settle(c)
		b.StartTimer()
	}
	b.Logf("hash %s", hash)
}
