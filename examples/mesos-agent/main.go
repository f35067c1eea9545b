// Mesos-agent runs an agent.
//
//	mesos-agent --master=127.0.0.1:5050 --work_dir=/var/lib/mesos/agent --containerizers=docker,mesos
package main

import (
	"encoding/json"
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

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/checkpoint/file"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/composing"
	"github.com/mesokit/mesokit/agent/containerizer/docker"
	"github.com/mesokit/mesokit/agent/containerizer/posix"
	"github.com/mesokit/mesokit/agent/fetcher"
	"github.com/mesokit/mesokit/agent/httpv1"
	"github.com/mesokit/mesokit/agent/libprocess"
	"github.com/mesokit/mesokit/agent/operator"
	"github.com/mesokit/mesokit/examples/internal/daemon"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// options are the flags that are not the agent's configuration as they stand.
type options struct {
	address *daemon.Address
	log     func() (*zap.Logger, error)

	master, workDir, runtimeDir, containerizers  string
	resources, defaultRole, attributes           string
	dockerSocket, dockerConfig, sandboxDirectory string
	executorEnvironment                          string
	switchUser, killOrphans, cfs                 bool
	removeDelay, stall                           *time.Duration
}

func main() {
	agent.RunHelper() // lets the keeper, which lets tasks outlive the agent, be started from this program

	var (
		o   options
		cfg agent.Config
	)
	cmd := &cobra.Command{
		Use:   "mesos-agent --master=HOST:PORT --work_dir=DIR",
		Short: "Run an agent: it runs tasks on this machine for a master's frameworks",
		Long: `Run an agent: it runs tasks on this machine for a master's frameworks.

Tasks of frameworks that checkpoint outlive it: start it again with the same
--work_dir, and it goes on where it was, whatever ended it.

Each flag can also be set in the environment, as MESOS_NAME.`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	o.address = daemon.AddressFlags(f, 5051)
	o.log = daemon.LogFlags(f)
	f.StringVar(&o.master, "master", "", "host:port of the master (required)")
	f.StringVar(&o.workDir, "work_dir", "", "directory of sandboxes and checkpoints (required)")
	f.StringVar(&o.runtimeDir, "runtime_dir", "", "directory of what must not outlive a reboot (default: runtime in --work_dir)")
	f.StringVar(&o.containerizers, "containerizers", "mesos", "what runs containers, separated by commas: mesos (processes), docker")
	f.StringVar(&o.resources, "resources", "", "what to offer, as cpus:4;mem:1024;ports:[31000-32000] or JSON (default: what this machine has)")
	f.StringVar(&o.defaultRole, "default_role", "*", "role that resources without one are reserved to")
	f.StringVar(&o.attributes, "attributes", "", "what frameworks are told of this machine: rack:r1;zone:west")
	f.StringVar(&o.dockerSocket, "docker_socket", docker.DefaultHost, "socket of the Docker engine")
	f.StringVar(&o.dockerConfig, "docker_config", "", "credentials of registries, as ~/.docker/config.json has them, or a file of them")
	f.StringVar(&o.sandboxDirectory, "sandbox_directory", docker.DefaultSandboxDirectory, "where Docker containers see their sandbox")
	f.BoolVar(&o.killOrphans, "docker_kill_orphans", true, "end Docker containers of this agent that it does not know")
	f.BoolVar(&o.cfs, "cgroups_enable_cfs", false, "limit tasks to the CPU time that they request")
	f.StringVar(&o.executorEnvironment, "executor_environment_variables", "", "environment of executors and tasks, as a JSON object")
	f.BoolVar(&o.switchUser, "switch_user", true, "run tasks as the user that they ask for")
	o.removeDelay = daemon.DurationFlag(f, "docker_remove_delay", 6*time.Hour, "how long ended Docker containers are kept")
	o.stall = daemon.DurationFlag(f, "fetcher_stall_timeout", fetcher.DefaultStallTimeout, "how long a download may bring nothing")
	registration := daemon.DurationFlag(f, "registration_backoff_factor", time.Second, "bound of the random wait before registering")
	executorRegistration := daemon.DurationFlag(f, "executor_registration_timeout", time.Minute, "how long a launched executor may take to register")
	executorReregistration := daemon.DurationFlag(f, "executor_reregistration_timeout", 2*time.Second, "how long executors may take to come back after a restart of the agent")
	grace := daemon.DurationFlag(f, "executor_shutdown_grace_period", 5*time.Second, "how long an executor that is told to shut down may take")
	recovery := daemon.DurationFlag(f, "recovery_timeout", 15*time.Minute, "how long executors wait for an agent to come back")
	f.IntVar(&cfg.MaxCompletedExecutors, "max_completed_executors_per_framework", 150, "ended executors that are remembered of each framework")
	cmd.RunE = func(*cobra.Command, []string) error {
		cfg.RegistrationBackoff, cfg.RecoveryTimeout = *registration, *recovery
		cfg.ExecutorRegistrationTimeout, cfg.ExecutorReregistrationTimeout, cfg.ExecutorShutdownGracePeriod = *executorRegistration, *executorReregistration, *grace
		return o.run(cfg)
	}
	daemon.Execute(cmd)
}

// fill completes cfg with what the flags say.
func (o *options) fill(cfg *agent.Config) error {
	o.master = strings.TrimPrefix(o.master, "master@")
	err := daemon.CheckMaster(o.master)
	switch {
	case err != nil:
		return err
	case o.workDir == "":
		return fmt.Errorf("flag --work_dir is missing: a directory for sandboxes and checkpoints")
	}
	if cfg.WorkDir, err = filepath.Abs(o.workDir); err != nil {
		return fmt.Errorf("flag --work_dir: %w", err)
	}
	r, err := o.offer(cfg.WorkDir)
	if err != nil {
		return err
	}
	attributes, err := resources.ParseAttributes(o.attributes)
	if err != nil {
		return fmt.Errorf("flag --attributes: %q: %w; write for example rack:r1;zone:west", o.attributes, err)
	}
	if o.executorEnvironment != "" {
		if err := json.Unmarshal([]byte(o.executorEnvironment), &cfg.ExecutorEnvironment); err != nil {
			return fmt.Errorf(`flag --executor_environment_variables: %w; write a JSON object of strings: {"PATH": "/bin"}`, err)
		}
	}
	cfg.Info = &mesosproto.AgentInfo{Resources: r.Proto(), Attributes: attributes}
	cfg.Detector = agent.StaticDetector(o.master)
	cfg.Fetcher = &fetcher.Fetcher{StallTimeout: *o.stall}
	cfg.NoSwitchUser = !o.switchUser
	return nil
}

// offer is what the agent offers: what the flag says, and of what it does not mention what there is.
func (o *options) offer(workDir string) (resources.Resources, error) {
	r, mentioned, err := resources.ParseFlag(o.resources, o.defaultRole)
	if err != nil {
		return r, fmt.Errorf("flag --resources: %q: %w; write for example cpus:4;mem:1024;disk:10240;ports:[31000-32000]", o.resources, err)
	}
	return r.Add(present(workDir, o.defaultRole, mentioned)), nil
}

func (o *options) containers(workDir string, log *zap.Logger) (containerizer.Containerizer, func() error, error) {
	runtime := o.runtimeDir
	if runtime == "" {
		runtime = filepath.Join(workDir, "runtime")
	}
	var list []containerizer.Containerizer
	var closers []func() error
	closeAll := func() error {
		var err error
		for _, c := range closers {
			err = errors.Join(err, c())
		}
		return err
	}
	fail := func(err error) (containerizer.Containerizer, func() error, error) {
		return nil, nil, errors.Join(err, closeAll())
	}
	for name := range strings.SplitSeq(o.containerizers, ",") {
		switch name {
		case "mesos":
			c, err := posix.New(posix.Config{RuntimeDir: runtime, WorkDir: workDir, Logger: log})
			if err != nil {
				return fail(err)
			}
			list, closers = append(list, c), append(closers, c.Close)
		case "docker":
			delay := *o.removeDelay
			if delay == 0 {
				delay = -1
			}
			cfg := docker.Config{
				Host: o.dockerSocket, WorkDir: workDir, SandboxDirectory: o.sandboxDirectory,
				RemoveDelay: delay, KeepOrphans: !o.killOrphans, EnableCFS: o.cfs, Logger: log,
			}
			if o.dockerConfig != "" {
				b, err := inlineOrFile(o.dockerConfig)
				if err != nil {
					return fail(fmt.Errorf("flag --docker_config: %w", err))
				}
				cfg.Credentials = b
			}
			c, err := docker.New(cfg)
			if err != nil {
				return fail(err)
			}
			list, closers = append(list, c), append(closers, c.Close)
		default:
			return fail(fmt.Errorf("flag --containerizers: %q is neither mesos nor docker", name))
		}
	}
	c, err := composing.New(list...)
	if err != nil {
		return fail(fmt.Errorf("flag --containerizers: %w", err))
	}
	return c, closeAll, nil
}

// inlineOrFile is JSON that a flag holds, or the file that it names.
func inlineOrFile(value string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(value), "{") {
		return []byte(value), nil
	}
	return os.ReadFile(value)
}

func (o *options) run(cfg agent.Config) (err error) {
	log, err := o.log()
	if err != nil {
		return err
	}
	cfg.Logger = log
	if err := o.fill(&cfg); err != nil {
		return err
	}
	store, err := file.Open(filepath.Join(cfg.WorkDir, "meta", "checkpoint"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	cfg.Checkpoint = store
	containers, closeContainers, err := o.containers(cfg.WorkDir, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeContainers()) }()
	cfg.Containerizer = containers

	listener, advertised, err := o.address.Listen()
	if err != nil {
		return err
	}
	dialer, err := libprocess.NewDialer(libprocess.Config{Advertise: advertised, Logger: log})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer dialer.Close()
	cfg.Dialer, cfg.PID, cfg.IP = dialer, dialer.PID(), advertised.Addr()
	cfg.Info.Hostname, cfg.Info.Port = proto.String(o.address.Hostname), proto.Int32(int32(advertised.Port()))
	gone := make(chan error, 1)
	cfg.OnExit = func(err error) { gone <- err }
	a, err := agent.New(cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.Stop()
	routes := http.NewServeMux()
	api := httpv1.New(httpv1.Config{Executors: a.Executors(), Ready: func() bool { return a.Snapshot().Recovered }, Logger: log})
	defer api.Close()
	api.Mount(routes)
	operator.New(operator.Config{Snapshot: a.Snapshot, Containers: containers}).Mount(routes)
	server := dialer.HTTPServer(operator.Routes(routes))
	defer server.Close()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	a.Start()
	fmt.Fprintf(os.Stderr, "agent at %s\n", advertised)

	ctx, stop := daemon.UntilSignal()
	defer stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-gone:
		return err
	case err := <-served:
		return err
	}
}
