package schedulertest

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// operations follows those that have an id from the framework's ACCEPT to the acknowledgement.
type operations struct {
	lives    map[operationKey]*operationLife
	order    []*operationLife
	statuses map[string]*operationStatus // that agents want acknowledged, by uuid
	sequence []*operationStatus          // in the order in which they were first sent
}

type operationKey struct{ framework, operation string }

type operationLife struct {
	key   operationKey
	asked time.Time                   // when its framework asked for it last
	last  *mesosproto.OperationStatus // that the framework was told; nil: it was told nothing
	end   mesosproto.OperationState   // that it was told, terminal; OPERATION_UNSUPPORTED: none
}

type operationStatus struct {
	agent string
	life  *operationLife // nil: the operation has no id
	state mesosproto.OperationState
	since time.Time // it was first sent
	seen  bool      // by the framework
	acked bool      // and the agent knows that
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
		o.order = append(o.order, l)
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
			k.operations.of(m.GetFrameworkId().GetValue(), op.GetId().GetValue()).asked = k.cluster.sim.Now()
		}
	}
}

// operationSent notes what an agent wants acknowledged.
func (k *checker) operationSent(m *messagespb.UpdateOperationStatusMessage) {
	uuid := string(m.GetStatus().GetUuid().GetValue())
	if uuid == "" || k.operations.statuses[uuid] != nil {
		return
	}
	s := &operationStatus{agent: m.GetSlaveId().GetValue(), state: m.GetStatus().GetState(), since: k.cluster.sim.Now()}
	if id := m.GetStatus().GetOperationId(); id != nil {
		s.life = k.operations.of(m.GetFrameworkId().GetValue(), id.GetValue())
	}
	k.operations.statuses[uuid] = s
	k.operations.sequence = append(k.operations.sequence, s)
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
	if l := s.life; l != nil && !s.seen && k.isKnown(l.key.framework) && !k.isRemoved(l.key.framework) {
		k.violated(InvariantOrder, "operation %s of %s: status %x (%v) is acknowledged, but the framework has not seen it", l.key.operation, l.key.framework, uuid, s.state)
	}
}

// isKnown reports whether a framework is connected to the leading master.
func (k *checker) isKnown(framework string) bool {
	for f := range k.cluster.Master().Frameworks.All() {
		if f.ID == framework {
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
	switch {
	case l.end == state || l.end == mesosproto.OperationState_OPERATION_UNSUPPORTED:
		if terminal(state) {
			l.end = state
		}
	case terminal(state), state == mesosproto.OperationState_OPERATION_PENDING:
		k.violated(InvariantForward, "operation %s of %s: %v (%s) after %v", l.key.operation, l.key.framework, state, s.GetMessage(), l.end)
	}
}

// operationsAnswered checks that every operation with an id has ended for its framework, or that this was
// told that nobody knows of it, and that nobody is still waiting for an acknowledgement.
func (k *checker) operationsAnswered(live map[string]bool) {
	now := k.cluster.sim.Now()
	for _, l := range k.operations.order {
		if !live[l.key.framework] || now.Before(l.asked.Add(launchWithin)) {
			continue
		}
		switch l.last.GetState() {
		case mesosproto.OperationState_OPERATION_UNSUPPORTED, mesosproto.OperationState_OPERATION_PENDING, mesosproto.OperationState_OPERATION_RECOVERING:
			k.violated(InvariantAnswered, "operation %s of %s was asked for at %v; of it was heard: %v", l.key.operation, l.key.framework, l.asked.Sub(loop.Epoch), l.last)
		}
	}
	here := map[string]bool{}
	for _, a := range k.cluster.agents {
		here[a.ID()] = k.reached(a)
	}
	for _, s := range k.operations.sequence {
		if !s.acked && here[s.agent] && now.After(s.since.Add(acknowledgeWithin)) && (s.life == nil || live[s.life.key.framework]) {
			k.violated(InvariantAnswered, "agent %s said at %v that an operation is %v; nobody has acknowledged that", s.agent, s.since.Sub(loop.Epoch), s.state)
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
