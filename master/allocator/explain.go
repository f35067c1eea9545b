package allocator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// Question asks why a framework gets no offer.
type Question struct {
	FrameworkID string
	Role        string
	// AgentID limits the question to one agent. Empty: all agents.
	AgentID string
	// Limit is how many agents are looked at, at most, the first ones by id; each takes microseconds, in
	// which the master does nothing else. 0: all.
	Limit int
	// Needs limits it to offers that have at least these amounts, reserved or not, such as a task's
	// resources. Empty: any offer.
	Needs resources.Resources
}

// Reason is one thing that keeps offers from a framework.
type Reason struct {
	Code ReasonCode
	// AgentID is the agent that it is about; empty: all of them.
	AgentID string
	// Text says it in English, with the values that matter and, where there is one, the remedy.
	Text string
}

// ReasonCode is a kind of Reason.
type ReasonCode string

const (
	FrameworkUnknown      ReasonCode = "FRAMEWORK_UNKNOWN"
	FrameworkInactive     ReasonCode = "FRAMEWORK_INACTIVE"
	RoleNotSubscribed     ReasonCode = "ROLE_NOT_SUBSCRIBED"
	RoleSuppressed        ReasonCode = "ROLE_SUPPRESSED"
	AllocatorPaused       ReasonCode = "ALLOCATOR_PAUSED"
	AwaitingAgents        ReasonCode = "AWAITING_AGENTS"
	NoAgents              ReasonCode = "NO_AGENTS"
	AgentUnknown          ReasonCode = "AGENT_UNKNOWN"
	AgentInactive         ReasonCode = "AGENT_INACTIVE"
	AgentNotWhitelisted   ReasonCode = "AGENT_NOT_WHITELISTED"
	AgentNotMultiRole     ReasonCode = "AGENT_NOT_MULTI_ROLE"
	AgentNotHierarchical  ReasonCode = "AGENT_NOT_HIERARCHICAL"
	CapabilityGPU         ReasonCode = "CAPABILITY_GPU_RESOURCES"
	CapabilityRegion      ReasonCode = "CAPABILITY_REGION_AWARE"
	CapabilityShared      ReasonCode = "CAPABILITY_SHARED_RESOURCES"
	CapabilityRevocable   ReasonCode = "CAPABILITY_REVOCABLE_RESOURCES"
	CapabilityRefinement  ReasonCode = "CAPABILITY_RESERVATION_REFINEMENT"
	OfferConstraints      ReasonCode = "OFFER_CONSTRAINTS"
	NothingFree           ReasonCode = "NOTHING_FREE"
	HeldByOthers          ReasonCode = "HELD_BY_OTHERS"
	HeldByItself          ReasonCode = "HELD_BY_ITSELF"
	ReservedForOtherRoles ReasonCode = "RESERVED_FOR_OTHER_ROLES"
	TooSmall              ReasonCode = "TOO_SMALL"
	NotEnough             ReasonCode = "NOT_ENOUGH"
	Refused               ReasonCode = "REFUSED"
	RunPending            ReasonCode = "RUN_PENDING"
)

// Explain returns every reason why a framework gets no offer in a role, not only the first: those that
// are about all agents, then those of each agent by id. None for an agent means that nothing is in the
// way. It computes them when asked and changes nothing; between questions it costs nothing.
func (h *Hierarchical) Explain(q Question) []Reason {
	e := explanation{h: h, q: q}
	f := h.framework(q.FrameworkID)
	var s *seat
	switch {
	case f == nil:
		e.add(FrameworkUnknown, "framework %s is not known; it must subscribe first", q.FrameworkID)
	default:
		if s = f.seat(q.Role); s == nil || !s.subscribed {
			e.add(RoleNotSubscribed, "framework %s does not subscribe to role %s; its roles are %s", f.id, q.Role, strings.Join(f.roles, ", "))
		}
		if !f.active {
			e.add(FrameworkInactive, "framework %s is not active: it is not connected", f.id)
		}
		if f.suppressed[q.Role] {
			e.add(RoleSuppressed, "framework %s suppresses offers in role %s; REVIVE ends that", f.id, q.Role)
		}
	}
	if h.paused > 0 {
		e.add(AllocatorPaused, "the master holds runs back for the moment")
	}
	if h.awaiting > 0 {
		e.add(AwaitingAgents, "there is quota, and after the failover %d agents must be back first; %d are", h.awaiting, h.added)
	}
	for _, a := range e.agents() {
		e.agent = a.id
		e.explainAgent(a, s)
	}
	return e.reasons
}

// explanation is an answer under way.
type explanation struct {
	h       *Hierarchical
	q       Question
	agent   string
	reasons []Reason
}

func (e *explanation) add(code ReasonCode, format string, args ...any) {
	e.reasons = append(e.reasons, Reason{code, e.agent, fmt.Sprintf(format, args...)})
}

// agents are those that are asked about, by id.
func (e *explanation) agents() []*agent {
	if e.q.AgentID != "" {
		if a := e.h.agentByID[e.q.AgentID]; a != nil {
			return []*agent{a}
		}
		e.add(AgentUnknown, "agent %s is not registered", e.q.AgentID)
		return nil
	}
	var list []*agent
	for _, id := range sortedKeys(e.h.agentByID) {
		list = append(list, e.h.agentByID[id])
	}
	if len(list) == 0 {
		e.add(NoAgents, "no agent is registered")
	}
	if e.q.Limit > 0 && len(list) > e.q.Limit {
		list = list[:e.q.Limit]
	}
	return list
}

func (e *explanation) explainAgent(a *agent, s *seat) {
	h := e.h
	if !a.active {
		e.add(AgentInactive, "the agent is disconnected, deactivated or draining")
	}
	if !h.whitelisted(a) {
		e.add(AgentNotWhitelisted, "host %s is not in the whitelist", a.info.GetHostname())
	}
	if s == nil {
		return
	}
	e.explainMismatch(a, s)
	before := len(e.reasons)
	offer := e.explainFree(a, s)
	if offer.IsEmpty() {
		return
	}
	if !s.minimum.allows(offer) {
		e.add(TooSmall, "%s is less than the smallest offer worth making, %s", offer.Quantities(), s.minimum)
	}
	e.explainNeeds(offer)
	for _, f := range a.filters.list {
		if refused := a.filters.refusals[f.refusal]; f.of(s) && refused.Contains(offer) {
			e.add(Refused, "the framework refused %s until %s; REVIVE ends that", refused,
				h.timeOf(f.until).UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	if len(e.reasons) == before && (a.dirty || h.allDirty) && s.wanted() {
		e.add(RunPending, "a run that looks at the agent is about to happen")
	}
}

// explainMismatch adds why the agent itself does not suit the framework.
func (e *explanation) explainMismatch(a *agent, s *seat) {
	m := e.h.mismatchesOf(s, a)
	if m&needsGPUCapability != 0 {
		e.add(CapabilityGPU, "the agent has gpus and the framework lacks the capability GPU_RESOURCES")
	}
	if m&needsRegionCapability != 0 {
		e.add(CapabilityRegion, "the agent is in region %s and the framework lacks the capability REGION_AWARE",
			a.info.GetDomain().GetFaultDomain().GetRegion().GetName())
	}
	if m&agentNotMultiRole != 0 {
		e.add(AgentNotMultiRole, "the framework has the capability MULTI_ROLE and the agent is too old for it")
	}
	if m&agentNotHierarchical != 0 {
		e.add(AgentNotHierarchical, "role %s is nested and the agent is too old for that", s.role.name)
	}
	if m&constraintsExclude != 0 {
		e.add(OfferConstraints, "%s", s.constraints.explain(a))
	}
}

// explainFree adds why less than the agent's total can be offered, and returns what can be.
func (e *explanation) explainFree(a *agent, s *seat) resources.Resources {
	for i := range a.holdings {
		x := &a.holdings[i]
		code := HeldByOthers
		holder := x.seat.framework
		if holder == s.framework {
			code = HeldByItself
		}
		if !x.offered.IsEmpty() {
			e.add(code, "%s is offered to framework %s in role %s", x.offered.Unallocate(), holder.id, x.seat.role.name)
		}
		if !x.used.IsEmpty() {
			e.add(code, "%s is used by framework %s in role %s", x.used.Unallocate(), holder.id, x.seat.role.name)
		}
	}
	if a.free.IsEmpty() {
		e.add(NothingFree, "nothing of %s is free", a.total)
		return a.free
	}
	offer := a.free.AllocatableTo(s.role.name)
	if rest := a.free.Sub(offer); !rest.IsEmpty() {
		e.add(ReservedForOtherRoles, "%s is reserved for other roles than %s", rest, s.role.name)
	}
	k := s.framework.caps.unusable()
	for _, c := range []struct {
		kind kinds
		code ReasonCode
		name string
	}{
		{hasShared, CapabilityShared, "shared"},
		{hasRevocable, CapabilityRevocable, "revocable"},
		{hasRefined, CapabilityRefinement, "reserved by refinement"},
	} {
		if k&c.kind == 0 {
			continue
		}
		rest := strip(offer, c.kind)
		if gone := offer.Sub(rest); !gone.IsEmpty() {
			e.add(c.code, "%s is %s and the framework lacks the capability for it", gone, c.name)
		}
		offer = rest
	}
	return offer
}

// explainNeeds adds what is missing for the needs.
func (e *explanation) explainNeeds(offer resources.Resources) {
	have := offer.Quantities()
	var short []string
	for name, amount := range e.q.Needs.Quantities().All() {
		if got := have.Get(name); got < amount {
			short = append(short, fmt.Sprintf("%s: %s of %s", name, got, amount))
		}
	}
	if len(short) > 0 {
		e.add(NotEnough, "not enough is free: %s", strings.Join(short, ", "))
	}
	for p := range e.q.Needs.Named("ports").All() {
		if missing := p.Ranges().Sub(offer.Ports()); len(missing) > 0 {
			e.add(NotEnough, "ports %s are not free", missing)
		}
	}
}

// explain says of each group which of its constraints an agent does not satisfy.
func (c *constraints) explain(a *agent) string {
	var groups []string
	for i, group := range c.groups {
		var failed []string
		for j := range group {
			if one := &group[j]; !one.holds(a.info) {
				failed = append(failed, one.String()+one.found(a))
			}
		}
		groups = append(groups, fmt.Sprintf("group %d wants %s", i, strings.Join(failed, " and ")))
	}
	if len(groups) == 0 {
		return "the offer constraints are not legal"
	}
	return "offer constraints exclude the agent: " + strings.Join(groups, "; ")
}

func (c *constraint) found(a *agent) string {
	switch text, isText, found := c.value(a.info); {
	case !found:
		return ", which it has not"
	case isText:
		return fmt.Sprintf(", but it is %q", text)
	}
	return ""
}

// String prints a constraint such as `rack equals "r1"`.
func (c *constraint) String() string {
	name := c.name
	if c.pseudo != schedulerpb.AttributeConstraint_Selector_UNKNOWN {
		name = c.pseudo.String()
	}
	return name + " " + c.wants
}

// Excluded are the agents whose offers the constraints of a framework exclude, by role: sorted roles
// with sorted agent ids; roles that exclude none are left out. Mesos: GET /allocator/offer_constraints_debug.
func (h *Hierarchical) Excluded(frameworkID string) []RoleAgents {
	f := h.framework(frameworkID)
	if f == nil {
		return nil
	}
	var list []RoleAgents
	for _, s := range f.seats {
		x := RoleAgents{Role: s.role.name}
		for _, a := range h.agents {
			if a != nil && s.subscribed && !s.constraints.allow(a.info) {
				x.AgentIDs = append(x.AgentIDs, a.id)
			}
		}
		if len(x.AgentIDs) > 0 {
			slices.Sort(x.AgentIDs)
			list = append(list, x)
		}
	}
	return list
}

// RoleAgents are agents, for a role.
type RoleAgents struct {
	Role     string
	AgentIDs []string
}
