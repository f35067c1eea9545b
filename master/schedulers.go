package master

import (
	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/master/validation"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// schedulers is the door for frameworks: it brings what transports hear to the loop.
type schedulers struct{ c *core }

var _ link.Server[*schedulerpb.Call, *schedulerpb.Event] = schedulers{}

func (s schedulers) Subscribe(from link.Caller, call *schedulerpb.Call, stream link.Stream[*schedulerpb.Event], answer func(string, error)) {
	s.c.loop.Post(func() { s.c.subscribe(from, call, stream, answer) })
}

func (s schedulers) Call(from link.Caller, call *schedulerpb.Call, done func(error)) {
	s.c.loop.Post(func() { done(s.c.call(from, call)) })
}

func (s schedulers) Ended(stream link.Stream[*schedulerpb.Event]) {
	s.c.loop.Post(func() { s.c.ended(stream) })
}

// checkCall is what every call must pass first, in the order of the reference.
func (c *core) checkCall(from link.Caller, call *schedulerpb.Call) error {
	if err := c.serving(); err != nil {
		c.counters.Dropped++
		return err
	}
	if err := validation.SchedulerCall(call); err != nil {
		return status.Errorf(codes.InvalidArgument, "Failed to validate scheduler::Call: %v", err)
	}
	return nil
}

// call handles every call but SUBSCRIBE. An error refuses the call; calls that are accepted may still
// turn out to have no effect.
//
// Mesos: src/master/http.cpp, Master::Http::scheduler.
func (c *core) call(from link.Caller, call *schedulerpb.Call) error {
	if err := c.checkCall(from, call); err != nil {
		return err
	}
	if call.GetType() == schedulerpb.Call_SUBSCRIBE {
		return status.Error(codes.InvalidArgument, "SUBSCRIBE opens a stream; it can't be sent as a plain call")
	}
	f := c.frameworks[call.GetFrameworkId().GetValue()]
	switch {
	case f == nil:
		return status.Error(codes.NotFound, "Framework cannot be found")
	case from.Principal != "" && from.Principal != f.info.GetPrincipal():
		return status.Errorf(codes.InvalidArgument, "Authenticated principal '%s' does not match principal '%s' set in `FrameworkInfo`",
			from.Principal, f.info.GetPrincipal())
	case !f.connected():
		return status.Error(codes.FailedPrecondition, "Framework is not subscribed")
	case from.StreamID == "":
		return status.Error(codes.InvalidArgument, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
	case from.StreamID != f.streamID:
		return status.Errorf(codes.InvalidArgument,
			"The stream ID '%s' included in this request didn't match the stream ID currently associated with framework ID %s",
			from.StreamID, f.id)
	}
	f.metrics.countCall(call.GetType())
	c.touchFramework(f)
	return c.dispatch(f, call)
}

func (c *core) dispatch(f *framework, call *schedulerpb.Call) error {
	switch call.GetType() {
	case schedulerpb.Call_TEARDOWN:
		c.counters.Messages[UnregisterFramework]++
		c.removeFramework(f)
	case schedulerpb.Call_ACCEPT:
		c.accept(f, call.GetAccept())
	case schedulerpb.Call_DECLINE:
		c.decline(f, call.GetDecline())
	case schedulerpb.Call_ACCEPT_INVERSE_OFFERS:
		m := call.GetAcceptInverseOffers()
		c.answerInverseOffers(f, m.GetInverseOfferIds(), m.GetFilters(), true)
	case schedulerpb.Call_DECLINE_INVERSE_OFFERS:
		m := call.GetDeclineInverseOffers()
		c.answerInverseOffers(f, m.GetInverseOfferIds(), m.GetFilters(), false)
	case schedulerpb.Call_REVIVE:
		c.revive(f, call.GetRevive().GetRoles())
	case schedulerpb.Call_SUPPRESS:
		c.suppress(f, call.GetSuppress().GetRoles())
	case schedulerpb.Call_KILL:
		c.kill(f, call.GetKill())
	case schedulerpb.Call_SHUTDOWN:
		c.shutdownExecutor(f, call.GetShutdown())
	case schedulerpb.Call_ACKNOWLEDGE:
		c.acknowledge(f, call.GetAcknowledge())
	case schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS:
		c.acknowledgeOperation(f, call.GetAcknowledgeOperationStatus())
	case schedulerpb.Call_RECONCILE:
		c.reconcile(f, call.GetReconcile())
	case schedulerpb.Call_RECONCILE_OPERATIONS:
		c.reconcileOperations(f, call.GetReconcileOperations())
	case schedulerpb.Call_MESSAGE:
		c.messageToExecutor(f, call.GetMessage())
	case schedulerpb.Call_REQUEST:
		c.counters.Messages[ResourceRequest]++ // the reference's allocator ignores it as well
	case schedulerpb.Call_UPDATE_FRAMEWORK:
		return c.updateFramework(f, call.GetUpdateFramework())
	default:
		return status.Error(codes.Unimplemented, "501 Not Implemented.")
	}
	return nil
}
