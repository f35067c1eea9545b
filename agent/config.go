package agent

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/checkpoint/memory"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Version is the Mesos version that an agent says it is compatible with.
const Version = "1.12.0"

// Config says what an agent is and what it is joined to. Only Detector, Dialer and one of
// Containerizer and Async have no default.
type Config struct {
	// Loop runs the agent's core. Default: one that New starts and Stop closes. The owner of another
	// closes it after Stop and before Checkpoint, which it may still write to.
	Loop loop.Loop

	// Info describes the node: hostname (default: IP), port (--port, default 5051), resources and
	// attributes. An id is ignored: the master assigns it.
	Info *mesosproto.AgentInfo
	// IP is where the agent is reached (--ip). Default 127.0.0.1.
	IP netip.Addr
	// PID is the agent's process id on the wire. Default slave(1)@IP:port.
	PID string
	// Version is announced to the master. Default [Version].
	Version string

	// WorkDir holds the sandboxes (--work_dir), in the reference's layout. If it is empty no sandbox
	// is made, which only simulated containerizers can live with.
	WorkDir string

	// Containerizer runs the containers. Async is used instead if set; a simulation needs it.
	Containerizer containerizer.Containerizer
	Async         containerizer.Async

	// Detector says who the leading master is, Dialer connects to it.
	Detector Detector
	Dialer   link.Dialer

	// Checkpoint keeps what must survive the process; the owner opens it before New and closes it after
	// Stop. Default: in memory, so that a restarted agent is a new one.
	Checkpoint checkpoint.Store

	// Fetcher brings the URIs of commands into sandboxes. Default: none, tasks with URIs fail.
	Fetcher Fetcher

	// DefaultExecutor is the command that runs executors of type DEFAULT, which bring none of their
	// own. Default: none, their tasks fail.
	DefaultExecutor *mesosproto.CommandInfo

	// OnExit, if set, is called once, on the loop, when the agent gives up for good: the master told it
	// to shut down (err says why), or refuses it. The owner should then call Stop.
	OnExit func(err error)

	// Logger gets one line an event. Default: no log.
	Logger *zap.Logger

	// RegistrationBackoff bounds the random wait before the first registration with a master; the
	// retries wait up to twice as long, doubling up to 1min. Default 1s
	// (--registration_backoff_factor).
	RegistrationBackoff time.Duration
	// ExecutorRegistrationTimeout is how long a launched executor may take to subscribe. Default 1min
	// (--executor_registration_timeout).
	ExecutorRegistrationTimeout time.Duration
	// ExecutorReregistrationTimeout is how long executors may take to come back after a restart of the
	// agent. Default 2s (--executor_reregistration_timeout).
	ExecutorReregistrationTimeout time.Duration
	// ExecutorShutdownGracePeriod is how long an executor that was told to shut down may take, unless
	// it says so itself. Default 5s (--executor_shutdown_grace_period).
	ExecutorShutdownGracePeriod time.Duration
	// RecoveryTimeout is told to checkpointing executors: how long they wait for a restarted agent.
	// Default 15min (--recovery_timeout).
	RecoveryTimeout time.Duration
	// ExecutorHeartbeatInterval is the time between heartbeats on an executor's event stream. Default
	// 30min.
	ExecutorHeartbeatInterval time.Duration

	// ExecutorEnvironment is set for every executor and command task under all else
	// (--executor_environment_variables). The agent's own environment is not inherited. Default: PATH
	// with the usual system directories.
	ExecutorEnvironment map[string]string
	// NoSwitchUser runs everything as the agent's own user (--switch_user=false).
	NoSwitchUser bool

	// MaxCompletedExecutors is how many executors that ended are shown for each framework. Default 150
	// (--max_completed_executors_per_framework).
	MaxCompletedExecutors int
}

// DefaultPath is the PATH of executors and tasks if Config.ExecutorEnvironment has none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// withDefaults returns a copy that is complete, or says which field is wrong.
func (cfg Config) withDefaults() (Config, error) {
	bad := func(field, format string, args ...any) (Config, error) {
		return Config{}, status.Errorf(codes.InvalidArgument, "agent.Config.%s: %s", field, fmt.Sprintf(format, args...))
	}
	switch {
	case cfg.Containerizer == nil && cfg.Async == nil:
		return bad("Containerizer", "is missing; give one, for example that of package agent/containerizer/posix")
	case cfg.Detector == nil:
		return bad("Detector", "is missing; StaticDetector(\"host:port\") names a master")
	case cfg.Dialer == nil:
		return bad("Dialer", "is missing")
	}
	if cfg.WorkDir != "" && !filepath.IsAbs(cfg.WorkDir) {
		return bad("WorkDir", "%q must be an absolute path", cfg.WorkDir)
	}
	for _, d := range []struct {
		field string
		value *time.Duration
		or    time.Duration
	}{
		{"RegistrationBackoff", &cfg.RegistrationBackoff, time.Second},
		{"ExecutorRegistrationTimeout", &cfg.ExecutorRegistrationTimeout, time.Minute},
		{"ExecutorReregistrationTimeout", &cfg.ExecutorReregistrationTimeout, 2 * time.Second},
		{"ExecutorShutdownGracePeriod", &cfg.ExecutorShutdownGracePeriod, 5 * time.Second},
		{"RecoveryTimeout", &cfg.RecoveryTimeout, 15 * time.Minute},
		{"ExecutorHeartbeatInterval", &cfg.ExecutorHeartbeatInterval, 30 * time.Minute},
	} {
		if *d.value < 0 {
			return bad(d.field, "%v must not be negative", *d.value)
		}
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	if cfg.MaxCompletedExecutors == 0 {
		cfg.MaxCompletedExecutors = 150
	}
	if _, err := resources.FromProto(cfg.Info.GetResources()); err != nil {
		return bad("Info", "resources: %v", err)
	}
	if !cfg.IP.IsValid() {
		cfg.IP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	cfg.Info = proto.CloneOf(cfg.Info)
	if cfg.Info == nil {
		cfg.Info = &mesosproto.AgentInfo{}
	}
	cfg.Info.Id = nil
	if cfg.Info.GetHostname() == "" {
		cfg.Info.Hostname = proto.String(cfg.IP.String())
	}
	if cfg.Info.Port == nil {
		cfg.Info.Port = proto.Int32(cfg.Info.GetPort()) // the default of the message: 5051
	}
	if cfg.PID == "" {
		cfg.PID = fmt.Sprintf("slave(1)@%s", netip.AddrPortFrom(cfg.IP, uint16(cfg.Info.GetPort())))
	}
	if cfg.Checkpoint == nil {
		cfg.Checkpoint = &memory.Store{}
	}
	if cfg.Version == "" {
		cfg.Version = Version
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	environment := map[string]string{"PATH": DefaultPath}
	for name, value := range cfg.ExecutorEnvironment {
		environment[name] = value
	}
	cfg.ExecutorEnvironment = environment
	return cfg, nil
}
