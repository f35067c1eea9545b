package scheduler

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// offers handles the four events about offers.
func (c *core) offers(conn *connection, e *schedulerpb.Event) {
	c.deliver(func(s Scheduler) {
		e := conn.forCallback(e)
		switch e.GetType() {
		case schedulerpb.Event_OFFERS:
			s.ResourceOffers(c.driver, e.GetOffers().GetOffers())
		case schedulerpb.Event_RESCIND:
			s.OfferRescinded(c.driver, e.GetRescind().GetOfferId())
		case schedulerpb.Event_INVERSE_OFFERS:
			s.InverseOffers(c.driver, e.GetInverseOffers().GetInverseOffers())
		case schedulerpb.Event_RESCIND_INVERSE_OFFER:
			s.InverseOfferRescinded(c.driver, e.GetRescindInverseOffer().GetInverseOfferId())
		}
	})
}

// FilterOption says more about what a call leaves unused.
type FilterOption func(*mesosproto.Filters)

// RefuseFor keeps away for d what the call does not use: the master does not offer the same, or less,
// of that agent to the framework's role before. Default 5s; 0 lets the next allocation offer it again;
// over 365 days counts as 365, negative as 5s. Revive ends it early.
//
// Mesos: Filters.refuse_seconds (double, seconds).
func RefuseFor(d time.Duration) FilterOption {
	return func(f *mesosproto.Filters) { f.RefuseSeconds = proto.Float64(d.Seconds()) }
}

// filters is nil without options: then the master's default counts.
func filters(opts []FilterOption) *mesosproto.Filters {
	if len(opts) == 0 {
		return nil
	}
	f := &mesosproto.Filters{}
	for _, o := range opts {
		o(f)
	}
	return f
}

// Decline tells the master that offers will not be used.
//
// Without [RefuseFor] their resources stay away from this framework for 5s. The master ignores offers
// that it no longer knows. Returns once the call is queued, in order; never waits. Safe in callbacks
// and for concurrent use.
//
// Errors: InvalidArgument without offers; FailedPrecondition while not subscribed. Later refusals
// arrive through Scheduler.Error.
// Mesos: scheduler Call DECLINE.
func (d *Driver) Decline(offers []*mesosproto.OfferID, opts ...FilterOption) error {
	return d.call(&schedulerpb.Call{
		Type:    schedulerpb.Call_DECLINE.Enum(),
		Decline: &schedulerpb.Call_Decline{OfferIds: cloneAll(offers), Filters: filters(opts)},
	})
}

// AcceptInverseOffers tells the master that the framework will have left the agents in time. Queued,
// with errors, as Decline is.
//
// Mesos: scheduler Call ACCEPT_INVERSE_OFFERS.
func (d *Driver) AcceptInverseOffers(offers []*mesosproto.OfferID, opts ...FilterOption) error {
	return d.call(&schedulerpb.Call{
		Type: schedulerpb.Call_ACCEPT_INVERSE_OFFERS.Enum(),
		AcceptInverseOffers: &schedulerpb.Call_AcceptInverseOffers{
			InverseOfferIds: cloneAll(offers), Filters: filters(opts)},
	})
}

// DeclineInverseOffers tells the master that the framework will not leave. Operators see it; it does
// not stop the maintenance. Queued, with errors, as Decline is.
//
// Mesos: scheduler Call DECLINE_INVERSE_OFFERS.
func (d *Driver) DeclineInverseOffers(offers []*mesosproto.OfferID, opts ...FilterOption) error {
	return d.call(&schedulerpb.Call{
		Type: schedulerpb.Call_DECLINE_INVERSE_OFFERS.Enum(),
		DeclineInverseOffers: &schedulerpb.Call_DeclineInverseOffers{
			InverseOfferIds: cloneAll(offers), Filters: filters(opts)},
	})
}

// Suppress stops offers for the roles, or for all of the framework's without any, until Revive; also
// after the driver has connected again. Offers that were made stay valid. A role that the framework
// does not have makes the master drop the call. Queued as Decline is.
//
// Errors: FailedPrecondition while not subscribed.
// Mesos: scheduler Call SUPPRESS.
func (d *Driver) Suppress(roles ...string) error {
	return d.call(&schedulerpb.Call{
		Type:     schedulerpb.Call_SUPPRESS.Enum(),
		Suppress: &schedulerpb.Call_Suppress{Roles: append([]string(nil), roles...)},
	})
}

// Revive ends Suppress and every RefuseFor of the roles, or of all of the framework's without any, and
// asks for offers at once. Queued, with errors, as Suppress is.
//
// Mesos: scheduler Call REVIVE.
func (d *Driver) Revive(roles ...string) error {
	return d.call(&schedulerpb.Call{
		Type:   schedulerpb.Call_REVIVE.Enum(),
		Revive: &schedulerpb.Call_Revive{Roles: append([]string(nil), roles...)},
	})
}

// Request asks the allocator for resources. The usual allocators, the reference's among them, ignore
// it; framework and master need none. Queued as Decline is.
//
// Errors: InvalidArgument, FailedPrecondition as for Decline.
// Mesos: scheduler Call REQUEST.
func (d *Driver) Request(requests ...*mesosproto.Request) error {
	return d.call(&schedulerpb.Call{
		Type:    schedulerpb.Call_REQUEST.Enum(),
		Request: &schedulerpb.Call_Request{Requests: cloneAll(requests)},
	})
}

// OfferIDs returns the ids of offers, for Accept and Decline.
func OfferIDs(offers ...*mesosproto.Offer) []*mesosproto.OfferID {
	ids := make([]*mesosproto.OfferID, len(offers))
	for i, o := range offers {
		ids[i] = o.GetId()
	}
	return ids
}

// cloneAll copies messages on their way out: user code changes and reuses them.
func cloneAll[M proto.Message](list []M) []M { return copyAll(list, proto.CloneOf[M]) }

// copyAll is cloneAll for messages that there is a faster way to copy.
func copyAll[M proto.Message](list []M, one func(M) M) []M {
	if list == nil {
		return nil
	}
	out := make([]M, len(list))
	for i, m := range list {
		out[i] = one(m)
	}
	return out
}
