package scheduler

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// The options in this file are about containers; on a task without one they make it a Docker container
// without an image, which the master refuses.

// WithNetwork chooses the container's network. Default: the host's.
func WithNetwork(network mesosproto.ContainerInfo_DockerInfo_Network) TaskOption {
	return func(t *mesosproto.TaskInfo) { docker(t).Network = network.Enum() }
}

// WithPort makes a port of the container reachable as host, a port of the agent which the framework was
// offered; see [Room.Ports]. It is added to the task's resources. protocol is "tcp" or "udp". Unless
// WithNetwork says otherwise, the container gets a network of its own (BRIDGE), which mappings need.
func WithPort(host, container uint32, protocol string) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		d := docker(t)
		if d.Network == nil {
			d.Network = mesosproto.ContainerInfo_DockerInfo_BRIDGE.Enum()
		}
		d.PortMappings = append(d.PortMappings, &mesosproto.ContainerInfo_DockerInfo_PortMapping{
			HostPort: proto.Uint32(host), ContainerPort: proto.Uint32(container), Protocol: proto.String(protocol),
		})
		WithHostPorts(host)(t)
	}
}

// WithHostPorts adds ports of the agent to the task's resources: for tasks in the host's network.
func WithHostPorts(ports ...uint32) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		had, err := resources.FromProto(t.Resources)
		if err != nil {
			return // not legal anyway; the master says why
		}
		for _, p := range ports {
			port := resources.Range{Begin: uint64(p), End: uint64(p)}
			had = had.Add(resources.NewRange("ports", port).Resources())
		}
		t.Resources = had.Proto()
	}
}

// WithForcePull has the image pulled even if the agent has it.
func WithForcePull() TaskOption {
	return func(t *mesosproto.TaskInfo) { docker(t).ForcePullImage = proto.Bool(true) }
}

// WithPrivileged gives the container all of the agent's devices and capabilities.
func WithPrivileged() TaskOption {
	return func(t *mesosproto.TaskInfo) { docker(t).Privileged = proto.Bool(true) }
}

// WithParameter adds an option of docker run, such as ("label", "a=b") for --label=a=b.
func WithParameter(key, value string) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		d := docker(t)
		d.Parameters = append(d.Parameters, &mesosproto.Parameter{Key: proto.String(key), Value: proto.String(value)})
	}
}

// WithVolume shows a path of the agent in the container. A relative host path is one in the sandbox.
func WithVolume(host, container string, mode mesosproto.Volume_Mode) TaskOption {
	return func(t *mesosproto.TaskInfo) {
		docker(t)
		t.Container.Volumes = append(t.Container.Volumes, &mesosproto.Volume{
			HostPath: proto.String(host), ContainerPath: proto.String(container), Mode: mode.Enum(),
		})
	}
}

func docker(t *mesosproto.TaskInfo) *mesosproto.ContainerInfo_DockerInfo {
	if t.Container == nil {
		t.Container = &mesosproto.ContainerInfo{Type: mesosproto.ContainerInfo_DOCKER.Enum()}
	}
	if t.Container.Docker == nil {
		t.Container.Docker = &mesosproto.ContainerInfo_DockerInfo{}
	}
	return t.Container.Docker
}
