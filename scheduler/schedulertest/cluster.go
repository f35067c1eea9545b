package schedulertest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	checkpointmemory "github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/master/registry"
	registrymemory "github.com/mesokit/mesokit/master/registry/memory"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// DefaultResources are those of each agent, unless Config says otherwise.
const DefaultResources = "cpus:4;mem:4096;disk:16384;ports:[31000-32000]"

// Config says what a Cluster is made of. The zero value works.
type Config struct {
	// Seed decides everything that is left to chance. Default 1.
	Seed uint64
	// Agents is how many there are at first. Default 1; negative: none.
	Agents int
	// Resources of each agent, as text. Default DefaultResources.
	Resources string
	// Behave says what a container does. Default Command.
	Behave func(*containerizer.Spec) Behaviour
	// Master and Agent may change the configuration of each. Loops, storage and connections are the
	// cluster's.
	Master func(*master.Config)
	Agent  func(*agent.Config)
	// Logger gets the logs of all parts. Default: none.
	Logger *zap.Logger
}

// Cluster is a master, agents and frameworks in one simulation. It is for one goroutine, the test's.
type Cluster struct {
	t      testing.TB
	cfg    Config
	sim    *loop.Sim
	net    *network
	trace  *trace
	master *node
	store  registry.Storage
	agents []*Agent
	born   int // numbers processes, so that each has a name of its own
	fws    []*Framework
	check  *checker
}

// node is one process of a master.
type node struct {
	name   string
	loop   *loop.SimLoop
	master *master.Master
}

func (n *node) closed() bool { return n.loop.Closed() }

// ended tells the master that a stream broke.
func (n *node) ended(s *stream) {
	if !n.closed() {
		n.master.Schedulers().Ended(s)
	}
}

const masterAddress = "10.0.0.1:5050"

func masterInfo() *mesosproto.MasterInfo {
	ip := netip.MustParseAddrPort(masterAddress)
	b := ip.Addr().As4()
	return &mesosproto.MasterInfo{
		Id:       proto.String("master"),
		Ip:       proto.Uint32(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24),
		Port:     proto.Uint32(uint32(ip.Port())),
		Pid:      proto.String("master@" + masterAddress),
		Hostname: proto.String("master"),
		Version:  proto.String(master.Version),
	}
}

// New starts a cluster: a master and agents that are about to register. It fails t if cfg is wrong;
// when t fails, the end of the trace and the seed are printed.
func New(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	if cfg.Seed == 0 {
		cfg.Seed = 1
	}
	if cfg.Agents == 0 {
		cfg.Agents = 1
	}
	if cfg.Resources == "" {
		cfg.Resources = DefaultResources
	}
	if cfg.Behave == nil {
		cfg.Behave = Command
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	sim := loop.NewSim(cfg.Seed)
	tr := newTrace(sim)
	c := &Cluster{
		t: t, cfg: cfg, sim: sim, trace: tr,
		net:   &network{sim: sim, trace: tr, cut: map[pair]bool{}},
		store: &registrymemory.Storage{},
	}
	c.check = newChecker(c)
	sim.OnStep = func(string) { c.check.step() }
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d; the end of the trace:\n%s", cfg.Seed, tr.text())
		}
	})
	c.startMaster()
	for range max(cfg.Agents, 0) {
		c.AddAgent(cfg.Resources)
	}
	return c
}

func (c *Cluster) fatal(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *Cluster) name(kind string) string {
	c.born++
	return fmt.Sprintf("%s-%d", kind, c.born)
}

func (c *Cluster) startMaster() {
	name := c.name("master")
	n := &node{name: name, loop: c.sim.Loop(name)}
	info := masterInfo()
	info.Id = proto.String(name)
	cfg := master.Config{Loop: n.loop, Info: info, Storage: c.store, Logger: c.cfg.Logger}
	if c.cfg.Master != nil {
		c.cfg.Master(&cfg)
	}
	if cfg.NewAllocator == nil {
		allocation := cfg.AllocatorConfig
		cfg.NewAllocator = func(l loop.Loop) allocator.Allocator { return allocator.New(l, allocation) }
	}
	inner, books := cfg.NewAllocator, &ledger{}
	cfg.NewAllocator = func(l loop.Loop) allocator.Allocator {
		*books = *newLedger(c.check, inner(l))
		return books
	}
	m, err := master.New(cfg)
	c.fatal(err)
	n.master, c.master = m, n
	c.check.books.newMaster(books)
	m.Start()
}

// Master is what the present master knows.
func (c *Cluster) Master() *master.Snapshot { return c.master.master.Snapshot() }

// CrashMaster ends the master's process. Its registry stays.
func (c *Cluster) CrashMaster() {
	c.trace.note("crash: " + c.master.name)
	c.master.loop.Close()
	for _, conn := range c.net.of(c.master.name, "") {
		conn.breakNow(Notice{Server: Never})
	}
}

// RestartMaster starts a master on the registry of the one that crashed.
func (c *Cluster) RestartMaster() { c.startMaster() }

// Agent is one machine of the cluster and the agent process on it.
type Agent struct {
	cluster *Cluster
	name    string
	pid     string
	info    *mesosproto.AgentInfo
	machine *machine
	disk    *checkpointmemory.Store
	loop    *loop.SimLoop
	agent   *agent.Agent
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
		machine: newMachine(c, c.cfg.Behave, r),
		disk:    &checkpointmemory.Store{},
	}
	c.agents = append(c.agents, a)
	a.start()
	return a
}

func (a *Agent) start() {
	c := a.cluster
	a.loop = c.sim.Loop(a.name)
	d := agentDialer{c, a}
	cfg := agent.Config{
		Loop: a.loop, Info: a.info, PID: a.pid, Async: &simulated{a.machine, a.loop},
		Detector: d, Dialer: d, Checkpoint: a.disk, Logger: c.cfg.Logger,
	}
	if c.cfg.Agent != nil {
		c.cfg.Agent(&cfg)
	}
	x, err := agent.New(cfg)
	c.fatal(err)
	a.agent = x
	x.Start()
}

// Agent is the nth agent, from 0.
func (c *Cluster) Agent(n int) *Agent { return c.agents[n] }

// Snapshot is what the agent knows.
func (a *Agent) Snapshot() *agent.Snapshot { return a.agent.Snapshot() }

// ID is the agent's id; empty until it has registered.
func (a *Agent) ID() string { return a.Snapshot().Info.GetId().GetValue() }

// Crash ends the agent's process, as kill -9 does: checkpointed containers run on.
func (a *Agent) Crash() {
	a.kill()
	a.machine.agentDied()
}

// Destroy ends the machine: process, containers and connections, which nobody tells anybody.
func (a *Agent) Destroy() {
	a.loop.Close()
	a.cluster.trace.note("destroyed: " + a.name)
	for _, conn := range a.cluster.net.of(a.name, "") {
		conn.breakNow(Notice{Client: Never, Server: Never})
	}
	a.machine.reboot()
}

func (a *Agent) kill() {
	a.cluster.trace.note("crash: " + a.name)
	a.loop.Close()
	for _, conn := range a.cluster.net.of(a.name, "") {
		conn.breakNow(Notice{Client: Never})
	}
}

// Restart starts the agent's process again, on what the last one left.
func (a *Agent) Restart() { a.start() }

// BreakLink breaks the agent's connection to the master; what is under way is lost.
func (a *Agent) BreakLink(n Notice) {
	for _, conn := range a.cluster.net.of(a.name, a.cluster.master.name) {
		conn.breakNow(n)
	}
}

// Isolate cuts the agent off from the master until Heal: connections break without notice and can't
// be made again.
func (a *Agent) Isolate() {
	a.cluster.net.cut[pair{a.name, a.cluster.master.name}] = true
	a.BreakLink(Notice{Client: Never, Server: Never})
}

// Heal ends Isolate.
func (a *Agent) Heal() { delete(a.cluster.net.cut, pair{a.name, a.cluster.master.name}) }

// Now is the virtual time.
func (c *Cluster) Now() time.Time { return c.sim.Now() }

// Advance runs everything that happens within the next d.
func (c *Cluster) Advance(d time.Duration) {
	c.t.Helper()
	c.sim.Advance(d)
	c.check.step()
}

// RunUntil runs the cluster until cond holds; it fails the test if that takes longer than limit.
func (c *Cluster) RunUntil(limit time.Duration, what string, cond func() bool) {
	c.t.Helper()
	if !c.sim.RunUntil(cond, limit) {
		c.t.Fatalf("still waiting after %v of virtual time: %s", limit, what)
	}
	c.check.step()
}

// Trace is what was delivered and done so far, a line each; only the end of a long one is kept.
func (c *Cluster) Trace() string { return c.trace.text() }

// Hash is a hash of the whole trace: equal for equal runs.
func (c *Cluster) Hash() string { return c.trace.sum() }
