package master

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/master/offer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// acceptance is an ACCEPT while its operations are carried out, one after the other, on what the
// operations before left.
type acceptance struct {
	framework *framework
	agent     *agent
	role      string
	// allocation is to role, as all of the resources say it.
	allocation *mesosproto.Resource_AllocationInfo

	offered     resources.Resources // the sum of the offers
	remaining   resources.Resources // after the operations so far
	launched    resources.Accumulator
	conversions []resources.Conversion
}

// accept handles ACCEPT. The offers are used up, whatever comes of the operations; what none of them
// used goes back, as if declined.
//
// Mesos: scheduler API, Call ACCEPT; src/master/master.cpp, Master::accept and _accept.
func (c *core) accept(f *framework, m *schedulerpb.Call_Accept) {
	c.countOperations(m)
	offers, err := c.offers.Check(f.id, m.GetOfferIds())
	if err != nil && c.guards.Off(guard.OfferCheck) {
		offers, err = c.anyOffers(m.GetOfferIds(), err)
	}
	if err != nil {
		c.refuseOffers(f, m, err)
		return
	}
	x := &acceptance{framework: f, agent: c.agents.get(offers[0].AgentID), role: offers[0].Role}
	x.allocation = &mesosproto.Resource_AllocationInfo{Role: proto.String(x.role)}
	x.offered = sumOf(offers)
	x.remaining = x.offered
	for _, o := range offers {
		c.removeOffer(o)
		f.metrics.OffersAccepted++
	}
	for _, op := range m.GetOperations() {
		c.operate(x, op)
	}
	c.settle(x, m.GetFilters())
}

// anyOffers takes offers that are over for outstanding: what [offer.Book.Check] prevents. It returns err
// for those that never were, or whose agent is not there.
func (c *core) anyOffers(ids []*mesosproto.OfferID, err error) ([]*offer.Offer, error) {
	var offers []*offer.Offer
	for _, id := range ids {
		o := c.offers.Get(id.GetValue())
		if o == nil {
			o = c.offersOver[id.GetValue()]
		}
		if o == nil || !c.agents.has(o.AgentID) {
			return nil, err
		}
		offers = append(offers, o)
	}
	if len(offers) == 0 {
		return nil, err
	}
	return offers, nil
}

func sumOf(offers []*offer.Offer) resources.Resources {
	if len(offers) == 1 {
		return offers[0].Resources
	}
	list := make([]resources.Resources, len(offers))
	for i, o := range offers {
		list[i] = o.Resources
	}
	return resources.Sum(list...)
}

// operate carries out one operation.
func (c *core) operate(x *acceptance, op *mesosproto.Offer_Operation) {
	if t := op.GetType(); t >= 0 && int(t) < len(x.framework.metrics.Operations) {
		x.framework.metrics.Operations[t]++
	}
	switch op.GetType() {
	case mesosproto.Offer_Operation_LAUNCH:
		c.launch(x, op)
	case mesosproto.Offer_Operation_LAUNCH_GROUP:
		c.launchGroup(x, op)
	case mesosproto.Offer_Operation_UNKNOWN: // of a later version: ignored
	default:
		c.convert(x, op)
	}
}

// settle tells the allocator what became of the offers. What was converted comes back at once, without
// filter, so that the framework sees the result of its operations; what was left alone counts as
// declined.
//
// Mesos: src/master/master.cpp, the end of Master::_accept.
func (c *core) settle(x *acceptance, filters *mesosproto.Filters) {
	f, a := x.framework, x.agent
	converted := resources.Resources{}
	if len(x.conversions) > 0 {
		if err := c.allocator.UpdateAllocation(f.id, a.id, x.offered, x.conversions); err != nil {
			c.log.Error("allocator refuses conversions") // they were checked against the same offers
		}
		if after, err := x.offered.Apply(x.conversions...); err == nil {
			converted = after.Sub(x.offered)
		}
	}
	back := x.remaining.Sub(x.remaining.Sub(converted)) // what is left of the converted
	declined := x.remaining.Sub(back)
	c.allocator.Pause()
	if !back.IsEmpty() {
		c.allocator.RecoverResources(f.id, a.id, back, nil, false)
	}
	if !declined.IsEmpty() {
		c.allocator.RecoverResources(f.id, a.id, declined, filterOf(filters), false)
	}
	if !x.launched.IsEmpty() {
		c.allocator.Allocated(f.id, a.id, x.launched.Resources())
	}
	c.allocator.Resume()
}

// refuseOffers ends an ACCEPT whose offers are not good together: all that still are outstanding are
// used up, every task is lost, and operations with an id fail.
func (c *core) refuseOffers(f *framework, m *schedulerpb.Call_Accept, err error) {
	for _, id := range m.GetOfferIds() {
		if o := c.offers.Get(id.GetValue()); o != nil {
			c.giveBack(f, o, nil)
		}
	}
	state := f.lost(mesosproto.TaskState_TASK_DROPPED)
	for _, op := range m.GetOperations() {
		switch op.GetType() {
		case mesosproto.Offer_Operation_LAUNCH, mesosproto.Offer_Operation_LAUNCH_GROUP:
			for _, t := range tasksOf(op) {
				c.refuseTask(f, t, state, "Task launched with invalid offers: "+err.Error(),
					mesosproto.TaskStatus_REASON_INVALID_OFFERS)
			}
		default:
			c.refuseOperation(f, op, "Operation attempted with invalid offers: "+err.Error())
		}
	}
}

// tasksOf lists the tasks of a LAUNCH or LAUNCH_GROUP. Frameworks in the same process could leave nil
// in the list; that is a task of which everything is missing.
func tasksOf(op *mesosproto.Offer_Operation) []*mesosproto.TaskInfo {
	tasks := op.GetLaunch().GetTaskInfos()
	if op.GetType() == mesosproto.Offer_Operation_LAUNCH_GROUP {
		tasks = op.GetLaunchGroup().GetTaskGroup().GetTasks()
	}
	if slices.Contains(tasks, nil) {
		tasks = slices.Clone(tasks)
		for i, t := range tasks {
			if t == nil {
				tasks[i] = &mesosproto.TaskInfo{}
			}
		}
	}
	return tasks
}

// refuseTask tells a framework that a task will not be launched.
func (c *core) refuseTask(f *framework, t *mesosproto.TaskInfo, state mesosproto.TaskState, message string, reason mesosproto.TaskStatus_Reason) {
	s := c.status(t.GetTaskId(), t.GetAgentId(), state, message, reason)
	c.countEnd(f, state, s)
	c.sendUpdate(f, s)
}

// countOperations counts an ACCEPT as what it was in the old API: a launch for each LAUNCH that has
// tasks, else a decline.
func (c *core) countOperations(m *schedulerpb.Call_Accept) {
	if len(m.GetOperations()) == 0 {
		c.counters.Messages[DeclineOffers]++
	}
	for _, op := range m.GetOperations() {
		switch {
		case op.GetType() != mesosproto.Offer_Operation_LAUNCH:
		case len(op.GetLaunch().GetTaskInfos()) > 0:
			c.counters.Messages[LaunchTasks]++
		default:
			c.counters.Messages[DeclineOffers]++
		}
	}
}
