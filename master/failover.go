package master

import (
	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/master/validation"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// resubscribe gives a framework that is known a new stream. The old one, if there is one, is told that
// the framework failed over; offers it held are discarded without RESCIND, since the new instance
// never saw them.
//
// Mesos: scheduler API, Call SUBSCRIBE with an id; src/master/master.cpp, Master::failoverFramework.
func (c *core) resubscribe(f *framework, stream link.Stream[*schedulerpb.Event], streamID string) {
	if f.connected() {
		old := f.stream
		f.send(errorEvent("Framework failed over"))
		c.disconnectStream(f)
		old.Close()
	}
	if f.stopFailover != nil {
		f.stopFailover()
		f.stopFailover = nil
	}
	f.reregistered = c.loop.Now()
	c.connect(f, stream, streamID)
	c.discardOffers(f)
	if !f.active {
		f.active = true
		c.allocator.ActivateFramework(f.id)
	}
	c.touchFramework(f)
	c.broadcastFramework(f)
	c.log.Info("framework resubscribed", zap.String("framework_id", f.id))
}

// adopt takes over what a framework that is known says of itself now. Changing the principal is an
// error; changes of user and checkpoint are undone, as the reference does.
func (c *core) adopt(f *framework, info *mesosproto.FrameworkInfo, suppressed []string, constraints *schedulerpb.OfferConstraints) error {
	if err := samePrincipal(f.info, info); err != nil {
		return err
	}
	info.User, info.Checkpoint = f.info.User, f.info.Checkpoint
	c.replaceInfo(f, info, suppressed, constraints)
	return nil
}

func samePrincipal(old, new *mesosproto.FrameworkInfo) error {
	if (old.Principal == nil) != (new.Principal == nil) || old.GetPrincipal() != new.GetPrincipal() {
		return refusal("Changing framework's principal is not allowed.")
	}
	return nil
}

// replaceInfo updates the framework and takes back the offers of roles that it has left.
func (c *core) replaceInfo(f *framework, info *mesosproto.FrameworkInfo, suppressed []string, constraints *schedulerpb.OfferConstraints) {
	f.set(info, suppressed, constraints)
	c.allocator.UpdateFramework(f.id, f.info, f.options())
	for _, o := range c.offers.OfFramework(f.id) {
		if !f.has(o.Role) {
			c.rescind(o, nil)
		}
	}
	c.touchFramework(f)
}

// broadcastFramework tells all agents what the framework says of itself now; they send the status
// updates that wait again at once.
func (c *core) broadcastFramework(f *framework) {
	m := updateFrameworkMessage(f)
	for _, a := range c.agents.all() {
		a.send(m)
	}
}

// noPID stands for a framework without a libprocess process: one of the HTTP API.
const noPID = "@0.0.0.0:0"

func updateFrameworkMessage(f *framework) *messagespb.UpdateFrameworkMessage {
	return &messagespb.UpdateFrameworkMessage{
		FrameworkId:   f.idProto,
		Pid:           proto.String(noPID),
		FrameworkInfo: f.info,
	}
}

// ended hears that a stream broke. Streams that are not any framework's are ignored.
func (c *core) ended(stream link.Stream[*schedulerpb.Event]) {
	f := c.streams[stream]
	if f == nil || c.phase != leading {
		return
	}
	c.disconnectStream(f)
	f.state = transitions.FrameworkDisconnected
	c.deactivate(f)
	c.touchFramework(f)
	timeout := failoverTimeout(f.info)
	c.log.Info("framework disconnected", zap.String("framework_id", f.id), zap.Duration("failover_timeout", timeout))
	f.stopFailover = c.loop.AfterFunc(timeout, func() {
		f.stopFailover = nil
		if c.phase == leading && c.frameworks[f.id] == f && !f.connected() {
			c.log.Info("framework failover timeout", zap.String("framework_id", f.id))
			c.removeFramework(f)
		}
	})
}

// deactivate ends offers to a framework and takes back those it has.
func (c *core) deactivate(f *framework) {
	if f.active {
		f.active = false
		c.allocator.DeactivateFramework(f.id)
	}
	c.discardOffers(f)
}

// updateFramework handles UPDATE_FRAMEWORK, whose answer says whether it was done.
//
// Mesos: src/master/master.cpp, Master::updateFramework.
func (c *core) updateFramework(f *framework, m *schedulerpb.Call_UpdateFramework) error {
	info := subscribedInfo(m.GetFrameworkInfo(), f.principal)
	if err := c.checkFrameworkInfo(info); err != nil {
		return status.Errorf(codes.InvalidArgument, "Supplied FrameworkInfo is not valid: %v", err)
	}
	if err := validation.FrameworkUpdate(f.info, info); err != nil {
		return status.Errorf(codes.InvalidArgument, "FrameworkInfo update is not valid: %v", err)
	}
	if err := checkRoleOptions(info, m.GetSuppressedRoles(), m.GetOfferConstraints()); err != nil {
		return status.Errorf(codes.InvalidArgument, "'UpdateFramework' call is not valid: %v", err)
	}
	changed := !proto.Equal(f.info, info)
	c.replaceInfo(f, info, m.GetSuppressedRoles(), m.GetOfferConstraints())
	if changed {
		c.broadcastFramework(f)
	}
	return nil
}
