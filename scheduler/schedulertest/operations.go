package schedulertest

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// operations follows those that have an id from the framework's ACCEPT to the acknowledgement.
type operations struct {
	lives    map[operationKey]*operationLife
	open     []*operationLife            // of which the framework has not heard the end
	statuses map[string]*operationStatus // that agents want acknowledged, by uuid
	waiting  []*operationStatus          // those that are not
}

type operationKey struct{ framework, operation string }

type operationLife struct {
	key   operationKey
	asked loop.Instant                // when its framework asked for it last
	moved loop.Instant                // when something became of it last
	agent *Agent                      // to which it came; nil: to none
	kept  bool                        // it is in open
	last  *mesosproto.OperationStatus // that the framework was told; nil: it was told nothing
	end   mesosproto.OperationState   // that it was told, terminal; OPERATION_UNSUPPORTED: none
}

type operationStatus struct {
	agent string
	life  *operationLife // nil: the operation has no id
	state mesosproto.OperationState
	since loop.Instant // it was first sent
	seen  bool         // by the framework
	acked bool         // and the agent knows that
}

func newOperations() operations {
	return operations{lives: map[operationKey]*operationLife{}, statuses: map[string]*operationStatus{}}
}

func (o *operations) of(framework, operation string) *operationLife {
	key := operationKey{framework, operation}
	l := o.lives[key]
	if l == nil {
		l = &operationLife{key: key}
		o.lives[key] = l
	}
	return l
}

// failed reports whether an operation in this state was not, and never will be, done.
func failed(s mesosproto.OperationState) bool {
	switch s {
	case mesosproto.OperationState_OPERATION_FAILED, mesosproto.OperationState_OPERATION_ERROR, mesosproto.OperationState_OPERATION_DROPPED:
		return true
	}
	return false
}

// terminal reports whether nothing follows a state. An answer that nothing is known of an operation is
// not one: it may have been asked for before the end was heard of.
func terminal(s mesosproto.OperationState) bool {
	return failed(s) || s == mesosproto.OperationState_OPERATION_FINISHED
}

// asksFor notes the operations in a framework's ACCEPT.
func (k *checker) asksFor(m *schedulerpb.Call) {
	for _, op := range m.GetAccept().GetOperations() {
		if op.Id != nil {
			l := k.operations.of(m.GetFrameworkId().GetValue(), op.GetId().GetValue())
			l.asked = k.now()
			k.operationMoved(l)
		}
	}
}

// operationMoved notes that something became of an operation, or that its framework heard of it. From then on
// it is looked at, until its framework knows how it ended.
func (k *checker) operationMoved(l *operationLife) {
	l.moved = k.now()
	if !l.kept {
		l.kept = true
		k.operations.open = append(k.operations.open, l)
	}
}

// operationSent notes what an agent wants acknowledged.
func (k *checker) operationSent(m *messagespb.UpdateOperationStatusMessage) {
	uuid := string(m.GetStatus().GetUuid().GetValue())
	if uuid == "" || k.operations.statuses[uuid] != nil {
		return
	}
	s := &operationStatus{agent: m.GetSlaveId().GetValue(), state: m.GetStatus().GetState(), since: k.now()}
	if id := m.GetStatus().GetOperationId(); id != nil {
		s.life = k.operations.of(m.GetFrameworkId().GetValue(), id.GetValue())
		k.operationMoved(s.life)
	}
	k.operations.statuses[uuid] = s
	k.operations.waiting = append(k.operations.waiting, s)
}

// operationAcknowledged checks that what is acknowledged was seen by the framework, if it wants to know. A
// master acknowledges it itself if it has removed the framework, or does not know it for a long time.
func (k *checker) operationAcknowledged(m *messagespb.AcknowledgeOperationStatusMessage) {
	uuid := m.GetStatusUuid().GetValue()
	s := k.operations.statuses[string(uuid)]
	if s == nil {
		return
	}
	s.acked = true
	if l := s.life; l != nil && !s.seen && !k.isRemoved(l.key.framework) && !k.isOrphan(s) {
		k.violated(InvariantOrder, "operation %s of %s: status %x (%v) is acknowledged, but the framework has not seen it", l.key.operation, l.key.framework, uuid, s.state)
	}
}

// isOrphan reports whether the leading master has waited long enough for a framework to come back.
func (k *checker) isOrphan(s *operationStatus) bool {
	for f := range k.cluster.Master().Frameworks.All() {
		if f.ID == s.life.key.framework {
			return false
		}
	}
	for a := range k.cluster.Master().Agents.All() {
		if a.ID == s.agent {
			return k.cluster.master.loop.Now().Sub(a.Reregistered) >= orphanWait
		}
	}
	return true // it does not lead any more
}

// orphanWait is how long a master waits.
//
// Mesos: src/master/constants.hpp, MIN_WAIT_BEFORE_ORPHAN_OPERATION_ADOPTION.
const orphanWait = 10 * time.Minute

// operationSaid checks that a master does not call an operation unknown that an agent which is registered with
// it has told of: the framework would do it again.
func (k *checker) operationSaid(by, framework string, e *schedulerpb.Event) {
	s := e.GetUpdateOperationStatus().GetStatus()
	if s == nil || s.GetState() != mesosproto.OperationState_OPERATION_UNKNOWN {
		return
	}
	key := operationKey{framework, s.GetOperationId().GetValue()}
	for _, x := range k.operations.waiting {
		if x.life == nil || x.life.key != key || x.seen || x.acked || x.agent != s.GetAgentId().GetValue() {
			continue
		}
		for _, h := range k.cluster.masters {
			if h.node.name == by && isRegistered(h.node.master.Snapshot(), x.agent) {
				k.violated(InvariantTruth, "%s calls operation %s of %s unknown, but agent %s has said that it is %v", by, key.operation, framework, x.agent, x.state)
			}
		}
	}
}

func isRegistered(s *master.Snapshot, agent string) bool {
	for a := range s.Agents.All() {
		if a.ID == agent {
			return true
		}
	}
	return false
}

// operationTold checks what a framework is about to be told of an operation against what it was told before.
func (k *checker) operationTold(framework *mesosproto.FrameworkID, s *mesosproto.OperationStatus) {
	if s.OperationId == nil {
		k.violated(InvariantOrder, "framework %s is told that an operation is %v, but not which", framework.GetValue(), s.GetState())
		return
	}
	l, state := k.operations.of(framework.GetValue(), s.GetOperationId().GetValue()), s.GetState()
	if x := k.operations.statuses[string(s.GetUuid().GetValue())]; x != nil {
		x.seen = true
	}
	l.last = s
	k.operationMoved(l)
	switch {
	case l.end == state || l.end == mesosproto.OperationState_OPERATION_UNSUPPORTED:
		if terminal(state) {
			l.end = state
		}
	case terminal(state), state == mesosproto.OperationState_OPERATION_PENDING:
		k.violated(InvariantForward, "operation %s of %s: %v (%s) after %v", l.key.operation, l.key.framework, state, s.GetMessage(), l.end)
	}
}

// isOpen reports whether the framework still has to hear of an operation: how it ended, that nobody knows of
// it, or that its agent is away.
func (l *operationLife) isOpen() bool {
	switch l.last.GetState() {
	case mesosproto.OperationState_OPERATION_UNSUPPORTED, mesosproto.OperationState_OPERATION_PENDING, mesosproto.OperationState_OPERATION_RECOVERING:
		return true
	}
	return false
}

// lookAtOperations checks what should be well by now, as [checker.look] does with tasks.
func (k *checker) lookAtOperations(known map[string]*Framework, led loop.Instant) {
	k.operations.open = slices.DeleteFunc(k.operations.open, func(l *operationLife) bool {
		f := known[l.key.framework]
		l.kept = f != nil && l.isOpen()
		if !l.kept || !f.serves() {
			return !l.kept
		}
		last := max(led, l.moved, k.hears(f))
		if l.agent != nil {
			last = max(last, k.fit(l.agent))
		}
		if k.past(last, 0) {
			k.unanswered(l)
		}
		return false
	})
	k.operations.waiting = slices.DeleteFunc(k.operations.waiting, func(s *operationStatus) bool {
		a, last := k.hosts[s.agent], max(led, s.since)
		if s.acked || a == nil || a.ID() != "" && a.ID() != s.agent {
			return true
		}
		if s.life != nil {
			f := known[s.life.key.framework]
			if f == nil || !f.serves() {
				return f == nil
			}
			last = max(last, k.hears(f))
		}
		if k.past(max(last, k.fit(a)), 0) && !k.away(a) {
			k.unacknowledged(s)
		}
		return false
	})
}

func (k *checker) unanswered(l *operationLife) {
	k.violated(InvariantAnswered, "operation %s of %s was asked for at %v; of it was heard: %v", l.key.operation, l.key.framework, time.Duration(l.asked), l.last)
}

func (k *checker) unacknowledged(s *operationStatus) {
	k.violated(InvariantAnswered, "agent %s said at %v that an operation is %v; nobody has acknowledged that", s.agent, time.Duration(s.since), s.state)
}

// operationsSettled checks that nothing is open but what was asked for just now.
func (k *checker) operationsSettled(live map[string]bool) {
	for _, l := range k.operations.open {
		if live[l.key.framework] && l.isOpen() && k.now() >= l.asked+loop.Instant(launchWithin) {
			k.unanswered(l)
		}
	}
	for _, s := range k.operations.waiting {
		a := k.hosts[s.agent]
		if !s.acked && a != nil && a.ID() == s.agent && k.reached(a) && k.now() >= s.since+loop.Instant(acknowledgeWithin) && (s.life == nil || live[s.life.key.framework]) {
			k.unacknowledged(s)
		}
	}
}

// acknowledgeWithin is how long an acknowledgement may take: some of the longest time between two
// repetitions, any of which can be lost.
const acknowledgeWithin = 30 * time.Minute

func (r recorder) OperationStatusUpdate(d *scheduler.Driver, s *mesosproto.OperationStatus) {
	f := r.framework
	f.cluster.check.operationTold(d.FrameworkID(), s)
	if !f.cluster.cfg.NoRecords {
		if f.Operations == nil {
			f.Operations = map[string][]*mesosproto.OperationStatus{}
		}
		id := s.GetOperationId().GetValue()
		f.Operations[id] = append(f.Operations[id], proto.CloneOf(s))
	}
	r.Scheduler.OperationStatusUpdate(d, s)
}
