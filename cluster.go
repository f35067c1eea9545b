package mesokit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/checkpoint/file"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/composing"
	"github.com/mesokit/mesokit/agent/containerizer/inprocess"
	"github.com/mesokit/mesokit/agent/containerizer/posix"
	"github.com/mesokit/mesokit/agent/fetcher"
	agenthttp "github.com/mesokit/mesokit/agent/httpv1"
	agentoperator "github.com/mesokit/mesokit/agent/operator"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/httpv1"
	"github.com/mesokit/mesokit/master/inproc"
	"github.com/mesokit/mesokit/master/libprocess"
	"github.com/mesokit/mesokit/master/operator"
	"github.com/mesokit/mesokit/master/registry/bolt"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// ClusterConfig says what a Cluster is made of. The zero value works: a master and one agent that runs
// commands.
type ClusterConfig struct {
	// Agents is how many there are. Default 1.
	Agents int
	// Resources of each agent, as text. Default [DefaultResources], to which each agent adds 1000
	// ports of its own, beginning with 31000.
	Resources string
	// Listen is where the master serves HTTP. Default 127.0.0.1:0, a free port; see Cluster.Address.
	// It serves agents of other processes as well, so an IP address must be given that they can reach.
	Listen string
	// WorkDir keeps the registry, and the agents' sandboxes and checkpoints; a cluster that is killed
	// and started again on the same one goes on where it was, tasks included if the program calls
	// agent.RunHelper. Default: a temporary directory, which Stop removes.
	WorkDir string
	// Executors are executors that are Go code, by name. A task names one with [FunctionExecutor].
	// Each launch of it calls the function for an Executor of its own.
	Executors map[string]func() executor.Executor
	// Containerizers adds others to an agent's, such as docker; those for plain commands and for
	// Executors are always there. It is called for each agent, with its own directory. Those that are
	// io.Closers are closed by Stop.
	Containerizers func(dir string) ([]containerizer.Containerizer, error)
	// Master and Agent may change the configuration of each before it is made. Default: nothing.
	Master func(*master.Config)
	Agent  func(n int, cfg *agent.Config)
	// Logger gets one line an event of all parts. Default: no log.
	Logger *zap.Logger
}

// DefaultResources are those of each agent of a Cluster: not this machine's, so that any number of
// agents can share it.
const DefaultResources = "cpus:4;mem:4096;disk:16384"

// portsPerAgent is the share of each agent of the ports from firstPort on: agents of one machine share
// its ports.
const (
	firstPort     = 31000
	portsPerAgent = 1000
)

// Cluster is a master and agents in this process. Its methods are safe for concurrent use.
type Cluster struct {
	master    *master.Master
	agents    []*agent.Agent
	address   string
	temporary bool           // nothing need survive this process
	stops     []func() error // in the order of start
	stopped   sync.Once
	err       error
}

// StartCluster starts a master and agents, and returns when all agents have registered, or ctx has ended.
// ctx bounds the start only; Stop ends the cluster.
func StartCluster(ctx context.Context, cfg ClusterConfig) (*Cluster, error) {
	c := &Cluster{}
	if err := c.start(ctx, cfg); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, cfg ClusterConfig) error {
	switch {
	case cfg.Agents < 0:
		return fmt.Errorf("ClusterConfig.Agents is %d; want 1 or more, or 0 for 1", cfg.Agents)
	case cfg.Agents == 0:
		cfg.Agents = 1
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	if cfg.Resources == "" {
		cfg.Resources = DefaultResources
	}
	each, err := resources.Parse(cfg.Resources)
	if err != nil {
		return fmt.Errorf("ClusterConfig.Resources: %q: %w", cfg.Resources, err)
	}
	if cfg.WorkDir == "" {
		dir, err := os.MkdirTemp("", "mesokit-")
		if err != nil {
			return fmt.Errorf("make a work directory: %w", err)
		}
		cfg.WorkDir = dir
		c.temporary = true
		c.onStop(func() error { return os.RemoveAll(dir) })
	} else if cfg.WorkDir, err = filepath.Abs(cfg.WorkDir); err != nil {
		return fmt.Errorf("ClusterConfig.WorkDir: %w", err)
	}
	if err := c.startMaster(cfg); err != nil {
		return err
	}
	for n := range cfg.Agents {
		own := each
		if own.Ports() == nil && n < (65536-firstPort)/portsPerAgent {
			begin := uint64(firstPort + n*portsPerAgent)
			own = own.Add(resources.NewRange("ports", resources.Range{Begin: begin, End: begin + portsPerAgent - 1}).Resources())
		}
		if err := c.startAgent(cfg, n, own); err != nil {
			return fmt.Errorf("agent %d: %w", n, err)
		}
	}
	return c.ready(ctx, cfg.Agents)
}

func (c *Cluster) onStop(stop func() error) { c.stops = append(c.stops, stop) }

// Stop ends the cluster, agents first: their tasks are killed. It returns when everything is down, and may
// be called twice.
func (c *Cluster) Stop() error {
	c.stopped.Do(func() {
		for i := len(c.stops) - 1; i >= 0; i-- {
			c.err = errors.Join(c.err, c.stops[i]())
		}
	})
	return c.err
}

func (c *Cluster) startMaster(cfg ClusterConfig) error {
	storage, err := bolt.Open(filepath.Join(cfg.WorkDir, "master", "registry.db"))
	if err != nil {
		return err
	}
	c.onStop(storage.Close)
	listener, address, err := listen(cfg.Listen)
	if err != nil {
		return err
	}
	c.address = address.String()
	mcfg := master.Config{
		Storage:          storage,
		Logger:           cfg.Logger,
		SnapshotInterval: time.Millisecond, // people don't see it, and calls over HTTP come one by one
		Info: &mesosproto.MasterInfo{
			Hostname: proto.String(address.Addr().String()),
			Port:     proto.Uint32(uint32(address.Port())),
			Address:  &mesosproto.Address{Ip: proto.String(address.Addr().String())},
		},
	}
	if cfg.Master != nil {
		cfg.Master(&mcfg)
	}
	if c.master, err = master.New(mcfg); err != nil {
		return errors.Join(err, listener.Close())
	}
	remote, err := libprocess.New(libprocess.Config{Advertise: address, Agents: c.master.Agents(), Logger: cfg.Logger})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	routes := http.NewServeMux()
	api := httpv1.New(httpv1.Config{Schedulers: c.master.Schedulers(), Snapshot: c.master.Snapshot, Logger: cfg.Logger})
	api.Mount(routes)
	operator.New(operator.Config{Snapshot: c.master.Snapshot}).Mount(routes)
	server := remote.HTTPServer(operator.Routes(routes))
	c.onStop(func() error {
		c.master.Stop()
		api.Close()
		err := server.Close()
		remote.Close()
		return err
	})
	go server.Serve(listener)
	c.master.Start()
	return nil
}

func (c *Cluster) startAgent(cfg ClusterConfig, n int, own resources.Resources) error {
	dir := filepath.Join(cfg.WorkDir, fmt.Sprintf("agent-%d", n))
	store, err := file.Open(filepath.Join(dir, "meta", "checkpoint"))
	if err != nil {
		return err
	}
	c.onStop(store.Close)
	listener, address, err := listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	var a *agent.Agent // the executors' way to it; set before any can be launched
	containers, err := c.containers(cfg, dir, func() *agent.Agent { return a })
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	pid := "slave(1)@" + address.String()
	acfg := agent.Config{
		Info: &mesosproto.AgentInfo{
			Hostname:  proto.String(address.Addr().String()),
			Port:      proto.Int32(int32(address.Port())),
			Resources: own.Proto(),
		},
		IP: address.Addr(), PID: pid, WorkDir: dir,
		Containerizer: containers,
		Checkpoint:    store,
		Fetcher:       &fetcher.Fetcher{},
		Detector:      inproc.Detector(c.master),
		Dialer:        inproc.Agents(c.master, pid),
		// The master is in this process: nobody is spared by waiting.
		RegistrationBackoff: time.Millisecond,
		Logger:              cfg.Logger,
	}
	if cfg.Agent != nil {
		cfg.Agent(n, &acfg)
	}
	if a, err = agent.New(acfg); err != nil {
		return errors.Join(err, listener.Close())
	}
	routes := http.NewServeMux()
	api := agenthttp.New(agenthttp.Config{Executors: a.Executors(), Ready: func() bool { return a.Snapshot().Recovered }, Logger: cfg.Logger})
	api.Mount(routes)
	agentoperator.New(agentoperator.Config{Snapshot: a.Snapshot, Containers: containers}).Mount(routes)
	server := &http.Server{Handler: agentoperator.Routes(routes)}
	c.onStop(func() error {
		err := destroyAll(a, containers)
		a.Stop()
		api.Close()
		return errors.Join(err, server.Close())
	})
	go server.Serve(listener)
	c.agents = append(c.agents, a)
	a.Start()
	return nil
}

// containers makes an agent's containerizer.
func (c *Cluster) containers(cfg ClusterConfig, dir string, self func() *agent.Agent) (containerizer.Containerizer, error) {
	var list []containerizer.Containerizer
	if cfg.Containerizers != nil {
		more, err := cfg.Containerizers(dir)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
		for _, m := range more {
			if closer, ok := m.(io.Closer); ok {
				c.onStop(closer.Close)
			}
		}
	}
	functions, err := inprocess.New(inprocess.Config{Executors: functionExecutors(cfg.Executors, self, cfg.Logger), Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	runtime := filepath.Join(dir, "runtime")
	if c.temporary {
		runtime = ""
	}
	commands, err := posix.New(posix.Config{RuntimeDir: runtime, WorkDir: dir, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	c.onStop(commands.Close)
	return composing.New(append(list, functions, commands)...)
}

// destroyAll ends what an agent's frameworks still run: nobody will come back for it.
func destroyAll(a *agent.Agent, containers containerizer.Containerizer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	for _, f := range a.Snapshot().Frameworks {
		for e := range f.Executors.All() {
			id := &mesosproto.ContainerID{Value: proto.String(e.ContainerID)}
			_, err := containers.Destroy(ctx, id)
			if err == nil {
				err = containers.Remove(ctx, id)
			}
			if err != nil && !errors.Is(err, containerizer.ErrUnknown) {
				errs = append(errs, fmt.Errorf("end container %s: %w", e.ContainerID, err))
			}
		}
	}
	return errors.Join(errs...)
}

// listen listens on an IPv4 address.
func listen(address string) (net.Listener, netip.AddrPort, error) {
	l, err := net.Listen("tcp4", address)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen on %q: %w", address, err)
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	ip := at.Addr().Unmap()
	if ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return l, netip.AddrPortFrom(ip, at.Port()), nil
}

// ready waits until the agents have registered.
func (c *Cluster) ready(ctx context.Context, agents int) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.master.Snapshot().Agents.Len() < agents {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d agents have registered: %w", c.master.Snapshot().Agents.Len(), agents, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// Address is the master's host:port, for schedulers, agents and tools in other processes.
func (c *Cluster) Address() string { return c.address }

// Dialer connects schedulers in this process to the cluster: give it to scheduler.Config.
func (c *Cluster) Dialer() scheduler.Dialer { return inproc.Schedulers(c.master) }

// Master is the cluster's master.
func (c *Cluster) Master() *master.Master { return c.master }

// Agents are the cluster's agents.
func (c *Cluster) Agents() []*agent.Agent { return c.agents }
