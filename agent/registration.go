package agent

import (
	"time"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/evolve"
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

const (
	// maxRegistrationBackoff is REGISTER_RETRY_INTERVAL_MAX.
	maxRegistrationBackoff = time.Minute
	// defaultPingTimeout holds until the master says how long it may be silent.
	defaultPingTimeout = 75 * time.Second
	// answerTimeout is how long a connection is used for registrations that are not answered. It may
	// have broken without notice, and TCP needs a quarter of an hour to find that out.
	answerTimeout = defaultPingTimeout
)

// detect begins to follow the leading master.
func (c *core) detect() {
	c.state = disconnected
	c.changed()
	c.cancelDetector = c.cfg.Detector.Detect(func(leader *mesosproto.MasterInfo) {
		c.loop.Post(func() { c.detected(leader) })
	})
}

func (c *core) detected(leader *mesosproto.MasterInfo) {
	if c.stopped {
		return
	}
	c.leader = leader
	c.disconnect()
	if leader == nil {
		c.log.Info("no leading master")
		return
	}
	c.log.Info("leading master detected", zap.String("pid", leader.GetPid()))
	c.registerAnew()
}

// disconnect drops the connection to the master; nothing more is taken from it.
func (c *core) disconnect() {
	c.retry.Stop()
	c.silence.Stop()
	c.correction.stop()
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	if c.state == running {
		c.state = disconnected
		c.changed()
	}
	c.streams.pause()
}

// masterExited is the end of the connection. The reference waits for the ping timeout, because its
// links come back by themselves; ours do not, and the master has seen the same break, so the agent
// registers again as if a master had just been detected.
func (c *core) masterExited(conn link.Conn) {
	if c.stopped || conn != c.conn {
		return
	}
	if e := c.log.Check(zap.WarnLevel, "connection to the master broke"); e != nil {
		e.Write(zap.String("master", conn.Peer()))
	}
	c.conn = nil
	retrying := c.state == disconnected
	c.disconnect()
	switch {
	case c.leader == nil || c.state == terminating:
	case retrying: // it was never answered: keep backing off
		c.registerAfter(c.registration.Next(c.loop.Rand()))
	default:
		c.registerAnew()
	}
}

// registerAnew starts over: many agents notice a new master at once, so each waits a random time.
func (c *core) registerAnew() {
	c.registration.Reset()
	c.registerAfter(time.Duration(c.loop.Rand().Int64N(int64(c.cfg.RegistrationBackoff))))
}

func (c *core) registerAfter(d time.Duration) {
	c.retry.Set(d)
}

// register sends the registration, again and again until it is answered.
func (c *core) register() {
	if c.stopped || c.state != disconnected || c.leader == nil {
		return
	}
	if c.conn == nil {
		c.conn = c.cfg.Dialer.Dial(c.leader, masterLink{c})
		c.expectAnswer()
	}
	if c.info.GetId() == nil {
		c.log.Info("registering", zap.String("master", c.leader.GetPid()))
		c.conn.Send(c.registerMessage())
	} else {
		if e := c.log.Check(zap.InfoLevel, "re-registering"); e != nil {
			e.Write(zap.String("master", c.leader.GetPid()), zap.String("agent_id", c.agentID()))
		}
		c.newVersion()
		c.conn.Send(c.reregisterMessage())
	}
	c.registerAfter(c.registration.Next(c.loop.Rand()))
}

// newVersion gives each re-registration a version of its own. The answer to one may be on its way while
// the next is, and behind the answer a task that the next does not list: a master that has given the
// agent up meanwhile would take the next for news, and use what the task has for others. The task has
// the version of the registration that the master knew; by that it is recognised, and dropped. (The
// reference has one version for each process.)
func (c *core) newVersion() { c.resourceVersion = &mesosproto.UUID{Value: c.newUUID()} }

// expectAnswer gives up a new connection on which nothing is answered; the next registration makes
// another. Once the agent has joined it expects pings instead.
func (c *core) expectAnswer() { c.silence.Set(answerTimeout) }

func (c *core) agentID() string { return c.info.GetId().GetValue() }

// wireInfo is the agent's description as it goes over the wire: a v0 SlaveInfo says that the agent
// checkpoints, and has its resources in the format before reservation refinement.
func (c *core) wireInfo() *mesosproto.AgentInfo {
	if c.wired.from != c.info {
		info := evolve.WithCheckpoint(c.info, true)
		info.Resources = c.older.form(info.Resources)
		c.wired.from, c.wired.info = c.info, info
	}
	return c.wired.info
}

func (c *core) registerMessage() *messagespb.RegisterSlaveMessage {
	return &messagespb.RegisterSlaveMessage{
		Slave:                 c.wireInfo(),
		Version:               proto.String(c.cfg.Version),
		AgentCapabilities:     capabilities,
		CheckpointedResources: c.older.form(c.total.NeedCheckpoint().Proto()),
		ResourceVersionUuid:   c.resourceVersion,
	}
}

// reregisterMessage tells the master all that the agent runs.
func (c *core) reregisterMessage() *messagespb.ReregisterSlaveMessage {
	m := &messagespb.ReregisterSlaveMessage{
		Slave:                 c.wireInfo(),
		Version:               proto.String(c.cfg.Version),
		AgentCapabilities:     capabilities,
		CheckpointedResources: c.older.form(c.total.NeedCheckpoint().Proto()),
		ResourceVersionUuid:   c.resourceVersion,
	}
	for _, fw := range inOrder(c.frameworks) {
		m.Frameworks = append(m.Frameworks, fw.info)
		for _, ex := range inOrder(fw.executors) {
			if ex.supervisor == nil && ex.state != executorTerminated {
				info := proto.CloneOf(ex.info)
				info.FrameworkId = fw.info.GetId()
				info.Resources = c.older.form(info.Resources)
				m.ExecutorInfos = append(m.ExecutorInfos, info)
			}
			for _, t := range ex.tasks {
				record := t.message()
				record.Resources = c.older.form(record.Resources)
				if next := c.streams.get(fw.id, t.id).tells(t); next != nil {
					// Whether or not it was sent, maybe by this agent's last process: what has happened
					// since must not be told before it.
					record.StatusUpdateState, record.StatusUpdateUuid = next.State, next.Uuid
				}
				m.Tasks = append(m.Tasks, record)
			}
		}
	}
	m.CompletedFrameworks = c.departures.archives
	return m
}

func (c *core) registered(m *messagespb.SlaveRegisteredMessage) {
	switch {
	case c.state == running && c.agentID() == m.GetSlaveId().GetValue():
		c.log.Debug("already registered")
		return
	case c.state == running:
		c.exit(status.Errorf(codes.FailedPrecondition, "the master registered this agent as %s, but it already is %s", m.GetSlaveId().GetValue(), c.agentID()))
		return
	case c.state != disconnected:
		return
	case c.info.GetId() != nil && c.agentID() != m.GetSlaveId().GetValue():
		c.exit(status.Errorf(codes.FailedPrecondition, "the master registered this agent as %s while it registered again as %s", m.GetSlaveId().GetValue(), c.agentID()))
		return
	case m.GetSlaveId().GetValue() == "" || !validID(m.GetSlaveId().GetValue()):
		c.log.Error("registration ignored: bad agent id", zap.String("agent_id", m.GetSlaveId().GetValue()))
		return
	}
	c.retry.Stop()
	c.silence.Stop() // it has answered
	info := proto.CloneOf(c.info)
	info.Id = m.GetSlaveId()
	c.info = info
	c.log.Info("registered", zap.String("agent_id", c.agentID()))
	conn := c.conn
	// The id must survive before anything is done under it.
	c.rememberAgent(func(err error) {
		switch {
		case err != nil:
			c.exit(err)
		case c.conn == conn && c.state == disconnected:
			c.joined(m.GetConnection())
		}
	})
}

func (c *core) reregistered(m *messagespb.SlaveReregisteredMessage) {
	if c.info.GetId() == nil {
		c.log.Error("re-registration ignored: this agent has no id yet", zap.String("agent_id", m.GetSlaveId().GetValue()))
		return
	}
	if c.agentID() != m.GetSlaveId().GetValue() {
		c.exit(status.Errorf(codes.FailedPrecondition, "the master re-registered this agent as %s, but it is %s", m.GetSlaveId().GetValue(), c.agentID()))
		return
	}
	if c.state != disconnected && c.state != running {
		return
	}
	c.retry.Stop()
	if c.state == disconnected {
		c.log.Info("re-registered", zap.String("agent_id", c.agentID()))
		c.joined(m.GetConnection())
	} else { // the answer to a retry; the master may have forgotten the agent in between
		c.tellAll()
	}
	for _, r := range m.GetReconciliations() {
		c.reconcileTasks(r)
	}
}

// joined makes the agent RUNNING: the master knows it.
func (c *core) joined(connection *messagespb.MasterSlaveConnection) {
	c.state = running
	c.counters.Registrations++
	c.changed()
	if s := connection.GetTotalPingTimeoutSeconds(); s > 0 {
		c.pingTimeout = seconds(s)
	}
	c.expectPing()
	c.tellAll()
}

// tellAll tells a master that has just heard of the agent what it has besides its tasks. The updates come
// first: the master waits for the end of this before it says that a task is unknown.
func (c *core) tellAll() {
	operations := &messagespb.UpdateSlaveMessage_Operations{}
	for _, o := range inOrder(c.operations) {
		operations.Operations = append(operations.Operations, o.record(c.info.GetId()))
	}
	c.streams.resume()
	c.send(&messagespb.UpdateSlaveMessage{
		SlaveId:                       c.info.GetId(),
		UpdateOversubscribedResources: proto.Bool(false),
		Operations:                    operations,
		ResourceVersionUuid:           c.resourceVersion,
		ResourceProviders:             &messagespb.UpdateSlaveMessage_ResourceProviders{},
	})
	c.resendOperations()
}

// reconcileTasks ends tasks that the master believes to be here but which never arrived. The framework
// may be new here, too; its record says whether the update must survive this process.
func (c *core) reconcileTasks(m *messagespb.ReconcileTasksMessage) {
	if c.guards.Off(guard.ReconcileAnswer) {
		return
	}
	for _, s := range m.GetStatuses() {
		fw := c.frameworks[m.GetFrameworkId().GetValue()]
		if fw == nil && validID(m.GetFrameworkId().GetValue()) && m.GetFramework().GetId().GetValue() == m.GetFrameworkId().GetValue() {
			fw = c.admitFramework(&launchRequest{framework: m.GetFramework()})
		}
		info := m.GetFramework()
		if fw != nil {
			info = fw.info
			if fw.task(s.GetTaskId().GetValue()) != nil {
				continue
			}
		}
		if c.streams.get(m.GetFrameworkId().GetValue(), s.GetTaskId().GetValue()).updates().Ends() {
			continue // it was said, and is said again until it is acknowledged
		}
		c.log.Warn("task of the master is unknown here", zap.String("framework_id", m.GetFrameworkId().GetValue()), zap.String("task_id", s.GetTaskId().GetValue()))
		c.report(m.GetFrameworkId(), fw, &mesosproto.TaskStatus{
			TaskId:  s.GetTaskId(),
			State:   droppedOrLost(info).Enum(),
			Reason:  mesosproto.TaskStatus_REASON_RECONCILIATION.Enum(),
			Message: proto.String("Reconciliation: task unknown to the agent"),
		}, nil)
	}
}

// pong is the same each time.
var pong = &messagespb.PongSlaveMessage{}

// ping answers at once, in every state, on the connection that asked.
func (c *core) ping(conn link.Conn, m *messagespb.PingSlaveMessage) {
	conn.Send(pong)
	if conn != c.conn || c.state != running {
		return
	}
	if !m.GetConnected() {
		// The master lost the connection and took this agent for gone: tell it otherwise.
		c.log.Warn("the master considers this agent disconnected")
		c.disconnect()
		c.registerAnew()
		return
	}
	c.expectPing()
}

func (c *core) expectPing() {
	if c.guards.Off(guard.MasterSilence) {
		c.silence.Stop()
		return
	}
	c.silence.Set(c.pingTimeout)
}

// masterIsSilent is called when nothing came within the time that the agent expects an answer or a ping.
func (c *core) masterIsSilent() {
	if c.state == disconnected {
		c.log.Warn("no answer from the master", zap.Duration("within", answerTimeout))
		c.conn.Close()
		c.conn = nil
		return
	}
	c.log.Warn("no ping from the master", zap.Duration("within", c.pingTimeout))
	c.disconnect()
	c.registerAnew()
}

// seconds converts, saturating; a duration never becomes negative by overflow.
func seconds(s float64) time.Duration {
	switch {
	case !(s > 0):
		return 0
	case s > float64(1<<62)/1e9:
		return 1 << 62
	}
	return time.Duration(s * 1e9)
}

func optionalString(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
