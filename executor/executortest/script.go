package executortest

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Send sends any event. Events wait until the executor is subscribed.
func (a *Agent) Send(e *executorpb.Event) {
	e = proto.CloneOf(e)
	a.loop.Post(func() { a.send(e) })
}

// Launch sends tasks, each by itself.
func (a *Agent) Launch(tasks ...*mesosproto.TaskInfo) {
	for _, t := range tasks {
		a.Send(&executorpb.Event{Type: executorpb.Event_LAUNCH.Enum(), Launch: &executorpb.Event_Launch{Task: t}})
	}
}

// LaunchGroup sends tasks as one group.
func (a *Agent) LaunchGroup(tasks ...*mesosproto.TaskInfo) {
	a.Send(&executorpb.Event{
		Type:        executorpb.Event_LAUNCH_GROUP.Enum(),
		LaunchGroup: &executorpb.Event_LaunchGroup{TaskGroup: &mesosproto.TaskGroupInfo{Tasks: tasks}},
	})
}

// Kill asks to end a task. grace, unless it is negative, overrides the grace period of the task.
func (a *Agent) Kill(task string, grace time.Duration) {
	k := &executorpb.Event_Kill{TaskId: &mesosproto.TaskID{Value: &task}}
	if grace >= 0 {
		k.KillPolicy = &mesosproto.KillPolicy{GracePeriod: &mesosproto.DurationInfo{Nanoseconds: proto.Int64(int64(grace))}}
	}
	a.Send(&executorpb.Event{Type: executorpb.Event_KILL.Enum(), Kill: k})
}

// SendMessage sends data as the framework would.
func (a *Agent) SendMessage(data string) {
	a.Send(&executorpb.Event{Type: executorpb.Event_MESSAGE.Enum(), Message: &executorpb.Event_Message{Data: []byte(data)}})
}

// Shutdown asks the executor to end.
func (a *Agent) Shutdown() { a.Send(&executorpb.Event{Type: executorpb.Event_SHUTDOWN.Enum()}) }

// Disconnect ends the stream, as an agent does that is restarted. The executor may subscribe again.
func (a *Agent) Disconnect() {
	a.loop.Post(func() {
		if a.stream != nil {
			a.stream.Close()
			a.stream = nil
		}
	})
}

// Refuse answers subscriptions and calls with err from now on; nil ends that. Executors come back after
// an error of package status with code Unavailable, for example.
func (a *Agent) Refuse(err error) { a.loop.Post(func() { a.refusal = err }) }

// HoldAcknowledgements keeps back the acknowledgements of updates that come from now on, or sends those
// that were kept back.
func (a *Agent) HoldAcknowledgements(hold bool) {
	a.loop.Post(func() {
		a.hold = hold
		if !hold {
			for _, e := range a.held {
				a.send(e)
			}
			a.held = nil
		}
	})
}

// Subscription waits for the next SUBSCRIBE and returns it.
func (a *Agent) Subscription() *executorpb.Call_Subscribe {
	a.t.Helper()
	return wait(a.t, "subscription", a.subscriptions)
}

// Update waits for the next update and returns it. One that comes again is skipped.
func (a *Agent) Update() *mesosproto.TaskStatus {
	a.t.Helper()
	return wait(a.t, "update", a.updates)
}

// ExpectUpdates waits for as many updates as are wanted and ends the test unless they are those: each the
// id of a task and the name of a state, for example "t TASK_RUNNING".
func (a *Agent) ExpectUpdates(want ...string) {
	a.t.Helper()
	for i, w := range want {
		s := a.Update()
		if got := s.GetTaskId().GetValue() + " " + s.GetState().String(); got != w {
			a.t.Fatalf("executortest: update %d of %d is %q (message %q); expecting %q", i+1, len(want), got, s.GetMessage(), w)
		}
	}
}

// Message waits for the next message to the framework and returns it.
func (a *Agent) Message() string {
	a.t.Helper()
	return string(wait(a.t, "message", a.messages))
}

func wait[V any](t T, what string, from <-chan V) (v V) {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case v = <-from:
	case <-timer.C:
		t.Fatalf("executortest: no %s of the executor within %v", what, Patience)
	}
	return v
}
