package schedulertest

import (
	"fmt"
	"syscall"
	"time"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// process is what runs in the container of an executor: a real driver and the test's callbacks. It ends
// with its container, and its container ends with it.
type process struct {
	cluster   *Cluster
	machine   *machine
	container *container
	name      string
	loop      *loop.SimLoop
	calls     *loop.SimLoop // the callbacks'
	driver    *executor.Driver
	http      http
	tasks     []*taskLife // of which it has said something
}

// execute starts the process of a container. What the agent says in the environment configures its
// driver.
func (m *machine) execute(c *container) {
	k := m.cluster
	p := &process{cluster: k, machine: m, container: c}
	p.name = p.agent().name + "/" + k.name("executor")
	c.process = p
	k.trace.note(fmt.Sprintf("started: %s is executor %s of %s", p.name, c.spec.ExecutorID, c.spec.FrameworkID))
	p.loop, p.calls = k.sim.Loop(p.name), k.sim.Loop(p.name+".callbacks")
	if c.does.Silent {
		return
	}
	variables := c.spec.Variables()
	cfg, err := executor.Config{
		Executor: c.does.Executor(), Dialer: executorDialer{p}, Logger: k.cfg.Logger,
		Loop: k.guards(watched{p.loop, p.look}), ExecutorLoop: p.calls,
		Exit: func() { p.endsWith(syscall.WaitStatus(syscall.SIGKILL)) },
	}.FromVariables(func(name string) (value string, ok bool) {
		value, ok = variables[name]
		return value, ok
	})
	k.fatal(err)
	p.driver, err = executor.New(cfg)
	k.fatal(err)
	k.fatal(p.driver.Start())
}

// look ends the process when its driver has ended, as the main function of an executor does.
func (p *process) look() {
	select {
	case <-p.driver.Done():
		exit := 0
		if p.driver.Err() != nil {
			exit = 1
		}
		p.endsWith(syscall.WaitStatus(exit << 8))
	default:
	}
}

// endsWith ends the process and its container once the present step is over.
func (p *process) endsWith(status syscall.WaitStatus) {
	p.cluster.sim.After(0, func() { p.machine.end(p.container, status) })
}

// die is the end of the process. What it has sent before it exits by itself still arrives; what was under
// way when it is killed need not.
func (p *process) die(status syscall.WaitStatus) {
	p.cluster.trace.note(fmt.Sprintf("ended: %s (%v)", p.name, waitText(status)))
	p.loop.Close()
	p.calls.Close()
	for _, l := range p.tasks {
		p.cluster.check.moved(l)
	}
	for _, conn := range p.cluster.net.of(p.name, "") {
		if status.Exited() {
			conn.close(&conn.toServer, conn.sides.serverBroke)
		} else {
			conn.breakNow(Notice{Client: Never})
		}
	}
}

func waitText(status syscall.WaitStatus) string {
	if status.Exited() {
		return fmt.Sprintf("exit %d", status.ExitStatus())
	}
	return status.Signal().String()
}

func (p *process) alive() bool { return p.container.running }

// agent is the one on the same machine.
func (p *process) agent() *Agent {
	for _, a := range p.cluster.agents {
		if a.machine == p.machine {
			return a
		}
	}
	panic("schedulertest: a process on no machine")
}

// executors lists the processes that run.
func (c *Cluster) executors() (live []*process) {
	for _, a := range c.agents {
		for _, id := range a.machine.order {
			if x := a.machine.containers[id]; x.running && x.process != nil {
				live = append(live, x.process)
			}
		}
	}
	return live
}

// Executors is how many executors' processes run on the agent's machine.
func (a *Agent) Executors() (n int) {
	for _, c := range a.machine.containers { // a count does not depend on the order
		if c.running && c.process != nil {
			n++
		}
	}
	return n
}

// executorDialer connects an executor's driver to the agent that its environment names.
type executorDialer struct{ process *process }

var _ executor.LinkDialer = executorDialer{}

func (executorDialer) Dial(executor.Agent) executor.Transport {
	panic("schedulertest: the driver must use DialLink") // a driver that did otherwise would leave the simulation
}

func (d executorDialer) DialLink(l loop.Loop, to executor.Agent) (link.Client[*executorpb.Call, *executorpb.Event], func()) {
	p, k := d.process, d.process.cluster
	a := k.agentAt(to.PID)
	c := &client[*executorpb.Call, *executorpb.Event]{
		cluster: k, host: p.name, http: &p.http, loop: l,
		server: func() service[*executorpb.Call, *executorpb.Event] {
			return service[*executorpb.Call, *executorpb.Event]{a.name, a.loop, a.agent.Executors()}
		},
		asks: func(m *executorpb.Call) { k.check.reported(p, m) },
		told: func(e *executorpb.Event) { k.check.promised(p, e) },
	}
	return c, c.hangUp
}

// agentAt finds an agent by its process id on the wire.
func (c *Cluster) agentAt(pid string) *Agent {
	for _, a := range c.agents {
		if a.agent.PID() == pid {
			return a
		}
	}
	c.t.Fatalf("no agent is at %s", pid)
	return nil
}

// watched is a loop after each of whose functions after is called.
type watched struct {
	*loop.SimLoop
	after func()
}

var _ loop.Loop = watched{}

// Post queues f.
func (w watched) Post(f func()) { w.SimLoop.Post(func() { f(); w.after() }) }

// AfterFunc posts f after d.
func (w watched) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return w.SimLoop.AfterFunc(d, func() { f(); w.after() })
}

// Timer returns a timer that posts f.
func (w watched) Timer(f func()) loop.Timer {
	return w.SimLoop.Timer(func() { f(); w.after() })
}

// Do runs work and posts done.
func (w watched) Do(work func() error, done func(error)) {
	w.SimLoop.Do(work, func(err error) { done(err); w.after() })
}
