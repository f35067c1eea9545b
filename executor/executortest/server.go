package executortest

import (
	"github.com/gogo/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// server is the agent as executors see it.
type server struct{ *Agent }

var _ link.Server[*executorpb.Call, *executorpb.Event] = server{}

func (s server) Subscribe(_ link.Caller, call *executorpb.Call, stream link.Stream[*executorpb.Event], answer func(string, error)) {
	s.loop.Post(func() {
		err := s.check(call)
		answer("", err)
		if err == nil {
			s.subscribe(call, stream)
		}
	})
}

func (s server) Call(_ link.Caller, call *executorpb.Call, done func(error)) {
	s.loop.Post(func() {
		err := s.check(call)
		if err == nil && s.stream == nil {
			err = status.Error(codes.FailedPrecondition, "Executor is not subscribed")
		}
		if err == nil {
			s.take(call)
		}
		done(err)
	})
}

func (s server) Ended(stream link.Stream[*executorpb.Event]) {
	s.loop.Post(func() {
		if s.stream == stream {
			s.stream = nil
		}
	})
}

// check is what a real agent looks at first.
func (a *Agent) check(call *executorpb.Call) error {
	if err := validate(call); err != nil {
		return err
	}
	switch {
	case a.refusal != nil:
		return a.refusal
	case call.GetFrameworkId().GetValue() != a.Framework.GetId().GetValue():
		return status.Error(codes.NotFound, "Framework cannot be found")
	case call.GetExecutorId().GetValue() != a.Executor.GetExecutorId().GetValue():
		return status.Error(codes.NotFound, "Executor cannot be found")
	}
	return nil
}

func validate(call *executorpb.Call) error {
	t := call.GetType()
	switch {
	case t == executorpb.Call_SUBSCRIBE && call.GetSubscribe() == nil,
		t == executorpb.Call_UPDATE && call.GetUpdate() == nil,
		t == executorpb.Call_MESSAGE && call.GetMessage() == nil:
		return status.Errorf(codes.InvalidArgument, "%s without the field of that name", t)
	}
	updates := call.GetSubscribe().GetUnacknowledgedUpdates()
	if t == executorpb.Call_UPDATE {
		updates = append(updates, call.GetUpdate())
	}
	for _, u := range updates {
		s := u.GetStatus()
		switch {
		case len(s.GetUuid()) != 16:
			return status.Errorf(codes.InvalidArgument, "update of task %s: the uuid has %d bytes; expecting 16", s.GetTaskId().GetValue(), len(s.GetUuid()))
		case s.GetSource() != mesosproto.TaskStatus_SOURCE_EXECUTOR:
			return status.Errorf(codes.InvalidArgument, "update of task %s: source %s; expecting SOURCE_EXECUTOR", s.GetTaskId().GetValue(), s.GetSource())
		}
	}
	return proto.CheckInitialized(call)
}

func (a *Agent) subscribe(call *executorpb.Call, stream link.Stream[*executorpb.Event]) {
	if a.stream != nil {
		a.stream.Close()
	}
	a.stream = stream
	a.subscriptions <- call.GetSubscribe()
	stream.Send(&executorpb.Event{
		Type: executorpb.Event_SUBSCRIBED.Enum(),
		Subscribed: &executorpb.Event_Subscribed{
			ExecutorInfo: a.Executor, FrameworkInfo: a.Framework, AgentInfo: a.Info,
			ContainerId: &mesosproto.ContainerID{Value: proto.String("container")},
		},
	})
	for _, u := range call.GetSubscribe().GetUnacknowledgedUpdates() {
		a.update(u.GetStatus())
	}
	for _, e := range a.waiting {
		stream.Send(e)
	}
	a.waiting = nil
}

func (a *Agent) take(call *executorpb.Call) {
	switch call.GetType() {
	case executorpb.Call_UPDATE:
		a.update(call.GetUpdate().GetStatus())
	case executorpb.Call_MESSAGE:
		a.messages <- call.GetMessage().GetData()
	}
}

// update stores an update, the first time that it comes, and acknowledges it.
func (a *Agent) update(s *mesosproto.TaskStatus) {
	if !a.stored[string(s.GetUuid())] {
		a.stored[string(s.GetUuid())] = true
		a.updates <- s
	}
	ack := &executorpb.Event{
		Type:         executorpb.Event_ACKNOWLEDGED.Enum(),
		Acknowledged: &executorpb.Event_Acknowledged{TaskId: s.GetTaskId(), Uuid: s.GetUuid()},
	}
	if a.hold {
		a.held = append(a.held, ack)
	} else {
		a.send(ack)
	}
}

// send sends an event now, or with the next subscription.
func (a *Agent) send(e *executorpb.Event) {
	switch {
	case a.stream != nil:
		a.stream.Send(e)
	case e.GetType() != executorpb.Event_ACKNOWLEDGED: // those come again with the update
		a.waiting = append(a.waiting, e)
	}
}
