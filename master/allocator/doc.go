// Package allocator decides who is offered what.
//
// Step offer of the path: the master tells an [Allocator] of agents, frameworks and what becomes of
// resources; the allocator hands back offers, which the master sends. [Hierarchical] is the allocator
// of Mesos, hierarchical dominant resource fairness (DRF): of the roles, and of the frameworks in a
// role, the one that has the smallest share of whatever resource it has most of comes next.
//
// It is a state machine that belongs to the master's loop and shares it: methods return at once, and a
// run happens in a function that the allocator posts. It holds no lock, starts no goroutine and does no
// I/O; the same calls at the same times with the same random numbers give the same offers.
//
// # Driven by events
//
// The reference looks at everything once a second. Here, whatever may make an offer possible touches the
// agents concerned, and a run looks at those alone, after everything that was already posted to the loop:
// resources that become free are offered at once. Between events nothing runs, however large the cluster.
//
// That must not make the allocator restless. What a framework has just declined, even with
// refuse_seconds 0, comes back to it unchanged no sooner than after [Config.Interval]; others may get
// it at once. So a framework that declines everything sees no more offers than under the reference. Nor does
// what the master gives back while it is handed offers, since their receiver is gone, come again at once.
//
// After a run, what an agent has free can't be offered to anybody. What was found out on the way is kept
// as a bit for each framework in a role (a seat) on each agent, until the agent gets something free that it
// had not, a filter ends or the framework changes. An agent is therefore either dismissed by comparing
// some words of bits, or given to the first seat in order whose bit allows it.
//
// # What it obeys
//
//   - weights of roles, nested roles, MULTI_ROLE, suppressed roles, inactive frameworks and agents, the
//     whitelist
//   - reservations: only for the role that they are for and its subroles
//   - capabilities GPU_RESOURCES, REGION_AWARE, SHARED_RESOURCES, REVOCABLE_RESOURCES,
//     RESERVATION_REFINEMENT, and those of agents
//   - the smallest offers worth making, in general and per framework and role
//   - offer constraints
//   - filters: what was refused stays away while all of an offer is part of it, until the filter ends, the
//     role is revived or dropped, the framework is deactivated, or the agent's attributes change
//   - planned maintenance: inverse offers to the frameworks on an agent
//
// [Hierarchical.Explain] says why a framework gets no offer.
//
// # What is not here
//
// Quotas are kept ([Hierarchical.Quota]) and make a new leader wait for its agents, but neither
// guarantees nor limits are enforced. The reference's random sorters are not offered.
//
// # What differs from the reference
//
//   - An agent that is removed takes what frameworks held on it out of their shares at once, instead of when
//     the last of it is recovered.
//   - Filters with refuse_seconds 0 hold for the interval, and all filters end on a grid of a sixteenth
//     of it, later rather than earlier.
//   - Whatever the reference leaves to its next tick (a changed framework, an activated agent, recovered
//     resources) is looked at at once.
//
// Source: Mesos src/master/allocator/mesos/hierarchical.cpp, sorter/drf/sorter.cpp,
// include/mesos/allocator/allocator.hpp.
package allocator
