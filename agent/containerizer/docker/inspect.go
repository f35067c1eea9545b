package docker

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	engine "github.com/docker/docker/api/types/container"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// maxInspection is how large an inspection may be to be passed on to the framework.
const maxInspection = 1 << 20

// inspection is what `docker inspect` prints for one container: a list of one, indented. Frameworks
// read it from the data of TASK_RUNNING. Nil if it is too large.
func inspection(raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	if len(raw) > maxInspection {
		return nil
	}
	var b bytes.Buffer
	list := slices.Concat([]byte("["), raw, []byte("]"))
	if err := json.Indent(&b, list, "", "    "); err != nil || b.Len() > maxInspection {
		return nil
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// statusOf has the addresses that a container got from the engine. Mesos: src/docker/executor.cpp.
func statusOf(spec *containerizer.Spec, is engine.InspectResponse) *mesosproto.ContainerStatus {
	s := &mesosproto.ContainerStatus{ContainerId: spec.ID}
	addresses := addressesOf(is)
	if len(addresses) == 0 {
		return s
	}
	info := &mesosproto.NetworkInfo{}
	if asked := spec.Container.GetNetworkInfos(); len(asked) > 0 {
		info = proto.CloneOf(asked[0])
	}
	info.IpAddresses = addresses
	s.NetworkInfos = []*mesosproto.NetworkInfo{info}
	return s
}

// addressesOf are the addresses in the network that the container was started in; in the first by name
// that has any, if that network goes by another name.
func addressesOf(is engine.InspectResponse) []*mesosproto.NetworkInfo_IPAddress {
	if is.NetworkSettings == nil {
		return nil
	}
	names := slices.Sorted(maps.Keys(is.NetworkSettings.Networks))
	if is.HostConfig != nil {
		names = append([]string{string(is.HostConfig.NetworkMode)}, names...)
	}
	for _, name := range names {
		n := is.NetworkSettings.Networks[name]
		if n == nil {
			continue
		}
		var list []*mesosproto.NetworkInfo_IPAddress
		if n.IPAddress != "" {
			list = append(list, &mesosproto.NetworkInfo_IPAddress{IpAddress: proto.String(n.IPAddress)})
		}
		if n.GlobalIPv6Address != "" {
			list = append(list, &mesosproto.NetworkInfo_IPAddress{
				Protocol: mesosproto.NetworkInfo_IPv6.Enum(), IpAddress: proto.String(n.GlobalIPv6Address)})
		}
		if list != nil {
			return list
		}
	}
	return nil
}

// finishedAt is when a container ended; the zero time if nobody knows.
func finishedAt(is engine.InspectResponse) time.Time {
	if is.State == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, is.State.FinishedAt)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t
}
