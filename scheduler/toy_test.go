package scheduler_test

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// toy is a master for the examples: it has one agent, offers what that has left, and its tasks run and
// finish at once. Frameworks would use httpv1.Dialer{} instead.
type toy struct {
	agent  string // its resources
	events chan *schedulerpb.Event
	offers int
}

func newToy(agent string) *toy { return &toy{agent: agent, events: make(chan *schedulerpb.Event, 100)} }

func (m *toy) Dial(*mesosproto.MasterInfo) scheduler.Transport { return m }

func (m *toy) Subscribe(ctx context.Context, call *schedulerpb.Call, each func(*schedulerpb.Event) error) error {
	id := call.GetFrameworkId()
	if id == nil {
		id = &mesosproto.FrameworkID{Value: proto.String("toy-0000")}
	}
	m.events <- &schedulerpb.Event{
		Type:       schedulerpb.Event_SUBSCRIBED.Enum(),
		Subscribed: &schedulerpb.Event_Subscribed{FrameworkId: id, HeartbeatIntervalSeconds: proto.Float64(15)},
	}
	m.offer()
	for {
		select {
		case e, open := <-m.events:
			if !open {
				return io.EOF
			}
			if err := each(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *toy) Send(_ context.Context, call *schedulerpb.Call) error {
	switch call.GetType() {
	case schedulerpb.Call_ACCEPT:
		for _, op := range call.GetAccept().GetOperations() {
			for _, t := range op.GetLaunch().GetTaskInfos() {
				m.update(t, mesosproto.TaskState_TASK_RUNNING)
				m.update(t, mesosproto.TaskState_TASK_FINISHED)
			}
		}
		m.offer()
	case schedulerpb.Call_REVIVE:
		m.offer()
	}
	return nil
}

func (m *toy) offer() {
	m.offers++
	m.events <- &schedulerpb.Event{
		Type: schedulerpb.Event_OFFERS.Enum(),
		Offers: &schedulerpb.Event_Offers{Offers: []*mesosproto.Offer{{
			Id:        &mesosproto.OfferID{Value: proto.String(fmt.Sprintf("toy-O%d", m.offers))},
			AgentId:   &mesosproto.AgentID{Value: proto.String("toy-S0")},
			Hostname:  proto.String("agent1"),
			Resources: resources.MustParse(m.agent).Proto(),
		}}},
	}
}

func (m *toy) update(t *mesosproto.TaskInfo, state mesosproto.TaskState) {
	m.events <- &schedulerpb.Event{
		Type: schedulerpb.Event_UPDATE.Enum(),
		Update: &schedulerpb.Event_Update{Status: &mesosproto.TaskStatus{
			TaskId: t.GetTaskId(), AgentId: t.GetAgentId(), State: state.Enum(), Uuid: make([]byte, 16),
		}},
	}
}
