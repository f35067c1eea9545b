package libprocess

import (
	"slices"
	"sync"
)

// budget shares a number of bytes among large bodies that are being read or wait to be handled.
//
// At the limit readers wait for bodies to be handled, which stops reading their connections. If there are none to be
// handled they would wait for each other for ever, so then the oldest one goes on: one body exceeds the limit.
type budget struct {
	limit int64

	mu      sync.Mutex
	used    int64
	reading int64          // the part of used that readers hold
	readers []*reservation // oldest first
	changed chan struct{}  // closed and forgotten when anything is given back; nil without waiters
}

// reservation is one body's share. It is owned by the body's reader until finish, then by the delivery.
type reservation struct{ held int64 }

func (b *budget) begin() *reservation {
	r := &reservation{}
	b.mu.Lock()
	b.readers = append(b.readers, r)
	b.mu.Unlock()
	return r
}

// grow adds n bytes to r's share; it waits for them, and returns false if stop is closed first.
func (b *budget) grow(r *reservation, n int64, stop <-chan struct{}) bool {
	for {
		b.mu.Lock()
		if b.used+n <= b.limit || b.used == b.reading && b.readers[0] == r {
			b.used += n
			b.reading += n
			r.held += n
			b.mu.Unlock()
			return true
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-stop:
			return false
		}
	}
}

// finish ends the reading, with keep bytes still held, to be given back by release.
func (b *budget) finish(r *reservation, keep int64) {
	b.mu.Lock()
	if i := slices.Index(b.readers, r); i >= 0 {
		b.readers = slices.Delete(b.readers, i, i+1)
	}
	b.reading -= r.held
	b.giveLocked(r, r.held-keep)
	b.mu.Unlock()
}

// release gives back what finish kept.
func (b *budget) release(r *reservation) {
	b.mu.Lock()
	b.giveLocked(r, r.held)
	b.mu.Unlock()
}

func (b *budget) giveLocked(r *reservation, n int64) {
	b.used -= n
	r.held -= n
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
