// Mesos-master runs a master.
//
//	mesos-master --ip=127.0.0.1 --port=5050 --work_dir=/var/lib/mesos/master
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/examples/internal/daemon"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/httpv1"
	"github.com/mesokit/mesokit/master/libprocess"
	"github.com/mesokit/mesokit/master/operator"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/master/registry/bolt"
	"github.com/mesokit/mesokit/master/registry/memory"
	"github.com/mesokit/mesokit/mesosproto"
)

// registryFile is the registry's name in the work directory.
const registryFile = "registry.db"

func main() {
	var (
		workDir, registryKind, roles string
		cfg                          master.Config
	)
	cmd := &cobra.Command{
		Use:   "mesos-master --work_dir=DIR",
		Short: "Run a master: it offers the resources of agents to frameworks",
		Long: `Run a master: it offers the resources of agents to frameworks.

It is the leader from the start and needs no other service: what must survive it
is kept in a file in --work_dir. Frameworks, agents and tools of Mesos find the
usual interfaces on its port.

Each flag can also be set in the environment, as MESOS_NAME.`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	address := daemon.AddressFlags(f, 5050)
	logger := daemon.LogFlags(f)
	f.StringVar(&workDir, "work_dir", "", "directory of the registry (required, unless --registry=in_memory)")
	f.StringVar(&registryKind, "registry", "file", "where the registry is kept: file, or in_memory (lost at the end)")
	f.StringVar(&cfg.Cluster, "cluster", "", "name of the cluster, for people")
	f.StringVar(&roles, "roles", "", "only roles that frameworks may have, separated by commas (default: any)")
	rootSubmissions := f.Bool("root_submissions", true, "accept frameworks whose user is root")
	ping := daemon.DurationFlag(f, "agent_ping_timeout", 15*time.Second, "how often agents are pinged, and how long an answer may take")
	f.IntVar(&cfg.MaxAgentPingTimeouts, "max_agent_ping_timeouts", 5, "unanswered pings in a row after which an agent is unreachable")
	reregister := daemon.DurationFlag(f, "agent_reregister_timeout", 10*time.Minute, "how long an agent may stay away before it is unreachable")
	offer := daemon.DurationFlag(f, "offer_timeout", 0, "after how long unused offers are taken back; 0 means never")
	interval := daemon.DurationFlag(f, "allocation_interval", time.Second, "how soon declined resources are offered to the same framework again")
	f.IntVar(&cfg.MaxCompletedFrameworks, "max_completed_frameworks", 50, "completed frameworks that are remembered")
	f.IntVar(&cfg.MaxCompletedTasks, "max_completed_tasks_per_framework", 1000, "completed tasks that are remembered of each framework")
	f.IntVar(&cfg.MaxUnreachableTasks, "max_unreachable_tasks_per_framework", 1000, "unreachable tasks that are remembered of each framework")
	cmd.RunE = func(*cobra.Command, []string) error {
		log, err := logger()
		if err != nil {
			return err
		}
		cfg.AgentPingTimeout, cfg.AgentReregisterTimeout, cfg.OfferTimeout = *ping, *reregister, *offer
		cfg.AllocatorConfig.Interval = *interval
		cfg.RefuseRoot, cfg.Logger = !*rootSubmissions, log
		if roles != "" {
			cfg.Roles = strings.Split(roles, ",")
		}
		if cfg.Storage, err = storage(registryKind, workDir); err != nil {
			return err
		}
		return errors.Join(run(cfg, address, log), cfg.Storage.Close())
	}
	daemon.Execute(cmd)
}

func storage(kind, workDir string) (registry.Storage, error) {
	switch kind {
	case "in_memory":
		return &memory.Storage{}, nil
	case "file", "replicated_log": // what existing configurations say; here it is a file
		if workDir == "" {
			return nil, fmt.Errorf("flag --work_dir is missing: a directory for the registry, or say --registry=in_memory")
		}
		return bolt.Open(filepath.Join(workDir, registryFile))
	}
	return nil, fmt.Errorf("flag --registry: %q is neither file nor in_memory", kind)
}

func run(cfg master.Config, address *daemon.Address, log *zap.Logger) error {
	listener, advertised, err := address.Listen()
	if err != nil {
		return err
	}
	cfg.Info = &mesosproto.MasterInfo{ // the rest follows from it
		Hostname: proto.String(address.Hostname),
		Port:     proto.Uint32(uint32(advertised.Port())),
		Address:  &mesosproto.Address{Hostname: proto.String(address.Hostname), Ip: proto.String(advertised.Addr().String()), Port: proto.Int32(int32(advertised.Port()))},
	}
	fatal := make(chan error, 1)
	cfg.OnFatal = func(err error) { fatal <- err }
	cfg.SnapshotInterval = time.Millisecond // people don't see it, and calls over HTTP come one by one
	m, err := master.New(cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer m.Stop()
	agents, err := libprocess.New(libprocess.Config{Advertise: advertised, Agents: m.Agents(), Logger: log})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer agents.Close()
	api := httpv1.New(httpv1.Config{Schedulers: m.Schedulers(), Snapshot: m.Snapshot, Logger: log})
	routes := http.NewServeMux()
	api.Mount(routes)
	operator.New(operator.Config{Snapshot: m.Snapshot}).Mount(routes)
	server := agents.HTTPServer(operator.Routes(routes))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	m.Start()
	fmt.Fprintf(os.Stderr, "master at %s\n", advertised)

	ctx, stop := daemon.UntilSignal()
	defer stop()
	select {
	case <-ctx.Done():
	case err = <-fatal:
	case err = <-served:
	}
	api.Close()
	end, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(end) != nil {
		server.Close()
	}
	return err
}
