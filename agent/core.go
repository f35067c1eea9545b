package agent

import (
	"slices"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/checkpoint"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/backoff"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/internal/randomid"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/resources"
)

// state is where the agent stands with the master.
type state string

const (
	recovering   state = "RECOVERING"   // reading what the last process left
	disconnected state = "DISCONNECTED" // no master knows this connection
	running      state = "RUNNING"      // registered
	terminating  state = "TERMINATING"  // told to shut down
)

// core decides. It is touched only from its loop.
type core struct {
	cfg        Config
	loop       loop.Loop
	guards     guard.Set
	log        *zap.Logger
	containers containerizer.Async
	disk       *checkpoint.Writer
	wrote      func(error) // noteWrite
	publish    func(*Snapshot)

	state               state
	recoveredContainers bool // executors may subscribe
	shutdownReason      string
	stopped             bool
	info                *mesosproto.AgentInfo                      // with the id once there is one; replaced, never changed
	wired               struct{ from, info *mesosproto.AgentInfo } // info in wire form, and what it was made from
	older               olderForm
	shared              map[string]string         // environment of all executors; replaced, never changed
	sharedCheckpointed  map[string]string         // of those that are checkpointed
	ownNetwork          []*mesosproto.NetworkInfo // of containers that have none of their own
	resourceVersion     *mesosproto.UUID          // of what the master was told last; it echoes it with each task

	cancelDetector func()
	leader         *mesosproto.MasterInfo
	conn           link.Conn // to leader; nil if there is none
	inbox          *link.Inbox
	registration   backoff.Backoff
	retry          loop.Timer // of the registration
	correction     correction
	stopRecovery   func() bool
	pingTimeout    time.Duration
	silence        loop.Timer // runs while an answer or a ping of the master is expected

	frameworks map[string]*framework
	departures departures
	streams    *streams
	total      resources.Resources   // the agent's resources, with reservations and volumes
	operations map[string]*operation // not acknowledged; by uuid
	volumes    volumeWork
	born       uint64 // numbers frameworks, executors and tasks in the order in which they came
	drain      *mesosproto.DrainConfig

	counters Counters
	dirty    bool // a snapshot is due
	started  time.Time
}

func newCore(cfg Config, publish func(*Snapshot)) *core {
	c := &core{
		cfg:          cfg,
		loop:         cfg.Loop,
		guards:       guard.Of(cfg.Loop),
		log:          cfg.Logger.Named("agent"),
		containers:   cfg.Async,
		disk:         checkpoint.NewWriter(cfg.Loop, cfg.Checkpoint),
		publish:      publish,
		state:        recovering,
		info:         cfg.Info,
		pingTimeout:  defaultPingTimeout,
		registration: backoff.Backoff{First: 2 * cfg.RegistrationBackoff, Max: maxRegistrationBackoff},
		frameworks:   make(map[string]*framework),
		operations:   make(map[string]*operation),
		stopRecovery: noTimer,
	}
	c.ownNetwork = []*mesosproto.NetworkInfo{{
		IpAddresses: []*mesosproto.NetworkInfo_IPAddress{{IpAddress: proto.String(cfg.IP.String())}},
	}}
	c.wrote = c.noteWrite
	c.inbox = link.NewInbox(cfg.Loop, c.fromMaster)
	c.silence = cfg.Loop.Timer(c.masterIsSilent)
	c.retry = cfg.Loop.Timer(c.register)
	c.correction.timer = cfg.Loop.Timer(c.correct)
	c.correction.backoff = c.registration
	c.streams = newStreams(c)
	c.total, _ = resources.FromProto(cfg.Info.GetResources()) // checked with the rest of cfg
	return c
}

// noTimer is the stop function of a timer that was never set.
func noTimer() bool { return false }

func (c *core) start() {
	c.started = c.loop.Now()
	c.newVersion()
	c.recover()
}

// stop forgets all that could still happen: timers, the connection, the detector.
func (c *core) stop() {
	c.stopped = true
	c.disk.Stop()
	c.stopRecovery()
	c.disconnect()
	if c.cancelDetector != nil {
		c.cancelDetector()
	}
	for _, o := range inOrder(c.operations) {
		o.stop()
	}
	for _, fw := range inOrder(c.frameworks) {
		for _, ex := range inOrder(fw.executors) {
			ex.stopTimers()
			ex.cancel()
			if ex.stream != nil {
				ex.stream.Close()
				ex.stream = nil
			}
		}
	}
}

// exit gives up for good.
func (c *core) exit(err error) {
	c.log.Error("agent gives up", zap.Error(err))
	c.disconnect()
	c.state = terminating
	if c.cfg.OnExit != nil && !c.stopped {
		c.cfg.OnExit(err)
	}
	c.stop()
}

func (c *core) newUUID() []byte { return randomid.UUID(c.loop.Rand()) }

// newID is a random id in text form.
func (c *core) newID() string { return randomid.Text(c.loop.Rand()) }

// timestamp is now as it goes over the wire: seconds.
func (c *core) timestamp() float64 { return float64(c.loop.Now().UnixNano()) / 1e9 }

// send sends to the master, if there is a connection.
func (c *core) send(m proto.Message) {
	if c.conn != nil {
		c.conn.Send(m)
	}
}

// born is implemented by what is kept in a map but must be walked in a fixed order.
type aged interface{ age() uint64 }

// inOrder lists the values of m from the oldest to the youngest.
func inOrder[K comparable, V aged](m map[K]V) []V {
	list := make([]V, 0, len(m))
	for _, v := range m {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b V) int {
		if a.age() < b.age() {
			return -1
		}
		return 1
	})
	return list
}

func (c *core) nextAge() uint64 {
	c.born++
	return c.born
}

// fromMaster handles a message. Only the connected leader is listened to; pings are always answered,
// so that a master that still pings an old connection does not give the agent up.
func (c *core) fromMaster(conn link.Conn, m proto.Message) {
	if c.stopped {
		return
	}
	if ping, ok := m.(*messagespb.PingSlaveMessage); ok {
		c.ping(conn, ping)
		return
	}
	if conn != c.conn {
		c.log.Warn("message dropped: not from the present master", zap.String("from", conn.Peer()), zap.String("message", string(m.ProtoReflect().Descriptor().Name())))
		return
	}
	switch m := m.(type) {
	case *messagespb.SlaveRegisteredMessage:
		c.registered(m)
	case *messagespb.SlaveReregisteredMessage:
		c.reregistered(m)
	case *messagespb.RunTaskMessage:
		c.runTask(m)
	case *messagespb.RunTaskGroupMessage:
		c.runTaskGroup(m)
	case *messagespb.KillTaskMessage:
		c.killTask(m)
	case *messagespb.ShutdownExecutorMessage:
		c.shutdownExecutorMessage(m)
	case *messagespb.ShutdownFrameworkMessage:
		c.shutdownFramework(m)
	case *messagespb.UpdateFrameworkMessage:
		c.updateFramework(m)
	case *messagespb.StatusUpdateAcknowledgementMessage:
		c.acknowledge(m)
	case *messagespb.FrameworkToExecutorMessage:
		c.frameworkMessage(m)
	case *messagespb.ApplyOperationMessage:
		c.applyOperation(m)
	case *messagespb.AcknowledgeOperationStatusMessage:
		c.acknowledgeOperation(m)
	case *messagespb.ReconcileOperationsMessage:
		c.reconcileOperations(m)
	case *messagespb.DrainSlaveMessage:
		c.drainAgent(m)
	case *messagespb.ShutdownMessage:
		c.shutdown(m)
	default:
		c.log.Warn("message ignored", zap.String("message", string(m.ProtoReflect().Descriptor().Name())))
	}
}
