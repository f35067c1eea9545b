package agent

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/statusupdate"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// operation is a change of the agent's resources that the master asked for: a reservation or a volume.
// It is kept until the master has acknowledged how it ended.
type operation struct {
	seq       uint64
	uuid      *mesosproto.UUID
	framework *mesosproto.FrameworkID // nil if an operator asked
	info      *mesosproto.Offer_Operation
	status    *mesosproto.OperationStatus
	ready     bool // it ended, and that is on the disk

	conversions []resources.Conversion // unallocated; nil: it can't be done, or ended under an earlier process
	wait        time.Duration
	stop        func() bool
}

func (o *operation) age() uint64 { return o.seq }

func (o *operation) key() string { return "operation/" + hex.EncodeToString(o.uuid.GetValue()) }

// message is the update that tells the master how the operation ended.
func (o *operation) message(agent *mesosproto.AgentID) *messagespb.UpdateOperationStatusMessage {
	return &messagespb.UpdateOperationStatusMessage{
		FrameworkId:   o.framework,
		SlaveId:       agent,
		Status:        o.status,
		LatestStatus:  o.status,
		OperationUuid: o.uuid,
	}
}

// record is the operation as UpdateSlaveMessage lists it: it has not ended before that is on the disk.
func (o *operation) record(agent *mesosproto.AgentID) *mesosproto.Operation {
	r := &mesosproto.Operation{
		FrameworkId:  o.framework,
		AgentId:      agent,
		Info:         o.info,
		LatestStatus: o.status,
		Uuid:         o.uuid,
	}
	if o.ready {
		r.Statuses = []*mesosproto.OperationStatus{o.status}
	} else {
		r.LatestStatus = &mesosproto.OperationStatus{
			OperationId: o.status.OperationId, AgentId: o.status.AgentId, State: mesosproto.OperationState_OPERATION_PENDING.Enum(),
		}
	}
	return r
}

// applyOperation changes the agent's resources at once, since a task that uses them may follow, and
// answers when the change is durable. What the master has checked is checked again: it may have been
// wrong about what is here.
func (c *core) applyOperation(m *messagespb.ApplyOperationMessage) {
	id := string(m.GetOperationUuid().GetValue())
	if c.state == recovering || c.state == terminating || id == "" || c.operations[id] != nil {
		return
	}
	o := &operation{
		seq:       c.nextAge(),
		uuid:      m.GetOperationUuid(),
		framework: m.GetFrameworkId(),
		info:      m.GetOperationInfo(),
		stop:      noTimer,
		status: &mesosproto.OperationStatus{
			OperationId: m.GetOperationInfo().GetId(),
			State:       mesosproto.OperationState_OPERATION_PENDING.Enum(),
			AgentId:     c.info.GetId(),
		},
	}
	c.operations[id] = o
	c.changed()
	if v := m.GetResourceVersionUuid(); v.GetResourceProviderId() == nil && !bytes.Equal(v.GetUuid().GetValue(), c.resourceVersion.GetValue()) {
		c.operationEnded(o, mesosproto.OperationState_OPERATION_DROPPED, "Operation assumes outdated resource state")
		return
	}
	var err error
	if o.conversions, err = conversionsOf(o.info); err != nil {
		c.operationEnded(o, mesosproto.OperationState_OPERATION_ERROR, err.Error())
		return
	}
	total, err := c.total.Apply(o.conversions...)
	if err != nil {
		c.operationEnded(o, mesosproto.OperationState_OPERATION_ERROR, err.Error())
		c.tellWhatIsHere()
		return
	}
	c.total = total
	if !haveVolumes(o.conversions) {
		c.operationEnded(o, mesosproto.OperationState_OPERATION_FINISHED, "")
		return
	}
	// From here on this may be on the disk with whatever follows. So it has to be known there, for the next
	// process to carry it on.
	if !c.guards.Off(guard.OperationAhead) {
		c.rememberOperation(o, false, nil)
	}
	c.workOnVolumes(o)
}

// conversionsOf are what an operation does. The agent does not care to whom its resources are allocated.
func conversionsOf(op *mesosproto.Offer_Operation) ([]resources.Conversion, error) {
	list, err := resources.Conversions(op)
	for i := range list {
		list[i].Consumed = list[i].Consumed.Unallocate()
		list[i].Converted = list[i].Converted.Unallocate()
	}
	return list, err
}

// carryOn goes on with the operations that the last process did not come to the end of.
func (c *core) carryOn() {
	for _, o := range inOrder(c.operations) {
		if !o.ready {
			o.conversions, _ = conversionsOf(o.info) // it did well before
			c.workOnVolumes(o)
		}
	}
}

// operationFailed takes back what can't be carried out. The master has counted on it.
func (c *core) operationFailed(o *operation, err error) {
	c.revert(o.conversions)
	c.operationEnded(o, mesosproto.OperationState_OPERATION_FAILED, err.Error())
	c.tellWhatIsHere()
}

// revert undoes conversions that could not be carried out, as far as nobody has built on them.
func (c *core) revert(conversions []resources.Conversion) {
	for i := len(conversions) - 1; i >= 0; i-- {
		if x := conversions[i]; c.total.Contains(x.Converted) {
			c.total = c.total.Sub(x.Converted).Add(x.Consumed)
		}
	}
}

// operationEnded writes down what became of an operation, then tells the master.
func (c *core) operationEnded(o *operation, state mesosproto.OperationState, why string) {
	c.log.Info("operation", zap.Stringer("type", o.info.GetType()), zap.Stringer("state", state), zap.String("why", why))
	o.status = proto.CloneOf(o.status)
	o.status.State = state.Enum()
	o.status.Uuid = &mesosproto.UUID{Value: c.newUUID()}
	o.status.Message = optionalString(why)
	c.changed()
	c.rememberOperation(o, true, c.guards.Wait(guard.OperationStore, func(err error) {
		if err != nil {
			// Nothing was promised to the master: it learns from the next registration what is here.
			c.log.Error("operation can't be checkpointed; is the disk of --work_dir full?", zap.Error(err))
			return
		}
		o.ready = true
		c.sendOperation(o)
	}))
}

// sendOperation tells the master how an operation ended, again and again until it is acknowledged.
func (c *core) sendOperation(o *operation) {
	o.stop()
	if c.state != running || !o.ready || c.stopped {
		return
	}
	c.send(o.message(c.info.GetId()))
	if o.wait == 0 {
		o.wait = statusupdate.RetryFirst
	}
	wait := o.wait
	o.wait = min(2*o.wait, statusupdate.RetryMax)
	if c.guards.Off(guard.OperationRetry) {
		return
	}
	o.stop = c.loop.AfterFunc(wait, func() { c.sendOperation(o) })
}

// resendOperations is called when a master that knows nothing yet has registered the agent.
func (c *core) resendOperations() {
	for _, o := range inOrder(c.operations) {
		o.wait = 0
		c.sendOperation(o)
	}
}

func (c *core) acknowledgeOperation(m *messagespb.AcknowledgeOperationStatusMessage) {
	o := c.operations[string(m.GetOperationUuid().GetValue())]
	if c.state != running || o == nil || !bytes.Equal(o.status.GetUuid().GetValue(), m.GetStatusUuid().GetValue()) {
		return
	}
	o.stop()
	delete(c.operations, string(o.uuid.GetValue()))
	c.put(forget(o.key()))
	c.changed()
}

// reconcileOperations answers for operations of which the master has not heard: those that are here are
// told again, the others were lost on the way.
func (c *core) reconcileOperations(m *messagespb.ReconcileOperationsMessage) {
	if c.state != running {
		return
	}
	for _, q := range m.GetOperations() {
		if o := c.operations[string(q.GetOperationUuid().GetValue())]; o != nil {
			c.sendOperation(o)
			continue
		}
		c.send(&messagespb.UpdateOperationStatusMessage{
			FrameworkId:   m.GetFrameworkId(),
			SlaveId:       c.info.GetId(),
			OperationUuid: q.GetOperationUuid(),
			Status: &mesosproto.OperationStatus{
				State:              mesosproto.OperationState_OPERATION_DROPPED.Enum(),
				OperationId:        q.GetOperationId(),
				AgentId:            c.info.GetId(),
				ResourceProviderId: q.GetResourceProviderId(),
			},
		})
	}
}

// has reports whether the reservations and volumes that a task uses are here.
func (c *core) has(list []*mesosproto.Resource) bool {
	rs, err := resources.FromProto(list)
	return err == nil && c.total.Contains(rs.NeedCheckpoint().Unallocate())
}

// withCheckpointed puts reservations and volumes into the resources that the agent was started with.
func withCheckpointed(total, checkpointed resources.Resources) (resources.Resources, error) {
	for e := range checkpointed.All() {
		var static []resources.Reservation
		for _, r := range e.Reservations() {
			if r.Type == resources.Static {
				static = append(static, r)
			}
		}
		plain := e.WithoutVolume().Reserved(static...).Resources()
		if !total.Contains(plain) {
			return resources.Resources{}, fmt.Errorf("%s is reserved, but the agent's resources %s do not hold it; --resources may grow but not shrink", e, total)
		}
		total = total.Sub(plain).Add(e.Resources())
	}
	return total, nil
}
