package docker

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// settings is what requests depend on besides the spec.
type settings struct {
	workDir, sandboxDirectory string
	enableCFS                 bool
	dns                       map[string]DNS
	hostMemory                int64 // bytes
}

// request is what the engine is asked to create.
type request struct {
	settings
	spec *containerizer.Spec
	name string

	config   engine.Config
	host     engine.HostConfig
	endpoint network.EndpointSettings
	platform *ocispec.Platform

	env        map[string]string
	networked  bool // the network was named by a parameter
	attaches   bool // whether endpoint says anything
	resolves   bool // whether a parameter says how to resolve names
	macAddress string
}

// newRequest turns a spec into what `docker run` would make of it, in the order of the reference's
// arguments: what comes later wins, and parameters come last. Mesos: src/docker/docker.cpp,
// Docker::RunOptions::create.
func newRequest(s settings, spec *containerizer.Spec, name string) (*request, error) {
	docker := spec.Container.GetDocker()
	switch {
	case docker.GetImage() == "":
		return nil, errors.New("the container is of type DOCKER but names no image; set container.docker.image")
	case spec.ID.GetParent() != nil:
		return nil, refusal("Nested containers are not supported")
	}
	r := &request{settings: s, spec: spec, name: name, env: map[string]string{}}
	r.config.Image = docker.GetImage()
	r.config.AttachStdout, r.config.AttachStderr = true, true
	r.config.Labels = map[string]string{}
	r.host.Privileged = docker.GetPrivileged()
	r.host.DNS, r.host.DNSOptions, r.host.DNSSearch = []string{}, []string{}, []string{}
	r.host.PortBindings = nat.PortMap{}
	r.host.RestartPolicy = engine.RestartPolicy{Name: engine.RestartPolicyDisabled}
	for _, step := range []func() error{
		r.limit, r.environment, r.volumes, r.network, r.hostname, r.ports, r.command, r.parameters, r.resolve, r.finish,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *request) limit() error {
	l := limits{r.spec.Resources, r.spec.Limits}
	r.host.Resources = l.engine(r.enableCFS)
	r.host.OomScoreAdj = l.oomScoreAdj(r.hostMemory)
	return nil
}

// environment is the agent's, then the command's, then what the reference forces upon it. Its names win
// because containers rely on them. Mesos: src/docker/docker.cpp.
func (r *request) environment() error {
	maps.Copy(r.env, r.spec.Variables())
	if err := containerizer.Overlay(r.env, r.spec.Command.GetEnvironment()); err != nil {
		return err
	}
	r.env["MESOS_SANDBOX"] = r.sandboxDirectory
	r.env["MESOS_CONTAINER_NAME"] = r.name
	return nil
}

// network is the first parameter net or network, or what DockerInfo says.
func (r *request) network() error {
	docker := r.spec.Container.GetDocker()
	for _, p := range docker.GetParameters() {
		if (p.GetKey() == "net" || p.GetKey() == "network") && p.GetValue() != "" {
			r.host.NetworkMode = engine.NetworkMode(p.GetValue())
			r.networked = true
			return nil
		}
	}
	switch docker.GetNetwork() {
	case mesosproto.ContainerInfo_DockerInfo_HOST:
		r.host.NetworkMode = "host"
	case mesosproto.ContainerInfo_DockerInfo_BRIDGE:
		r.host.NetworkMode = "bridge"
	case mesosproto.ContainerInfo_DockerInfo_NONE:
		r.host.NetworkMode = "none"
	case mesosproto.ContainerInfo_DockerInfo_USER:
		infos := r.spec.Container.GetNetworkInfos()
		switch {
		case len(infos) == 0:
			return refusal("No network info found in container info; network USER needs one NetworkInfo with the name of the Docker network")
		case len(infos) > 1:
			return refusal("Only a single network can be defined in Docker run; there are %d NetworkInfos, leave one", len(infos))
		case infos[0].GetName() == "":
			return refusal("No network name found in network info; set NetworkInfo.name to that of a Docker network")
		}
		r.host.NetworkMode = engine.NetworkMode(infos[0].GetName())
	default:
		return fmt.Errorf("network %v is not supported; use HOST, BRIDGE, NONE or USER", docker.GetNetwork())
	}
	return nil
}

func (r *request) hostname() error {
	name := r.spec.Container.GetHostname()
	if name != "" && r.host.NetworkMode.IsHost() {
		return refusal("Unable to set hostname with host network mode; leave out %q or use another network", name)
	}
	r.config.Hostname = name
	return nil
}

// ports publishes the port mappings. The host's ports must be among the task's.
func (r *request) ports() error {
	mappings := r.spec.Container.GetDocker().GetPortMappings()
	if len(mappings) == 0 {
		return nil
	}
	if m := r.host.NetworkMode; m.IsHost() || m.IsNone() || m.IsContainer() {
		return refusal("Port mappings are only supported for bridge and user-defined networks, not for %q", m)
	}
	ports := r.spec.Resources.Ports()
	for _, m := range mappings {
		if m.GetHostPort() > 65535 || m.GetContainerPort() > 65535 || m.GetContainerPort() == 0 {
			return fmt.Errorf("port mapping of %d to %d: ports are between 1 and 65535", m.GetHostPort(), m.GetContainerPort())
		}
		offered := func(some resources.Range) bool {
			return some.Begin <= uint64(m.GetHostPort()) && uint64(m.GetHostPort()) <= some.End
		}
		if !slices.ContainsFunc(ports, offered) {
			return refusal("Port [%d] not included in resources; map one of the task's ports", m.GetHostPort())
		}
		protocol := strings.ToLower(m.GetProtocol())
		if protocol == "" {
			protocol = "tcp"
		}
		if !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
			return fmt.Errorf("port mapping of %d to %d: protocol %q is not known; use tcp, udp or sctp", m.GetHostPort(), m.GetContainerPort(), protocol)
		}
		r.publish(nat.Port(fmt.Sprintf("%d/%s", m.GetContainerPort(), protocol)), nat.PortBinding{HostPort: strconv.Itoa(int(m.GetHostPort()))})
	}
	return nil
}

func (r *request) publish(port nat.Port, to ...nat.PortBinding) {
	if r.config.ExposedPorts == nil {
		r.config.ExposedPorts = nat.PortSet{}
	}
	r.config.ExposedPorts[port] = struct{}{}
	if len(to) > 0 {
		r.host.PortBindings[port] = append(r.host.PortBindings[port], to...)
	}
}

// command keeps the image's entrypoint unless it is for a shell. Unlike those of other containers, the
// arguments don't begin with the name of the program.
func (r *request) command() error {
	command := r.spec.Command
	if command == nil {
		return nil
	}
	if command.GetShell() {
		if command.Value == nil {
			return refusal("Shell specified but no command value provided; set value, or shell to false for the image's own command")
		}
		r.config.Entrypoint = []string{"/bin/sh"}
		r.config.Cmd = []string{"-c", command.GetValue()}
		return nil
	}
	if command.Value != nil {
		r.config.Cmd = append(r.config.Cmd, command.GetValue())
	}
	r.config.Cmd = append(r.config.Cmd, command.GetArguments()...)
	return nil
}

func (r *request) parameters() error {
	named := false
	for _, p := range r.spec.Container.GetDocker().GetParameters() {
		if p.GetKey() == "net" || p.GetKey() == "network" {
			if named {
				return fmt.Errorf("parameter %s=%s: a container has one network; name it once", p.GetKey(), p.GetValue())
			}
			named = true
			continue
		}
		if err := r.parameter(p.GetKey(), p.GetValue()); err != nil {
			return err
		}
	}
	return nil
}

// resolve applies Config.DNS.
func (r *request) resolve() error {
	m := r.host.NetworkMode
	if r.resolves || m.IsHost() || m.IsNone() || m.IsContainer() {
		return nil
	}
	dns, ok := r.dns[string(m)]
	if m == "bridge" || m == "default" {
		dns, ok = r.dns["bridge"]
	} else if !ok {
		dns, ok = r.dns[""]
	}
	if ok {
		r.host.DNS = append(r.host.DNS, dns.Nameservers...)
		r.host.DNSSearch = append(r.host.DNSSearch, dns.Search...)
		r.host.DNSOptions = append(r.host.DNSOptions, dns.Options...)
	}
	return nil
}

// The labels of all containers of agents. They win over parameters.
const (
	labelWorkDir   = "mesokit.work_dir"
	labelAgent     = "mesokit.agent_id"
	labelFramework = "mesokit.framework_id"
	labelExecutor  = "mesokit.executor_id"
)

func (r *request) finish() error {
	r.config.Env = containerizer.Environ(r.env)
	for label, value := range map[string]string{
		labelWorkDir: r.workDir, labelAgent: r.spec.AgentID,
		labelFramework: r.spec.FrameworkID, labelExecutor: r.spec.ExecutorID,
	} {
		r.config.Labels[label] = value
	}
	return nil
}

// networking is the request's part about networks. An engine of an API before 1.44 has the MAC address
// elsewhere.
func (r *request) networking(newer bool) *network.NetworkingConfig {
	if r.macAddress != "" {
		if newer {
			r.endpoint.MacAddress, r.attaches = r.macAddress, true
		} else {
			r.config.MacAddress = r.macAddress //lint:ignore SA1019 the only place that older engines know
		}
	}
	if !r.attaches {
		return nil
	}
	return &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{string(r.host.NetworkMode): &r.endpoint}}
}

// ip checks an address that was given as text.
func ip(text string) (string, error) {
	if net.ParseIP(text) == nil {
		return "", fmt.Errorf("%q is no IP address", text)
	}
	return text, nil
}
