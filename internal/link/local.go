package link

import (
	"io"
	"sync/atomic"

	"github.com/mesokit/mesokit/internal/loop"
)

// MaxQueuedEvents is how many events may wait for a client in the same process before its stream is
// closed.
const MaxQueuedEvents = 65536

// Local joins a client to a server in the same process, without copying or encoding anything. client
// is the loop of the owner of the returned Client.
func Local[C, E any](client loop.Loop, server Server[C, E], principal string) Client[C, E] {
	return &local[C, E]{loop: client, server: server, from: Caller{Principal: principal}}
}

type local[C, E any] struct {
	loop    loop.Loop
	server  Server[C, E]
	from    Caller // StreamID: of the present stream
	present *localStream[C, E]
}

func (l *local[C, E]) Subscribe(call C, event func(E), end func(error)) func() {
	if l.present != nil {
		l.present.cancel()
	}
	s := &localStream[C, E]{link: l, event: event, end: end}
	l.present = s
	l.from.StreamID = ""
	l.server.Subscribe(Caller{Principal: l.from.Principal}, call, s, func(id string, err error) {
		l.loop.Post(func() {
			if err != nil {
				s.finish(err)
			} else if !s.over {
				l.from.StreamID = id
			}
		})
	})
	return s.cancel
}

func (l *local[C, E]) Send(call C, done func(error)) {
	l.server.Call(l.from, call, func(err error) {
		if done != nil {
			l.loop.Post(func() { done(err) })
		}
	})
}

// localStream is the server's end; its fields but the atomics are touched on the client's loop only.
type localStream[C, E any] struct {
	link   *local[C, E]
	event  func(E)
	end    func(error)
	over   bool
	queued atomic.Int64
	closed atomic.Bool // nothing more is taken from the server
}

func (s *localStream[C, E]) Send(event E) {
	if s.closed.Load() {
		return
	}
	if s.queued.Add(1) > MaxQueuedEvents {
		s.Close()
		s.link.server.Ended(s)
		return
	}
	s.link.loop.Post(func() {
		s.queued.Add(-1)
		if !s.over {
			s.event(event)
		}
	})
}

func (s *localStream[C, E]) Close() {
	if !s.closed.Swap(true) {
		s.link.loop.Post(func() { s.finish(io.EOF) })
	}
}

func (s *localStream[C, E]) finish(err error) {
	if !s.over {
		s.over = true
		s.end(err)
	}
}

func (s *localStream[C, E]) cancel() {
	if s.over {
		return
	}
	s.over = true
	if !s.closed.Swap(true) {
		s.link.server.Ended(s)
	}
}
