package allocator

import (
	"slices"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// agent is an agent as the allocator sees it. What a run needs comes first, close together: of 20,000
// agents the processor has few in its caches.
type agent struct {
	slot    int    // row of the board
	version uint32 // names the value of free
	last    uint32 // the last version that was given
	dirty   bool   // in Hierarchical.dirty
	later   bool   // in Hierarchical.later
	active  bool
	remote  bool  // in another region than the master
	over    bool  // more is held than there is, after total has shrunk
	kinds   kinds // of total
	caps    agentCaps

	// free is total less what is held, with every shared resource of total in it: those can be offered
	// again while they are in use.
	free     resources.Resources
	holdings []holding
	first    [2]holding // where holdings begin: most agents need no more
	memo     memo
	filters  filters

	// judged is what was free when the blocked bits of this agent were set: they hold as long as free is
	// part of it.
	judged        resources.Resources
	judgedVersion uint32
	judgedFree    bool // free is known to be part of judged
	judgedMemo    bool // memo.plain is

	id          string
	info        *mesosproto.AgentInfo
	total       resources.Resources
	maintenance *maintenance // nil: none is planned
}

// AddAgent adds an agent; used is what is already in use on it, by framework id (known or not). One that
// is known is replaced.
func (h *Hierarchical) AddAgent(info *mesosproto.AgentInfo, capabilities []*mesosproto.AgentInfo_Capability, unavailability *mesosproto.Unavailability, total resources.Resources, used map[string]resources.Resources) {
	id := info.GetId().GetValue()
	if h.agentByID[id] != nil {
		h.RemoveAgent(id)
	}
	a := &agent{id: id, active: true}
	a.holdings = a.first[:0]
	if n := len(h.freeSlots); n > 0 {
		a.slot = h.freeSlots[n-1]
		h.freeSlots = h.freeSlots[:n-1]
	} else {
		a.slot = len(h.agents)
		h.agents = append(h.agents, nil)
	}
	h.agents[a.slot] = a
	h.agentByID[id] = a
	h.board.grow(len(h.agents), len(h.seats))
	h.describe(a, info, capabilities)
	h.setTotal(a, total.Unallocate())
	h.setUnavailability(a, unavailability)
	for _, frameworkID := range sortedKeys(used) {
		h.hold(a, frameworkID, used[frameworkID])
	}
	h.recount(a)
	h.touch(a)
	h.added++
	if h.awaiting > 0 && h.added >= h.awaiting {
		h.endRecovery()
	}
	if e := h.log.Check(zap.InfoLevel, "agent added"); e != nil {
		e.Write(zap.String("agent_id", id), zap.Stringer("total", total))
	}
}

func (h *Hierarchical) describe(a *agent, info *mesosproto.AgentInfo, capabilities []*mesosproto.AgentInfo_Capability) {
	a.info = info
	a.caps = agentCapsOf(capabilities)
	a.remote = isRemote(h.cfg.Domain, info.GetDomain())
	h.include(a)
}

// include forgets which frameworks the agent does not suit.
func (h *Hierarchical) include(a *agent) {
	row := h.board.row(a.slot)
	for i := range row {
		row[i].excluded = 0
	}
}

// setTotal replaces what the agent has; what is free is for the caller to recount.
func (h *Hierarchical) setTotal(a *agent, total resources.Resources) {
	cluster := h.tree.total.Sub(a.total.ScalarQuantities()).Add(total.ScalarQuantities())
	a.total = total
	k := kindsOf(total)
	if (k^a.kinds)&hasGPUs != 0 {
		h.include(a)
	}
	a.kinds = k
	h.tree.setTotal(cluster)
}

// RemoveAgent forgets an agent, what is held on it and the filters for it.
func (h *Hierarchical) RemoveAgent(id string) {
	a := h.agentByID[id]
	if a == nil {
		return
	}
	for len(a.holdings) > 0 {
		x := &a.holdings[len(a.holdings)-1]
		r := x.all()
		x.offered, x.used = resources.Resources{}, resources.Resources{}
		h.discharge(a, x.seat, r, r.ScalarQuantities())
		h.dropHolding(a, len(a.holdings)-1)
	}
	h.setTotal(a, resources.Resources{})
	h.setUnavailability(a, nil)
	h.dropAgentFilters(a)
	clear(h.board.row(a.slot))
	a.active = false // it may still be among the dirty
	a.setFree(resources.Resources{})
	h.agents[a.slot] = nil
	h.freeSlots = append(h.freeSlots, a.slot)
	delete(h.agentByID, id)
	h.log.Info("agent removed", zap.String("agent_id", id))
}

// UpdateAgent replaces what is known of the agent; a change of attributes or domain clears its filters.
func (h *Hierarchical) UpdateAgent(info *mesosproto.AgentInfo, total resources.Resources, capabilities []*mesosproto.AgentInfo_Capability) {
	a := h.agentByID[info.GetId().GetValue()]
	if a == nil {
		return
	}
	before := a.info
	h.describe(a, info, capabilities)
	if !sameAttributes(before, info) {
		h.dropAgentFilters(a)
	}
	h.setTotal(a, total.Unallocate())
	h.recount(a)
	h.touch(a)
}

func sameAttributes(x, y *mesosproto.AgentInfo) bool {
	return proto.Equal(x.GetDomain(), y.GetDomain()) &&
		slices.EqualFunc(x.GetAttributes(), y.GetAttributes(), func(a, b *mesosproto.Attribute) bool { return proto.Equal(a, b) })
}

// ActivateAgent offers what the agent has. DeactivateAgent stops that and recovers nothing.
func (h *Hierarchical) ActivateAgent(id string) {
	if a := h.agentByID[id]; a != nil && !a.active {
		a.active = true
		h.touch(a)
	}
}

// DeactivateAgent ends offers of an agent; those that are out are for the caller to rescind.
func (h *Hierarchical) DeactivateAgent(id string) {
	if a := h.agentByID[id]; a != nil {
		a.active = false
	}
}

// UpdateAvailable applies conversions to what is free on an agent.
//
// Errors: NotFound for an unknown agent; FailedPrecondition if what a conversion consumes is not free,
// such as when it was just offered.
func (h *Hierarchical) UpdateAvailable(agentID string, conversions []resources.Conversion) error {
	a := h.agentByID[agentID]
	if a == nil {
		return status.Errorf(codes.NotFound, "agent %s is not known", agentID)
	}
	if _, err := a.free.Apply(conversions...); err != nil {
		return status.Errorf(codes.FailedPrecondition, "not free on agent %s: %s", agentID, err)
	}
	total, err := a.total.Apply(conversions...)
	if err != nil {
		return status.Errorf(codes.FailedPrecondition, "agent %s: %s", agentID, err)
	}
	h.setTotal(a, total)
	h.recount(a)
	h.touch(a)
	return nil
}

// UpdateAllocation applies the conversions of operations to what a framework was offered, in one role, and
// to the agent's total.
//
// Errors: NotFound for an unknown framework or agent; InvalidArgument if offered is not in one role;
// FailedPrecondition if it was not offered, or a conversion can't be applied. Then nothing changes.
func (h *Hierarchical) UpdateAllocation(frameworkID, agentID string, offered resources.Resources, conversions []resources.Conversion) error {
	f, a := h.frameworks[frameworkID], h.agentByID[agentID]
	if f == nil || !f.known {
		return status.Errorf(codes.NotFound, "framework %s is not known", frameworkID)
	}
	if a == nil {
		return status.Errorf(codes.NotFound, "agent %s is not known", agentID)
	}
	if offered.IsEmpty() {
		return status.Errorf(codes.InvalidArgument, "nothing was offered to framework %s on agent %s", frameworkID, agentID)
	}
	role := offered.At(0).AllocationRole()
	if offered.Any(func(e resources.Resource) bool { return e.AllocationRole() != role }) {
		return status.Errorf(codes.InvalidArgument, "resources are allocated to more than one role: %s", offered)
	}
	at := -1
	if s := f.seat(role); s != nil {
		at = a.find(s)
	}
	if at < 0 || !a.holdings[at].offered.Contains(offered) {
		return status.Errorf(codes.FailedPrecondition, "%s is not offered to framework %s on agent %s", offered, frameworkID, agentID)
	}
	after, err := offered.Apply(conversions...)
	if err != nil {
		return status.Errorf(codes.FailedPrecondition, "framework %s on agent %s: %s", frameworkID, agentID, err)
	}
	total := a.total
	for _, c := range conversions {
		if c.Consumed.IsEmpty() { // more copies of what is shared: of use to the framework alone
			continue
		}
		plain := resources.Conversion{Consumed: c.Consumed.Unallocate(), Converted: c.Converted.Unallocate()}
		if total, err = total.Apply(plain); err != nil {
			return status.Errorf(codes.FailedPrecondition, "agent %s: %s", agentID, err)
		}
	}
	h.convert(a, at, offered, after.Allocate(role))
	h.setTotal(a, total)
	h.recount(a)
	h.touch(a)
	return nil
}
