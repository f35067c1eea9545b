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

// streams holds the updates that frameworks have not acknowledged, one stream a task.
type streams struct {
	core   *core
	byTask map[streamKey]*stream
	count  map[string]int // by framework
	paused bool           // no master to send to
}

type stream struct {
	key     streamKey
	pending []*messagespb.StatusUpdate
	known   [][]byte // uuids of all updates, the latest maxPendingUpdates
	wait    time.Duration
	stop    func() bool
	seq     uint64
}

func (s *stream) age() uint64 { return s.seq }

func newStreams(c *core) *streams {
	return &streams{core: c, byTask: make(map[streamKey]*stream), count: make(map[string]int), paused: true}
}

func (ss *streams) has(framework string) bool { return ss.count[framework] > 0 }

func (ss *streams) seen(framework, task string, uuid []byte) bool {
	if s := ss.byTask[streamKey{framework, task}]; s != nil {
		for _, u := range s.known {
			if bytes.Equal(u, uuid) {
				return true
			}
		}
	}
	return false
}

func (ss *streams) full(framework, task string) bool {
	s := ss.byTask[streamKey{framework, task}]
	return s != nil && len(s.pending) >= maxPendingUpdates
}

// strangers counts the streams of tasks that are not here.
func (ss *streams) strangers(fw *framework) int { return ss.count[fw.id] - len(fw.tasks) }

func (ss *streams) update(u *messagespb.StatusUpdate) {
	key := streamKey{u.GetFrameworkId().GetValue(), u.GetStatus().GetTaskId().GetValue()}
	s := ss.byTask[key]
	if s == nil {
		s = &stream{key: key, stop: noTimer, seq: ss.core.nextAge()}
		ss.byTask[key] = s
		ss.count[key.framework]++
	}
	s.known = append(s.known, u.GetUuid())
	if len(s.known) > maxPendingUpdates {
		s.known = s.known[1:]
	}
	s.pending = append(s.pending, u)
	if len(s.pending) == 1 {
		ss.sendAnew(s)
	}
}

func (ss *streams) sendAnew(s *stream) {
	s.wait = retryFirst
	ss.send(s)
}

func (ss *streams) send(s *stream) {
	s.stop()
	if ss.paused || len(s.pending) == 0 {
		return
	}
	ss.core.forward(s.pending[0])
	wait := s.wait
	s.wait = min(2*s.wait, retryMax)
	s.stop = ss.core.loop.AfterFunc(wait, func() { ss.send(s) })
}

// acknowledge takes the head off a stream. done says that nothing is left to be sent: the stream is
// closed if the head was terminal. ok is false if uuid is not the head's.
func (ss *streams) acknowledge(framework, task string, uuid []byte) (done, ok bool) {
	s := ss.byTask[streamKey{framework, task}]
	if s == nil || len(s.pending) == 0 || !bytes.Equal(s.pending[0].GetUuid(), uuid) {
		return false, false
	}
	head := s.pending[0]
	s.pending = s.pending[1:]
	s.stop()
	if transitions.Terminal(head.GetStatus().GetState()) {
		ss.close(s)
		return true, true
	}
	ss.sendAnew(s)
	return false, true
}

func (ss *streams) close(s *stream) {
	s.stop()
	delete(ss.byTask, s.key)
	ss.count[s.key.framework]--
	if ss.count[s.key.framework] == 0 {
		delete(ss.count, s.key.framework)
	}
}

// discard drops the updates of a framework that is gone.
func (ss *streams) discard(framework string) {
	for _, s := range inOrder(ss.byTask) {
		if s.key.framework == framework {
			ss.close(s)
		}
	}
}

func (ss *streams) pause() {
	ss.paused = true
	for _, s := range inOrder(ss.byTask) {
		s.stop()
	}
}

func (ss *streams) resume() {
	ss.paused = false
	for _, s := range inOrder(ss.byTask) {
		ss.sendAnew(s)
	}
}

func (ss *streams) resend(framework string) {
	for _, s := range inOrder(ss.byTask) {
		if s.key.framework == framework {
			ss.sendAnew(s)
		}
	}
}
