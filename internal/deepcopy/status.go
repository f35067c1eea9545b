package deepcopy

import (
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
)

type taskStatus struct {
	message   mesosproto.TaskStatus
	task      taskID
	agent     agentID
	executor  executorID
	text      string
	uuid      uuid
	timestamp float64
	state     mesosproto.TaskState
	source    mesosproto.TaskStatus_Source
	reason    mesosproto.TaskStatus_Reason
	healthy   bool
}

// TaskStatus copies what became of a task.
func TaskStatus(m *mesosproto.TaskStatus) *mesosproto.TaskStatus {
	if !plain(m) {
		return rare(m)
	}
	to := new(taskStatus)
	s := &to.message
	s.TaskId = to.task.put(m.TaskId)
	s.State = put(&to.state, m.State)
	s.Message = put(&to.text, m.Message)
	s.Source = put(&to.source, m.Source)
	s.Reason = put(&to.reason, m.Reason)
	s.Data = slices.Clone(m.Data)
	s.AgentId = to.agent.put(m.AgentId)
	s.ExecutorId = to.executor.put(m.ExecutorId)
	s.Timestamp = put(&to.timestamp, m.Timestamp)
	s.Uuid = to.uuid.put(m.Uuid)
	s.Healthy = put(&to.healthy, m.Healthy)
	s.CheckStatus = rare(m.CheckStatus)
	s.Labels = rare(m.Labels)
	s.ContainerStatus = copyContainerStatus(m.ContainerStatus)
	s.UnreachableTime = rare(m.UnreachableTime)
	s.Limitation = rare(m.Limitation)
	return s
}

// containerStatus has room for what most containers have: one network with one address.
type containerStatus struct {
	message   mesosproto.ContainerStatus
	container containerID
	networks  [1]*mesosproto.NetworkInfo
	network   networkInfo
}

func copyContainerStatus(m *mesosproto.ContainerStatus) *mesosproto.ContainerStatus {
	if !plain(m) {
		return rare(m)
	}
	to := new(containerStatus)
	s := &to.message
	s.ContainerId = to.container.put(m.ContainerId)
	if len(m.NetworkInfos) == 1 {
		to.networks[0] = to.network.put(m.NetworkInfos[0])
		s.NetworkInfos = to.networks[:]
	} else {
		s.NetworkInfos = list(m.NetworkInfos, rare)
	}
	s.CgroupInfo = rare(m.CgroupInfo)
	if m.ExecutorPid != nil {
		s.ExecutorPid = put(new(uint32), m.ExecutorPid)
	}
	return s
}

type networkInfo struct {
	message   mesosproto.NetworkInfo
	addresses [1]*mesosproto.NetworkInfo_IPAddress
	address   mesosproto.NetworkInfo_IPAddress
	protocol  mesosproto.NetworkInfo_Protocol
	ip, name  string
}

func (to *networkInfo) put(m *mesosproto.NetworkInfo) *mesosproto.NetworkInfo {
	if !plain(m) {
		return rare(m)
	}
	n := &to.message
	if len(m.IpAddresses) == 1 && plain(m.IpAddresses[0]) {
		to.address.Protocol = put(&to.protocol, m.IpAddresses[0].Protocol)
		to.address.IpAddress = put(&to.ip, m.IpAddresses[0].IpAddress)
		to.addresses[0] = &to.address
		n.IpAddresses = to.addresses[:]
	} else {
		n.IpAddresses = list(m.IpAddresses, rare)
	}
	n.Name = put(&to.name, m.Name)
	n.Groups = slices.Clone(m.Groups)
	n.Labels = rare(m.Labels)
	n.PortMappings = list(m.PortMappings, rare)
	return n
}
