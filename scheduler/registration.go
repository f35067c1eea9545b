package scheduler

import (
	"slices"
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// subscribeCall is SUBSCRIBE as of now: with the id once there is one, the framework as last updated,
// and the roles that are suppressed, since the master forgets them with the old subscription.
func (c *core) subscribeCall() *schedulerpb.Call {
	return &schedulerpb.Call{
		Type:        schedulerpb.Call_SUBSCRIBE.Enum(),
		FrameworkId: c.info.Id,
		Subscribe: &schedulerpb.Call_Subscribe{
			FrameworkInfo:    c.info,
			SuppressedRoles:  c.suppressed,
			OfferConstraints: c.constraints,
		},
	}
}

// subscribed makes the connection usable and tells the framework.
func (c *core) subscribed(conn *connection, s *schedulerpb.Event_Subscribed) {
	id := s.GetFrameworkId()
	switch {
	case conn.subscribed:
		c.log.Warn("second SUBSCRIBED on one stream ignored")
		return
	case id.GetValue() == "":
		c.lost(conn, status.Error(codes.Internal, "SUBSCRIBED without a framework id"))
		return
	case c.info.Id != nil && c.info.Id.GetValue() != id.GetValue():
		c.fatal(status.Errorf(codes.Internal, "subscribed as framework %s, but the master answers for framework %s",
			c.info.Id.GetValue(), id.GetValue()))
		return
	}
	conn.subscribed = true
	conn.since = conn.heard
	conn.silence = silence(s.HeartbeatIntervalSeconds)
	c.watch(conn)
	if c.info.Id == nil {
		c.info = proto.CloneOf(c.info)
		c.info.Id = proto.CloneOf(id)
	}
	c.publish()

	master := s.GetMasterInfo()
	if master == nil {
		master = conn.leader
	}
	c.log.Info("subscribed", zap.String("framework_id", id.GetValue()), zap.String("master", describe(master)),
		zap.Bool("again", c.registered))
	again := c.registered
	c.registered = true
	id = c.info.Id
	c.deliver(func(s Scheduler) {
		if again {
			s.Reregistered(c.driver, proto.CloneOf(master))
		} else {
			s.Registered(c.driver, proto.CloneOf(id), proto.CloneOf(master))
		}
	})
}

// silence is how long a master that promises such heartbeats may be silent. Without a promise, or with
// one that makes no sense, it may be silent for ever.
func silence(interval *float64) time.Duration {
	const forever = 100 * 365 * 24 * time.Hour
	if interval == nil || !(*interval > 0) { // NaN is not > 0
		return forever
	}
	if limit := *interval * missedHeartbeats; limit < forever.Seconds() {
		return time.Duration(limit * float64(time.Second))
	}
	return forever
}

// remember notes what a call changes in the next SUBSCRIBE; what it changes only if the master accepts
// it waits for accepted.
func (c *core) remember(call *schedulerpb.Call) (accepted func()) {
	switch call.GetType() {
	case schedulerpb.Call_SUPPRESS:
		c.suppressing++
		c.suppressed = sortedSet(append(slices.Clone(c.suppressed), c.roles(call.GetSuppress().GetRoles())...))
	case schedulerpb.Call_REVIVE:
		c.suppressing++
		revived := c.roles(call.GetRevive().GetRoles())
		c.suppressed = slices.DeleteFunc(slices.Clone(c.suppressed), func(role string) bool {
			return slices.Contains(revived, role)
		})
	case schedulerpb.Call_UPDATE_FRAMEWORK:
		c.suppressing++
		u, change := call.GetUpdateFramework(), c.suppressing
		u.FrameworkInfo.Id = c.info.Id
		return func() {
			c.info = u.GetFrameworkInfo()
			c.constraints = u.GetOfferConstraints()
			if change == c.suppressing { // no later call says otherwise
				c.suppressed = sortedSet(u.GetSuppressedRoles())
			}
		}
	}
	return func() {}
}

// roles are the given ones, or all of the framework's.
func (c *core) roles(given []string) []string {
	switch {
	case len(given) > 0:
		return given
	case hasCapability(c.info, mesosproto.FrameworkInfo_Capability_MULTI_ROLE):
		return c.info.GetRoles()
	default:
		//lint:ignore SA1019 frameworks with one role have it there
		return []string{c.info.GetRole()}
	}
}

func hasCapability(info *mesosproto.FrameworkInfo, want mesosproto.FrameworkInfo_Capability_Type) bool {
	return slices.ContainsFunc(info.GetCapabilities(), func(c *mesosproto.FrameworkInfo_Capability) bool {
		return c.GetType() == want
	})
}

func sortedSet(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
