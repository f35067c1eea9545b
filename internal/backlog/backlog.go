// Package backlog holds a stream of events back while those who handle them are behind.
//
// A driver's core takes events from a link and passes them on as callbacks. It [Backlog.Add]s each
// callback and [Backlog.Remove]s it when it has returned, on its loop; the goroutine that reads the
// stream waits for room, in a transport made by [Paced]. The count is the one thing that they share.
package backlog

import (
	"context"
	"io"
	"sync"

	"github.com/mesokit/mesokit/internal/link"
)

// Backlog counts what waits to be handled. It is safe for concurrent use.
type Backlog struct {
	limit int

	mu   sync.Mutex // guards the rest
	n    int
	room chan struct{} // closed when n falls below limit; nil while nobody waits
}

// New returns a Backlog that is full with limit.
func New(limit int) *Backlog { return &Backlog{limit: limit} }

// Add counts one more and returns how many there are. It takes more than the limit.
func (b *Backlog) Add() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	return b.n
}

// Remove counts one less. It reports whether that made room again.
func (b *Backlog) Remove() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n--
	if b.n == b.limit-1 && b.room != nil {
		close(b.room)
		b.room = nil
	}
	return b.n == b.limit-1
}

// Len is how many there are.
func (b *Backlog) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

// Full reports whether the limit is reached.
func (b *Backlog) Full() bool { return b.Len() >= b.limit }

// Wait returns when there are fewer than the limit, or with the error of ctx.
func (b *Backlog) Wait(ctx context.Context) error {
	for {
		b.mu.Lock()
		if b.n < b.limit {
			b.mu.Unlock()
			return nil
		}
		if b.room == nil {
			b.room = make(chan struct{})
		}
		room := b.room
		b.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Paced returns t, but its streams are not read while b is full. The result has a Close, which is t's
// if t has one.
func Paced[C, E any](t link.Transport[C, E], b *Backlog) Transport[C, E] {
	return Transport[C, E]{t, b}
}

// Transport is what Paced returns.
type Transport[C, E any] struct {
	link.Transport[C, E]
	backlog *Backlog
}

// Subscribe passes an event on when there is room.
func (p Transport[C, E]) Subscribe(ctx context.Context, call C, each func(E) error) error {
	return p.Transport.Subscribe(ctx, call, func(e E) error {
		if err := p.backlog.Wait(ctx); err != nil {
			return err
		}
		return each(e)
	})
}

// SendAll sends calls together, if the transport within can.
func (p Transport[C, E]) SendAll(ctx context.Context, calls []C, answered func(i int, err error)) {
	link.SendAll(ctx, p.Transport, calls, answered)
}

// Close closes the transport within, if it is an io.Closer.
func (p Transport[C, E]) Close() error {
	if c, ok := p.Transport.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
