package agent

import (
	"bytes"
	"time"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

const (
	// retryFirst and retryMax bound the time between sends of an unacknowledged update:
	// STATUS_UPDATE_RETRY_INTERVAL_MIN and _MAX.
	retryFirst = 10 * time.Second
	retryMax   = 10 * time.Minute
	// maxPendingUpdates is how many updates of one task may wait.
	maxPendingUpdates = 1024
	// maxStrangers is how many tasks that are not here may have updates, for each framework.
	maxStrangers = 1024
)

type streamKey struct{ framework, task string }

// streams deliver updates at least once: one stream a task, one update of it at a time, sent again
// after 10s, 20s, … 10min until it is acknowledged. Without a master they rest.
type streams struct {
	core   *core
	byTask map[streamKey]*stream
	count  map[string]int // by framework
	paused bool           // no master to send to
}

// stream is what is known of one task's updates. It ends with the acknowledgement of a terminal one.
type stream struct {
	key     streamKey
	pending []*update // not acknowledged, in order; the first is on its way
	history []*update // acknowledged, but still the last word on a state that the task was in
	recent  [][]byte  // uuids of the latest updates: what an executor may send twice
	wait    time.Duration
	stop    func() bool
	seq     uint64
}

// update is a status update that was accepted.
type update struct {
	message *messagespb.StatusUpdate
	key     string        // of its checkpoint; empty if it has none
	ready   bool          // may be sent: the checkpoint is written, or can't be
	safe    bool          // the checkpoint is written
	failed  bool          // it could not be written; tried again when the executor sends it again
	waiting []func(error) // who wants to know
}

func (u *update) uuid() []byte   { return u.message.GetUuid() }
func (u *update) terminal() bool { return transitions.Terminal(u.message.GetStatus().GetState()) }

func (s *stream) age() uint64 { return s.seq }

func newStreams(c *core) *streams {
	return &streams{core: c, byTask: make(map[streamKey]*stream), count: make(map[string]int), paused: true}
}

func (ss *streams) has(framework string) bool { return ss.count[framework] > 0 }

func (ss *streams) get(framework, task string) *stream {
	return ss.byTask[streamKey{framework, task}]
}

// seen reports whether an update was accepted before; u is it, unless it is long done with.
func (s *stream) seen(uuid []byte) (u *update, seen bool) {
	if s == nil {
		return nil, false
	}
	for _, list := range [][]*update{s.pending, s.history} {
		for _, u := range list {
			if bytes.Equal(u.uuid(), uuid) {
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

func (s *stream) full() bool { return s != nil && len(s.pending) >= maxPendingUpdates }

// strangers counts the streams of tasks that are not here.
func (ss *streams) strangers(fw *framework) int { return ss.count[fw.id] - len(fw.tasks) }

// open finds or makes a task's stream.
func (ss *streams) open(framework, task string) *stream {
	key := streamKey{framework, task}
	s := ss.byTask[key]
	if s == nil {
		s = &stream{key: key, stop: noTimer, seq: ss.core.nextAge()}
		ss.byTask[key] = s
		ss.count[framework]++
	}
	return s
}

// add queues an update. It is sent when its turn has come and it is ready.
func (ss *streams) add(s *stream, u *update) {
	s.recent = append(s.recent, u.uuid())
	if len(s.recent) > maxPendingUpdates {
		s.recent = s.recent[1:]
	}
	s.pending = append(s.pending, u)
}

// written lets an update go out. If the agent were killed before it was written it would make up another
// one about the same moment, and the framework would hear of two ends.
func (ss *streams) written(s *stream, u *update) {
	u.ready = true
	if len(s.pending) > 0 && s.pending[0] == u && ss.byTask[s.key] == s {
		ss.sendAnew(s)
	}
}

func (ss *streams) sendAnew(s *stream) {
	s.wait = retryFirst
	ss.send(s)
}

func (ss *streams) send(s *stream) {
	s.stop()
	if ss.paused || len(s.pending) == 0 || !s.pending[0].ready {
		return
	}
	ss.core.forward(s.pending[0].message)
	wait := s.wait
	s.wait = min(2*s.wait, retryMax)
	s.stop = ss.core.loop.AfterFunc(wait, func() { ss.send(s) })
}

// acknowledge takes the head off a stream and sends the next. It returns nil if uuid is not the head's.
func (ss *streams) acknowledge(s *stream, uuid []byte) *update {
	if s == nil || len(s.pending) == 0 || !bytes.Equal(s.pending[0].uuid(), uuid) {
		return nil
	}
	head := s.pending[0]
	s.pending = s.pending[1:]
	s.stop()
	if head.terminal() {
		ss.close(s)
		return head
	}
	s.history = append(s.history, head)
	ss.sendAnew(s)
	return head
}

// close ends a stream, with all that it holds.
func (ss *streams) close(s *stream) {
	s.stop()
	delete(ss.byTask, s.key)
	ss.count[s.key.framework]--
	if ss.count[s.key.framework] == 0 {
		delete(ss.count, s.key.framework)
	}
	for _, list := range [][]*update{s.history, s.pending} {
		for _, u := range list {
			ss.core.forgetUpdate(u)
		}
	}
}

// prune forgets acknowledged updates that say nothing about the task any more. t may be nil.
func (ss *streams) prune(s *stream, t *task) {
	kept := s.history[:0]
	for _, u := range s.history {
		if t != nil && t.remembers(u.uuid()) {
			kept = append(kept, u)
		} else {
			ss.core.forgetUpdate(u)
		}
	}
	clear(s.history[len(kept):])
	s.history = kept
}

// discard drops the updates of a framework that is gone.
func (ss *streams) discard(framework string) {
	for _, s := range inOrder(ss.byTask) {
		if s.key.framework == framework {
			ss.close(s)
		}
	}
}

// pause stops sending: there is no master.
func (ss *streams) pause() {
	ss.paused = true
	for _, s := range inOrder(ss.byTask) {
		s.stop()
	}
}

// resume sends the heads of all streams: a master that just heard of the agent has none of them.
func (ss *streams) resume() {
	ss.paused = false
	for _, s := range inOrder(ss.byTask) {
		ss.sendAnew(s)
	}
}

// resend sends the heads of a framework's streams: its scheduler is new.
func (ss *streams) resend(framework string) {
	for _, s := range inOrder(ss.byTask) {
		if s.key.framework == framework {
			ss.sendAnew(s)
		}
	}
}
