package libprocess

import "slices"

const (
	batchMessages = 64      // at most so many messages a write
	batchBytes    = 1 << 20 // and about so many bytes
)

// enqueue adds a request. It returns false if the peer is gone and another must be made.
func (p *peer) enqueue(request []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gone:
		return false
	case p.cause != nil && !p.restart: // about to be gone; the same as a write that fails
		p.endpoint.dropped.Add(1)
		return true
	case p.waiting > p.endpoint.cfg.QueueBytes:
		p.endpoint.dropped.Add(1)
		p.dropQueueLocked()
		p.restart = false // links must hear of the loss
		p.abortLocked(errOverflow)
		return true
	}
	p.endpoint.flush.add(1)
	p.queue = append(p.queue, request)
	p.waiting += len(request)
	if len(p.queue) == 1 {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take removes the next requests to write together.
func (p *peer) take() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, size := 0, 0
	for n < len(p.queue) && n < batchMessages && size < batchBytes {
		size += len(p.queue[n])
		n++
	}
	batch := slices.Clone(p.queue[:n])
	p.waiting -= size
	if n == len(p.queue) {
		p.queue = nil
	} else {
		clear(p.queue[:n])
		p.queue = p.queue[n:]
	}
	return batch
}

// wrote accounts for the first n bytes of batch. Requests of which no byte went out return to the queue: a connection
// that Relink makes can send them, and otherwise they are dropped with the rest. One cut in two is lost.
func (p *peer) wrote(batch [][]byte, n int64) {
	sent := 0
	for sent < len(batch) && n >= int64(len(batch[sent])) {
		n -= int64(len(batch[sent]))
		sent++
	}
	rest := batch[sent:]
	lost := 0
	if n > 0 {
		rest, lost = rest[1:], 1
	}
	p.endpoint.sent.Add(uint64(sent))
	p.endpoint.dropped.Add(uint64(lost))
	if len(rest) > 0 {
		p.mu.Lock()
		for _, request := range rest {
			p.waiting += len(request)
		}
		p.queue = append(slices.Clone(rest), p.queue...)
		p.mu.Unlock()
	}
	p.endpoint.flush.add(-sent - lost)
}

func (p *peer) dropQueueLocked() {
	p.endpoint.dropped.Add(uint64(len(p.queue)))
	p.endpoint.flush.add(-len(p.queue))
	p.queue, p.waiting = nil, 0
}
