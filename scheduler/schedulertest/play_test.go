package schedulertest_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// keeping is a framework that launches what it is given, and does not acknowledge what it is to keep.
type keeping struct {
	*launching
	keep   map[string]mesosproto.TaskState // by task: the state of which updates are not acknowledged
	offers []*mesosproto.Offer             // while it hoards: neither used nor declined
	hoards bool
}

func (f *keeping) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	if f.hoards {
		f.offers = append(f.offers, offers...)
	} else {
		f.launching.ResourceOffers(d, offers)
	}
}

func (f *keeping) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	if keep, some := f.keep[s.GetTaskId().GetValue()]; len(s.GetUuid()) > 0 && !(some && keep == s.GetState()) {
		_ = d.Acknowledge(s) // while it is disconnected: the update comes again
	}
}

// scene is what happens in a play.
type scene struct {
	name  string
	cfg   schedulertest.Config
	in    func(*mesosproto.FrameworkInfo) // changes it; nil: not
	plays func(p *play)
}

// play is a cluster of one agent and one framework that do what a test says.
type play struct {
	*schedulertest.Cluster
	t     *testing.T
	f     *schedulertest.Framework
	s     *keeping
	acts  map[string]schedulertest.Behaviour // of containers, by the ids of tasks and executors
	aware bool
}

// begin sets the stage; the framework is PARTITION_AWARE or not.
func (x scene) begin(t *testing.T, aware bool) *play {
	p := &play{t: t, aware: aware, acts: map[string]schedulertest.Behaviour{}}
	p.s = &keeping{launching: &launching{}, keep: map[string]mesosproto.TaskState{}}
	cfg := x.cfg
	cfg.Behave = func(spec *containerizer.Spec) schedulertest.Behaviour {
		id := spec.ExecutorID
		if spec.Task != nil {
			id = spec.Task.GetTaskId().GetValue()
		}
		if b, ok := p.acts[id]; ok {
			return b
		}
		return schedulertest.Command(spec)
	}
	p.Cluster = schedulertest.New(t, cfg)
	p.f = p.RunProcess(func(bool) scheduler.Config {
		in := info(mesosproto.FrameworkInfo_Capability_TASK_KILLING_STATE)
		if p.aware {
			in = info(mesosproto.FrameworkInfo_Capability_TASK_KILLING_STATE, partitionAware)
		}
		if p.f != nil {
			in.Id = p.f.Driver().FrameworkID()
		}
		if x.in != nil {
			x.in(in)
		}
		return scheduler.Config{Framework: in, Scheduler: p.s, ExplicitAcknowledgements: true}
	})
	p.registers()
	return p
}

const (
	beingKilled = mesosproto.TaskState_TASK_KILLING
	errored     = mesosproto.TaskState_TASK_ERROR
	dropped     = mesosproto.TaskState_TASK_DROPPED
	gone        = mesosproto.TaskState_TASK_GONE
)

var errBroken = errors.New("it is broken")

// outOfMemory is how a container ends that took more memory than it has.
var outOfMemory = &containerizer.Termination{
	Exited: true, WaitStatus: syscall.WaitStatus(syscall.SIGKILL), Reason: mesosproto.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY.Enum(),
	LimitedResources: resources.MustParse("mem:16"), Message: "Memory limit exceeded",
}

// small is what each task needs.
var small = resources.MustParse("cpus:0.05;mem:16")

// command is a command task.
func command(id, words string, opts ...scheduler.TaskOption) *mesosproto.TaskInfo {
	return scheduler.CommandTask(id, words, small, opts...)
}

// underOne is a task under an executor of its own kind; what its executor makes of data is its affair.
func underOne(id string, x *mesosproto.ExecutorInfo, data string) *mesosproto.TaskInfo {
	return scheduler.ExecutorTask(id, x, small, scheduler.WithData([]byte(data)))
}

// registers waits until the agent has registered, and has written down that it has.
func (p *play) registers() {
	p.t.Helper()
	p.RunUntil(time.Minute, "the agent to register", func() bool { return p.Master().Agents.Len() == 1 })
	p.Advance(5 * time.Second)
}

// launch launches tasks as soon as there is room.
func (p *play) launch(tasks ...*mesosproto.TaskInfo) {
	for _, t := range tasks {
		p.s.parts = append(p.s.parts, part{tasks: []*mesosproto.TaskInfo{t}})
	}
}

// accept launches tasks with an offer, or with what has never been one, without looking.
func (p *play) accept(offer string, operations ...*mesosproto.Offer_Operation) {
	p.t.Helper()
	require.NoError(p.t, p.f.Driver().Accept([]*mesosproto.OfferID{{Value: proto.String(offer)}}, operations))
}

func (p *play) agentID() *mesosproto.AgentID {
	return &mesosproto.AgentID{Value: proto.String(p.Agent(0).ID())}
}

func taskID(id string) *mesosproto.TaskID { return &mesosproto.TaskID{Value: proto.String(id)} }

func (p *play) kill(id string, opts ...scheduler.KillOption) {
	p.t.Helper()
	require.NoError(p.t, p.f.Driver().Kill(taskID(id), opts...))
}

// hears runs the cluster until the framework has heard one of two states of each task: the first if it is
// PARTITION_AWARE, else the second.
func (p *play) hears(aware, plain mesosproto.TaskState, tasks ...string) {
	p.t.Helper()
	if !p.aware {
		aware = plain
	}
	for _, id := range tasks {
		p.f.WaitForState(id, aware)
	}
}

// asks reconciles all tasks that were launched, by name and in general, and waits for the answers.
func (p *play) asks() {
	p.t.Helper()
	var all []*mesosproto.TaskStatus
	for _, t := range p.f.Launched {
		all = append(all, &mesosproto.TaskStatus{TaskId: t.GetTaskId(), AgentId: t.GetAgentId()})
	}
	require.NoError(p.t, p.f.Driver().Reconcile(all...))
	require.NoError(p.t, p.f.Driver().Reconcile())
	p.Advance(time.Second)
}

// alive are the states in which a task can be for long, and the tasks of inEachState that are.
var alive = []string{"staging", "starting", "running", "killing"}

// inEachState launches a task for each state in which one can be for long, and waits until each is there.
func (p *play) inEachState() {
	p.acts["staging"] = schedulertest.Behaviour{Start: 24 * time.Hour}
	p.acts["killing"] = schedulertest.Behaviour{Run: -1, IgnoreTerm: true}
	p.s.keep["starting"] = starting
	for _, id := range alive {
		p.launch(command(id, "server", scheduler.WithKillPolicy(24*time.Hour)))
	}
	p.f.WaitForState("killing", running)
	p.kill("killing")
	p.f.WaitForState("killing", beingKilled)
	p.asks()
	for i, state := range []mesosproto.TaskState{staging, starting, running, beingKilled} {
		p.f.WaitForState(alive[i], state)
	}
}

// forget brings tasks into all states while nothing is written by the agent, so that it has forgotten them
// when it starts again.
func (p *play) forget() {
	p.Inject(schedulertest.Faults{{Kind: schedulertest.FailDisk, For: 20 * time.Second}})
	p.Advance(time.Millisecond)
	p.inEachState()
}
