package schedulertest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// danger is a way for things to go wrong that one guard stands against.
type danger struct {
	guard Guard
	harm  string // the invariant that is violated without it
	play  func(s *stage)

	agents  int // default 1
	masters int // default 1
	behave  func(*containerizer.Spec) Behaviour
	agent   func(*agent.Config)
	settle  time.Duration // default 30 minutes
	end     time.Duration // of the last run, had it not failed
}

// Each guard is needed: without it, and with nothing else changed, an invariant is violated.
func TestWithoutAGuardAnInvariantIsViolated(t *testing.T) {
	shown := map[Guard]bool{}
	for _, d := range slices.Concat(dangers, operationDangers) {
		shown[d.guard] = true
		t.Run(d.guard.String(), func(t *testing.T) {
			require.Empty(t, d.run(t).failure, "with all guards on")
			out := d.run(t, d.guard)
			require.Equal(t, d.harm, out.kind, "%s\n%s", out.failure, out.cluster.trace.tail(40))
			require.Less(t, out.cluster.check.found[0].At, d.end, "it is found as it happens, not when all has settled")
		})
	}
	for _, g := range AllGuards() {
		require.True(t, shown[g], "nothing shows what %q is for", g)
	}
}

func (d *danger) run(t *testing.T, without ...Guard) outcome {
	e := Exploration{
		Config: Config{Agents: d.agents, Masters: d.masters, Behave: d.behave, Agent: d.agent, Without: without, Bound: 10 * time.Minute},
		Settle: d.settle,
	}
	if e.Settle == 0 {
		e.Settle = 30 * time.Minute
	}
	e.Scenario = func(_ testing.TB, c *Cluster) {
		d.play(&stage{Cluster: c})
		d.end = c.sinceStart() + e.Settle
	}
	return e.filled().run(t, 1, nil)
}

// stage is a cluster in which frameworks do what the test says.
type stage struct{ *Cluster }

// puppet is such a framework.
type puppet struct {
	scheduler.Base
	*Framework
	stage  *stage
	offers []*mesosproto.Offer // neither used nor declined
}

func (p *puppet) ResourceOffers(_ *scheduler.Driver, offers []*mesosproto.Offer) {
	p.offers = append(p.offers, offers...)
}

func (p *puppet) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

// join starts a framework.
func (s *stage) join(change ...func(*scheduler.Config)) *puppet {
	p := &puppet{stage: s}
	cfg := scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{
			User: proto.String("nobody"), Name: proto.String("puppet"), Checkpoint: proto.Bool(true), FailoverTimeout: proto.Float64(86400),
		},
		Scheduler: p,
	}
	for _, f := range change {
		f(&cfg)
	}
	p.Framework = s.Run(cfg)
	return p
}

// offer waits for an offer.
func (p *puppet) offer() *mesosproto.Offer {
	p.stage.RunUntil(time.Hour, "an offer", func() bool { return len(p.offers) > 0 })
	o := p.offers[0]
	p.offers = p.offers[1:]
	return o
}

const task = "task"

var taskID = &mesosproto.TaskID{Value: proto.String(task)}

// launch runs the task with all of an offer, and wants no more.
func (p *puppet) launch(o *mesosproto.Offer, command string) {
	t := scheduler.CommandTask(task, command, resources.Resources{})
	t.AgentId, t.Resources = o.GetAgentId(), o.GetResources()
	p.stage.fatal(p.driver.LaunchTasks([]*mesosproto.OfferID{o.GetId()}, []*mesosproto.TaskInfo{t}))
	p.stage.fatal(p.driver.Suppress())
}

// launchUnder runs the task under an executor.
func (p *puppet) launchUnder(o *mesosproto.Offer) {
	x := scheduler.CustomExecutor("executor", "executor", resources.MustParse("cpus:0.1;mem:32"))
	t := scheduler.ExecutorTask(task, x, resources.MustParse("cpus:0.1;mem:32"))
	t.AgentId = o.GetAgentId()
	p.stage.fatal(p.driver.LaunchTasks([]*mesosproto.OfferID{o.GetId()}, []*mesosproto.TaskInfo{t}))
	p.stage.fatal(p.driver.Suppress())
}

// runs launches the task on the next offer and waits until it runs.
func (p *puppet) runs(command string) {
	p.launch(p.offer(), command)
	p.WaitForState(task, mesosproto.TaskState_TASK_RUNNING)
	p.stage.Advance(time.Second) // and that is acknowledged
}

// kill kills the task.
func (p *puppet) kill() { p.stage.fatal(p.driver.Kill(taskID)) }

// launched waits until the master has launched the task; the agent has not heard of it yet.
func (s *stage) launched() {
	s.RunUntil(time.Minute, "the launch", func() bool {
		for f := range s.Master().Frameworks.All() {
			if f.Tasks.Len() > 0 {
				return true
			}
		}
		return false
	})
}

// silent is when nobody hears of a broken connection.
var silent = Notice{Client: Never, Server: Never}

func explicit(cfg *scheduler.Config) { cfg.ExplicitAcknowledgements = true }

func aware(cfg *scheduler.Config) {
	cfg.Framework.Capabilities = scheduler.Capabilities(mesosproto.FrameworkInfo_Capability_PARTITION_AWARE)
}

// breakLink breaks the connections of an executor and its agent.
func (p *process) breakLink() {
	for _, conn := range p.cluster.net.of(p.name, "") {
		conn.breakNow(Notice{})
	}
}

// executor waits for the executor's process, and for its agent to hear of it.
func (s *stage) executor() *process {
	s.RunUntil(time.Minute, "the executor to subscribe", func() bool {
		for _, f := range s.Agent(0).Snapshot().Frameworks {
			for x := range f.Executors.All() {
				return x.State == "RUNNING"
			}
		}
		return false
	})
	return s.executors()[0]
}

// slowTasks are executors whose tasks take a while to start.
func slowTasks(*containerizer.Spec) Behaviour {
	return Behaviour{Executor: func() executor.Executor {
		return &ScriptedExecutor{Task: func(*mesosproto.TaskInfo) Behaviour { return Behaviour{Start: 10 * time.Second, Run: -1} }}
	}}
}

// silentExecutor is one that does not speak.
func silentExecutor(spec *containerizer.Spec) Behaviour {
	b := Command(spec)
	b.Silent = true
	return b
}

var slowStart = func(spec *containerizer.Spec) Behaviour {
	b := Command(spec)
	b.Start = time.Minute
	return b
}
