package allocator

import (
	"slices"
	"strings"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// frameworkCaps are the capabilities of a framework that matter here, by number of
// mesosproto.FrameworkInfo_Capability_Type.
type frameworkCaps uint16

func frameworkCapsOf(info *mesosproto.FrameworkInfo) (caps frameworkCaps) {
	for _, c := range info.GetCapabilities() {
		if t := c.GetType(); t > 0 && t < 16 {
			caps |= 1 << t
		}
	}
	return caps
}

func (c frameworkCaps) has(t mesosproto.FrameworkInfo_Capability_Type) bool { return c&(1<<t) != 0 }

// rolesOf are the roles that a framework subscribes to, sorted, each once.
func rolesOf(info *mesosproto.FrameworkInfo) []string {
	if !frameworkCapsOf(info).has(mesosproto.FrameworkInfo_Capability_MULTI_ROLE) {
		//lint:ignore SA1019 frameworks without MULTI_ROLE still use it
		return []string{info.GetRole()}
	}
	roles := slices.Clone(info.GetRoles())
	slices.Sort(roles)
	return slices.Compact(roles)
}

// agentCaps are the capabilities of an agent, by number of mesosproto.AgentInfo_Capability_Type.
type agentCaps uint16

func agentCapsOf(list []*mesosproto.AgentInfo_Capability) (caps agentCaps) {
	for _, c := range list {
		if t := c.GetType(); t > 0 && t < 16 {
			caps |= 1 << t
		}
	}
	return caps
}

func (c agentCaps) has(t mesosproto.AgentInfo_Capability_Type) bool { return c&(1<<t) != 0 }

// kinds are what is special about some of an agent's resources, so that the usual agent, which has
// nothing special, is not searched for it.
type kinds uint8

const (
	hasReserved kinds = 1 << iota
	hasShared
	hasRevocable
	hasRefined
	hasGPUs
)

func kindsOf(r resources.Resources) (k kinds) {
	for i := range r.Len() {
		e := r.At(i)
		if e.IsReserved() {
			k |= hasReserved
		}
		if e.IsShared() {
			k |= hasShared
		}
		if e.IsRevocable() {
			k |= hasRevocable
		}
		if e.IsRefined() {
			k |= hasRefined
		}
		if e.Name() == "gpus" {
			k |= hasGPUs
		}
	}
	return k
}

// unusable are the kinds that a framework can't handle and is not offered.
func (c frameworkCaps) unusable() (k kinds) {
	if !c.has(mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES) {
		k |= hasShared
	}
	if !c.has(mesosproto.FrameworkInfo_Capability_REVOCABLE_RESOURCES) {
		k |= hasRevocable
	}
	if !c.has(mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT) {
		k |= hasRefined
	}
	return k
}

// strip returns r without those kinds.
func strip(r resources.Resources, k kinds) resources.Resources {
	return r.Filter(func(e resources.Resource) bool {
		return !(k&hasShared != 0 && e.IsShared() ||
			k&hasRevocable != 0 && e.IsRevocable() ||
			k&hasRefined != 0 && e.IsRefined())
	})
}

// mismatches are reasons why a framework may never use an agent in a role, as long as neither changes.
// Mesos: src/master/allocator/mesos/hierarchical.cpp, isCapableOfReceivingAgent.
type mismatches uint8

const (
	needsGPUCapability mismatches = 1 << iota
	needsRegionCapability
	agentNotMultiRole
	agentNotHierarchical
	constraintsExclude
)

func (h *Hierarchical) mismatchesOf(s *seat, a *agent) (m mismatches) {
	caps := s.framework.caps
	if a.kinds&hasGPUs != 0 && !h.cfg.ShowGPUsToAll && !caps.has(mesosproto.FrameworkInfo_Capability_GPU_RESOURCES) {
		m |= needsGPUCapability
	}
	if a.remote && !caps.has(mesosproto.FrameworkInfo_Capability_REGION_AWARE) {
		m |= needsRegionCapability
	}
	if caps.has(mesosproto.FrameworkInfo_Capability_MULTI_ROLE) && !a.caps.has(mesosproto.AgentInfo_Capability_MULTI_ROLE) {
		m |= agentNotMultiRole
	}
	if s.role.nested && !a.caps.has(mesosproto.AgentInfo_Capability_HIERARCHICAL_ROLE) {
		m |= agentNotHierarchical
	}
	if !s.constraints.allow(a.info) {
		m |= constraintsExclude
	}
	return m
}

func isNested(role string) bool { return strings.Contains(role, "/") }

// isRemote tells whether an agent is in another region than the master. Zones make no difference.
func isRemote(master, agent *mesosproto.DomainInfo) bool {
	here, there := master.GetFaultDomain().GetRegion(), agent.GetFaultDomain().GetRegion()
	return here != nil && there != nil && here.GetName() != there.GetName()
}
