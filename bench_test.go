package mesokit_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/httpv1"
)

func TestMain(m *testing.M) {
	agent.RunHelper() // the agents' keepers are started from this program
	os.Exit(m.Run())
}

// percentiles reports the median and the 99th percentile of samples.
func percentiles(b *testing.B, samples []time.Duration) {
	slices.Sort(samples)
	at := func(p float64) float64 {
		return float64(samples[int(p*float64(len(samples)-1))]) / float64(time.Microsecond)
	}
	b.ReportMetric(at(0.5), "p50-µs")
	b.ReportMetric(at(0.99), "p99-µs")
}

// dialers are the ways of a framework to the master.
func dialers(c *mesokit.Cluster) map[string]func(*scheduler.Config) {
	return map[string]func(*scheduler.Config){
		"inprocess": func(cfg *scheduler.Config) { cfg.Dialer = c.Dialer() },
		"http":      func(cfg *scheduler.Config) { cfg.Dialer, cfg.Master = httpv1.Dialer{}, c.Address() },
	}
}

func start(b *testing.B, cfg mesokit.ClusterConfig) *mesokit.Cluster {
	c, err := mesokit.StartCluster(b.Context(), cfg)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, c.Stop()) })
	return c
}

func run(b *testing.B, s scheduler.Scheduler, dial func(*scheduler.Config)) *scheduler.Driver {
	cfg := scheduler.Config{Framework: &mesosproto.FrameworkInfo{Name: proto.String("bench"), Checkpoint: proto.Bool(true)}, Scheduler: s}
	dial(&cfg)
	d, err := scheduler.New(cfg)
	require.NoError(b, err)
	require.NoError(b, d.Start())
	b.Cleanup(func() {
		d.Teardown()
		require.NoError(b, d.Join())
	})
	return d
}

var small = resources.MustParse("cpus:0.1;mem:32")

// sequence runs one task after another and measures how long each takes from ACCEPT to RUNNING.
type sequence struct {
	scheduler.Base
	offers  chan []*mesosproto.Offer
	updates chan mesosproto.TaskState
}

func (s *sequence) ResourceOffers(_ *scheduler.Driver, offers []*mesosproto.Offer) {
	s.offers <- offers
}

func (s *sequence) StatusUpdate(_ *scheduler.Driver, u *mesosproto.TaskStatus) {
	s.updates <- u.GetState()
}

// From ACCEPT to RUNNING of a command task, with the keeper in place and the agent's checkpoint on the disk.
func BenchmarkStartOfACommandTask(b *testing.B) {
	for _, via := range []string{"inprocess", "http"} {
		b.Run(via, func(b *testing.B) {
			c := start(b, mesokit.ClusterConfig{WorkDir: b.TempDir()})
			s := &sequence{offers: make(chan []*mesosproto.Offer, 1024), updates: make(chan mesosproto.TaskState, 1024)}
			d := run(b, s, dialers(c)[via])
			var samples []time.Duration
			for b.Loop() {
				room := scheduler.RoomIn(<-s.offers...)
				task := scheduler.CommandTask(fmt.Sprintf("task-%d", len(samples)), "true", small)
				require.True(b, room.Put(task))
				begin := time.Now()
				require.NoError(b, d.LaunchTasks(room.Offers(), []*mesosproto.TaskInfo{task}, scheduler.RefuseFor(0)))
				for state := range s.updates {
					if state == mesosproto.TaskState_TASK_RUNNING {
						samples = append(samples, time.Since(begin))
					}
					if state == mesosproto.TaskState_TASK_FINISHED {
						break
					}
				}
			}
			percentiles(b, samples)
		})
	}
}

// burst launches n tasks as fast as offers allow and counts their ends.
type burst struct {
	scheduler.Base
	n, launched, ended int
	done               chan struct{}
}

func (s *burst) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		var tasks []*mesosproto.TaskInfo
		for s.launched < s.n {
			task := scheduler.CommandTask(fmt.Sprintf("task-%d", s.launched), "true", small)
			if !room.Put(task) {
				break
			}
			s.launched++
			tasks = append(tasks, task)
		}
		d.LaunchTasks(room.Offers(), tasks)
	}
}

func (s *burst) StatusUpdate(_ *scheduler.Driver, u *mesosproto.TaskStatus) {
	if u.GetState() == mesosproto.TaskState_TASK_FINISHED {
		if s.ended++; s.ended == s.n {
			close(s.done)
		}
	}
}

// 1,000 command tasks started and reaped on one agent; an operation is the whole thousand.
func BenchmarkThousandCommandTasks(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		c := start(b, mesokit.ClusterConfig{WorkDir: b.TempDir(), Resources: "cpus:16;mem:65536"})
		s := &burst{n: 1000, done: make(chan struct{})}
		b.StartTimer()
		run(b, s, dialers(c)["inprocess"])
		<-s.done
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// holder runs one task at a time that uses all cpus there are, as soon as it is offered them, and notes
// when that was.
type holder struct {
	scheduler.Base
	n       int
	offered chan time.Time
	running chan struct{}
}

func (h *holder) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		task := scheduler.ExecutorTask(fmt.Sprintf("task-%d", h.n), mesokit.FunctionExecutor("holder", "hold", resources.MustParse("mem:32")), resources.MustParse("cpus:1"))
		var tasks []*mesosproto.TaskInfo
		if room.Put(task) {
			h.offered <- time.Now()
			h.n++
			tasks = append(tasks, task)
		}
		d.LaunchTasks(room.Offers(), tasks, scheduler.RefuseFor(time.Hour))
	}
}

func (h *holder) StatusUpdate(_ *scheduler.Driver, u *mesosproto.TaskStatus) {
	if u.GetState() == mesosproto.TaskState_TASK_RUNNING {
		h.running <- struct{}{}
	}
}

// onDemand is an executor whose task ends when somebody sends on end; it says when that was.
type onDemand struct {
	executor.Base
	end   chan struct{}
	ended chan time.Time
}

func (e *onDemand) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
	d.Running(task.GetTaskId())
	go func() {
		if _, more := <-e.end; more {
			e.ended <- time.Now()
			d.Finished(task.GetTaskId())
		}
	}()
}

func (*onDemand) KillTask(d *executor.Driver, task *mesosproto.TaskID, _ *mesosproto.KillPolicy) {
	d.Killed(task)
}

// From the moment at which an executor reports the end of a task to the offer of its resources to a
// framework that waits for them. The agent's checkpoint is in memory: the update's way to the disk is not
// what is measured here.
func BenchmarkFreedToOffered(b *testing.B) {
	for _, via := range []string{"inprocess", "http"} {
		b.Run(via, func(b *testing.B) {
			e := &onDemand{end: make(chan struct{}), ended: make(chan time.Time, 1)}
			c := start(b, mesokit.ClusterConfig{
				Resources: "cpus:1;mem:64",
				Executors: map[string]func() executor.Executor{"hold": func() executor.Executor { return e }},
				Agent:     func(_ int, cfg *agent.Config) { cfg.Checkpoint = &memory.Store{} },
			})
			h := &holder{offered: make(chan time.Time, 16), running: make(chan struct{}, 16)}
			run(b, h, dialers(c)[via])
			<-h.offered
			<-h.running
			var samples []time.Duration
			for b.Loop() {
				e.end <- struct{}{}
				begin := <-e.ended
				samples = append(samples, (<-h.offered).Sub(begin))
				<-h.running
			}
			close(e.end)
			percentiles(b, samples)
		})
	}
}

// A cold start: a master and an agent, ready to take tasks.
func BenchmarkStartCluster(b *testing.B) {
	for b.Loop() {
		c, err := mesokit.StartCluster(context.Background(), mesokit.ClusterConfig{})
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, c.Stop())
		b.StartTimer()
	}
}
