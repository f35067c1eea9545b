package scheduler

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
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// pipe is a blocking Transport, and its own Dialer; tests put events in and take calls out.
type pipe struct {
	events chan *schedulerpb.Event // closed: end of stream
	calls  chan *schedulerpb.Call
	dials  atomic.Int32
	closed atomic.Int32
}

func newPipe() *pipe {
	return &pipe{events: make(chan *schedulerpb.Event), calls: make(chan *schedulerpb.Call, 1000)}
}

func (p *pipe) Dial(*mesosproto.MasterInfo) Transport {
	p.dials.Add(1)
	return p
}

func (p *pipe) Close() error {
	p.closed.Add(1)
	return nil
}

func (p *pipe) Subscribe(ctx context.Context, call *schedulerpb.Call, each func(*schedulerpb.Event) error) error {
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

func (p *pipe) Send(_ context.Context, call *schedulerpb.Call) error {
	p.calls <- call
	return nil
}

func subscribedEvent(id string, heartbeat float64) *schedulerpb.Event {
	return &schedulerpb.Event{
		Type: schedulerpb.Event_SUBSCRIBED.Enum(),
		Subscribed: &schedulerpb.Event_Subscribed{
			FrameworkId: &mesosproto.FrameworkID{Value: &id}, HeartbeatIntervalSeconds: &heartbeat, MasterInfo: master("m")},
	}
}

func realDriver(t *testing.T, p *pipe, s Scheduler) *Driver {
	d, err := New(Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("n"), User: proto.String("u")},
		Scheduler: s, Dialer: p, Master: "127.0.0.1:5050",
	})
	require.NoError(t, err)
	return d
}

func TestRunOverABlockingTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPipe(), &actor{}
		a.offers = func(d *Driver, offers []*mesosproto.Offer) {
			require.NoError(t, d.LaunchTasks(OfferIDs(offers...), []*mesosproto.TaskInfo{task("t")}))
		}
		a.update = func(d *Driver, s *mesosproto.TaskStatus) { d.Stop(false) }
		d := realDriver(t, p, a)
		go func() {
			p.events <- subscribedEvent("f", 15)
			p.events <- offers("o")
			p.events <- update("t", finished, uuid1)
		}()
		require.NoError(t, d.Run(t.Context()))
		require.Equal(t, "Registered f at m; Offers o; Update t TASK_FINISHED", a.take())
		close(p.calls)
		var sent []string
		for c := range p.calls {
			sent = append(sent, c.GetType().String())
		}
		require.Equal(t, []string{"SUBSCRIBE", "ACCEPT", "TEARDOWN"}, sent)
		require.EqualValues(t, 1, p.closed.Load())
		require.Equal(t, codes.FailedPrecondition, status.Code(d.Revive()))
	})
}

func TestEndOfContextLeavesTheFramework(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		ctx, cancel := context.WithCancel(t.Context())
		d := realDriver(t, p, &actor{})
		go func() {
			p.events <- subscribedEvent("f", 15)
			synctest.Wait()
			cancel()
		}()
		require.NoError(t, d.Run(ctx))
		require.Len(t, p.calls, 1, "SUBSCRIBE and no TEARDOWN")
	})
}

func TestSlowCallbackStopsReadingTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPipe(), &actor{}
		blocked := make(chan struct{})
		a.on = func(line string) {
			if line == "Offers slow" {
				<-blocked
			}
		}
		d := realDriver(t, p, a)
		require.NoError(t, d.Start())
		p.events <- subscribedEvent("f", 15)
		p.events <- offers("slow")
		read := 0
		for {
			synctest.Wait()
			select {
			case p.events <- offers("o"):
				read++
				continue
			default:
			}
			break
		}
		require.LessOrEqual(t, read, maxUndelivered+link.MaxUnhandled)
		require.GreaterOrEqual(t, read, maxUndelivered-1)

		time.Sleep(time.Hour) // far more than five heartbeats
		require.EqualValues(t, 1, p.dials.Load(), "that nothing is read is no silence of the master")
		require.NoError(t, d.Kill(taskID("t")))
		synctest.Wait()
		require.Len(t, p.calls, 2, "calls go on meanwhile")

		close(blocked)
		synctest.Wait()
		require.Len(t, a.played, read+2)
		p.events <- heartbeat()
		time.Sleep(74 * time.Second)
		require.EqualValues(t, 1, p.dials.Load())
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 2, p.dials.Load(), "now it is")

		d.Stop(true)
		require.NoError(t, d.Join())
	})
}

func TestEachSubscriptionHasItsOwnConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPipe(), &actor{}
		d := realDriver(t, p, a)
		require.NoError(t, d.Start())
		p.events <- subscribedEvent("f", 15)
		synctest.Wait()
		old := p.events
		p.events = make(chan *schedulerpb.Event)
		close(old)
		time.Sleep(time.Second)
		require.EqualValues(t, 2, p.dials.Load())
		require.EqualValues(t, 1, p.closed.Load())
		p.events <- subscribedEvent("f", 15)
		synctest.Wait()
		require.Equal(t, "Registered f at m; Disconnected; Reregistered at m", a.take())
		d.Abort()
		require.Equal(t, codes.Aborted, status.Code(d.Join()))
		require.EqualValues(t, 2, p.closed.Load())
	})
}

func TestFatalErrorEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPipe(), &actor{}
		d := realDriver(t, p, a)
		go func() {
			p.events <- &schedulerpb.Event{Type: schedulerpb.Event_ERROR.Enum(),
				Error: &schedulerpb.Event_Error{Message: proto.String("Framework has been removed")}}
		}()
		err := d.Run(t.Context())
		require.Equal(t, codes.Aborted, status.Code(err))
		require.Equal(t, "Framework has been removed", status.Convert(err).Message())
		require.Equal(t, a.err, err)
	})
}

func TestCallsFromManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		d := realDriver(t, p, &actor{})
		require.NoError(t, d.Start())
		p.events <- subscribedEvent("f", 15)
		synctest.Wait()
		for range 8 {
			go func() {
				for range 100 {
					require.NoError(t, d.Reconcile())
					d.FrameworkID()
					d.Now()
				}
			}()
		}
		synctest.Wait()
		require.Len(t, p.calls, 801)
		d.Stop(true)
		require.NoError(t, d.Join())
	})
}
