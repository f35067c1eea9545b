package executor

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gogo/status"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// pipe is a blocking Transport, and its own Dialer; tests put events in and take calls out.
type pipe struct {
	events chan *executorpb.Event // closed: end of stream
	calls  chan *executorpb.Call
	dials  atomic.Int32
	closed atomic.Int32
}

func newPipe() *pipe {
	return &pipe{events: make(chan *executorpb.Event), calls: make(chan *executorpb.Call, 1000)}
}

func (p *pipe) Dial(Agent) Transport {
	p.dials.Add(1)
	return p
}

func (p *pipe) Close() error {
	p.closed.Add(1)
	return nil
}

func (p *pipe) Subscribe(ctx context.Context, call *executorpb.Call, each func(*executorpb.Event) error) error {
	p.calls <- call
	for {
		select {
		case e, ok := <-p.events:
			if !ok {
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

func (p *pipe) Send(_ context.Context, call *executorpb.Call) error {
	p.calls <- call
	return nil
}

func realDriver(t *testing.T, p *pipe, x Executor, change ...func(*Config)) *Driver {
	cfg := Config{
		FrameworkID: &mesosproto.FrameworkID{Value: proto.String("f")},
		ExecutorID:  &mesosproto.ExecutorID{Value: proto.String("e")},
		Executor:    x, Dialer: p, Checkpoint: true,
	}
	for _, f := range change {
		f(&cfg)
	}
	d, err := New(cfg)
	require.NoError(t, err)
	return d
}

func TestRunOverABlockingTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPipe(), &actor{}
		a.launch = func(d *Driver, task *mesosproto.TaskInfo) {
			require.NoError(t, d.Running(task.GetTaskId()))
			time.AfterFunc(time.Minute, func() { // from elsewhere
				d.Finished(task.GetTaskId())
				d.Stop()
			})
		}
		d := realDriver(t, p, a)
		require.False(t, d.Now().IsZero())
		go func() {
			p.events <- subscribedEvent()
			p.events <- launch("t")
			<-p.calls // SUBSCRIBE
			for range 2 {
				s := (<-p.calls).GetUpdate().GetStatus()
				p.events <- ack("t", s.GetUuid())
			}
		}()
		require.NoError(t, d.Run(t.Context()))
		require.Equal(t, "Registered e-1 f-1 a-1; Launch t", a.take())
		require.EqualValues(t, 1, p.closed.Load())
		require.Equal(t, codes.FailedPrecondition, status.Code(d.Running(taskID("t"))))
	})
}

func TestEndOfContextIsStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		ctx, cancel := context.WithCancel(t.Context())
		d := realDriver(t, p, &actor{})
		go func() {
			p.events <- subscribedEvent()
			synctest.Wait()
			cancel()
		}()
		require.NoError(t, d.Run(ctx))
		require.Nil(t, d.Err())
		require.ErrorContains(t, d.Run(t.Context()), "make a new one")
	})
}

func TestSlowCallbackStopsReadingTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPipe(), &actor{}
		blocked := make(chan struct{})
		var begun atomic.Int32
		a.on = func(line string) {
			begun.Add(1)
			if line == "Launch slow" {
				<-blocked
			}
		}
		d := realDriver(t, p, a)
		require.NoError(t, d.Start())
		p.events <- subscribedEvent()
		p.events <- launch("slow")
		read := 0
		for {
			synctest.Wait()
			select {
			case p.events <- launch("t"):
				read++
				continue
			default:
			}
			break
		}
		require.LessOrEqual(t, read, maxUndelivered+link.MaxUnhandled)
		require.GreaterOrEqual(t, read, maxUndelivered-1)
		require.NoError(t, d.Running(taskID("slow")))
		synctest.Wait()
		require.Len(t, p.calls, 2, "calls go on meanwhile")
		time.Sleep(time.Hour)
		require.EqualValues(t, 1, p.dials.Load(), "that no acknowledgement is read is not the agent's fault")
		close(blocked)
		synctest.Wait()
		require.EqualValues(t, read+2, begun.Load())
		time.Sleep(33 * time.Second)
		require.EqualValues(t, 2, p.dials.Load(), "now it is")
		d.Abort()
		require.Equal(t, codes.Aborted, status.Code(d.Join()))
	})
}

func TestEachSubscriptionHasItsOwnConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPipe(), &actor{}
		d := realDriver(t, p, a)
		require.NoError(t, d.Start())
		p.events <- subscribedEvent()
		synctest.Wait()
		old := p.events
		p.events = make(chan *executorpb.Event)
		close(old)
		time.Sleep(3 * time.Second)
		require.EqualValues(t, 2, p.dials.Load())
		require.EqualValues(t, 1, p.closed.Load())
		p.events <- subscribedEvent()
		synctest.Wait()
		require.Equal(t, "Registered e-1 f-1 a-1; Disconnected; Reregistered a-1", a.take())
		d.Stop()
		require.NoError(t, d.Join())
		require.EqualValues(t, 2, p.closed.Load())
	})
}

func TestExitIsCalledThoughACallbackIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPipe(), &actor{}
		stuck, exits := make(chan struct{}), make(chan struct{})
		a.on = func(string) { <-stuck }
		d := realDriver(t, p, a, func(c *Config) { c.Exit = func() { close(exits) } })
		require.NoError(t, d.Start())
		p.events <- subscribedEvent()
		p.events <- shutdown
		<-exits
		require.NoError(t, d.Err(), "the driver waits for its callbacks")
		close(stuck)
		require.Equal(t, codes.DeadlineExceeded, status.Code(d.Join()))
	})
}

func TestUpdatesFromManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		d := realDriver(t, p, &actor{})
		require.NoError(t, d.Start())
		p.events <- subscribedEvent()
		synctest.Wait()
		for range 8 {
			go func() {
				for range 100 {
					require.NoError(t, d.Running(taskID("t")))
					d.ContainerID()
					d.Now()
				}
			}()
		}
		synctest.Wait()
		require.Len(t, p.calls, 801)
		d.Abort()
		require.Error(t, d.Join())
	})
}
