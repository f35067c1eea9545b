package mesokit_test

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// instant is a containerizer without containers: they start at once and run until they are killed.
type instant struct {
	loop    loop.Loop
	waiting map[string][]func(containerizer.Termination, error)
}

var _ containerizer.Async = (*instant)(nil)

func (*instant) Name() string { return "mesos" }

func (x *instant) Recover(_ []containerizer.Checkpoint, done func(error)) {
	x.loop.Post(func() { done(nil) })
}

func (x *instant) Pull(_ *containerizer.Spec, done func(error)) func() {
	x.loop.Post(func() { done(nil) })
	return func() {}
}

func (x *instant) Launch(_ *containerizer.Spec, done func(containerizer.Launched, error)) func() {
	x.loop.Post(func() { done(containerizer.Launched{}, nil) })
	return func() {}
}

func (x *instant) Wait(id *mesosproto.ContainerID, done func(containerizer.Termination, error)) {
	x.waiting[id.GetValue()] = append(x.waiting[id.GetValue()], done)
}

func (x *instant) Signal(id *mesosproto.ContainerID, _ syscall.Signal, done func(error)) {
	waiting := x.waiting[id.GetValue()]
	delete(x.waiting, id.GetValue())
	for _, w := range waiting {
		x.loop.Post(func() { w(containerizer.Termination{Exited: true}, nil) })
	}
	x.loop.Post(func() { done(nil) })
}

func (x *instant) Destroy(id *mesosproto.ContainerID, done func(containerizer.Termination, error)) {
	x.Wait(id, done)
	x.Signal(id, syscall.SIGKILL, func(error) {})
}

func (x *instant) Update(_ *mesosproto.ContainerID, _ resources.Resources, _ map[string]float64, done func(error)) {
	x.loop.Post(func() { done(nil) })
}

func (x *instant) Status(id *mesosproto.ContainerID, done func(*mesosproto.ContainerStatus, error)) {
	x.loop.Post(func() { done(&mesosproto.ContainerStatus{ContainerId: id}, nil) })
}

func (x *instant) Usage(_ *mesosproto.ContainerID, done func(*mesosproto.ResourceStatistics, error)) {
	x.loop.Post(func() { done(&mesosproto.ResourceStatistics{}, nil) })
}

func (x *instant) Exec(_ *mesosproto.ContainerID, _ *mesosproto.CommandInfo, done func(syscall.WaitStatus, []byte, error)) func() {
	x.loop.Post(func() { done(0, nil, nil) })
	return func() {}
}

func (x *instant) Remove(_ *mesosproto.ContainerID, done func(error)) {
	x.loop.Post(func() { done(nil) })
}

func (*instant) Pid(*mesosproto.ContainerID) (int, bool) { return 0, false }

// flood launches n tasks, a batch on each offer.
type flood struct {
	scheduler.Base
	n, batch          int
	launched, running int
	seen              []bool // which tasks run: on a slow machine an update may come twice
	done              chan struct{}
}

var little = resources.MustParse("cpus:0.001;mem:1")

func (f *flood) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		var tasks []*mesosproto.TaskInfo
		for len(tasks) < f.batch && f.launched < f.n {
			t := scheduler.CommandTask(fmt.Sprintf("task-%d", f.launched), "server", little)
			if !room.Put(t) {
				break
			}
			f.launched++
			tasks = append(tasks, t)
		}
		_ = d.LaunchTasks(room.Offers(), tasks, scheduler.RefuseFor(0))
	}
}

func (f *flood) StatusUpdate(_ *scheduler.Driver, s *mesosproto.TaskStatus) {
	number, err := strconv.Atoi(strings.TrimPrefix(s.GetTaskId().GetValue(), "task-"))
	if err != nil || s.GetState() != mesosproto.TaskState_TASK_RUNNING || f.seen[number] {
		return
	}
	f.seen[number] = true
	if f.running++; f.running == f.n {
		close(f.done)
	}
}

// acknowledged waits until the agents have been told that n updates have arrived.
func acknowledged(c *mesokit.Cluster, n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.Master().Snapshot().Metrics.ValidAcknowledgements < int64(n) {
		<-tick.C
	}
}

// cpuTime is what this process has used so far: on a machine that others use too it says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLaunch is ACCEPT, STARTING, RUNNING and both acknowledgements of b.N tasks on 100 agents whose
// containers start at once; master, agents, allocator and driver are the real ones, on loops of their own. The
// agents' checkpoints are in memory, or on the disk, where nothing of this waits for a sync.
func BenchmarkLaunch(b *testing.B) {
	for _, x := range []struct {
		name, via string
		disk      bool
	}{
		{"inprocess", "inprocess", false},
		{"http", "http", false},
		{"inprocess-disk", "inprocess", true},
	} {
		b.Run(x.name, func(b *testing.B) {
			var loops []*loop.Real
			c := start(b, mesokit.ClusterConfig{
				Agents: 100, Resources: "cpus:1000000;mem:1000000000", WorkDir: b.TempDir(),
				Agent: func(_ int, cfg *agent.Config) {
					l := loop.New()
					loops = append(loops, l)
					cfg.Loop, cfg.WorkDir = l, ""
					if !x.disk {
						cfg.Checkpoint = &memory.Store{}
					}
					cfg.Async = &instant{loop: l, waiting: map[string][]func(containerizer.Termination, error){}}
				},
			})
			f := &flood{n: b.N, batch: 100, seen: make([]bool, b.N), done: make(chan struct{})}
			b.ReportAllocs()
			b.ResetTimer()
			used := cpuTime(b)
			run(b, f, dialers(c)[x.via])
			<-f.done
			acknowledged(c, 2*b.N)
			b.StopTimer()
			b.ReportMetric(float64((cpuTime(b)-used)/time.Microsecond)/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
			b.Cleanup(func() {
				for _, l := range loops {
					l.Close()
				}
			})
			require.Equal(b, b.N, f.running)
		})
	}
}
