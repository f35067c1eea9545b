package master

import (
	"fmt"
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// subscribe handles SUBSCRIBE. A call that is not valid gets an error; a framework that is not
// acceptable gets a stream, on which it is told so before the stream ends.
//
// Mesos: src/master/master.cpp, Master::subscribe.
func (c *core) subscribe(from link.Caller, call *schedulerpb.Call, stream link.Stream[*schedulerpb.Event], answer func(string, error)) {
	err := c.checkCall(from, call)
	switch {
	case err != nil:
	case call.GetType() != schedulerpb.Call_SUBSCRIBE:
		err = status.Errorf(codes.InvalidArgument, "a stream is opened with SUBSCRIBE, not with %s", call.GetType())
	case from.StreamID != "":
		err = status.Error(codes.InvalidArgument, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
	default:
		err = principalMismatch(from.Principal, call.GetSubscribe().GetFrameworkInfo())
	}
	if err != nil {
		answer("", err)
		return
	}
	streamID := c.uuid()
	answer(streamID, nil)
	m := call.GetSubscribe()
	id := m.GetFrameworkInfo().GetId().GetValue()
	if id == "" {
		c.counters.Messages[RegisterFramework]++
	} else {
		c.counters.Messages[ReregisterFramework]++
	}
	info := subscribedInfo(m.GetFrameworkInfo(), from.Principal)
	if err := c.checkFramework(info, m.GetSuppressedRoles(), m.GetOfferConstraints()); err != nil {
		c.refuse(stream, err)
		return
	}
	f := c.frameworks[id]
	switch {
	case id == "":
		id = fmt.Sprintf("%s-%04d", c.info.GetId(), c.nextFramework)
		c.nextFramework++
		info.Id = &mesosproto.FrameworkID{Value: proto.String(id)}
		f = c.newFramework(id, from.Principal)
		f.set(info, m.GetSuppressedRoles(), m.GetOfferConstraints())
		c.connect(f, stream, streamID)
		c.addFramework(f, true)
	case f == nil:
		// An id of another master's making. What agents report of it was taken in with them.
		f = c.newFramework(id, from.Principal)
		f.state = transitions.FrameworkRecovered
		f.set(info, m.GetSuppressedRoles(), m.GetOfferConstraints())
		c.addFramework(f, false)
		c.resubscribe(f, stream, streamID)
	default:
		if err := c.adopt(f, info, m.GetSuppressedRoles(), m.GetOfferConstraints()); err != nil {
			c.refuse(stream, err)
			return
		}
		f.principal = from.Principal
		c.resubscribe(f, stream, streamID)
	}
	f.metrics.countCall(schedulerpb.Call_SUBSCRIBE)
}

// principalMismatch refuses a call whose sender says to be another than it is.
func principalMismatch(principal string, info *mesosproto.FrameworkInfo) error {
	if principal != "" && info.Principal != nil && principal != info.GetPrincipal() {
		return status.Errorf(codes.InvalidArgument,
			"Failed to validate scheduler::Call: Authenticated principal '%s' does not match principal '%s' set in `FrameworkInfo`",
			principal, info.GetPrincipal())
	}
	return nil
}

// subscribedInfo is the FrameworkInfo that the master keeps: the call's, with the principal.
func subscribedInfo(given *mesosproto.FrameworkInfo, principal string) *mesosproto.FrameworkInfo {
	info := proto.CloneOf(given)
	if principal != "" && info.Principal == nil {
		info.Principal = proto.String(principal)
	}
	if info.GetId().GetValue() == "" {
		info.Id = nil
	}
	return info
}

// refuse tells a subscriber why it is not taken, and ends its stream.
func (c *core) refuse(stream link.Stream[*schedulerpb.Event], err error) {
	c.log.Warn("subscription refused", zap.Error(err))
	stream.Send(errorEvent(err.Error()))
	stream.Close()
}

func (c *core) newFramework(id, principal string) *framework {
	return &framework{
		id:         id,
		idProto:    &mesosproto.FrameworkID{Value: proto.String(id)},
		principal:  principal,
		slot:       -1,
		registered: c.loop.Now(),
		tasks:      make(map[string]*task),
		operations: make(map[string]*operation),
		offerSlots: make(map[string]int),
	}
}

// addFramework enters a framework into the master's records and the allocator's.
func (c *core) addFramework(f *framework, active bool) {
	f.active = active
	c.frameworks[f.id] = f
	c.frameworkOrder.put(f.id, f)
	c.adoptOperations(f)
	f.slot = c.frameworkTable.add(f.snapshot())
	c.touchFramework(f)
	c.allocator.AddFramework(f.id, f.info, c.usedByAgent(f), active, f.options())
	c.log.Info("framework added", zap.String("framework_id", f.id), zap.String("name", f.info.GetName()))
}

// connect makes stream the framework's: SUBSCRIBED, then heartbeats, the first at once.
func (c *core) connect(f *framework, stream link.Stream[*schedulerpb.Event], streamID string) {
	f.state = transitions.FrameworkConnected
	f.stream, f.streamID = stream, streamID
	c.streams[stream] = f
	interval := heartbeatInterval.Seconds()
	f.send(&schedulerpb.Event{
		Type: schedulerpb.Event_SUBSCRIBED.Enum(),
		Subscribed: &schedulerpb.Event_Subscribed{
			FrameworkId:              f.idProto,
			HeartbeatIntervalSeconds: &interval,
			MasterInfo:               c.info,
		},
	})
	c.heartbeat(f)
}

var heartbeatEvent = &schedulerpb.Event{Type: schedulerpb.Event_HEARTBEAT.Enum()}

func (c *core) heartbeat(f *framework) {
	f.send(heartbeatEvent)
	if f.stream != nil { // a client that does not read may have lost its stream just now
		f.stopHeartbeat = c.loop.AfterFunc(heartbeatInterval, func() { c.heartbeat(f) })
	}
}

// disconnectStream forgets the framework's stream, which is over or about to be.
func (c *core) disconnectStream(f *framework) {
	if f.stopHeartbeat != nil {
		f.stopHeartbeat()
		f.stopHeartbeat = nil
	}
	delete(c.streams, f.stream)
	f.stream, f.streamID = nil, ""
}

func (c *core) stopFrameworkTimers(f *framework) {
	if f.stopHeartbeat != nil {
		f.stopHeartbeat()
		f.stopHeartbeat = nil
	}
	if f.stopFailover != nil {
		f.stopFailover()
		f.stopFailover = nil
	}
}

func errorEvent(message string) *schedulerpb.Event {
	return &schedulerpb.Event{
		Type:  schedulerpb.Event_ERROR.Enum(),
		Error: &schedulerpb.Event_Error{Message: &message},
	}
}

// failoverTimeout is how long the framework may be away.
func failoverTimeout(info *mesosproto.FrameworkInfo) time.Duration {
	s := info.GetFailoverTimeout()
	if s <= 0 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}
