package schedulertest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
)

// Framework is a framework in the cluster: the user's Scheduler behind a real Driver. What its driver
// tells it is recorded on the way.
type Framework struct {
	cluster *Cluster
	name    string
	loop    *loop.SimLoop
	calls   *loop.SimLoop // the callbacks'
	driver  *scheduler.Driver
	skew    time.Duration
	aware   bool   // PARTITION_AWARE
	role    string // if it is not MULTI_ROLE
	http    *http
	process func(disk bool) scheduler.Config // nil: it can't be started again
	conduct conduct
	trouble trouble

	// What the framework was told and has asked for so far, in order, whether or not that arrived:
	// status updates by task, offers, and tasks that it launched. See Config.NoRecords.
	Updates  map[string][]*mesosproto.TaskStatus
	Offers   []*mesosproto.Offer
	Launched []*mesosproto.TaskInfo
	// Operations is what it was told of its operations with an id.
	Operations map[string][]*mesosproto.OperationStatus
}

// Run starts a framework. Of cfg, Framework and Scheduler must be set; loops and connections are the
// cluster's.
func (c *Cluster) Run(cfg scheduler.Config) *Framework {
	c.t.Helper()
	f := c.newFramework()
	f.start(cfg, false)
	return f
}

// RunProcess starts a framework that can be started again after a crash. process says how it begins:
// disk is true if what it had saved is still there, and false the first time and when the disk is lost.
// It has to make a Scheduler that knows no more than a new process would.
func (c *Cluster) RunProcess(process func(disk bool) scheduler.Config) *Framework {
	c.t.Helper()
	f := c.newFramework()
	f.process = process
	f.start(process(false), false)
	return f
}

func (c *Cluster) newFramework() *Framework {
	f := &Framework{cluster: c, name: c.name("framework"), Updates: map[string][]*mesosproto.TaskStatus{}, http: &http{}}
	c.fws = append(c.fws, f)
	return f
}

func (f *Framework) start(cfg scheduler.Config, disk bool) {
	c := f.cluster
	c.t.Helper()
	f.trouble.last = c.check.now()
	if cfg.Framework == nil || cfg.Scheduler == nil {
		c.t.Fatalf("a framework needs Config.Framework and Config.Scheduler; they are %v and %v", cfg.Framework, cfg.Scheduler)
	}
	f.begin(cfg, disk)
	f.loop, f.calls = c.sim.Loop(f.name), c.sim.Loop(f.name+".callbacks")
	f.loop.SetSkew(f.skew)
	f.calls.SetSkew(f.skew)
	cfg.Loop, cfg.FrameworkLoop = c.guards(f.loop), f.calls
	cfg.Dialer, cfg.Detector, cfg.Master = dialer{c, f}, nil, ""
	f.aware = slices.ContainsFunc(cfg.Framework.GetCapabilities(), func(x *mesosproto.FrameworkInfo_Capability) bool {
		return x.GetType() == mesosproto.FrameworkInfo_Capability_PARTITION_AWARE
	})
	//lint:ignore SA1019 it is what frameworks without MULTI_ROLE have
	f.role = cmp.Or(cfg.Framework.GetRole(), "*")
	cfg.Scheduler = recorder{cfg.Scheduler, f}
	if cfg.Logger == nil {
		cfg.Logger = c.cfg.Logger
	}
	d, err := scheduler.New(cfg)
	c.fatal(err)
	f.driver = d
	c.fatal(d.Start())
}

// Restart starts a framework's process again, with or without what it had saved. It must have been
// started by RunProcess and have crashed.
func (f *Framework) Restart(disk bool) {
	f.cluster.t.Helper()
	if f.process == nil {
		f.cluster.t.Fatal("Restart: a framework that can be started again is started by RunProcess, not Run")
	}
	if !f.loop.Closed() {
		f.cluster.t.Fatalf("Restart: %s runs; let it Crash first", f.name)
	}
	f.cluster.trace.note(fmt.Sprintf("started: %s (with its disk: %v)", f.name, disk))
	f.start(f.process(disk), disk)
}

// LoseCall loses the framework's next call on its way; LoseAnswer the answer to it.
func (f *Framework) LoseCall() {
	f.trouble.last = f.cluster.check.now()
	f.http.loseCall = true
}

// LoseAnswer lets the framework's next call arrive and loses the answer.
func (f *Framework) LoseAnswer() {
	f.trouble.last = f.cluster.check.now()
	f.http.loseAnswer = true
}

// Driver is the framework's driver.
func (f *Framework) Driver() *scheduler.Driver { return f.driver }

// Crash ends the framework's process: nothing is told to anybody but that its connections broke.
func (f *Framework) Crash() {
	f.cluster.trace.note("crash: " + f.name)
	f.loop.Close()
	f.calls.Close()
	for _, conn := range f.cluster.net.of(f.name, "") {
		conn.breakNow(Notice{Client: Never})
	}
}

// BreakLink breaks the framework's connections to masters; what is under way is lost.
func (f *Framework) BreakLink(n Notice) {
	f.trouble.last = f.cluster.check.now()
	f.cluster.net.breakLinks(f.name, n)
}

// State is the last state that the framework heard of a task; ok is false if it heard of none.
func (f *Framework) State(task string) (s mesosproto.TaskState, ok bool) {
	u := f.Updates[task]
	if len(u) == 0 {
		return 0, false
	}
	return u[len(u)-1].GetState(), true
}

// States are all that the framework heard of a task, in order, repetitions left out.
func (f *Framework) States(task string) (out []mesosproto.TaskState) {
	for _, u := range f.Updates[task] {
		if n := len(out); n == 0 || out[n-1] != u.GetState() {
			out = append(out, u.GetState())
		}
	}
	return out
}

// WaitForState runs the cluster until the framework has heard that a task is in a state; it fails the
// test after an hour of virtual time.
func (f *Framework) WaitForState(task string, want mesosproto.TaskState) {
	f.cluster.t.Helper()
	if !f.cluster.sim.RunUntil(func() bool {
		s, ok := f.State(task)
		return ok && s == want
	}, time.Hour) {
		f.cluster.t.Fatalf("still waiting after an hour of virtual time: task %q to be %v; %s", task, want, f.knows(task))
	}
	f.cluster.look()
}

// knows is what the framework has heard of a task, for people.
func (f *Framework) knows(task string) string {
	if s, ok := f.State(task); ok {
		return "it is " + s.String()
	}
	heard := slices.Sorted(maps.Keys(f.Updates))
	if len(heard) > 10 {
		heard = append(heard[:10], "…")
	}
	return fmt.Sprintf("nothing was heard of it, only of %q", heard)
}

// WaitForOffer runs the cluster until the framework holds an offer, which it has neither used nor
// declined, and returns its id; it fails the test after an hour of virtual time.
func (f *Framework) WaitForOffer() (id string) {
	f.cluster.t.Helper()
	f.cluster.RunUntil(time.Hour, "an offer for "+f.name, func() bool { return len(f.conduct.held) > 0 })
	return slices.Sorted(maps.Keys(f.conduct.held))[0]
}

// Task is the task of that id as the framework launched it; nil if it did not.
func (f *Framework) Task(id string) *mesosproto.TaskInfo {
	i := slices.IndexFunc(f.Launched, func(t *mesosproto.TaskInfo) bool { return t.GetTaskId().GetValue() == id })
	if i < 0 {
		return nil
	}
	return f.Launched[i]
}

// AgentOf is the agent on which the framework launched a task; nil if it did not, or if the agent has
// another id by now.
func (f *Framework) AgentOf(task string) *Agent {
	id := f.Task(task).GetAgentId().GetValue()
	i := slices.IndexFunc(f.cluster.agents, func(a *Agent) bool { return id != "" && a.ID() == id })
	if i < 0 {
		return nil
	}
	return f.cluster.agents[i]
}

// Acknowledged are the states of a task whose acknowledgement has reached its agent, in order.
func (f *Framework) Acknowledged(task string) (out []mesosproto.TaskState) {
	l := f.cluster.check.updates.tasks[taskKey{f.driver.FrameworkID().GetValue(), task}]
	if l == nil {
		return nil
	}
	told := map[string]bool{} // an update may have come more than once
	for _, u := range f.Updates[task] {
		if uuid := string(u.GetUuid()); l.acked[uuid] && !told[uuid] {
			told[uuid] = true
			out = append(out, u.GetState())
		}
	}
	return out
}

// WaitForAcknowledgement runs the cluster until the acknowledgement of a task's state has reached its
// agent; it fails the test after an hour of virtual time.
func (f *Framework) WaitForAcknowledgement(task string, state mesosproto.TaskState) {
	f.cluster.t.Helper()
	f.cluster.RunUntil(time.Hour, "the acknowledgement that "+task+" is "+state.String(), func() bool {
		return slices.Contains(f.Acknowledged(task), state)
	})
}
