package libprocess

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/libprocess"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/masterinfo"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// Config says where an agent is reached. Advertise is required.
type Config struct {
	// Advertise is the IPv4 address and port at which masters reach the agent. Listen first: the port
	// must be known.
	Advertise netip.AddrPort
	// Logger gets one line an event. Default: no log.
	Logger *zap.Logger
}

// Dialer is the agent's process. It is a link.Dialer.
type Dialer struct {
	cfg      Config
	endpoint *libprocess.Endpoint
	process  *libprocess.Process

	mu   sync.Mutex // guards conn
	conn *conn      // the last that was dialed; nil if it has ended
}

var _ link.Dialer = (*Dialer)(nil)

// vocabulary is what masters send to an agent.
var vocabulary = libprocess.NewVocabulary(
	(*messagespb.SlaveRegisteredMessage)(nil),
	(*messagespb.SlaveReregisteredMessage)(nil),
	(*messagespb.RunTaskMessage)(nil),
	(*messagespb.RunTaskGroupMessage)(nil),
	(*messagespb.KillTaskMessage)(nil),
	(*messagespb.ShutdownExecutorMessage)(nil),
	(*messagespb.ShutdownFrameworkMessage)(nil),
	(*messagespb.FrameworkToExecutorMessage)(nil),
	(*messagespb.UpdateFrameworkMessage)(nil),
	(*messagespb.CheckpointResourcesMessage)(nil),
	(*messagespb.ApplyOperationMessage)(nil),
	(*messagespb.ReconcileOperationsMessage)(nil),
	(*messagespb.StatusUpdateAcknowledgementMessage)(nil),
	(*messagespb.AcknowledgeOperationStatusMessage)(nil),
	(*messagespb.ShutdownMessage)(nil),
	(*messagespb.DrainSlaveMessage)(nil),
	(*messagespb.PingSlaveMessage)(nil),
)

// NewDialer makes the agent's process, slave(1). It hears what an http.Server made by HTTPServer
// receives.
//
// Errors: Advertise is not an IPv4 address with a port.
func NewDialer(cfg Config) (*Dialer, error) {
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	endpoint, err := libprocess.New(libprocess.Config{Advertise: cfg.Advertise, Logger: cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("make the agent's process: %w", err)
	}
	d := &Dialer{cfg: cfg, endpoint: endpoint}
	if d.process, err = endpoint.Spawn(endpoint.NextID("slave"), libprocess.ReceiverFunc(d.receive)); err != nil {
		endpoint.Close()
		return nil, fmt.Errorf("make the agent's process: %w", err)
	}
	return d, nil
}

// HTTPServer returns a server for the address that is advertised: it takes messages, and passes every
// other request to routes. The caller serves it and closes it, before Close.
func (d *Dialer) HTTPServer(routes http.Handler) *http.Server { return d.endpoint.Server(routes) }

// PID is the agent's process id, for example slave(1)@10.0.0.1:5051.
func (d *Dialer) PID() string { return d.process.PID().String() }

// Close ends the process; the core hears nothing of it. It may be called twice.
func (d *Dialer) Close() {
	d.process.Terminate()
	d.endpoint.Close()
}

// Dial links to a master and makes it the one that the process listens to.
func (d *Dialer) Dial(master *mesosproto.MasterInfo, h link.Handler) link.Conn {
	c := &conn{dialer: d, handler: h, to: pidOf(master)}
	d.mu.Lock()
	d.conn = c
	d.mu.Unlock()
	if err := d.process.Relink(c.to, func(libprocess.UPID) { c.exited() }); err != nil {
		d.cfg.Logger.Warn("no link to the master", zap.String("master", master.GetPid()), zap.Error(err))
		go c.exited() // as for a master that can't be reached: not inside this call
	}
	return c
}

// pidOf is a master's process id: as it says, or the process master at its address.
func pidOf(m *mesosproto.MasterInfo) libprocess.UPID {
	if pid := libprocess.ParseUPID(m.GetPid()); pid.Valid() {
		return pid
	}
	ip, err := masterinfo.IP(m)
	if err != nil {
		return libprocess.NoPID
	}
	return libprocess.NewUPID("master", netip.AddrPortFrom(ip, uint16(m.GetPort())))
}

func (d *Dialer) receive(from libprocess.UPID, name string, body []byte, done func()) {
	m, known, err := vocabulary.Decode(name, body)
	if err != nil || !known {
		d.cfg.Logger.Debug("message dropped", zap.Stringer("from", from), zap.String("message", name), zap.Error(err))
		done()
		return
	}
	d.mu.Lock()
	c := d.conn
	d.mu.Unlock()
	_, ping := m.(*messagespb.PingSlaveMessage)
	switch {
	case c != nil && from.Addr() == c.to.Addr():
		if ping {
			c.pingedBy(from)
		}
		c.deliver(m, done)
	case ping:
		if err := d.process.SendMessage(from, &messagespb.PongSlaveMessage{}); err != nil {
			d.cfg.Logger.Debug("ping not answered", zap.Stringer("from", from), zap.Error(err))
		}
		done()
	default:
		d.cfg.Logger.Debug("message dropped: its sender is not the master", zap.Stringer("from", from), zap.String("message", name))
		done()
	}
}

// conn is the connection to one master.
type conn struct {
	dialer  *Dialer
	handler link.Handler
	to      libprocess.UPID

	delivery sync.Mutex // held while the core is told something: one call at a time, nothing after the end

	mu       sync.Mutex // guards observer
	observer libprocess.UPID
}

var _ link.Conn = (*conn)(nil)

func (c *conn) Peer() string { return c.to.String() }

func (c *conn) pingedBy(observer libprocess.UPID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observer = observer
}

func (c *conn) Send(m proto.Message) {
	to := c.to
	if _, pong := m.(*messagespb.PongSlaveMessage); pong {
		c.mu.Lock()
		to = c.observer
		c.mu.Unlock()
	}
	if err := c.dialer.process.SendMessage(to, m); err != nil {
		c.dialer.cfg.Logger.Warn("message not sent", zap.Stringer("to", to), zap.Error(err))
	}
}

func (c *conn) Close() {
	if c.remove() {
		c.dialer.process.Unlink(c.to)
	}
}

// remove stops listening to the connection; it reports whether it was listened to.
func (c *conn) remove() bool {
	c.dialer.mu.Lock()
	defer c.dialer.mu.Unlock()
	if c.dialer.conn != c {
		return false
	}
	c.dialer.conn = nil
	return true
}

func (c *conn) exited() {
	if c.remove() {
		c.delivery.Lock()
		defer c.delivery.Unlock()
		c.handler.Exited(c)
	}
}

// deliver hands a message to the core, unless the connection has ended meanwhile.
func (c *conn) deliver(m proto.Message, done func()) {
	c.delivery.Lock()
	defer c.delivery.Unlock()
	c.dialer.mu.Lock()
	current := c.dialer.conn == c
	c.dialer.mu.Unlock()
	if !current {
		done()
		return
	}
	c.handler.Message(c, m, done)
}
