package offer

import (
	"fmt"

	"github.com/mesokit/mesokit/mesosproto"
)

// Problem says why offers can't be accepted, in the words of the reference, which reach frameworks
// behind "Task launched with invalid offers: ".
type Problem string

func (p Problem) Error() string { return string(p) }

// Check looks up the offers that a framework accepts together. They must be named once each, be
// outstanding, belong to the framework, and be of one role and one agent; the first rule broken is
// returned as a [Problem].
//
// Mesos: scheduler API, Call ACCEPT; src/master/validation.cpp, offer::validate.
func (b *Book) Check(frameworkID string, ids []*mesosproto.OfferID) ([]*Offer, error) {
	if len(ids) == 0 {
		return nil, Problem("No offers specified")
	}
	if len(ids) > 1 {
		seen := make(map[string]struct{}, len(ids))
		for _, id := range ids {
			if _, twice := seen[id.GetValue()]; twice {
				return nil, problem("Duplicate offer %s in offer list", id.GetValue())
			}
			seen[id.GetValue()] = struct{}{}
		}
	}
	offers := make([]*Offer, 0, len(ids))
	for _, id := range ids {
		o := b.Get(id.GetValue())
		if o == nil {
			return nil, problem("Offer %s is no longer valid", id.GetValue())
		}
		offers = append(offers, o)
	}
	first := offers[0]
	for _, o := range offers {
		if o.FrameworkID != frameworkID {
			return nil, problem("Offer %s has invalid framework %s while framework %s is expected",
				o.ID, o.FrameworkID, frameworkID)
		}
	}
	for _, o := range offers {
		if o.Role != first.Role {
			return nil, problem("Aggregated offers must be allocated to the same role. Offer %s uses role '%s but another is using role '%s",
				o.ID, o.Role, first.Role)
		}
	}
	for _, o := range offers {
		if o.AgentID != first.AgentID {
			return nil, problem("Aggregated offers must belong to one single agent. Offer %s uses agent %s and agent %s",
				o.ID, o.AgentID, first.AgentID)
		}
	}
	return offers, nil
}

func problem(format string, args ...any) error { return Problem(fmt.Sprintf(format, args...)) }
