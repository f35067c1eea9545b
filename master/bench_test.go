package master_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// eager plays a framework that launches a task on whatever it is offered, and an agent that runs it at
// once: ACCEPT, RUNNING, acknowledged, FINISHED, acknowledged.
type eager struct {
	master   *master.Master
	from     link.Caller
	id       *mesosproto.FrameworkID
	batch    int
	launched int
	finished int
}

func (e *eager) call(c *schedulerpb.Call) {
	c.FrameworkId = e.id
	e.master.Schedulers().Call(e.from, c, func(err error) {
		if err != nil {
			panic(err)
		}
	})
}

func (e *eager) Send(event *schedulerpb.Event) {
	switch event.GetType() {
	case schedulerpb.Event_SUBSCRIBED:
		e.id = event.Subscribed.FrameworkId
	case schedulerpb.Event_OFFERS:
		for _, o := range event.Offers.Offers {
			op := &mesosproto.Offer_Operation{Type: mesosproto.Offer_Operation_LAUNCH.Enum(), Launch: &mesosproto.Offer_Operation_Launch{}}
			n := e.batch
			for _, r := range o.Resources {
				if r.GetName() == "cpus" {
					n = min(n, int(r.GetScalar().GetValue()*10+0.5))
				}
			}
			for range n {
				e.launched++
				id := fmt.Sprintf("task-%d", e.launched)
				role := &mesosproto.Resource_AllocationInfo{Role: proto.String("dev")}
				op.Launch.TaskInfos = append(op.Launch.TaskInfos, &mesosproto.TaskInfo{
					Name: &id, TaskId: &mesosproto.TaskID{Value: &id}, AgentId: o.AgentId,
					Command: &mesosproto.CommandInfo{Value: proto.String("true")},
					Resources: []*mesosproto.Resource{
						{Name: proto.String("cpus"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: proto.Float64(0.1)}, AllocationInfo: role},
						{Name: proto.String("mem"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: proto.Float64(32)}, AllocationInfo: role},
					},
				})
			}
			e.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{
				OfferIds: []*mesosproto.OfferID{o.Id}, Operations: []*mesosproto.Offer_Operation{op},
				Filters: &mesosproto.Filters{RefuseSeconds: proto.Float64(0)},
			}})
		}
	case schedulerpb.Event_UPDATE:
		s := event.Update.Status
		if s.Uuid == nil {
			panic(s)
		}
		e.call(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{
			AgentId: s.AgentId, TaskId: s.TaskId, Uuid: s.Uuid,
		}})
		if s.GetState() == mesosproto.TaskState_TASK_FINISHED {
			e.finished++
		}
	}
}

func (e *eager) Close() {}

type instant struct {
	master *master.Master
	peer   string
	id     *mesosproto.AgentID
	n      uint64
}

func (a *instant) Peer() string { return a.peer }
func (a *instant) Close()       {}
func (a *instant) Send(m proto.Message) {
	switch m := m.(type) {
	case *messagespb.SlaveRegisteredMessage:
		a.id = m.SlaveId
	case *messagespb.PingSlaveMessage:
		a.master.Agents().Message(a, &messagespb.PongSlaveMessage{}, func() {})
	case *messagespb.RunTaskMessage:
		for _, state := range []mesosproto.TaskState{mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_FINISHED} {
			a.n++
			u := make([]byte, 16)
			for i := range 8 {
				u[i] = byte(a.n >> (8 * i))
			}
			at := proto.Float64(1)
			a.master.Agents().Message(a, &messagespb.StatusUpdateMessage{Update: &messagespb.StatusUpdate{
				FrameworkId: m.Framework.Id, SlaveId: a.id, ExecutorId: &mesosproto.ExecutorID{Value: m.Task.TaskId.Value},
				Status: &mesosproto.TaskStatus{
					TaskId: m.Task.TaskId, State: state.Enum(), AgentId: a.id, Timestamp: at, Uuid: u,
					ExecutorId: &mesosproto.ExecutorID{Value: m.Task.TaskId.Value},
					Source:     mesosproto.TaskStatus_SOURCE_EXECUTOR.Enum(),
				},
				Timestamp: at, Uuid: u, LatestState: state.Enum(),
			}}, func() {})
		}
	}
}

// BenchmarkPath is what the master, its allocator and registry spend on one task from ACCEPT to the
// acknowledgement of its end, with peers that answer at once; tasks/s is its throughput on one core.
func BenchmarkPath(b *testing.B) {
	for _, batch := range []int{1, 10} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			sim := loop.NewSim(1)
			m, err := master.New(master.Config{Loop: sim.Loop("master")})
			if err != nil {
				b.Fatal(err)
			}
			m.Start()
			sim.Advance(1e9)
			for i := range 100 {
				a := &instant{master: m, peer: fmt.Sprintf("slave(1)@10.0.0.%d:5051", i)}
				m.Agents().Message(a, &messagespb.RegisterSlaveMessage{
					Slave: &mesosproto.AgentInfo{Hostname: proto.String("h"), Resources: []*mesosproto.Resource{
						{Name: proto.String("cpus"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: proto.Float64(64)}},
						{Name: proto.String("mem"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: proto.Float64(65536)}},
					}},
					Version: proto.String("1.12.0"), AgentCapabilities: agentCapabilities,
				}, func() {})
			}
			sim.Advance(1e9)
			e := &eager{master: m, batch: batch}
			m.Schedulers().Subscribe(link.Caller{}, &schedulerpb.Call{
				Type:      schedulerpb.Call_SUBSCRIBE.Enum(),
				Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: modern("dev")},
			}, e, func(id string, err error) { e.from.StreamID = id })
			b.ReportAllocs()
			b.ResetTimer()
			for e.finished < b.N {
				if !sim.Step() {
					b.Fatal("nothing left to do")
				}
			}
			b.ReportMetric(float64(e.finished)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}
