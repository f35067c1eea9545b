package schedulertest

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Agent is one machine of the cluster and the agent process on it.
type Agent struct {
	cluster  *Cluster
	name     string
	pid      string
	info     *mesosproto.AgentInfo
	machine  *machine
	store    *agentStore
	disk     *disk
	skew     time.Duration
	loop     *loop.SimLoop
	agent    *agent.Agent
	isolated bool
	trouble  trouble
}

// AddAgent adds a machine with these resources and starts its agent.
func (c *Cluster) AddAgent(text string) *Agent {
	c.t.Helper()
	r, err := resources.Parse(text)
	c.fatal(err)
	n := len(c.agents) + 1
	a := &Agent{
		cluster: c,
		name:    c.name("agent"),
		pid:     fmt.Sprintf("slave(1)@10.1.%d.%d:5051", n/250, n%250+1),
		info: &mesosproto.AgentInfo{
			Hostname: proto.String(fmt.Sprintf("agent%d.example", n)), Port: proto.Int32(5051), Resources: r.Proto(),
		},
		machine: newMachine(c, r),
		store:   &agentStore{},
		disk:    &disk{},
	}
	c.agents = append(c.agents, a)
	a.start()
	return a
}

func (a *Agent) start() {
	c := a.cluster
	a.trouble.last = c.check.now()
	a.loop = c.sim.Loop(a.name)
	a.loop.SetSkew(a.skew)
	d := agentDialer{c, a}
	l := a.loop
	cfg := agent.Config{
		Loop: c.guards(diskLoop{l, c.sim, a.disk}), Info: a.info, PID: a.pid, Async: &simulated{a.machine, l},
		Detector: d, Dialer: d, Checkpoint: watchedStore{a.store, a, l}, Logger: c.cfg.Logger,
		OnExit: func(err error) { a.gaveUp(l, err) },
	}
	if c.cfg.Agent != nil {
		c.cfg.Agent(&cfg)
	}
	x, err := agent.New(cfg)
	c.fatal(err)
	a.agent = x
	x.Start()
}

// gaveUp does what a supervisor does: an agent that ended itself is started again a second later.
func (a *Agent) gaveUp(l *loop.SimLoop, err error) {
	c := a.cluster
	c.trace.note(fmt.Sprintf("%s gave up: %v", a.name, err))
	c.sim.After(0, func() {
		if !l.Closed() {
			a.Crash()
			c.sim.After(time.Second, func() {
				if a.loop.Closed() {
					a.Restart()
				}
			})
		}
	})
}

// Agent is the nth agent, from 0. It fails the test if there are fewer.
func (c *Cluster) Agent(n int) *Agent {
	c.t.Helper()
	if n < 0 || n >= len(c.agents) {
		c.t.Fatalf("there is no agent %d; the cluster has %d, from 0", n, len(c.agents))
	}
	return c.agents[n]
}

// Snapshot is what the agent knows.
func (a *Agent) Snapshot() *agent.Snapshot { return a.agent.Snapshot() }

// ID is the agent's id; empty until it has registered.
func (a *Agent) ID() string { return a.Snapshot().Info.GetId().GetValue() }

// Crash ends the agent's process, as kill -9 does: checkpointed containers run on.
func (a *Agent) Crash() {
	a.trouble.last = a.cluster.check.now()
	a.cluster.check.crashed(a.ID())
	a.cluster.trace.note("crash: " + a.name)
	a.forgets()
	a.loop.Close()
	for _, conn := range a.cluster.net.of(a.name, "") {
		if conn.client == a.name {
			conn.breakNow(Notice{Client: Never})
		} else { // an executor's
			conn.breakNow(Notice{Server: Never})
		}
	}
	a.machine.agentDied()
}

// Destroy ends the machine: process, containers and connections, which nobody tells anybody. Restart
// boots it again with the disk that it had; what was not synced is gone.
func (a *Agent) Destroy() {
	a.trouble.last = a.cluster.check.now()
	a.cluster.check.rebooted(a.ID())
	a.forgets()
	a.loop.Close()
	a.cluster.trace.note("destroyed: " + a.name)
	for _, conn := range a.cluster.net.of(a.name, "") {
		conn.breakNow(Notice{Client: Never, Server: Never})
	}
	a.machine.reboot()
	a.store.LoseUnsynced()
}

// forgets notes what is not on the disk of an agent that dies.
func (a *Agent) forgets() {
	if a.store.behind {
		a.cluster.check.amnesic(a.ID())
	}
}

// LoseDisk empties the disk of an agent that is down. Restart then starts a new agent, which ends what
// still runs on the machine.
func (a *Agent) LoseDisk() {
	a.cluster.trace.note("disk lost: " + a.name)
	a.cluster.check.reset(a.ID())
	a.store = &agentStore{}
}

// Restart starts the agent's process again, on what the last one left.
func (a *Agent) Restart() {
	a.cluster.trace.note("started: " + a.name)
	a.start()
}

// BreakLink breaks the agent's connections to masters; what is under way is lost.
func (a *Agent) BreakLink(n Notice) {
	a.trouble.last = a.cluster.check.now()
	a.cluster.net.breakLinks(a.name, n)
}

// Isolate cuts the agent off from everything until Heal: connections break without notice and can't
// be made again.
func (a *Agent) Isolate() {
	if a.isolated {
		return
	}
	a.isolated = true
	a.cluster.net.block(a.name, anywhere)
	a.cluster.net.block(anywhere, a.name)
	a.BreakLink(Notice{Client: Never, Server: Never})
}

// Heal ends Isolate.
func (a *Agent) Heal() {
	if a.isolated {
		a.isolated = false
		a.cluster.net.unblock(a.name, anywhere)
		a.cluster.net.unblock(anywhere, a.name)
	}
}
