package master

import (
	"math"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/master/offer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/allocatorpb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// offer makes offers of what the allocator has decided, and sends them in one event. What can't be
// offered any more, because framework or agent have gone meanwhile, goes back.
//
// Mesos: src/master/master.cpp, Master::offer.
func (c *core) offer(from allocator.Offers) {
	f := c.frameworks[from.FrameworkID]
	usable := c.phase == leading && f != nil && f.connected() && f.active
	event := &schedulerpb.Event_Offers{}
	for _, x := range from.Offers {
		a := c.agents.get(x.AgentID)
		if !usable || a == nil || !a.active || !a.connected() {
			c.allocator.RecoverResources(from.FrameworkID, x.AgentID, x.Resources, nil, false)
			continue
		}
		o := &offer.Offer{
			ID:          c.offerID(),
			FrameworkID: f.id,
			AgentID:     a.id,
			Role:        x.Role,
			Resources:   x.Resources,
		}
		c.addOffer(f, a, o)
		event.Offers = append(event.Offers, c.offerMessage(f, a, o))
	}
	if len(event.Offers) > 0 {
		f.metrics.OffersSent += int64(len(event.Offers))
		f.send(&schedulerpb.Event{Type: schedulerpb.Event_OFFERS.Enum(), Offers: event})
	}
}

func (c *core) offerID() string {
	id := c.info.GetId() + "-O" + strconv.Itoa(c.nextOffer)
	c.nextOffer++
	return id
}

// offerMessage is an offer as the framework may see it.
func (c *core) offerMessage(f *framework, a *agent, o *offer.Offer) *mesosproto.Offer {
	m := &mesosproto.Offer{
		Id:             &mesosproto.OfferID{Value: &o.ID},
		FrameworkId:    f.idProto,
		AgentId:        a.idProto,
		Hostname:       a.info.Hostname,
		Url:            a.url,
		Domain:         a.info.Domain,
		Resources:      formatFor(f.caps, o.Resources),
		Attributes:     a.info.Attributes,
		Unavailability: o.Unavailability,
	}
	if f.caps.multiRole() {
		m.AllocationInfo = &mesosproto.Resource_AllocationInfo{Role: &o.Role}
	}
	for _, e := range executorsInOrder(a.executors[f.id]) {
		m.ExecutorIds = append(m.ExecutorIds, e.info.ExecutorId)
	}
	return m
}

func (c *core) addOffer(f *framework, a *agent, o *offer.Offer) {
	c.offers.Add(o)
	f.offerSlots[o.ID] = f.offerTable.add(o)
	f.offered.add(a.id, o.Resources)
	a.offered.Add(o.Resources)
	c.touchFramework(f)
	c.touchAgent(a)
	if c.cfg.OfferTimeout > 0 {
		c.offerTimes[o.ID] = c.loop.AfterFunc(c.cfg.OfferTimeout, func() {
			delete(c.offerTimes, o.ID)
			c.rescind(o, nil)
		})
	}
}

// removeOffer strikes an offer or inverse offer out. Its resources are the caller's to give back.
func (c *core) removeOffer(o *offer.Offer) bool {
	if !c.offers.Remove(o) {
		return false
	}
	if c.guards.Off(guard.OfferCheck) {
		c.offersOver[o.ID] = o
	}
	if stop := c.offerTimes[o.ID]; stop != nil {
		stop()
		delete(c.offerTimes, o.ID)
	}
	if f := c.frameworks[o.FrameworkID]; f != nil {
		f.offerTable.remove(f.offerSlots[o.ID])
		delete(f.offerSlots, o.ID)
		f.offered.sub(o.AgentID, o.Resources)
		c.touchFramework(f)
	}
	if a := c.agents.get(o.AgentID); a != nil {
		a.offered.Sub(o.Resources)
		c.touchAgent(a)
	}
	c.touch()
	return true
}

// discard removes an offer and gives its resources back, without a word to the framework.
func (c *core) discard(o *offer.Offer, filter *allocator.Filter) {
	if c.removeOffer(o) && !o.Inverse {
		c.allocator.RecoverResources(o.FrameworkID, o.AgentID, o.Resources, filter, false)
	}
}

// rescind is discard, but the framework is told.
func (c *core) rescind(o *offer.Offer, filter *allocator.Filter) {
	c.discard(o, filter)
	f := c.frameworks[o.FrameworkID]
	if f == nil {
		return
	}
	id := &mesosproto.OfferID{Value: proto.String(o.ID)}
	if o.Inverse {
		f.send(&schedulerpb.Event{
			Type:                schedulerpb.Event_RESCIND_INVERSE_OFFER.Enum(),
			RescindInverseOffer: &schedulerpb.Event_RescindInverseOffer{InverseOfferId: id},
		})
		return
	}
	f.metrics.OffersRescinded++
	f.send(&schedulerpb.Event{
		Type:    schedulerpb.Event_RESCIND.Enum(),
		Rescind: &schedulerpb.Event_Rescind{OfferId: id},
	})
}

// discardOffers takes back what a framework was offered, and the inverse offers that it has.
func (c *core) discardOffers(f *framework) {
	for _, o := range c.offers.OfFramework(f.id) {
		c.discard(o, nil)
	}
	for _, o := range c.offers.InverseOfFramework(f.id) {
		c.allocator.UpdateInverseOffer(o.AgentID, f.id, o.Unavailability, nil, nil)
		c.removeOffer(o)
	}
}

// rescindAgent takes back all offers made of an agent.
func (c *core) rescindAgent(a *agent) {
	for _, o := range c.offers.OfAgent(a.id) {
		c.rescind(o, nil)
	}
	for _, o := range c.offers.InverseOfAgent(a.id) {
		c.allocator.UpdateInverseOffer(a.id, o.FrameworkID, o.Unavailability, nil, nil)
		c.rescind(o, nil)
	}
}

// decline handles DECLINE. Offers that are over are ignored.
//
// Mesos: scheduler API, Call DECLINE. The reference lets a framework decline the offers of others;
// their owner is told here at least.
func (c *core) decline(f *framework, m *schedulerpb.Call_Decline) {
	c.counters.Messages[DeclineOffers]++
	filter := filterOf(m.GetFilters())
	for _, id := range m.GetOfferIds() {
		if o := c.offers.Get(id.GetValue()); o != nil {
			f.metrics.OffersDeclined++
			c.giveBack(f, o, filter)
		}
	}
}

// giveBack discards an offer that a framework names; if it is another's, that one is told.
func (c *core) giveBack(f *framework, o *offer.Offer, filter *allocator.Filter) {
	if o.FrameworkID == f.id {
		c.discard(o, filter)
	} else {
		c.rescind(o, nil)
	}
}

const (
	defaultRefusal = 5 * time.Second
	maxRefusal     = 365 * 24 * time.Hour
)

// filterOf says how long refused resources stay away: 5 s unless the framework says otherwise, a year
// at most.
func filterOf(m *mesosproto.Filters) *allocator.Filter {
	s := m.GetRefuseSeconds() // 5 if absent
	switch {
	case math.IsNaN(s) || s < 0:
		return &allocator.Filter{RefuseFor: defaultRefusal}
	case s > maxRefusal.Seconds():
		return &allocator.Filter{RefuseFor: maxRefusal}
	}
	return &allocator.Filter{RefuseFor: time.Duration(s * float64(time.Second))}
}

// suppress handles SUPPRESS. A role that is not the framework's voids the whole call.
func (c *core) suppress(f *framework, roles []string) {
	c.counters.Messages[SuppressOffers]++
	if !f.hasAll(roles) {
		return
	}
	for _, role := range orAll(roles, f.roles) {
		f.suppressed[role] = true
	}
	c.allocator.SuppressOffers(f.id, roles)
}

// revive handles REVIVE. A role that is not the framework's voids the whole call.
func (c *core) revive(f *framework, roles []string) {
	c.counters.Messages[ReviveOffers]++
	if !f.hasAll(roles) {
		return
	}
	for _, role := range orAll(roles, f.roles) {
		delete(f.suppressed, role)
	}
	c.allocator.ReviveOffers(f.id, roles)
}

func (f *framework) hasAll(roles []string) bool {
	for _, role := range roles {
		if !f.has(role) {
			return false
		}
	}
	return true
}

func orAll(roles, all []string) []string {
	if len(roles) == 0 {
		return all
	}
	return roles
}

// inverseOffer makes inverse offers of what the allocator has decided.
func (c *core) inverseOffer(list []allocator.InverseOffer) {
	for _, x := range list {
		f, a := c.frameworks[x.FrameworkID], c.agents.get(x.AgentID)
		if c.phase != leading || f == nil || !f.connected() || a == nil || x.Unavailability == nil {
			continue
		}
		o := &offer.Offer{
			ID:             c.offerID(),
			FrameworkID:    f.id,
			AgentID:        a.id,
			Unavailability: x.Unavailability,
			Inverse:        true,
		}
		c.addOffer(f, a, o)
		f.send(&schedulerpb.Event{
			Type: schedulerpb.Event_INVERSE_OFFERS.Enum(),
			InverseOffers: &schedulerpb.Event_InverseOffers{InverseOffers: []*mesosproto.InverseOffer{{
				Id:             &mesosproto.OfferID{Value: &o.ID},
				Url:            a.url,
				FrameworkId:    f.idProto,
				AgentId:        a.idProto,
				Unavailability: x.Unavailability,
			}}},
		})
	}
}

// answerInverseOffers handles ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS.
func (c *core) answerInverseOffers(f *framework, ids []*mesosproto.OfferID, filters *mesosproto.Filters, accepted bool) {
	status := allocatorpb.InverseOfferStatus_DECLINE
	if accepted {
		status = allocatorpb.InverseOfferStatus_ACCEPT
	}
	for _, id := range ids {
		o := c.offers.GetInverse(id.GetValue())
		if o == nil || o.FrameworkID != f.id {
			continue
		}
		c.allocator.UpdateInverseOffer(o.AgentID, f.id, o.Unavailability, &allocatorpb.InverseOfferStatus{
			Status:      status.Enum(),
			FrameworkId: f.idProto,
			Timestamp:   timeInfo(c.loop.Now()),
		}, filterOf(filters))
		c.removeOffer(o)
	}
}

func timeInfo(t time.Time) *mesosproto.TimeInfo {
	return &mesosproto.TimeInfo{Nanoseconds: proto.Int64(t.UnixNano())}
}

// formatFor converts resources to what a framework with these capabilities understands.
func formatFor(caps frameworkCaps, r resources.Resources) []*mesosproto.Resource {
	list := r.Proto()
	for _, m := range list {
		if !caps.multiRole() {
			m.AllocationInfo = nil
		}
		if !caps.refinement() {
			// The allocator offers no refined reservations to such a framework.
			_ = resources.Downgrade(m)
		}
	}
	return list
}
