package master

import (
	"sync"

	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Master is a master: make it with [New], set it going with Start, reach it through Schedulers and
// Agents. Its methods are safe for concurrent use.
type Master struct {
	core    *core
	ownLoop *loop.Real // nil if the loop is the owner's
	stopped sync.Once
}

// New makes a master and starts nothing. It fails if cfg is not valid, and names the field.
func New(cfg Config) (*Master, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &Master{}
	if cfg.Loop == nil {
		m.ownLoop = loop.New()
		cfg.Loop = m.ownLoop
	}
	c := &core{
		cfg:         cfg,
		loop:        cfg.Loop,
		guards:      guard.Of(cfg.Loop),
		log:         cfg.Logger.Named("master"),
		frameworks:  make(map[string]*framework),
		completedID: make(map[string]bool),
		orphans:     make(map[string]map[*operation]struct{}),
		streams:     make(map[link.Stream[*schedulerpb.Event]]*framework),
		byPeer:      make(map[string]*agent),
		conns:       make(map[link.Conn]*peer),
		reasons:     make(map[Reason]int64),
	}
	c.inbox = link.NewInbox(cfg.Loop, c.fromAgent)
	if cfg.SnapshotInterval > 0 {
		c.later = cfg.Loop.Timer(c.publish)
	}
	if cfg.Info != nil {
		// Checked here, so that a mistake is reported here; the id, which may need the loop's random
		// numbers, is filled in on the loop.
		if _, err := completeInfo(cfg.Info, func() string { return "" }); err != nil {
			m.closeLoop()
			return nil, err
		}
	}
	c.published.Store(&Snapshot{Cluster: cfg.Cluster, Metrics: &Counters{}})
	m.core = c
	return m, nil
}

// Start sets the master going: it contends for leadership and serves as soon as it leads and has read
// the registry. It returns at once; a second Start does nothing.
func (m *Master) Start() { m.core.loop.Post(m.core.start) }

// Stop ends the master as the end of its process would: streams and connections are closed, nobody is
// told anything, timers stop. The owner of the Config closes the storage after it. If the loop is the
// master's own, Stop returns when everything is down; else it is over once the loop has run. It may be
// called twice; a stopped master can't be started again.
func (m *Master) Stop() {
	m.stopped.Do(func() {
		m.core.loop.Post(func() { m.core.stop() })
		if m.ownLoop == nil {
			return
		}
		done := make(chan struct{})
		m.ownLoop.Post(func() { close(done) })
		<-done
		m.closeLoop()
	})
}

func (m *Master) closeLoop() {
	if m.ownLoop != nil {
		m.ownLoop.Close()
	}
}

// Schedulers serves frameworks: transports pass their calls and streams to it.
//
// Errors are gogo/status errors, those of the scheduler API's table in internal/apierror.
func (m *Master) Schedulers() link.Server[*schedulerpb.Call, *schedulerpb.Event] {
	return schedulers{m.core}
}

// Agents serves agents: transports pass what arrives from them to it, with a Conn to answer on. A Conn
// that it has not seen before is a new connection.
func (m *Master) Agents() link.Handler { return agents{m.core} }

// Snapshot is the published state: what the master knew when it last had nothing more to do at once, or up to
// Config.SnapshotInterval before. It never waits.
func (m *Master) Snapshot() *Snapshot { return m.core.published.Load() }
