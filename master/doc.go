// Package master is the master of a cluster: agents register with it, frameworks subscribe to it, it
// offers the agents' resources to the frameworks, launches the tasks that they ask for, and tells them
// how those fare.
//
//	m, err := master.New(master.Config{})
//	m.Start()
//	defer m.Stop()
//	m.Schedulers() // for transports that serve frameworks
//	m.Agents()     // for transports that serve agents
//	m.Snapshot()   // for whoever wants to look
//
// # The path
//
// One task passes through these files, in this order; each step has the same name in every role.
//
//	registration.go   an agent registers: durable in master/registry, then announced
//	subscribe.go      a framework subscribes
//	offer.go          master/allocator decides who is offered what; master/offer keeps what is outstanding
//	accept.go         the framework accepts: checked by master/offer, carried out operation by operation
//	launch.go         tasks, checked by master/validation, go to their agent
//	statusupdate.go   the agent reports; the framework hears of it, the master learns the latest state
//	acknowledge.go    the framework acknowledges; a task that has ended leaves the active ones
//
// What strays from it: failover.go (a framework comes back, or changes), teardown.go (it ends),
// reregistration.go (an agent comes back, with its tasks), ping.go and lost.go (it does not),
// kill.go, reconcile.go, operation.go (reservations and volumes) with volume.go, orphan.go and
// lostoperation.go. accounting.go keeps the books.
//
// # Ownership
//
// One loop owns everything but the published [Snapshot]; a core runs on it that holds no lock, starts
// no goroutine, reads clock and random numbers from the loop alone and lets no map order show. So a
// master on a simulated loop does the same for the same seed, byte for byte. The allocator and the
// registrar belong to the same loop; the registrar's storage is the only thing that blocks, and runs
// off the loop.
//
//	who                      calls                       touches
//	transports (any)         Schedulers, Agents          nothing: they post to the loop
//	the loop                 the core, the allocator     all state
//	Loop.Do                  registry storage            the storage alone
//	readers (any)            Snapshot                    an immutable value behind an atomic pointer
//
// A snapshot is made when the loop has handled what was queued. It costs in proportion to what changed:
// frameworks, agents, tasks and offers are in pages ([Table]) that snapshots share.
//
// # Promises
//
//   - An agent is in the registry before it or anybody else hears that it is admitted.
//   - Resources are offered to one framework at a time, and given back exactly once.
//   - An update that carries a uuid reaches the framework until it is acknowledged: the agent repeats
//     it, the master keeps nothing for a framework that is away.
//   - Nothing that a peer sends panics, blocks the loop or grows memory without bound; what a framework
//     or agent has is bounded by what it was admitted with and by the Max… fields of [Config].
//
// A master that loses its leadership or its registry ends itself ([Config.OnFatal]), as the
// reference's process exits: nothing that it knows may be used any more.
//
// Messages are the v1 ones and those of package messagespb; they are immutable, and shared with
// whoever sent them.
//
// Source: Mesos src/master/master.cpp, src/master/http.cpp, src/master/validation.cpp; the scheduler
// HTTP API (docs/scheduler-http-api.md).
package master
