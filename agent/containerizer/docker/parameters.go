package docker

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
)

// parameter applies one of DockerInfo.parameters: an option of `docker run`, by its long name.
func (r *request) parameter(key, value string) error {
	set, ok := parameters[key]
	if !ok {
		why, refused := refusedParameters[key]
		if refused && (value == "false" || key == "restart" && value == "no") {
			return nil
		}
		if refused {
			return fmt.Errorf("parameter %s=%s is refused: %s", key, value, why)
		}
		return fmt.Errorf("parameter %s=%s: docker run has no option --%s, or this agent does not know it; leave it out", key, value, key)
	}
	if err := set(r, value); err != nil {
		return fmt.Errorf("parameter %s=%s: %w", key, value, err)
	}
	return nil
}

// refusedParameters are options of `docker run` that make no sense for a task, with what to do instead.
var refusedParameters = map[string]string{
	"attach":        "output goes to the sandbox",
	"cidfile":       "the container's id is in the data of TASK_RUNNING",
	"detach":        "the agent waits for the container",
	"detach-keys":   "there is no terminal to detach from",
	"env-file":      "give the variables as parameters env, or in the command's environment",
	"help":          "see docker run --help",
	"isolation":     "it is for Windows",
	"kernel-memory": "kernels have no such limit any more; use memory",
	"label-file":    "give the labels as parameters label",
	"name":          "the agent names containers, to find them again",
	"pull":          "use force_pull_image",
	"restart":       "a task runs once; its framework starts the next",
	"sig-proxy":     "tasks are killed through Mesos",
}

// parameters are the options of `docker run`.
var parameters = map[string]func(*request, string) error{
	"add-host":              list(func(r *request) *[]string { return &r.host.ExtraHosts }, hostAndAddress),
	"annotation":            pairs(func(r *request) *map[string]string { return &r.host.Annotations }, needsValue),
	"blkio-weight":          blkioWeight,
	"blkio-weight-device":   blkioWeightDevice,
	"cap-add":               list(func(r *request) *[]string { return (*[]string)(&r.host.CapAdd) }),
	"cap-drop":              list(func(r *request) *[]string { return (*[]string)(&r.host.CapDrop) }),
	"cgroup-parent":         text(func(r *request) *string { return &r.host.CgroupParent }),
	"cgroupns":              text(func(r *request) *string { return (*string)(&r.host.CgroupnsMode) }, oneOf("host", "private")),
	"cpu-period":            integer(func(r *request) *int64 { return &r.host.CPUPeriod }),
	"cpu-quota":             integer(func(r *request) *int64 { return &r.host.CPUQuota }),
	"cpu-rt-period":         integer(func(r *request) *int64 { return &r.host.CPURealtimePeriod }),
	"cpu-rt-runtime":        integer(func(r *request) *int64 { return &r.host.CPURealtimeRuntime }),
	"cpu-shares":            integer(func(r *request) *int64 { return &r.host.CPUShares }),
	"cpus":                  cpus,
	"cpuset-cpus":           text(func(r *request) *string { return &r.host.CpusetCpus }),
	"cpuset-mems":           text(func(r *request) *string { return &r.host.CpusetMems }),
	"device":                device,
	"device-cgroup-rule":    list(func(r *request) *[]string { return &r.host.DeviceCgroupRules }),
	"device-read-bps":       throttle(func(r *request) throttles { return &r.host.BlkioDeviceReadBps }, byteSize),
	"device-read-iops":      throttle(func(r *request) throttles { return &r.host.BlkioDeviceReadIOps }, count),
	"device-write-bps":      throttle(func(r *request) throttles { return &r.host.BlkioDeviceWriteBps }, byteSize),
	"device-write-iops":     throttle(func(r *request) throttles { return &r.host.BlkioDeviceWriteIOps }, count),
	"disable-content-trust": ignored, // the agent checks no signatures
	"dns":                   resolving(list(func(r *request) *[]string { return &r.host.DNS }, ip)),
	"dns-opt":               resolving(list(func(r *request) *[]string { return &r.host.DNSOptions })),
	"dns-option":            resolving(list(func(r *request) *[]string { return &r.host.DNSOptions })),
	"dns-search":            resolving(list(func(r *request) *[]string { return &r.host.DNSSearch })),
	"domainname":            text(func(r *request) *string { return &r.config.Domainname }),
	"entrypoint":            func(r *request, value string) error { r.config.Entrypoint = []string{value}; return nil }, // "" has none
	"env":                   env,
	"expose":                expose,
	"gpus":                  gpus,
	"group-add":             list(func(r *request) *[]string { return &r.host.GroupAdd }),
	"health-cmd":            func(r *request, value string) error { r.health().Test = []string{"CMD-SHELL", value}; return nil },
	"health-interval":       duration(func(r *request) *durationOf { return &r.health().Interval }),
	"health-retries":        func(r *request, value string) (err error) { r.health().Retries, err = small(value); return err },
	"health-start-interval": duration(func(r *request) *durationOf { return &r.health().StartInterval }),
	"health-start-period":   duration(func(r *request) *durationOf { return &r.health().StartPeriod }),
	"health-timeout":        duration(func(r *request) *durationOf { return &r.health().Timeout }),
	"hostname":              text(func(r *request) *string { return &r.config.Hostname }),
	"init":                  func(r *request, value string) error { b, err := yes(value); r.host.Init = &b; return err },
	"interactive":           ignored, // there is nothing to read
	"ip":                    func(r *request, value string) (err error) { r.ipam().IPv4Address, err = ip(value); return err },
	"ip6":                   func(r *request, value string) (err error) { r.ipam().IPv6Address, err = ip(value); return err },
	"ipc":                   text(func(r *request) *string { return (*string)(&r.host.IpcMode) }),
	"label":                 pairs(func(r *request) *map[string]string { return &r.config.Labels }),
	"link":                  list(func(r *request) *[]string { return &r.host.Links }),
	"link-local-ip":         list(func(r *request) *[]string { return &r.ipam().LinkLocalIPs }, ip),
	"log-driver":            text(func(r *request) *string { return &r.host.LogConfig.Type }),
	"log-opt":               pairs(func(r *request) *map[string]string { return &r.host.LogConfig.Config }, needsValue),
	"mac-address":           text(func(r *request) *string { return &r.macAddress }),
	"memory":                size(func(r *request) *int64 { return &r.host.Memory }),
	"memory-reservation":    size(func(r *request) *int64 { return &r.host.MemoryReservation }),
	"memory-swap":           size(func(r *request) *int64 { return &r.host.MemorySwap }),
	"memory-swappiness":     pointer(func(r *request) **int64 { return &r.host.MemorySwappiness }),
	"mount":                 mounted,
	"net-alias":             alias,
	"network-alias":         alias,
	"no-healthcheck":        noHealthcheck,
	"oom-kill-disable":      func(r *request, value string) error { b, err := yes(value); r.host.OomKillDisable = &b; return err },
	"oom-score-adj":         func(r *request, value string) (err error) { r.host.OomScoreAdj, err = small(value); return err },
	"pid":                   text(func(r *request) *string { return (*string)(&r.host.PidMode) }),
	"pids-limit":            pointer(func(r *request) **int64 { return &r.host.PidsLimit }),
	"platform":              platform,
	"privileged":            boolean(func(r *request) *bool { return &r.host.Privileged }),
	"publish":               publish,
	"publish-all":           boolean(func(r *request) *bool { return &r.host.PublishAllPorts }),
	"read-only":             boolean(func(r *request) *bool { return &r.host.ReadonlyRootfs }),
	"rm":                    ignored, // the agent removes containers anyway
	"runtime":               text(func(r *request) *string { return &r.host.Runtime }),
	"security-opt":          securityOpt,
	"shm-size":              size(func(r *request) *int64 { return &r.host.ShmSize }),
	"stop-signal":           text(func(r *request) *string { return &r.config.StopSignal }),
	"stop-timeout":          func(r *request, value string) error { n, err := small(value); r.config.StopTimeout = &n; return err },
	"storage-opt":           pairs(func(r *request) *map[string]string { return &r.host.StorageOpt }, needsValue),
	"sysctl":                pairs(func(r *request) *map[string]string { return &r.host.Sysctls }, needsValue),
	"tmpfs":                 tmpfs,
	"tty":                   boolean(func(r *request) *bool { return &r.config.Tty }),
	"ulimit":                ulimit,
	"user":                  text(func(r *request) *string { return &r.config.User }),
	"userns":                text(func(r *request) *string { return (*string)(&r.host.UsernsMode) }, oneOf("host")),
	"uts":                   text(func(r *request) *string { return (*string)(&r.host.UTSMode) }, oneOf("host")),
	"volume":                volume,
	"volume-driver":         text(func(r *request) *string { return &r.host.VolumeDriver }),
	"volumes-from":          list(func(r *request) *[]string { return &r.host.VolumesFrom }),
	"workdir":               text(func(r *request) *string { return &r.config.WorkingDir }, absolute),
}

// ignored is for options that change nothing for a task.
func ignored(_ *request, value string) error {
	_, err := yes(value)
	return err
}

func (r *request) health() *engine.HealthConfig {
	if r.config.Healthcheck == nil {
		r.config.Healthcheck = &engine.HealthConfig{}
	}
	return r.config.Healthcheck
}

func noHealthcheck(r *request, value string) error {
	no, err := yes(value)
	if no {
		r.health().Test = []string{"NONE"}
	}
	return err
}

func (r *request) ipam() *network.EndpointIPAMConfig {
	if r.endpoint.IPAMConfig == nil {
		r.endpoint.IPAMConfig = &network.EndpointIPAMConfig{}
	}
	r.attaches = true
	return r.endpoint.IPAMConfig
}

func alias(r *request, value string) error {
	r.endpoint.Aliases = append(r.endpoint.Aliases, value)
	r.attaches = true
	return nil
}

// env sets one variable. Without a value `docker run` would take the agent's own.
func env(r *request, value string) error {
	name, content, ok := strings.Cut(value, "=")
	if !ok || name == "" {
		return errors.New("write NAME=value; nothing is inherited from the agent's environment")
	}
	r.env[name] = content
	return nil
}

func expose(r *request, value string) error {
	protocol, ports := nat.SplitProtoPort(value)
	begin, end, err := nat.ParsePortRangeToInt(ports)
	if err != nil {
		return err
	}
	for n := begin; n <= end; n++ {
		port, err := nat.NewPort(protocol, fmt.Sprint(n))
		if err != nil {
			return err
		}
		r.publish(port)
	}
	return nil
}

func publish(r *request, value string) error {
	mappings, err := nat.ParsePortSpec(value)
	if err != nil {
		return err
	}
	for _, m := range mappings {
		r.publish(m.Port, m.Binding)
	}
	return nil
}

// securityOpt is passed on. A seccomp profile must be there itself: files of the agent's host are not
// read for frameworks.
func securityOpt(r *request, value string) error {
	key, content, ok := strings.Cut(value, "=")
	if !ok {
		key, content, _ = strings.Cut(value, ":")
	}
	switch {
	case key == "systempaths" && content == "unconfined":
		r.host.MaskedPaths, r.host.ReadonlyPaths = []string{}, []string{}
		return nil
	case key == "seccomp" && !slices.Contains([]string{"unconfined", "builtin"}, content) && !strings.HasPrefix(strings.TrimSpace(content), "{"):
		return errors.New("give the profile itself, as JSON, not the name of a file")
	}
	r.host.SecurityOpt = append(r.host.SecurityOpt, value)
	return nil
}

func tmpfs(r *request, value string) error {
	target, options, _ := strings.Cut(value, ":")
	if !path.IsAbs(target) {
		return errors.New("write /path or /path:options")
	}
	if r.host.Tmpfs == nil {
		r.host.Tmpfs = map[string]string{}
	}
	r.host.Tmpfs[target] = options
	return nil
}

// volume is source:target[:options], or a target alone, which gets a volume of its own.
func volume(r *request, value string) error {
	source, target, found := strings.Cut(value, ":")
	switch {
	case !found && path.IsAbs(source):
		if r.config.Volumes == nil {
			r.config.Volumes = map[string]struct{}{}
		}
		r.config.Volumes[source] = struct{}{}
	case !found || source == "" || !path.IsAbs(target):
		return errors.New("write /host/path:/container/path[:ro], name:/container/path[:ro] or /container/path")
	case strings.HasPrefix(source, "."):
		return errors.New("the host's path must be absolute; the agent has no working directory to speak of")
	default:
		r.host.Binds = append(r.host.Binds, value)
	}
	return nil
}

func mounted(r *request, value string) error {
	m, err := parseMount(value)
	if err == nil && m.Type == mount.TypeBind && !path.IsAbs(m.Source) {
		err = fmt.Errorf("source %q must be absolute", m.Source)
	}
	r.host.Mounts = append(r.host.Mounts, m)
	return err
}
