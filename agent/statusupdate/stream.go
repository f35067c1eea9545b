package statusupdate

import (
	"bytes"
	"slices"
	"time"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

const (
	// RetryFirst and RetryMax bound the time between sends of an unacknowledged update. Mesos:
	// STATUS_UPDATE_RETRY_INTERVAL_MIN and _MAX.
	RetryFirst = 10 * time.Second
	RetryMax   = 10 * time.Minute

	// MaxPending is how many updates of one task may wait; the owner refuses more.
	MaxPending = 1024
)

// Update is a status update that the agent has accepted. Its fields are the owner's.
type Update struct {
	Message *messagespb.StatusUpdate
	// Ready: it may be sent. One that must survive the agent is not ready before it is written:
	// an agent that was killed in between would make up another update about the same moment.
	Ready bool
	// Key names the update's record in the checkpoint; empty if it has none.
	Key string
	// Record is what was recorded, of which that of the acknowledgement is made; nil: not kept.
	Record []byte
	// Safe: the record is written. Waiting wants to know.
	Safe    bool
	Waiting []func(error)
}

// UUID identifies the update.
func (u *Update) UUID() []byte { return u.Message.GetUuid() }

// Terminal reports whether nothing can follow the update.
func (u *Update) Terminal() bool { return transitions.Terminal(u.Message.GetStatus().GetState()) }

// Stream holds the updates of one task. The zero value is empty and ready.
type Stream struct {
	pending []*Update // not acknowledged, in order
	history []*Update // acknowledged, and not yet pruned
	recent  [][]byte  // uuids of the latest updates: what an executor may send again
	wait    time.Duration
}

// Add puts an update behind all others.
func (s *Stream) Add(u *Update) {
	s.recent = append(s.recent, u.UUID())
	if len(s.recent) > MaxPending {
		s.recent = s.recent[1:]
	}
	s.pending = append(s.pending, u)
}

// Restore puts an update back that a checkpoint holds. It is safe, and ready.
func (s *Stream) Restore(u *Update, acknowledged bool) {
	u.Ready, u.Safe = true, true
	if acknowledged {
		s.history = append(s.history, u)
		return
	}
	s.pending = append(s.pending, u)
}

// Seen reports whether an update was added before. u is it, or nil if it is long done with. A nil
// stream has seen nothing.
func (s *Stream) Seen(uuid []byte) (u *Update, seen bool) {
	if s == nil {
		return nil, false
	}
	for _, list := range [][]*Update{s.pending, s.history} {
		for _, u := range list {
			if bytes.Equal(u.UUID(), uuid) {
				return u, true
			}
		}
	}
	for _, r := range s.recent {
		if bytes.Equal(r, uuid) {
			return nil, true
		}
	}
	return nil, false
}

// Full reports whether MaxPending updates wait. A nil stream is empty.
func (s *Stream) Full() bool { return s != nil && len(s.pending) >= MaxPending }

// Empty reports whether no update waits.
func (s *Stream) Empty() bool { return len(s.pending) == 0 }

// First is the update that is sent next, ready or not; nil if there is none. A nil stream is empty.
func (s *Stream) First() *Update {
	if s == nil || len(s.pending) == 0 {
		return nil
	}
	return s.pending[0]
}

// AtEnd reports whether First is terminal.
func (s *Stream) AtEnd() bool { return s.First() != nil && s.First().Terminal() }

// Ends reports whether a terminal update waits. A nil stream is empty.
func (s *Stream) Ends() bool {
	return s != nil && slices.ContainsFunc(s.pending, (*Update).Terminal)
}

// Head is the update to be sent; nil if there is none, or it is not ready.
func (s *Stream) Head() *Update {
	if len(s.pending) == 0 || !s.pending[0].Ready {
		return nil
	}
	return s.pending[0]
}

// Sent notes that the head was sent and returns how long to wait for its acknowledgement before it is
// sent again.
func (s *Stream) Sent() (wait time.Duration) {
	if s.wait == 0 {
		s.wait = RetryFirst
	}
	wait = s.wait
	s.wait = min(2*s.wait, RetryMax)
	return wait
}

// Anew makes the next wait RetryFirst again: there is a new head, or a new receiver.
func (s *Stream) Anew() { s.wait = 0 }

// Acknowledge takes the head off. It returns nil, and does nothing, if uuid is not the head's, or the
// head was never sent. If the update returned is terminal the stream is over, whatever is behind it.
func (s *Stream) Acknowledge(uuid []byte) *Update {
	if s == nil {
		return nil
	}
	head := s.Head()
	if head == nil || !bytes.Equal(head.UUID(), uuid) {
		return nil
	}
	s.pending = slices.Delete(s.pending, 0, 1) // keeps its room for the next
	s.Anew()
	if !head.Terminal() {
		s.history = append(s.history, head)
	}
	return head
}

// Prune takes the acknowledged updates out that need not be kept, and returns them.
func (s *Stream) Prune(keep func(*Update) bool) (gone []*Update) {
	kept := s.history[:0]
	for _, u := range s.history {
		if keep(u) {
			kept = append(kept, u)
		} else {
			gone = append(gone, u)
		}
	}
	clear(s.history[len(kept):])
	s.history = kept
	return gone
}

// Drain empties the stream and returns all that was in it.
func (s *Stream) Drain() []*Update {
	all := append(s.history, s.pending...)
	*s = Stream{}
	return all
}
