package schedulertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/registry"
	registrymemory "github.com/mesokit/mesokit/master/registry/memory"
)

// DefaultResources are those of each agent, unless Config says otherwise.
const DefaultResources = "cpus:4;mem:4096;disk:16384;ports:[31000-32000]"

// Config says what a Cluster is made of. The zero value works.
type Config struct {
	// Seed decides everything that is left to chance. Default 1.
	Seed uint64
	// Masters is how many there are. Default 1, which has its registry on its own disk and needs no
	// election. Several contend with each other and share a registry.
	Masters int
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
	// HoldOffers is how long frameworks may keep an offer. Default DefaultHoldOffers; negative: for ever.
	HoldOffers time.Duration
	// Bound is how long, after the last fault that concerns it, it may take until a task has ended, runs or
	// is known to be unreachable, until what is known of it is true, and until an agent is registered.
	// Frameworks have to ask for what they were not told within that time. Default DefaultBound;
	// negative: only CheckSettled says when.
	Bound time.Duration
	// NoRecords keeps what was told to frameworks only as far as the invariants need it, for runs with
	// very many tasks: of Framework.Updates the last of each task, nothing else.
	NoRecords bool
	// Without switches guards off, to see whether a test notices. Default: none.
	Without []Guard
	// Logger gets the logs of all parts. Default: none.
	Logger *zap.Logger
}

// Cluster is masters, agents and frameworks in one simulation. It is for one goroutine, the test's.
type Cluster struct {
	t        testing.TB
	cfg      Config
	sim      *loop.Sim
	net      *network
	trace    *trace
	masters  []*MasterHost
	master   *node     // the process that leads, or did last
	ensemble *ensemble // that elects; nil if there is one master
	store    registry.Storage
	agents   []*Agent
	born     int // numbers processes, so that each has a name of its own
	fws      []*Framework
	check    *checker
	// happened counts the faults of scripts.
	happened map[FaultKind]int
	lasting  map[lasting]int // how many faults do what lasts
	timing   *timing
}

// New starts a cluster: masters and agents that are about to register. It fails t if cfg is wrong;
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
	if cfg.HoldOffers == 0 {
		cfg.HoldOffers = DefaultHoldOffers
	}
	if cfg.Bound == 0 {
		cfg.Bound = DefaultBound
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	sim := loop.NewSim(cfg.Seed)
	tr := newTrace(sim)
	c := &Cluster{
		t: t, cfg: cfg, sim: sim, trace: tr,
		net:   &network{sim: sim, trace: tr, cut: map[pair]int{}, lag: map[pair]time.Duration{}},
		store: &registrymemory.Storage{}, happened: map[FaultKind]int{}, lasting: map[lasting]int{},
	}
	c.timing = &timing{cluster: c, hits: map[Cell]int{}}
	c.net.timing = c.timing
	c.check = newChecker(c)
	tr.mutated = c.check.mutated
	c.net.dead = func(process string) bool {
		return slices.ContainsFunc(c.masters, func(h *MasterHost) bool { return h.node.name == process && h.node.closed() })
	}
	sim.OnStep = c.check.step
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d; the end of the trace:\n%s", cfg.Seed, tr.text())
		}
	})
	c.net.changed = c.check.cut
	if cfg.Masters > 1 {
		c.ensemble = &ensemble{cluster: c}
		c.net.changed = func(from, to string) {
			c.check.cut(from, to)
			c.ensemble.reachable(from, to)
		}
	}
	for range max(cfg.Masters, 1) {
		c.addMaster()
	}
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

// Now is the virtual time.
func (c *Cluster) Now() time.Time { return c.sim.Now() }

// Advance runs everything that happens within the next d.
func (c *Cluster) Advance(d time.Duration) {
	c.t.Helper()
	c.sim.Advance(d)
	c.look()
}

// look checks what has changed by now.
func (c *Cluster) look() {
	c.check.changed()
	c.check.stop()
}

// RunUntil runs the cluster until cond holds; it fails the test if that takes longer than limit.
func (c *Cluster) RunUntil(limit time.Duration, what string, cond func() bool) {
	c.t.Helper()
	if !c.sim.RunUntil(cond, limit) {
		c.t.Fatalf("still waiting after %v of virtual time: %s", limit, what)
	}
	c.look()
}

// Trace is what was delivered and done so far, a line each; only the end of a long one is kept.
func (c *Cluster) Trace() string { return c.trace.text() }

// Hash is a hash of the whole trace: equal for equal runs.
func (c *Cluster) Hash() string { return c.trace.sum() }
