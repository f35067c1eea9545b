package allocator

import (
	"cmp"
	"slices"
	"time"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/allocatorpb"
)

// maintenance is the planned unavailability of an agent and how the frameworks on it take it.
// Mesos: src/master/allocator/mesos/hierarchical.hpp, Slave::Maintenance.
type maintenance struct {
	unavailability *mesosproto.Unavailability
	answers        []answer // sorted by framework id
	dirty          bool     // in Hierarchical.inverseDirty
}

// answer is what passed between the allocator and one framework about one maintenance.
type answer struct {
	framework   string
	outstanding bool // an inverse offer is
	status      *allocatorpb.InverseOfferStatus

	// The filter that keeps the next inverse offer back, if stop is set. Of several the longest counts.
	until time.Time
	stop  func() bool
}

func (m *maintenance) find(framework string) (int, bool) {
	return slices.BinarySearchFunc(m.answers, framework, func(x answer, id string) int {
		return cmp.Compare(x.framework, id)
	})
}

func (m *maintenance) answerOf(framework string) *answer {
	at, found := m.find(framework)
	if !found {
		m.answers = slices.Insert(m.answers, at, answer{framework: framework})
	}
	return &m.answers[at]
}

func (x *answer) dropFilter() {
	if x.stop != nil {
		x.stop()
		x.stop = nil
	}
}

// UpdateUnavailability plans the maintenance of an agent, or with nil ends it: what frameworks said of
// an earlier plan is forgotten.
func (h *Hierarchical) UpdateUnavailability(agentID string, u *mesosproto.Unavailability) {
	if a := h.agentByID[agentID]; a != nil {
		h.setUnavailability(a, u)
		h.touch(a)
	}
}

func (h *Hierarchical) setUnavailability(a *agent, u *mesosproto.Unavailability) {
	if m := a.maintenance; m != nil {
		for i := range m.answers {
			m.answers[i].dropFilter()
		}
		a.maintenance = nil
		h.maintained--
	}
	if u != nil {
		a.maintenance = &maintenance{unavailability: u}
		h.maintained++
		h.touchMaintenance(a)
	}
}

// touchMaintenance has the next run make inverse offers for an agent.
func (h *Hierarchical) touchMaintenance(a *agent) {
	if m := a.maintenance; m != nil && !m.dirty {
		m.dirty = true
		h.inverseDirty = append(h.inverseDirty, a)
		h.schedule()
	}
}

// touchInverse has it do so for all agents.
func (h *Hierarchical) touchInverse() {
	if h.maintained == 0 {
		return
	}
	for _, a := range h.agents {
		if a != nil {
			h.touchMaintenance(a)
		}
	}
}

// inverseOffers makes the inverse offers that are due: to each active framework that holds something
// on an agent that is to go, unless one is outstanding or a filter keeps it back. Agents that are not
// active nor whitelisted are no exception.
func (h *Hierarchical) inverseOffers() []InverseOffer {
	var list []InverseOffer
	for _, a := range h.inverseDirty {
		m := a.maintenance
		if m == nil || !m.dirty {
			continue
		}
		m.dirty = false
		for i := range a.holdings {
			f := a.holdings[i].seat.framework
			if !f.known || !f.active {
				continue
			}
			if x := m.answerOf(f.id); !x.outstanding && x.stop == nil {
				x.outstanding = true
				list = append(list, InverseOffer{FrameworkID: f.id, AgentID: a.id, Unavailability: m.unavailability})
			}
		}
	}
	clear(h.inverseDirty)
	h.inverseDirty = h.inverseDirty[:0]
	slices.SortFunc(list, func(x, y InverseOffer) int {
		return cmp.Or(cmp.Compare(x.FrameworkID, y.FrameworkID), cmp.Compare(x.AgentID, y.AgentID))
	})
	return list
}

// UpdateInverseOffer says what became of an inverse offer. status is the framework's answer, nil if
// it gave none; f keeps the next one back, at least for the interval. u is not used: it is there for
// the resources that a framework might keep. What is not outstanding is out of date, and only its
// filter counts.
func (h *Hierarchical) UpdateInverseOffer(agentID, frameworkID string, u *mesosproto.Unavailability, status *allocatorpb.InverseOfferStatus, f *Filter) {
	a := h.agentByID[agentID]
	if a == nil || a.maintenance == nil || h.framework(frameworkID) == nil {
		return
	}
	x := a.maintenance.answerOf(frameworkID)
	if x.outstanding {
		x.outstanding = false
		if status != nil {
			x.status = status
		}
	}
	if f != nil {
		h.holdInverseBack(a, x, max(f.RefuseFor, h.cfg.Interval))
		return
	}
	h.touchMaintenance(a)
}

func (h *Hierarchical) holdInverseBack(a *agent, x *answer, d time.Duration) {
	until := h.loop.Now().Add(d)
	if x.stop != nil && !until.After(x.until) {
		return
	}
	x.dropFilter()
	m, id := a.maintenance, x.framework
	x.until = until
	x.stop = h.loop.AfterFunc(d, func() {
		m.answerOf(id).stop = nil
		h.touchMaintenance(a)
	})
}

// dropInverse forgets the filters of a framework that keep inverse offers back; gone: and all else that
// passed between them.
func (h *Hierarchical) dropInverse(f *framework, gone bool) {
	if h.maintained == 0 {
		return
	}
	for _, a := range h.agents {
		if a == nil || a.maintenance == nil {
			continue
		}
		m := a.maintenance
		if at, found := m.find(f.id); found {
			m.answers[at].dropFilter()
			if gone {
				m.answers = slices.Delete(m.answers, at, at+1)
			}
			h.touchMaintenance(a)
		}
	}
}

// InverseOfferStatuses returns, for an agent, what frameworks answered, sorted by framework id; those
// that gave no answer are left out. Mesos: allocator.hpp, getInverseOfferStatuses.
func (h *Hierarchical) InverseOfferStatuses(agentID string) []*allocatorpb.InverseOfferStatus {
	a := h.agentByID[agentID]
	if a == nil || a.maintenance == nil {
		return nil
	}
	var list []*allocatorpb.InverseOfferStatus
	for _, x := range a.maintenance.answers {
		if x.status != nil {
			list = append(list, x.status)
		}
	}
	return list
}
