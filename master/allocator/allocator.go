package allocator

import (
	"time"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/allocatorpb"
	"github.com/mesokit/mesokit/mesosproto/quotapb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// Offers is the result of a run for one framework: role, then agent id, then what is offered there.
// It is sorted: by role, then by agent in a fixed order of the allocator's own.
type Offers struct {
	FrameworkID string
	Offers      []Offer
}

// Offer is what one framework is offered on one agent for one role.
type Offer struct {
	Role      string
	AgentID   string
	Resources resources.Resources // allocated to Role
}

// InverseOffer asks a framework to leave an agent before its maintenance.
type InverseOffer struct {
	FrameworkID    string
	AgentID        string
	Unavailability *mesosproto.Unavailability
}

// Callbacks are how an allocator speaks. They are called on the loop that owns it, never inside a
// call to the allocator.
type Callbacks struct {
	// Offer hands over the result of a run, a framework at a time in a fixed order.
	Offer func(Offers)
	// InverseOffer hands over the inverse offers of a run.
	InverseOffer func([]InverseOffer)
}

// FrameworkOptions is what a framework says of itself besides its FrameworkInfo.
type FrameworkOptions struct {
	Suppressed  []string // roles
	Constraints *schedulerpb.OfferConstraints
}

// Filter says how long what was refused stays away. RefuseFor as the framework gave it, clamped by
// the caller: 0 means only until the next interval.
type Filter struct {
	RefuseFor time.Duration
}

// Allocator decides who is offered what. It is a state machine owned by the master's loop: methods
// are called on that loop, return at once, and never call back inside; a run happens in a function
// that the allocator posts. Ids are plain strings; unknown ids are tolerated, since agents and
// frameworks vanish while offers are under way. Mesos: include/mesos/allocator/allocator.hpp.
type Allocator interface {
	// Initialize starts allocation. Called once, first.
	Initialize(Callbacks)
	// Recover holds allocation back, where there is quota, until most of the expected agents are
	// back or 10 minutes have passed.
	Recover(expectedAgents int, quotas map[string]*quotapb.QuotaConfig)

	// AddFramework adds a framework; used is what it already holds, by agent id.
	AddFramework(id string, info *mesosproto.FrameworkInfo, used map[string]resources.Resources, active bool, o FrameworkOptions)
	RemoveFramework(id string)
	// ActivateFramework resumes offers. DeactivateFramework stops them and forgets filters.
	ActivateFramework(id string)
	DeactivateFramework(id string)
	UpdateFramework(id string, info *mesosproto.FrameworkInfo, o FrameworkOptions)

	// AddAgent adds an agent; used is what is already in use on it, by framework id (known or not).
	AddAgent(info *mesosproto.AgentInfo, capabilities []*mesosproto.AgentInfo_Capability, unavailability *mesosproto.Unavailability, total resources.Resources, used map[string]resources.Resources)
	RemoveAgent(id string)
	// UpdateAgent replaces what is known of the agent; a change of attributes clears its filters.
	UpdateAgent(info *mesosproto.AgentInfo, total resources.Resources, capabilities []*mesosproto.AgentInfo_Capability)
	ActivateAgent(id string)
	DeactivateAgent(id string)
	UpdateWhitelist(hostnames []string, all bool)

	// UpdateAllocation applies the conversions of operations (reserve, create, …) to what a
	// framework was offered and to the agent's total.
	UpdateAllocation(frameworkID, agentID string, offered resources.Resources, conversions []resources.Conversion) error
	// UpdateAvailable applies conversions to what is free on an agent; FailedPrecondition if it is not.
	UpdateAvailable(agentID string, conversions []resources.Conversion) error
	UpdateUnavailability(agentID string, u *mesosproto.Unavailability)
	UpdateInverseOffer(agentID, frameworkID string, u *mesosproto.Unavailability, status *allocatorpb.InverseOfferStatus, f *Filter)

	// Allocated says that what was offered is now used. RecoverResources gives back what was offered
	// (allocated false) or used (true); with a filter it stays away from the framework.
	Allocated(frameworkID, agentID string, r resources.Resources)
	RecoverResources(frameworkID, agentID string, r resources.Resources, f *Filter, allocated bool)

	// SuppressOffers and ReviveOffers: no roles means all roles of the framework. Revive clears filters.
	SuppressOffers(frameworkID string, roles []string)
	ReviveOffers(frameworkID string, roles []string)

	UpdateQuota(role string, q *quotapb.QuotaConfig)
	UpdateWeights(weights map[string]float64)

	// Pause holds runs back while the master changes several things at once; Resume ends it. They nest.
	Pause()
	Resume()
}
