package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/client"
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// Config says which engine to use, and how. Only WorkDir has no default.
type Config struct {
	// Host is where the engine listens: a socket's path, or a URL that the docker program takes in
	// DOCKER_HOST. Default /var/run/docker.sock (--docker_socket).
	Host string
	// WorkDir is the agent's work directory, an absolute path (--work_dir). Containers are labelled
	// with it, so that agents that share an engine leave each other's alone. Persistent volumes are
	// below it.
	WorkDir string
	// SandboxDirectory is where a container sees its sandbox. Default /mnt/mesos/sandbox
	// (--sandbox_directory).
	SandboxDirectory string

	// RemoveDelay is how long the engine keeps a container after its end, for docker logs and docker
	// inspect; it counts on while the agent is down. Default 6h, negative: it is removed at once
	// (--docker_remove_delay).
	RemoveDelay time.Duration
	// MaxEnded is how many ended containers the engine keeps at most; beyond it the oldest are removed
	// before their time. Default 256, negative: any number.
	MaxEnded int
	// KeepOrphans leaves alone running containers of this agent that it does not know when it
	// recovers (--docker_kill_orphans=false).
	KeepOrphans bool

	// EnableCFS limits the CPU time of tasks without a cpu limit to what they request
	// (--cgroups_enable_cfs).
	EnableCFS bool
	// DNS is what containers resolve names with if their parameters don't say, by network: "bridge",
	// the name of a user network, or "" for all other user networks (--default_container_dns).
	DNS map[string]DNS

	// Credentials are for registries, in the form of ~/.docker/config.json or of the older
	// .dockercfg (--docker_config). They are used if the sandbox has none.
	Credentials []byte
	// ClientConfig is the docker program's configuration, which is used last. Default
	// $DOCKER_CONFIG/config.json or ~/.docker/config.json. It may be missing.
	ClientConfig string

	// Logger gets one line an event. Default: no log.
	Logger *zap.Logger
}

// DNS is how containers of a network resolve names.
type DNS struct {
	Nameservers, Search, Options []string
}

// DefaultHost is where the engine listens unless told otherwise.
const DefaultHost = "/var/run/docker.sock"

// DefaultSandboxDirectory is where containers see their sandboxes unless told otherwise.
const DefaultSandboxDirectory = "/mnt/mesos/sandbox"

const (
	defaultRemoveDelay = 6 * time.Hour
	defaultMaxEnded    = 256
)

// Containerizer runs containers on a Docker Engine. Its methods are safe for concurrent use.
type Containerizer struct {
	cfg      Config
	settings settings
	api      *client.Client
	log      *zap.Logger

	ctx   context.Context // ends with Close
	close context.CancelFunc
	wg    sync.WaitGroup // what runs under ctx

	mu         sync.Mutex // guards what follows, and in each container what says so
	closed     bool
	containers map[string]*container
	pulls      map[pullKey]*pull
	removals   []removal // by time
	sweeping   bool      // whether the goroutine that removes is there
	swept      chan struct{}
}

var (
	_ containerizer.Containerizer = (*Containerizer)(nil)
	_ containerizer.Puller        = (*Containerizer)(nil)
	_ containerizer.PidReporter   = (*Containerizer)(nil)
)

// New returns a containerizer. It does not speak with the engine yet: Recover does, and says so if
// there is none. Close it when the agent ends; its containers go on.
func New(cfg Config) (*Containerizer, error) {
	bad := func(field, format string, args ...any) (*Containerizer, error) {
		return nil, fmt.Errorf("docker.Config."+field+": "+format, args...)
	}
	if !filepath.IsAbs(cfg.WorkDir) {
		return bad("WorkDir", "%q must be an absolute path", cfg.WorkDir)
	}
	cfg.WorkDir = filepath.Clean(cfg.WorkDir)
	if cfg.Host == "" {
		cfg.Host = DefaultHost
	}
	if strings.HasPrefix(cfg.Host, "/") {
		cfg.Host = "unix://" + cfg.Host
	}
	if cfg.SandboxDirectory == "" {
		cfg.SandboxDirectory = DefaultSandboxDirectory
	}
	if !filepath.IsAbs(cfg.SandboxDirectory) {
		return bad("SandboxDirectory", "%q must be an absolute path", cfg.SandboxDirectory)
	}
	if cfg.RemoveDelay == 0 {
		cfg.RemoveDelay = defaultRemoveDelay
	}
	if cfg.MaxEnded == 0 {
		cfg.MaxEnded = defaultMaxEnded
	}
	if len(cfg.Credentials) > 0 && !json.Valid(cfg.Credentials) {
		return bad("Credentials", "they are not JSON; give the content of a ~/.docker/config.json")
	}
	if cfg.ClientConfig == "" {
		cfg.ClientConfig = clientConfig()
	}
	cfg.DNS = maps.Clone(cfg.DNS)
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	api, err := client.NewClientWithOpts(client.WithHost(cfg.Host), client.WithAPIVersionNegotiation())
	if err != nil {
		return bad("Host", "%q: %v; give a socket's path or unix:///path", cfg.Host, err)
	}
	c := &Containerizer{
		cfg: cfg, api: api, log: cfg.Logger.Named("docker"),
		settings: settings{
			workDir: cfg.WorkDir, sandboxDirectory: cfg.SandboxDirectory,
			enableCFS: cfg.EnableCFS, dns: cfg.DNS, hostMemory: hostMemory(),
		},
		containers: map[string]*container{}, pulls: map[pullKey]*pull{}, swept: make(chan struct{}, 1),
	}
	c.ctx, c.close = context.WithCancel(context.Background())
	return c, nil
}

// clientConfig is where the docker program keeps its configuration; empty if nobody knows.
func clientConfig() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".docker", "config.json")
	}
	return ""
}

// Close ends all that goes on in this process and waits for it; containers are not touched, but for
// ended ones whose removal is due, and the next Containerizer of the same WorkDir can adopt them. Calls under way fail. Safe to call twice.
func (c *Containerizer) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.close()
	c.wg.Wait()
	c.removeDue()
	return c.api.Close()
}

// Name is docker.
func (c *Containerizer) Name() string { return "docker" }
