package schedulertest

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// estate is what a machine has: its resources, with the reservations and volumes that operations have made
// of them.
//
// An agent carries operations out in the order in which they come. It writes down what it then has before
// it says that one is finished. So its disk holds what the first so many of them have made, among them all
// that it has called finished.
type estate struct {
	kept    resources.Resources // what is on the disk for certain
	since   []*conversion       // what came after that, in order
	made    map[string]bool     // operations that are part of kept, by uuid; false: together with others they change nothing, so it can't be told
	process *loop.SimLoop       // that registered last
	version []byte              // of that registration: what was made for another one is refused
	changed bool                // operations have come to it
	agreed  loop.Instant        // when the master was seen to think so, too
}

// conversion is an operation that has reached the agent and can be done there.
type conversion struct {
	uuid  string
	does  []resources.Conversion // unallocated
	after resources.Resources    // what the machine has then
}

func newEstate(total resources.Resources) *estate {
	return &estate{kept: total, made: map[string]bool{}}
}

// at is what the machine has after the first n conversions.
func (e *estate) at(n int) resources.Resources {
	if n == 0 {
		return e.kept
	}
	return e.since[n-1].after
}

// now is what the agent takes itself to have.
func (e *estate) now() resources.Resources { return e.at(len(e.since)) }

// settle makes the first n conversions part of what is kept.
func (e *estate) settle(n int) {
	e.kept = e.at(n)
	for _, x := range e.since[:n] {
		e.made[x.uuid] = true
	}
	e.since = e.since[n:]
}

// agentSays notes what an agent tells its master of what it has.
func (k *checker) agentSays(a *Agent, m proto.Message) {
	switch m := m.(type) {
	case *messagespb.RegisterSlaveMessage: // it is a new one, whatever was here before
		a.machine.estate = newEstate(a.machine.total)
		k.claims(a, m.GetCheckpointedResources(), m.GetResourceVersionUuid())
	case *messagespb.ReregisterSlaveMessage:
		k.claims(a, m.GetCheckpointedResources(), m.GetResourceVersionUuid())
	case *messagespb.UpdateOperationStatusMessage:
		k.operationSent(m)
		k.operationEnds(a, m.GetOperationUuid(), m.GetStatus())
	case *messagespb.UpdateSlaveMessage:
		for _, op := range m.GetOperations().GetOperations() {
			k.operationEnds(a, op.GetUuid(), op.GetLatestStatus())
		}
	}
}

// agentHears notes what arrives at an agent.
func (k *checker) agentHears(a *Agent, m proto.Message) {
	switch m := m.(type) {
	case *messagespb.ApplyOperationMessage:
		k.converts(a, m)
	case *messagespb.AcknowledgeOperationStatusMessage:
		k.operationAcknowledged(m)
	}
}

// claims checks what an agent says it has when it registers. A process that did not handle what had
// arrived before it registered again never will; what is not on the disk when it starts is gone.
func (k *checker) claims(a *Agent, list []*mesosproto.Resource, version *mesosproto.UUID) {
	e := a.machine.estate
	defer func() { e.process, e.version = a.loop, version.GetValue() }()
	if len(list) == 0 && !e.changed { // as in clusters that have no operations
		return
	}
	said, err := resources.FromProto(list)
	if err == nil {
		_, err = resources.ApplyCheckpointed(a.machine.total, said)
	}
	if err != nil {
		k.violated(InvariantConserved, "%s, which has %s, says that it has %s: %v", a.name, a.machine.total, said, err)
		return
	}
	n := len(e.since)
	for n >= 0 && !e.at(n).NeedCheckpoint().Equal(said) {
		n--
	}
	if n < 0 {
		k.violated(InvariantKept, "%s has said that operations are finished which make %s; now it says that it has %s", a.name, e.kept.NeedCheckpoint(), said)
		return
	}
	e.since = e.since[:n]
	if e.process != a.loop {
		sure := 0
		for !e.at(sure).NeedCheckpoint().Equal(said) {
			sure++
		}
		unsure := e.since[sure:]
		e.settle(n)
		for _, x := range unsure {
			e.made[x.uuid] = false
		}
	}
	k.uses(a.machine)
}

// converts notes an operation that reaches an agent, if it can be done there.
func (k *checker) converts(a *Agent, m *messagespb.ApplyOperationMessage) {
	e, uuid := a.machine.estate, string(m.GetOperationUuid().GetValue())
	e.changed = true
	if id := m.GetOperationInfo().GetId(); id != nil {
		l := k.operations.of(m.GetFrameworkId().GetValue(), id.GetValue())
		l.agent = a
		k.operationMoved(l)
	}
	if e.knows(uuid) || e.find(uuid) >= 0 || !bytes.Equal(m.GetResourceVersionUuid().GetUuid().GetValue(), e.version) {
		return
	}
	list, err := resources.Conversions(m.GetOperationInfo())
	if err != nil {
		return
	}
	for i := range list {
		list[i].Consumed, list[i].Converted = list[i].Consumed.Unallocate(), list[i].Converted.Unallocate()
	}
	if after, err := e.now().Apply(list...); err == nil {
		e.since = append(e.since, &conversion{uuid, list, after})
	}
}

// knows reports whether an operation may be part of what is kept.
func (e *estate) knows(uuid string) bool {
	_, ok := e.made[uuid]
	return ok
}

// revert takes back a conversion that could not be carried out, and those that built on it.
func (e *estate) revert(at int) {
	later := e.since[at+1:]
	e.since = e.since[:at]
	for _, x := range later {
		if after, err := e.now().Apply(x.does...); err == nil {
			e.since = append(e.since, &conversion{x.uuid, x.does, after})
		}
	}
}

// find tells where an operation is among those that came since.
func (e *estate) find(uuid string) int {
	return slices.IndexFunc(e.since, func(x *conversion) bool { return x.uuid == uuid })
}

// operationEnds checks what an agent says has become of an operation: it is made if and only if the agent
// says that it is finished.
func (k *checker) operationEnds(a *Agent, id *mesosproto.UUID, s *mesosproto.OperationStatus) {
	e, uuid := a.machine.estate, string(id.GetValue())
	at := e.find(uuid)
	switch state := s.GetState(); {
	case state == mesosproto.OperationState_OPERATION_FINISHED && at >= 0:
		e.settle(at + 1)
		k.uses(a.machine)
	case state == mesosproto.OperationState_OPERATION_FINISHED && !e.knows(uuid):
		k.violated(InvariantTruth, "%s says that operation %x is finished; it can't have done it", a.name, uuid)
	case state == mesosproto.OperationState_OPERATION_FAILED && at >= 0:
		e.revert(at)
	case failed(state) && (e.made[uuid] || at >= 0):
		k.violated(InvariantTruth, "%s says that operation %x is %v (%s), but has done it", a.name, uuid, state, s.GetMessage())
	}
}

// uses checks that the reservations and volumes that containers use are there. What the agent has not
// handled yet, or not said yet, may be there or not.
//
// As in [checker.started], containers of frameworks that a master has removed do not count.
func (k *checker) uses(m *machine) {
	var sum resources.Accumulator
	for _, id := range m.order {
		c := m.containers[id]
		if c.ended || !c.has.Any(resources.Resource.NeedsCheckpoint) || k.isRemoved(c.spec.FrameworkID) {
			continue
		}
		sum.Add(c.has.NeedCheckpoint().Unallocate())
	}
	if sum.IsEmpty() {
		return
	}
	used := sum.Resources().OneCopy()
	for n := range len(m.estate.since) + 1 {
		if m.estate.at(n).Contains(used) {
			return
		}
	}
	k.violated(InvariantInUse, "a machine runs containers with %s; it has %s", used, m.estate.now())
}

// amounts are resources without the reservations and volumes that operations have made: what must never
// change.
func amounts(r resources.Resources) resources.Resources {
	if !r.Any(resources.Resource.NeedsCheckpoint) {
		return r
	}
	var sum resources.Accumulator
	for e := range r.OneCopy().All() {
		static := slices.DeleteFunc(slices.Clone(e.Reservations()), func(x resources.Reservation) bool { return x.Type == resources.Dynamic })
		sum.Add(e.WithoutVolume().Reserved(static...).Resources())
	}
	return sum.Resources()
}

// isRemoved reports whether some master has removed a framework.
func (k *checker) isRemoved(framework string) bool {
	for _, h := range k.cluster.masters {
		for _, f := range h.node.master.Snapshot().Completed {
			if f.ID == framework {
				return true
			}
		}
	}
	return false
}
