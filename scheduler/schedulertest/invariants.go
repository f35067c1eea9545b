package schedulertest

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
)

// Violation is an invariant that did not hold.
type Violation struct {
	// Invariant is its name, as package documentation lists them.
	Invariant string
	// What happened, with the ids.
	What string
	// At is the virtual time since the start.
	At time.Duration
}

func (v Violation) String() string { return fmt.Sprintf("%s: at %v: %s", v.Invariant, v.At, v.What) }

// The names of the invariants.
const (
	InvariantBooks       = "books"      // used + offered + free = total; tasks, executors and offers add up
	InvariantNoDouble    = "no double"  // nothing is offered, used or run twice at the same time
	InvariantFreedOnce   = "freed once" // what is given back was in use
	InvariantOrder       = "order"      // updates are seen in order; what is acknowledged was seen
	InvariantForward     = "forward"    // no task goes back to an earlier state
	InvariantBounded     = "bounded"    // every task ends, runs or is unreachable within bounded time
	InvariantTruth       = "truth"      // what a framework believes of a task agrees with its container
	InvariantStuck       = "stuck"      // no task is on its way for ever
	InvariantKilled      = "killed"     // a KILL that a master took ends the task within bounded time
	InvariantHoarded     = "hoarded"    // frameworks use or decline their offers
	InvariantStale       = "stale"      // they use none that they know to be void
	InvariantIdentity    = "identity"   // they come back as who they were
	InvariantSaved       = "saved"      // they save what they tell the cluster before they do
	InvariantDurable     = "durable"    // nothing admitted or acknowledged is lost while disks live
	InvariantOneLeader   = "one leader" // no two masters that are awake serve at the same time
	InvariantImmutable   = "immutable"  // no message is changed once it is sent
	InvariantNoFatal     = "no fatal"   // no part gives up for good
	InvariantConserved   = "conserved"  // what an agent has changes in reservations and volumes alone
	InvariantReserved    = "reserved"   // what is reserved to a role is offered to no other
	InvariantKept        = "kept"       // what an operation has made stays until another one takes it back
	InvariantInUse       = "in use"     // reservations and volumes that tasks use are there
	InvariantAgreed      = "agreed"     // master and agent mean the same by what the agent has
	InvariantAnswered    = "answered"   // every operation with an id ends for its framework within bounded time
	maxViolationsPerTest = 8            // more say nothing new
)

// checker watches a cluster. It is told of what passes by (updates.go), looks at what changed after every
// step (books.go), and every minute at what is not well yet (pending.go); everything is checked from scratch
// once an hour.
type checker struct {
	cluster    *Cluster
	updates    updates
	operations operations
	admitted   map[string]bool   // agents that the registry knows, so a new master has to
	removed    map[string]bool   // agents that were, and were taken out of it
	hosts      map[string]*Agent // by the ids under which they were admitted
	torndown   map[string]teardown
	emptying   bool        // something of what was torn down may still run
	pending    []*taskLife // with which all is not well, or was not when they were looked at last
	trouble    trouble     // of the whole cluster
	alarm      loop.Alarm  // of the next minute
	masterRan  bool        // a master's loop, in the last step
	minutes    int
	found      []Violation
}

func newChecker(c *Cluster) *checker {
	k := &checker{
		cluster: c, updates: newUpdates(), operations: newOperations(), admitted: map[string]bool{}, removed: map[string]bool{}, hosts: map[string]*Agent{},
		torndown: map[string]teardown{},
	}
	k.alarm = c.sim.Alarm(k.minute)
	k.alarm.Set(c.sim.Instant() + lookEvery)
	return k
}

// violated records a violation and fails the test; the test ends at the end of the step.
func (k *checker) violated(invariant, format string, args ...any) {
	if len(k.found) >= maxViolationsPerTest {
		return
	}
	v := Violation{invariant, fmt.Sprintf(format, args...), k.cluster.sim.Now().Sub(loop.Epoch)}
	k.found = append(k.found, v)
	k.cluster.trace.note("VIOLATED " + v.String())
	k.cluster.t.Errorf("invariant violated: %v", v)
}

// mutated is told of a message that was changed on its way.
func (k *checker) mutated(from, to string, m proto.Message) {
	k.violated(InvariantImmutable, "a message of %s to %s was changed after it was sent; it is now: %s", from, to, describe(m))
}

// step checks what the last step changed, before one on another loop. What masters publish changes on their
// own loops alone.
func (k *checker) step(next string) {
	if k.masterRan {
		k.changed()
	}
	k.masterRan = isMaster(next)
	k.stop()
}

// minute checks what should be well by now, and once an hour everything from scratch.
func (k *checker) minute() {
	k.alarm.Set(k.now() + lookEvery)
	k.changed()
	if k.minutes++; k.minutes%minutesToFull == 0 {
		k.full()
	} else {
		k.look()
	}
	k.stop()
}

// changed looks at what the masters have published since.
func (k *checker) changed() {
	for _, h := range k.cluster.masters {
		h.node.books.changed(k, h.node)
	}
}

// full looks at all that they know, and at all tasks.
func (k *checker) full() {
	for _, h := range k.cluster.masters {
		h.node.books.full(k, h.node)
	}
	k.lookAll()
}

// stop ends the test if something was violated.
func (k *checker) stop() {
	if len(k.found) > 0 {
		k.cluster.t.FailNow()
	}
}

// Violations are the invariants that did not hold so far.
func (c *Cluster) Violations() []Violation { return c.check.found }

// Check checks everything now, from scratch. It is done after every hour of virtual time, too.
func (c *Cluster) Check() {
	c.t.Helper()
	c.check.changed()
	c.check.full()
	c.check.stop()
}
