package allocator

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/resources"
)

// benchLoop is a loop whose functions the benchmark runs: no goroutine and no simulation in the figures.
type benchLoop struct {
	now    time.Time
	random *rand.Rand
	queue  []func()
}

func (l *benchLoop) Now() time.Time                         { return l.now }
func (l *benchLoop) Rand() *rand.Rand                       { return l.random }
func (l *benchLoop) Post(f func())                          { l.queue = append(l.queue, f) }
func (l *benchLoop) Do(work func() error, done func(error)) { panic("the allocator does not block") }
func (l *benchLoop) AfterFunc(time.Duration, func()) func() bool {
	return func() bool { return true }
}

func (l *benchLoop) Timer(func()) loop.Timer { panic("the allocator sets no timer twice") }

func (l *benchLoop) drain() {
	for len(l.queue) > 0 {
		f := l.queue[0]
		l.queue = l.queue[1:]
		f()
	}
	l.queue = l.queue[:0]
}

var _ loop.Loop = (*benchLoop)(nil)

// benchCluster is the cluster of the reference's DeclineOffers benchmark.
type benchCluster struct {
	*Hierarchical
	loop  *benchLoop
	lists []Offers
	n     int
}

func newBench(b *testing.B, agents, frameworks int) *benchCluster {
	c := &benchCluster{loop: &benchLoop{now: loop.Epoch, random: rand.New(rand.NewPCG(1, 1))}}
	c.Hierarchical = New(c.loop, Config{})
	c.Initialize(Callbacks{Offer: func(o Offers) {
		c.lists = append(c.lists, o)
		c.n += len(o.Offers)
	}})
	for i := range frameworks {
		c.AddFramework(fmt.Sprintf("20260101-000000-1-0000-%06d", i), frameworkInfo([]string{"role"}), nil, true, FrameworkOptions{})
	}
	c.loop.drain()
	total := resources.MustParse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]")
	used := resources.MustParse("cpus:16;mem:2014;disk:1024").Add(fragments(16)).Allocate("role")
	c.Pause()
	for i := range agents {
		info := agentInfo(fmt.Sprintf("20260101-000000-1-0000-S%d", i))
		c.AddAgent(info, allAgentCaps, nil, total, map[string]resources.Resources{"an older framework": used})
	}
	c.Resume()
	return c
}

// fragments are n used ranges of ports.
func fragments(n uint64) resources.Resources {
	var list []resources.Range
	for i := range n {
		list = append(list, resources.Range{Begin: 31000 + i*60, End: 31000 + i*60 + 20})
	}
	return resources.NewRange("ports", list...).Resources()
}

// run runs the allocator and returns what it offered.
func (c *benchCluster) run() (lists []Offers, offers int) {
	c.loop.drain()
	lists, offers = c.lists, c.n
	c.lists, c.n = nil, 0
	return lists, offers
}

// decline declines all of it for d. The allocator runs when the last is declined.
func (c *benchCluster) decline(lists []Offers, d time.Duration) {
	c.Pause()
	for _, list := range lists {
		for _, o := range list.Offers {
			c.RecoverResources(list.FrameworkID, o.AgentID, o.Resources, &Filter{RefuseFor: d}, false)
		}
	}
	c.Resume()
}

// BenchmarkDecline is a cycle of the reference's DeclineOffers: a run over all agents (run-ms), all of
// whose offers are then declined (declines-ms) for longer than the benchmark lasts, so that from cycle to
// cycle fewer frameworks are left for each agent.
func BenchmarkDecline(b *testing.B) {
	for _, size := range []struct{ agents, frameworks int }{{1000, 200}, {10_000, 1000}, {20_000, 2000}} {
		b.Run(fmt.Sprintf("agents=%d/frameworks=%d", size.agents, size.frameworks), func(b *testing.B) {
			c := newBench(b, size.agents, size.frameworks)
			lists, _ := c.run()
			c.decline(lists, time.Hour)
			b.ReportAllocs()
			offers := 0
			var runs, declines time.Duration
			for b.Loop() {
				start := time.Now()
				lists, n := c.run()
				middle := time.Now()
				c.decline(lists, time.Hour)
				offers += n
				runs += middle.Sub(start)
				declines += time.Since(middle)
			}
			b.ReportMetric(float64(offers)/float64(b.N), "offers/op")
			b.ReportMetric(runs.Seconds()*1000/float64(b.N), "run-ms/op")
			b.ReportMetric(declines.Seconds()*1000/float64(b.N), "declines-ms/op")
		})
	}
}

// BenchmarkNothingChanged is a run to which nothing has happened, in a cluster where everything free was
// declined by everybody.
func BenchmarkNothingChanged(b *testing.B) {
	c := newBench(b, 20_000, 50)
	for lists, n := c.run(); n > 0; lists, n = c.run() {
		c.decline(lists, time.Hour)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.allocate()
	}
}

// BenchmarkFreed is what it costs, from the call that says that a task ended to the callback with the
// offer, in a large cluster where every framework takes what it is offered.
func BenchmarkFreed(b *testing.B) {
	for _, frameworks := range []int{1, 100, 2000} {
		b.Run(fmt.Sprintf("frameworks=%d", frameworks), func(b *testing.B) {
			c := newBench(b, 20_000, frameworks)
			type task struct {
				framework, agent string
				used             resources.Resources
			}
			var tasks []task
			take := func(lists []Offers) (last task) {
				for _, list := range lists {
					for _, o := range list.Offers {
						c.Allocated(list.FrameworkID, o.AgentID, o.Resources)
						last = task{list.FrameworkID, o.AgentID, o.Resources}
						tasks = append(tasks, last)
					}
				}
				return last
			}
			lists, _ := c.run()
			take(lists)
			c.loop.random.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
			all := len(tasks)
			b.ReportAllocs()
			i := 0
			var spent time.Duration
			for b.Loop() {
				t := &tasks[i]
				start := time.Now()
				c.RecoverResources(t.framework, t.agent, t.used, nil, true)
				lists, n := c.run()
				spent += time.Since(start)
				if n != 1 {
					b.Fatalf("%d offers", n)
				}
				*t = take(lists)
				tasks = tasks[:all]
				i = (i + 1) % all
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/freed")
		})
	}
}

// BenchmarkRevive is a framework of many that revives, in a cluster where everything free was declined by
// everybody; it is offered every agent.
func BenchmarkRevive(b *testing.B) {
	c := newBench(b, 20_000, 200)
	for lists, n := c.run(); n > 0; lists, n = c.run() {
		c.decline(lists, time.Hour)
	}
	id := sortedKeys(c.frameworks)[0]
	var spent time.Duration
	for b.Loop() {
		start := time.Now()
		c.ReviveOffers(id, nil)
		lists, n := c.run()
		spent += time.Since(start)
		if n != 20_000 {
			b.Fatalf("%d offers", n)
		}
		c.decline(lists, time.Hour)
	}
	b.ReportMetric(spent.Seconds()*1000/float64(b.N), "ms/revive")
}

// BenchmarkAddAgents is the reference's AddAndUpdateSlave: 20,000 agents come one by one, each followed by
// a run, and frameworks keep what they are offered.
func BenchmarkAddAgents(b *testing.B) {
	const agents = 20_000
	total := resources.MustParse("cpus:2;mem:1024;disk:4096;ports:[31000-32000]")
	used := resources.MustParse("cpus:1;mem:128;disk:1024;ports:[31126-31510,31512-31623,31810-31852,31854-31964]").Allocate("role")
	for _, frameworks := range []int{1, 50, 1000} {
		b.Run(fmt.Sprintf("frameworks=%d", frameworks), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := newBench(b, 0, frameworks)
				for i := range agents {
					c.AddAgent(agentInfo(fmt.Sprintf("20260101-000000-1-0000-S%d", i)), allAgentCaps, nil, total,
						map[string]resources.Resources{"an older framework": used})
					c.loop.drain()
				}
				if c.n != agents {
					b.Fatalf("%d offers", c.n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/agents, "µs/agent")
		})
	}
}

// BenchmarkExplain asks why a framework gets nothing on any of 20,000 agents.
func BenchmarkExplain(b *testing.B) {
	c := newBench(b, 20_000, 10)
	for lists, n := c.run(); n > 0; lists, n = c.run() {
		c.decline(lists, time.Hour)
	}
	id := sortedKeys(c.frameworks)[0]
	b.ReportAllocs()
	for b.Loop() {
		if len(c.Explain(Question{FrameworkID: id, Role: "role"})) < 20_000 {
			b.Fatal("a reason is missing")
		}
	}
}
