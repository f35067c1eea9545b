package agent

import (
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Agent runs the tasks of one node. Its methods are safe for concurrent use; none waits for the core.
type Agent struct {
	core     *core
	snapshot atomic.Pointer[Snapshot] // written by the core
	started  sync.Once
	stopped  sync.Once
	ownLoop  *loop.Real // nil if the loop is the owner's
	abandon  func()     // makes the containerizer's calls under way give up
}

// New checks cfg and makes an agent that does nothing until Start.
//
// Errors: InvalidArgument, naming the field.
func New(cfg Config) (*Agent, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &Agent{abandon: func() {}}
	if cfg.Loop == nil {
		a.ownLoop = loop.New()
		cfg.Loop = a.ownLoop
	}
	if cfg.Async == nil {
		cfg.Async, a.abandon = containerizer.NewAsync(cfg.Loop, cfg.Containerizer)
	}
	a.core = newCore(cfg, func(s *Snapshot) { a.snapshot.Store(s) })
	a.snapshot.Store(a.core.emptySnapshot())
	return a, nil
}

// Start recovers what an earlier agent process left, then looks for the master and registers. It
// returns at once; a second call does nothing.
func (a *Agent) Start() {
	a.started.Do(func() { a.core.loop.Post(a.core.start) })
}

// Stop ends the agent as a crash would: nothing is told to the master, checkpointed containers run on.
// It may be called twice, and from any goroutine but the loop's. If the loop is the agent's own it
// returns when everything is down; else the loop's owner closes it afterwards.
func (a *Agent) Stop() {
	a.stopped.Do(func() {
		a.core.loop.Post(a.core.stop)
		if a.ownLoop != nil {
			done := make(chan struct{})
			a.ownLoop.Post(func() { close(done) })
			<-done
		}
		a.abandon() // what it makes fail reaches the core after stop
		if a.ownLoop != nil {
			a.ownLoop.Close()
		}
	})
}

// Unregister ends the agent for good: the master hears that it will not come back, its tasks are killed,
// then Config.OnExit is called. It returns at once. Mesos: SIGUSR1 to the agent.
func (a *Agent) Unregister(why string) {
	a.core.loop.Post(func() { a.core.unregister(why) })
}

// Executors is where the transports bring the calls of executors. Its errors are gogo/status errors
// that internal/apierror translates.
func (a *Agent) Executors() link.Server[*executorpb.Call, *executorpb.Event] {
	return executors{a.core}
}

// Snapshot is the agent's state as of the last change. It is immutable and costs nothing.
func (a *Agent) Snapshot() *Snapshot { return a.snapshot.Load() }

// PID is the agent's process id on the wire, for example slave(1)@10.0.0.1:5051.
func (a *Agent) PID() string { return a.core.cfg.PID }

// masterLink is what arrives on the connection to the master.
type masterLink struct{ core *core }

func (l masterLink) Message(conn link.Conn, m proto.Message, handled func()) {
	l.core.inbox.Message(conn, m, handled)
}

func (l masterLink) Exited(conn link.Conn) {
	l.core.loop.Post(func() { l.core.masterExited(conn) })
}

var _ link.Handler = masterLink{}

// capabilities are what every agent since 1.10 can do; the master refuses agents with fewer.
var capabilities = func() (list []*mesosproto.AgentInfo_Capability) {
	for t := mesosproto.AgentInfo_Capability_MULTI_ROLE; t <= mesosproto.AgentInfo_Capability_TASK_RESOURCE_LIMITS; t++ {
		list = append(list, &mesosproto.AgentInfo_Capability{Type: t.Enum()})
	}
	return list
}()
