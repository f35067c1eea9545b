package operatorapi

import (
	"maps"
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
)

// Task writes a task. info holds what does not change; state and statuses come apart from it. As in the
// reference the statuses lack message, reason and source.
//
// Mesos: src/common/http.cpp, json(Task).
func (j *JSON) Task(info *mesosproto.Task, state mesosproto.TaskState, statuses []*mesosproto.TaskStatus) {
	j.Open('{')
	j.Field("id", info.GetTaskId().GetValue())
	j.Field("name", info.GetName())
	j.Field("framework_id", info.GetFrameworkId().GetValue())
	j.Field("executor_id", info.GetExecutorId().GetValue())
	j.Field("slave_id", info.GetAgentId().GetValue())
	j.Field("state", state.String())
	j.ResourceMessagesField("resources", info.GetResources())
	if limits := info.GetLimits(); len(limits) > 0 {
		j.Key("limits")
		j.Open('{')
		for _, name := range slices.Sorted(maps.Keys(limits)) {
			j.DoubleField(name, limits[name].GetValue())
		}
		j.Close('}')
	}
	j.RoleField(info.GetResources())
	j.Key("statuses")
	j.Open('[')
	for _, s := range statuses {
		j.Element()
		j.taskStatus(s)
	}
	j.Close(']')
	j.OptionalField("user", info.GetUser())
	j.LabelsField(info.GetLabels())
	if m := info.GetDiscovery(); m != nil {
		j.MessageField("discovery", m)
	}
	if m := info.GetContainer(); m != nil {
		j.MessageField("container", m)
	}
	if m := info.GetHealthCheck(); m != nil {
		j.MessageField("health_check", m)
	}
	j.Close('}')
}

func (j *JSON) taskStatus(s *mesosproto.TaskStatus) {
	j.Open('{')
	j.Field("state", s.GetState().String())
	j.DoubleField("timestamp", s.GetTimestamp())
	j.LabelsField(s.GetLabels())
	if m := s.GetContainerStatus(); m != nil {
		j.Key("container_status")
		j.containerStatus(m)
	}
	if s.Healthy != nil {
		j.BoolField("healthy", s.GetHealthy())
	}
	j.Close('}')
}

func (j *JSON) containerStatus(s *mesosproto.ContainerStatus) {
	j.Open('{')
	if m := s.GetContainerId(); m != nil {
		j.MessageField("container_id", m)
	}
	if list := s.GetNetworkInfos(); len(list) > 0 {
		j.Key("network_infos")
		j.Open('[')
		for _, n := range list {
			j.Element()
			j.networkInfo(n)
		}
		j.Close(']')
	}
	if m := s.GetCgroupInfo(); m != nil {
		j.MessageField("cgroup_info", m)
	}
	j.Close('}')
}

func (j *JSON) networkInfo(n *mesosproto.NetworkInfo) {
	j.Open('{')
	if len(n.GetGroups()) > 0 {
		j.TextsField("groups", n.GetGroups())
	}
	j.LabelsField(n.GetLabels())
	if len(n.GetIpAddresses()) > 0 {
		j.Key("ip_addresses")
		j.Open('[')
		for _, a := range n.GetIpAddresses() {
			j.Element()
			j.Message(a)
		}
		j.Close(']')
	}
	j.OptionalField("name", n.GetName())
	if len(n.GetPortMappings()) > 0 {
		j.Key("port_mappings")
		j.Open('[')
		for _, p := range n.GetPortMappings() {
			j.Element()
			j.Message(p)
		}
		j.Close(']')
	}
	j.Close('}')
}

// LabelsField writes the member labels, an array, unless there are none.
func (j *JSON) LabelsField(m *mesosproto.Labels) {
	if m == nil {
		return
	}
	j.Key("labels")
	j.Open('[')
	for _, l := range m.GetLabels() {
		j.Element()
		j.Open('{')
		j.Field("key", l.GetKey())
		if l.Value != nil {
			j.Field("value", l.GetValue())
		}
		j.Close('}')
	}
	j.Close(']')
}

// CommandField writes the member command.
func (j *JSON) CommandField(c *mesosproto.CommandInfo) {
	j.Key("command")
	j.Open('{')
	if c != nil && c.Shell != nil {
		j.BoolField("shell", c.GetShell())
	}
	if c != nil && c.Value != nil {
		j.Field("value", c.GetValue())
	}
	j.TextsField("argv", c.GetArguments())
	if m := c.GetEnvironment(); m != nil {
		j.MessageField("environment", m)
	}
	j.Key("uris")
	j.Open('[')
	for _, u := range c.GetUris() {
		j.Element()
		j.Open('{')
		j.Field("value", u.GetValue())
		j.BoolField("executable", u.GetExecutable())
		j.Close('}')
	}
	j.Close(']')
	j.Close('}')
}

// RolesField writes what a framework is subscribed to: roles if it can have several, else role.
func (j *JSON) RolesField(info *mesosproto.FrameworkInfo) {
	for _, c := range info.GetCapabilities() {
		if c.GetType() == mesosproto.FrameworkInfo_Capability_MULTI_ROLE {
			j.TextsField("roles", info.GetRoles())
			return
		}
	}
	//lint:ignore SA1019 frameworks without MULTI_ROLE still use it
	j.Field("role", info.GetRole())
}

// CapabilitiesField writes the member capabilities: the names of enum values.
func CapabilitiesField[T any, E interface{ String() string }](j *JSON, list []T, kind func(T) E) {
	j.Key("capabilities")
	j.Open('[')
	for _, c := range list {
		j.Element()
		j.Text(kind(c).String())
	}
	j.Close(']')
}
