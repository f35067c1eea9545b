package executor

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// mirror is a Transport in which each update is acknowledged, and followed by the next task.
type mirror struct{ events chan *executorpb.Event }

func (m mirror) Dial(Agent) Transport { return m }

func (m mirror) Subscribe(ctx context.Context, _ *executorpb.Call, each func(*executorpb.Event) error) error {
	for {
		select {
		case e := <-m.events:
			if err := each(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m mirror) Send(_ context.Context, call *executorpb.Call) error {
	s := call.GetUpdate().GetStatus()
	m.events <- ack(s.GetTaskId().GetValue(), s.GetUuid())
	m.events <- launch("t")
	return nil
}

// runner finishes each task, n times.
type runner struct {
	Base
	n int
}

func (r *runner) LaunchTask(d *Driver, task *mesosproto.TaskInfo) {
	d.Finished(task.GetTaskId())
	if r.n--; r.n <= 0 {
		d.Stop()
	}
}

func (*runner) KillTask(*Driver, *mesosproto.TaskID, *mesosproto.KillPolicy) {}

// BenchmarkLaunchToUpdate is the driver's own share of running a task: five goroutines are passed.
func BenchmarkLaunchToUpdate(b *testing.B) {
	m := mirror{make(chan *executorpb.Event, 10)}
	m.events <- subscribedEvent()
	m.events <- launch("t")
	d, err := New(Config{
		Executor: &runner{n: b.N}, Dialer: m,
		FrameworkID: &mesosproto.FrameworkID{Value: proto.String("f")},
		ExecutorID:  &mesosproto.ExecutorID{Value: proto.String("e")},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	if err := d.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}
