package link

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/internal/loop"
)

// MaxUnhandled is how many events or messages of one connection may be posted to a loop and not yet
// handled; then the connection is not read.
const MaxUnhandled = 64

// MaxQueuedCalls is how many calls may wait for a transport; more are refused with ResourceExhausted.
const MaxQueuedCalls = 16384

// Transport is a blocking way to a server, as a protocol client implements it.
type Transport[C, E any] interface {
	// Subscribe sends call and passes each event of the stream to each, one at a time, until ctx
	// ends, the stream ends (io.EOF), or each returns an error, which it returns.
	Subscribe(ctx context.Context, call C, each func(E) error) error
	// Send sends a call and waits until it is accepted. It may overlap with Subscribe.
	Send(ctx context.Context, call C) error
}

// Batch is a Transport that sends calls that wait faster together than one by one.
type Batch[C any] interface {
	// SendAll sends calls, in order. For each, in order, answered gets what Send would have returned.
	SendAll(ctx context.Context, calls []C, answered func(i int, err error))
}

// maxBatch is how many calls are sent together.
const maxBatch = 128

// SendAll sends calls in order, together if t can.
func SendAll[C, E any](ctx context.Context, t Transport[C, E], calls []C, answered func(i int, err error)) {
	if b, ok := t.(Batch[C]); ok {
		b.SendAll(ctx, calls, answered)
		return
	}
	for i, call := range calls {
		answered(i, t.Send(ctx, call))
	}
}

// FromTransport makes a Client for the owner of l out of a blocking transport. close ends the stream
// and drops the calls that wait, then returns when the goroutines are down: one that sends, in order,
// and one for the stream. It must not be called on the loop.
func FromTransport[C, E any](l loop.Loop, t Transport[C, E]) (client Client[C, E], close func()) {
	ctx, cancel := context.WithCancel(context.Background())
	a := &adapter[C, E]{loop: l, transport: t, ctx: ctx, calls: make(chan queued[C], MaxQueuedCalls)}
	a.running.Go(a.send)
	return a, func() {
		cancel()
		a.running.Wait()
	}
}

type adapter[C, E any] struct {
	loop      loop.Loop
	transport Transport[C, E]
	ctx       context.Context
	calls     chan queued[C]
	running   sync.WaitGroup
	cancel    func() // of the present stream; touched on the loop only
}

type queued[C any] struct {
	call C
	done func(error)
}

func (a *adapter[C, E]) Subscribe(call C, event func(E), end func(error)) func() {
	if a.cancel != nil {
		a.cancel()
	}
	ctx, stop := context.WithCancel(a.ctx)
	over := false // touched on the loop only
	slots := make(chan struct{}, MaxUnhandled)
	a.running.Go(func() {
		err := a.transport.Subscribe(ctx, call, func(e E) error {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			a.loop.Post(func() {
				<-slots
				if !over {
					event(e)
				}
			})
			return nil
		})
		stop()
		if err == nil {
			err = io.EOF
		}
		a.loop.Post(func() {
			if !over {
				over = true
				end(err)
			}
		})
	})
	a.cancel = func() {
		over = true
		stop()
	}
	return a.cancel
}

func (a *adapter[C, E]) Send(call C, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	select {
	case a.calls <- queued[C]{call, done}:
	default:
		a.loop.Post(func() {
			done(status.Errorf(codes.ResourceExhausted, "%d calls wait to be sent; the server does not accept them", MaxQueuedCalls))
		})
	}
}

func (a *adapter[C, E]) send() {
	for {
		select {
		case <-a.ctx.Done():
			return
		case q := <-a.calls:
			calls, done := []C{q.call}, []func(error){q.done}
			for len(a.calls) > 0 && len(calls) < maxBatch { // nobody else takes from it
				q := <-a.calls
				calls, done = append(calls, q.call), append(done, q.done)
			}
			SendAll(a.ctx, a.transport, calls, func(i int, err error) {
				if errors.Is(err, context.Canceled) && a.ctx.Err() != nil {
					return
				}
				a.loop.Post(func() { done[i](err) })
			})
			if a.ctx.Err() != nil {
				return
			}
		}
	}
}
