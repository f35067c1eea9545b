package schedulertest

import (
	"maps"
	"slices"
	"strings"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/registry"
	"github.com/mesokit/mesokit/resources"
)

// books compares what one master process publishes with itself, with the ledger of its allocator and with
// what runs on the machines. Each process has books of its own: two may believe that they lead for a
// while, and each is right by what it knows.
type books struct {
	ledger *ledger // nil: it has never led
	last   *master.Snapshot
	pages  []*master.Page[master.AgentState] // of last
	agents map[string]*master.AgentState     // as checked last
}

func newBooks() *books { return &books{agents: map[string]*master.AgentState{}} }

// changed checks the agents that are not as they were when they were checked last.
func (b *books) changed(k *checker, n *node) {
	s := n.master.Snapshot()
	if s == b.last || n.closed() {
		return
	}
	first := b.last == nil || !b.last.Recovered
	b.last = s
	at := 0
	for page := range s.Agents.Pages() { // mostly at the same place as before
		if at == len(b.pages) {
			b.pages = append(b.pages, nil)
		}
		was := b.pages[at]
		b.pages[at] = page
		if at++; was == page {
			continue
		}
		for a := range page.Since(was) {
			k.conserved(b.agents[a.ID], a)
			b.agents[a.ID] = a
			if !k.admitted[a.ID] {
				k.admitted[a.ID], k.hosts[a.ID] = true, k.cluster.agentAt(a.PID)
			}
			b.agent(k, a)
		}
	}
	b.pages = b.pages[:at]
	if first && s.Recovered {
		n.host.trouble.last = k.now() // it has only just begun
		k.recovered(s)
		k.alone(n)
	}
}

// agent checks one agent's sums.
func (b *books) agent(k *checker, a *master.AgentState) {
	sum := a.Used.Unallocate().Add(a.Offered.Unallocate())
	if !a.Total.Contains(sum.OneCopy()) {
		k.violated(InvariantNoDouble, "agent %s has %s; used are %s and offered are %s", a.ID, a.Total, a.Used, a.Offered)
	}
	if !a.Active && !a.Offered.IsEmpty() {
		k.violated(InvariantBooks, "agent %s is not active, but offered are %s", a.ID, a.Offered)
	}
	total, allocated, ok := b.ledger.of(a.ID)
	switch {
	case !ok:
		k.violated(InvariantBooks, "agent %s is registered, but the allocator does not know it", a.ID)
	case !total.Equal(a.Total):
		k.violated(InvariantBooks, "agent %s has %s, for the allocator %s", a.ID, a.Total, total)
	case !allocated.Equal(sum):
		k.violated(InvariantBooks, "agent %s: used %s and offered %s; for the allocator %s are allocated", a.ID, a.Used, a.Offered, allocated)
	}
}

// recovered checks that a new master knows all agents that those before it had admitted.
func (k *checker) recovered(s *master.Snapshot) {
	known := map[string]bool{}
	for a := range s.Agents.All() {
		known[a.ID] = true
	}
	for a := range s.Awaited.All() {
		known[a.GetId().GetValue()] = true
	}
	for a := range s.Unreachable.All() {
		known[a.ID] = true
	}
	for a := range s.Gone.All() {
		known[a.ID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(k.admitted)) {
		if !known[id] && !k.removed[id] {
			k.violated(InvariantDurable, "agent %s was admitted; the new master does not know it", id)
		}
	}
}

// written notes which agents a master has taken out of the registry: those that were replaced, because
// another one registered from their address, or forgotten after a long time. The next one need not know
// them.
func (k *checker) written(changes []registry.Entry) {
	kept := map[string]bool{}
	for _, c := range changes {
		if _, id, ok := strings.Cut(c.Key, "/"); ok { // agent/<id>, unreachable/<id>, gone/<id>
			kept[id] = kept[id] || c.Value != nil
		}
	}
	for id, kept := range kept { // in any order: each is noted for itself
		k.removed[id] = !kept
	}
}

// alone checks that no other master serves when one begins to. A process that stands still may not know
// yet that its time is over; when it wakes, it has to find out before it does any harm.
func (k *checker) alone(n *node) {
	k.cluster.sim.After(0, func() { // when all that are awake have handled what they know
		for _, h := range k.cluster.masters {
			if h.node != n && h.node.serves() && n.serves() {
				k.violated(InvariantOneLeader, "%s begins to serve, and %s still does", n.name, h.node.name)
			}
		}
	})
}

// full adds up everything from the tasks, executors and offers.
func (b *books) full(k *checker, n *node) {
	s := n.master.Snapshot()
	if n.closed() {
		return
	}
	used, offered := map[string]resources.Resources{}, map[string]resources.Resources{}
	offers := 0
	for f := range s.Frameworks.All() {
		var fUsed, fOffered resources.Resources
		for t := range f.Tasks.All() {
			if transitions.Terminal(t.State) {
				continue
			}
			r, err := resources.FromProto(t.Info.GetResources())
			if err != nil {
				k.violated(InvariantBooks, "task %s: %v", t.Info.GetTaskId().GetValue(), err)
			}
			id := t.Info.GetAgentId().GetValue()
			used[id], fUsed = used[id].Add(r), fUsed.Add(r)
		}
		for e := range f.Executors.All() {
			r, err := resources.FromProto(e.Info.GetResources())
			if err != nil {
				k.violated(InvariantBooks, "executor %s: %v", e.Info.GetExecutorId().GetValue(), err)
			}
			used[e.AgentID], fUsed = used[e.AgentID].Add(r), fUsed.Add(r)
		}
		for o := range f.Offers.All() {
			offers++
			offered[o.AgentID], fOffered = offered[o.AgentID].Add(o.Resources), fOffered.Add(o.Resources)
		}
		if !fUsed.Equal(f.Used) || !fOffered.Equal(f.Offered) {
			k.violated(InvariantBooks, "framework %s: used are %s, it says %s; offered are %s, it says %s", f.ID, fUsed, f.Used, fOffered, f.Offered)
		}
	}
	for a := range s.Agents.All() {
		if !used[a.ID].Equal(a.Used) || !offered[a.ID].Equal(a.Offered) {
			k.violated(InvariantBooks, "agent %s: used are %s, it says %s; offered are %s, it says %s", a.ID, used[a.ID], a.Used, offered[a.ID], a.Offered)
		}
		b.agent(k, a)
	}
	if s.Metrics.OutstandingOffers != int64(offers) {
		k.violated(InvariantBooks, "there are %d offers, the gauge says %d", offers, s.Metrics.OutstandingOffers)
	}
}

// started checks that a machine does not run more than it has.
//
// What a framework held is free for others as soon as the master has removed it, while the agent gives its
// containers a while to end. So they do not count.
//
// Mesos: src/master/master.cpp, removeFramework.
func (k *checker) started(m *machine) {
	k.uses(m)
	if m.total.Contains(m.used(func(*container) bool { return true })) {
		return
	}
	if used := m.used(func(c *container) bool { return !k.isRemoved(c.spec.FrameworkID) }); !m.total.Contains(used) {
		k.violated(InvariantNoDouble, "a machine has %s and runs containers with %s", m.total, used)
	}
}

// used is what those of the containers that run have.
func (m *machine) used(counts func(*container) bool) resources.Resources {
	var sum resources.Accumulator
	for _, id := range m.order {
		if c := m.containers[id]; !c.ended && counts(c) {
			sum.Add(c.has.Unallocate())
		}
	}
	return amounts(sum.Resources())
}
