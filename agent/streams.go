package agent

import (
	"github.com/mesokit/mesokit/agent/statusupdate"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
)

// maxStrangers is how many tasks that are not here may have updates, for each framework.
const maxStrangers = 1024

type streamKey struct{ framework, task string }

// streams are the update streams of all tasks: what package statusupdate decides for each of them is
// carried out here. Without a master they rest.
type streams struct {
	core   *core
	byTask map[streamKey]*stream
	count  map[string]int // by framework
	paused bool           // no master to send to
}

// stream is the stream of one task and the timer of its retries.
type stream struct {
	statusupdate.Stream
	key   streamKey
	retry loop.Timer
	held  int // acknowledgements being written; nothing is sent before they are
	seq   uint64
}

func (s *stream) age() uint64 { return s.seq }

// updates is the stream without its timer; nil for none.
func (s *stream) updates() *statusupdate.Stream {
	if s == nil {
		return nil
	}
	return &s.Stream
}

// tells is what a registration may say of a task of which something is still to be acknowledged: the update
// that goes out next, or, if that is its end and can't go out before something is on the disk, what was
// before. It is nil if nothing waits.
func (s *stream) tells(t *task) *mesosproto.TaskStatus {
	next := s.updates().First()
	switch {
	case next == nil:
		return nil
	case next.Terminal() && (s.Head() == nil || s.held > 0):
		return t.before(next.UUID())
	}
	return next.Message.GetStatus()
}

func newStreams(c *core) *streams {
	return &streams{core: c, byTask: make(map[streamKey]*stream), count: make(map[string]int), paused: true}
}

func (ss *streams) has(framework string) bool { return ss.count[framework] > 0 }

func (ss *streams) get(framework, task string) *stream {
	return ss.byTask[streamKey{framework, task}]
}

// strangers counts the streams of tasks that are not here.
func (ss *streams) strangers(fw *framework) int { return ss.count[fw.id] - len(fw.tasks) }

// open finds or makes a task's stream.
func (ss *streams) open(framework, task string) *stream {
	key := streamKey{framework, task}
	s := ss.byTask[key]
	if s == nil {
		s = &stream{key: key, seq: ss.core.nextAge()}
		s.retry = ss.core.loop.Timer(func() { ss.send(s) })
		ss.byTask[key] = s
		ss.count[framework]++
	}
	return s
}

// written lets an update go out.
func (ss *streams) written(s *stream, u *statusupdate.Update) {
	u.Ready = true
	if s.Head() == u && ss.byTask[s.key] == s {
		ss.sendAnew(s)
	}
}

// sendAnew sends the head, and begins the waits between its retries anew.
func (ss *streams) sendAnew(s *stream) {
	s.Anew()
	ss.send(s)
}

func (ss *streams) send(s *stream) {
	s.retry.Stop()
	head := s.Head()
	if ss.paused || s.held > 0 || head == nil {
		return
	}
	ss.core.forward(head.Message)
	if wait := s.Sent(); !ss.core.guards.Off(guard.UpdateRetry) {
		s.retry.Set(wait)
	}
}

// acknowledge takes the head off a stream. The next goes out once the acknowledgement is remembered: an
// agent that was killed in between would send the old one again after the new one, and the framework
// would see its task go backwards. It returns nil if uuid is not the head's. A terminal one is for the
// caller to forget, and the stream for it to close: the task has to be forgotten first.
func (ss *streams) acknowledge(s *stream, uuid []byte) *statusupdate.Update {
	head := s.updates().Acknowledge(uuid)
	if head == nil {
		return nil
	}
	s.retry.Stop()
	if head.Terminal() {
		return head
	}
	s.held++
	next := ss.core.guards.Wait(guard.AckStore, func(error) {
		s.held--
		if ss.byTask[s.key] == s {
			ss.sendAnew(s)
		}
	})
	// The terminal update survives the machine's death; so must the acknowledgements before it, or what
	// they are for would follow it.
	ss.core.rememberAcknowledgement(head, s.AtEnd(), next)
	return head
}

// close ends a stream, with all that it holds.
func (ss *streams) close(s *stream) {
	s.retry.Stop()
	delete(ss.byTask, s.key)
	ss.count[s.key.framework]--
	if ss.count[s.key.framework] == 0 {
		delete(ss.count, s.key.framework)
	}
	for _, u := range s.Drain() {
		ss.core.forgetUpdate(u)
	}
}

// prune forgets acknowledged updates that say nothing about the task any more. t may be nil.
func (ss *streams) prune(s *stream, t *task) {
	for _, u := range s.Prune(func(u *statusupdate.Update) bool { return t != nil && t.remembers(u.UUID()) }) {
		ss.core.forgetUpdate(u)
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

// pause stops sending: there is no master.
func (ss *streams) pause() {
	ss.paused = true
	for _, s := range inOrder(ss.byTask) {
		s.retry.Stop()
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
