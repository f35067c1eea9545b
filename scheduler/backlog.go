package scheduler

import (
	"context"
	"sync"
)

// backlog counts callbacks that have not yet returned. The core adds and removes, on its loop; the
// goroutine that reads the stream waits for room. It is the one thing that they share.
type backlog struct {
	limit int

	mu   sync.Mutex // guards the rest
	n    int
	room chan struct{} // closed when n falls below limit; nil while nobody waits
}

// add counts one more and returns how many there are.
func (b *backlog) add() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	return b.n
}

// remove counts one less. It reports whether that made room again.
func (b *backlog) remove() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n--
	if b.n == b.limit-1 && b.room != nil {
		close(b.room)
		b.room = nil
	}
	return b.n == b.limit-1
}

func (b *backlog) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

func (b *backlog) full() bool { return b.len() >= b.limit }

// wait returns when fewer than limit callbacks wait, or with the error of ctx.
func (b *backlog) wait(ctx context.Context) error {
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
