package master

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/randomid"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// operation is a change of resources that an agent has been told to make.
type operation struct {
	seq       uint64
	uuid      *mesosproto.UUID
	info      *mesosproto.Offer_Operation
	owner     string     // the framework's id; empty: an operator's
	framework *framework // nil if it is removed, or has not come back since the election
	agent     *agent
	latest    *mesosproto.OperationStatus
	statuses  []*mesosproto.OperationStatus // the last ones that can be acknowledged
}

func operationsInOrder(m map[string]*operation) []*operation {
	return slices.SortedFunc(maps.Values(m), bySeq)
}

func bySeq(a, b *operation) int { return cmp.Compare(a.seq, b.seq) }

// operationEnded reports whether an operation in this state changes no more.
func operationEnded(s mesosproto.OperationState) bool {
	switch s {
	case mesosproto.OperationState_OPERATION_FINISHED, mesosproto.OperationState_OPERATION_FAILED,
		mesosproto.OperationState_OPERATION_ERROR, mesosproto.OperationState_OPERATION_DROPPED,
		mesosproto.OperationState_OPERATION_GONE_BY_OPERATOR:
		return true
	}
	return false
}

// convert carries out an operation that changes resources. Its result can be used by the operations
// that follow, before the agent has confirmed it.
func (c *core) convert(x *acceptance, op *mesosproto.Offer_Operation) {
	f, a := x.framework, x.agent
	op = completeOperation(op, x.allocation)
	conversions, err := c.checkOperation(x, op)
	if err != nil {
		c.refuseOperation(f, op, err.Error()+"; on agent "+a.String())
		return
	}
	remaining, err := x.remaining.Apply(conversions...)
	if err != nil {
		c.refuseOperation(f, op, err.Error())
		return
	}
	total, err := a.total.Apply(unallocated(conversions)...)
	if err != nil {
		c.refuseOperation(f, op, err.Error())
		return
	}
	if op.GetType() == mesosproto.Offer_Operation_DESTROY {
		c.rescindVolumes(a, conversions)
	}
	x.remaining = remaining
	x.conversions = append(x.conversions, conversions...)
	a.total = total
	c.touchAgent(a)
	c.sendOperation(f, a, op)
}

// checkOperation says what an operation converts, or why it can't be done.
//
// Mesos: src/master/validation.cpp, operation::validate.
func (c *core) checkOperation(x *acceptance, op *mesosproto.Offer_Operation) ([]resources.Conversion, error) {
	f, a := x.framework, x.agent
	if err := a.checkRoom(); err != nil {
		c.log.Warn("operation refused", zap.String("framework_id", f.id), zap.Error(err))
		return nil, err
	}
	if op.Id != nil && !(a.caps.has(mesosproto.AgentInfo_Capability_RESOURCE_PROVIDER) &&
		a.caps.has(mesosproto.AgentInfo_Capability_AGENT_OPERATION_FEEDBACK)) {
		return nil, refusal("Operation requested feedback, but the agent does not have the required capabilities RESOURCE_PROVIDER and AGENT_OPERATION_FEEDBACK")
	}
	if len(op.GetReserve().GetSource()) > 0 {
		return nil, refusal("Reservation updates are not supported through the scheduler API: 'reserve.source' must be empty")
	}
	switch op.GetType() {
	case mesosproto.Offer_Operation_GROW_VOLUME, mesosproto.Offer_Operation_SHRINK_VOLUME:
		if !a.caps.has(mesosproto.AgentInfo_Capability_RESIZE_VOLUME) {
			return nil, refusal("Volume resizing needs the agent capability RESIZE_VOLUME")
		}
	case mesosproto.Offer_Operation_CREATE_DISK, mesosproto.Offer_Operation_DESTROY_DISK:
		return nil, refusal(op.GetType().String() + " needs a resource provider, and the agent has none")
	}
	conversions, err := resources.Conversions(op)
	if err != nil {
		return nil, err
	}
	for _, conversion := range conversions {
		if err := checkReservations(f, op, conversion); err != nil {
			return nil, err
		}
	}
	switch op.GetType() {
	case mesosproto.Offer_Operation_CREATE:
		return conversions, newVolumes(f, a, conversions)
	case mesosproto.Offer_Operation_DESTROY:
		return conversions, unusedVolumes(a, conversions)
	}
	return conversions, nil
}

// checkReservations checks who may reserve what, and for whom.
func checkReservations(f *framework, op *mesosproto.Offer_Operation, conversion resources.Conversion) error {
	switch op.GetType() {
	case mesosproto.Offer_Operation_RESERVE, mesosproto.Offer_Operation_CREATE:
	default:
		return nil
	}
	principal := f.info.GetPrincipal()
	for e := range conversion.Converted.All() {
		if e.IsRevocable() {
			return refusal("Resource " + e.String() + " is revocable and can't be reserved")
		}
		if op.GetType() == mesosproto.Offer_Operation_CREATE {
			if !e.IsReserved() {
				return refusal("Persistent volumes cannot be created from unreserved resources")
			}
			if p := e.Disk().Persistence; principal != "" && p.Principal != principal {
				return refusal("Create volume operation has been attempted with principal '" + principal +
					"', but there is a volume in the operation with principal '" + p.Principal + "' set in `DiskInfo.Persistence`")
			}
			continue
		}
		stack := e.Reservations()
		last := stack[len(stack)-1]
		switch {
		case !f.has(last.Role) || e.AllocationRole() != last.Role:
			return refusal("A reserve operation was attempted for a resource with role '" + last.Role +
				"', but the resource is allocated to role '" + e.AllocationRole() + "'")
		case principal != "" && last.Principal != principal:
			return refusal("A reserve operation was attempted by authenticated principal '" + principal +
				"', which does not match a reserved resource in the request with principal '" + last.Principal + "'")
		}
	}
	return nil
}

func unallocated(conversions []resources.Conversion) []resources.Conversion {
	list := slices.Clone(conversions)
	for i := range list {
		list[i].Consumed = list[i].Consumed.Unallocate()
		list[i].Converted = list[i].Converted.Unallocate()
	}
	return list
}

// sendOperation tells the agent to make an operation durable, and keeps a record until its outcome is
// acknowledged. An old agent gets the list of what it should have instead.
func (c *core) sendOperation(f *framework, a *agent, op *mesosproto.Offer_Operation) {
	if !a.caps.has(mesosproto.AgentInfo_Capability_RESOURCE_PROVIDER) {
		a.send(&messagespb.CheckpointResourcesMessage{Resources: a.total.NeedCheckpoint().Proto()})
		return
	}
	c.seq++
	o := &operation{
		seq:       c.seq,
		uuid:      &mesosproto.UUID{Value: randomid.UUID(c.loop.Rand())},
		info:      op,
		owner:     f.id,
		framework: f,
		agent:     a,
		latest: &mesosproto.OperationStatus{
			OperationId: op.Id,
			State:       mesosproto.OperationState_OPERATION_PENDING.Enum(),
			AgentId:     a.idProto,
		},
	}
	c.addOperation(o)
	m := &messagespb.ApplyOperationMessage{
		FrameworkId:         f.idProto,
		OperationInfo:       op,
		OperationUuid:       o.uuid,
		ResourceVersionUuid: &messagespb.ResourceVersionUUID{Uuid: &mesosproto.UUID{Value: []byte{}}},
	}
	if len(a.versions) > 0 {
		m.ResourceVersionUuid = a.versions[0]
	}
	a.send(m)
}

func (c *core) addOperation(o *operation) {
	o.agent.operations[string(o.uuid.GetValue())] = o
	if o.framework == nil {
		c.addOrphan(o)
	} else if id := o.info.GetId().GetValue(); id != "" {
		o.framework.operations[id] = o
	}
	c.counters.Operations[o.latest.GetState()]++
}

func (c *core) removeOperation(o *operation) {
	delete(o.agent.operations, string(o.uuid.GetValue()))
	if f, id := o.framework, o.info.GetId().GetValue(); f == nil {
		c.removeOrphan(o)
	} else if f.operations[id] == o {
		delete(f.operations, id)
	}
	if !operationEnded(o.latest.GetState()) {
		c.counters.Operations[o.latest.GetState()]--
	}
}

// refuseOperation tells a framework that an operation will not be done, if it asked to be told.
func (c *core) refuseOperation(f *framework, op *mesosproto.Offer_Operation, message string) {
	c.counters.Operations[mesosproto.OperationState_OPERATION_ERROR]++
	if op.GetId() == nil {
		return
	}
	f.send(&schedulerpb.Event{
		Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(),
		UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: &mesosproto.OperationStatus{
			OperationId: op.Id,
			State:       mesosproto.OperationState_OPERATION_ERROR.Enum(),
			Message:     &message,
		}},
	})
}

// operationUpdate handles what an agent says of an operation. An operation without id is acknowledged
// at once, since its framework does not want to know.
//
// Mesos: src/master/master.cpp, Master::updateOperationStatus.
func (c *core) operationUpdate(m *messagespb.UpdateOperationStatusMessage) {
	c.counters.Messages[OperationStatusUpdate]++
	a := c.agents.get(m.GetSlaveId().GetValue())
	if a == nil {
		c.counters.InvalidOperationUpdates++
		return
	}
	o := a.operations[string(m.GetOperationUuid().GetValue())]
	if o == nil { // acknowledged before; its acknowledgement got lost
		c.counters.InvalidOperationUpdates++
		if m.GetStatus().GetUuid() != nil && m.OperationUuid != nil && m.GetStatus().OperationId == nil {
			a.send(&messagespb.AcknowledgeOperationStatusMessage{StatusUuid: m.Status.Uuid, OperationUuid: m.OperationUuid})
		}
		return
	}
	c.counters.ValidOperationUpdates++
	status, latest := m.GetStatus(), m.GetStatus()
	if m.LatestStatus != nil {
		latest = m.LatestStatus
	}
	if status.OperationId == nil && o.info.Id != nil { // the agent does not have the operation
		status = proto.CloneOf(status)
		status.OperationId = o.info.Id
	}
	if !operationEnded(o.latest.GetState()) {
		c.counters.Operations[o.latest.GetState()]--
		c.counters.Operations[latest.GetState()]++
		o.latest = latest
	}
	o.remember(status)
	c.touch()
	switch {
	case o.info.Id != nil && o.framework != nil:
		c.touchFramework(o.framework)
		o.framework.send(&schedulerpb.Event{
			Type:                  schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(),
			UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: status},
		})
		if status.Uuid == nil && operationEnded(status.GetState()) { // nobody will acknowledge it
			c.removeOperation(o)
		}
	case c.waits(o):
	case status.GetUuid() != nil:
		c.settleOperation(o, status.Uuid)
	case operationEnded(status.GetState()):
		c.removeOperation(o)
	}
}

// settleOperation acknowledges a status of an operation; after the last one it is forgotten.
func (c *core) settleOperation(o *operation, status *mesosproto.UUID) {
	o.agent.send(&messagespb.AcknowledgeOperationStatusMessage{StatusUuid: status, OperationUuid: o.uuid})
	for _, s := range o.statuses {
		if bytes.Equal(s.GetUuid().GetValue(), status.GetValue()) && operationEnded(s.GetState()) {
			c.removeOperation(o)
			return
		}
	}
}

// acknowledgeOperation handles ACKNOWLEDGE_OPERATION_STATUS.
func (c *core) acknowledgeOperation(f *framework, m *schedulerpb.Call_AcknowledgeOperationStatus) {
	c.counters.Messages[OperationStatusUpdateAcknowledgement]++
	o := f.operations[m.GetOperationId().GetValue()]
	if o == nil || o.agent.id != m.GetAgentId().GetValue() ||
		!slices.ContainsFunc(o.statuses, func(s *mesosproto.OperationStatus) bool {
			return bytes.Equal(s.GetUuid().GetValue(), m.GetUuid())
		}) {
		c.counters.InvalidOperationAcks++
		return
	}
	c.counters.ValidOperationAcks++
	c.settleOperation(o, &mesosproto.UUID{Value: m.Uuid})
}

// dropOperations lets go of the operations of a framework that is removed; their agent still reports
// how they ended, and the master acknowledges that.
func (c *core) dropOperations(a *agent, f *framework) {
	for _, o := range operationsInOrder(a.operations) {
		if o.framework == f {
			o.framework = nil
			c.addOrphan(o)
		}
	}
}

// loseOperations ends the operations of an agent that is lost: those that it had not finished are
// unreachable with it. Frameworks are told; they may ask again when the agent is back.
func (c *core) loseOperations(a *agent, unreachable bool) {
	for _, o := range operationsInOrder(a.operations) {
		if unreachable && o.info.Id != nil && o.framework != nil && !operationEnded(o.latest.GetState()) {
			o.framework.send(&schedulerpb.Event{
				Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(),
				UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: &mesosproto.OperationStatus{
					OperationId: o.info.Id,
					State:       mesosproto.OperationState_OPERATION_UNREACHABLE.Enum(),
					AgentId:     a.idProto,
				}},
			})
		}
		c.removeOperation(o)
	}
}

// completeOperation allocates to a role what is not allocated, and brings reservations into the new
// format. op is not changed.
func completeOperation(op *mesosproto.Offer_Operation, to *mesosproto.Resource_AllocationInfo) *mesosproto.Offer_Operation {
	op = proto.CloneOf(op)
	one := func(r *mesosproto.Resource) *mesosproto.Resource {
		if r == nil || resources.Validate(r) != nil {
			return r
		}
		return completeResources([]*mesosproto.Resource{r}, to)[0]
	}
	all := func(list []*mesosproto.Resource) {
		for i, r := range list {
			list[i] = one(r)
		}
	}
	all(op.GetReserve().GetResources())
	all(op.GetUnreserve().GetResources())
	all(op.GetCreate().GetVolumes())
	all(op.GetDestroy().GetVolumes())
	if g := op.GrowVolume; g != nil {
		g.Volume, g.Addition = one(g.Volume), one(g.Addition)
	}
	if s := op.ShrinkVolume; s != nil {
		s.Volume = one(s.Volume)
	}
	return op
}
