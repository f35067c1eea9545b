package libprocess

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/libprocess"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// Config says what a Server joins. Advertise and Agents are required.
type Config struct {
	// Advertise is the IPv4 address and port at which agents reach the master. Listen first: the port
	// must be known.
	Advertise netip.AddrPort
	// Agents takes what arrives.
	Agents link.Handler
	// Logger gets one line an event. Default: no log.
	Logger *zap.Logger
}

// Server is the process master.
type Server struct {
	cfg      Config
	endpoint *libprocess.Endpoint
	process  *libprocess.Process

	mu    sync.Mutex // guards conns
	conns map[libprocess.UPID]*conn
}

// vocabulary is what agents send to a master.
var vocabulary = libprocess.NewVocabulary(
	(*messagespb.RegisterSlaveMessage)(nil),
	(*messagespb.ReregisterSlaveMessage)(nil),
	(*messagespb.UnregisterSlaveMessage)(nil),
	(*messagespb.StatusUpdateMessage)(nil),
	(*messagespb.ExecutorToFrameworkMessage)(nil),
	(*messagespb.UpdateOperationStatusMessage)(nil),
	(*messagespb.ExitedExecutorMessage)(nil),
	(*messagespb.UpdateSlaveMessage)(nil),
)

var pong = libprocess.NewVocabulary((*messagespb.PongSlaveMessage)(nil))

// New makes the process. It hears what an http.Server made by HTTPServer receives.
//
// Errors: Advertise is not an IPv4 address with a port.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	endpoint, err := libprocess.New(libprocess.Config{Advertise: cfg.Advertise, Logger: cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("join agents to the master: %w", err)
	}
	s := &Server{cfg: cfg, endpoint: endpoint, conns: make(map[libprocess.UPID]*conn)}
	if s.process, err = endpoint.Spawn("master", libprocess.ReceiverFunc(s.receive)); err != nil {
		endpoint.Close()
		return nil, fmt.Errorf("join agents to the master: %w", err)
	}
	return s, nil
}

// HTTPServer returns a server for the address that is advertised: it takes messages, and passes every
// other request to routes. The caller serves it and closes it, before Close.
func (s *Server) HTTPServer(routes http.Handler) *http.Server { return s.endpoint.Server(routes) }

// Close ends all connections; the core hears nothing of it. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	conns := s.conns
	s.conns = map[libprocess.UPID]*conn{}
	s.mu.Unlock()
	for _, c := range conns {
		c.end()
	}
	s.process.Terminate()
	s.endpoint.Close()
}

func (s *Server) receive(from libprocess.UPID, name string, body []byte, done func()) {
	m, known, err := vocabulary.Decode(name, body)
	if err != nil || !known {
		s.cfg.Logger.Debug("message dropped", zap.Stringer("from", from), zap.String("message", name), zap.Error(err))
		done()
		return
	}
	c := s.connOf(from, m)
	if c == nil {
		s.cfg.Logger.Debug("message dropped: its sender is not registered", zap.Stringer("from", from), zap.String("message", name))
		done()
		return
	}
	c.deliver(m, done)
}

// connOf is the connection of a sender. A registration makes one; if there is one already, the agent
// may have been restarted at the same address, so its link is made anew: the old one may be dead
// without anybody having noticed, and its end must not be taken for that of the new one.
func (s *Server) connOf(from libprocess.UPID, m proto.Message) *conn {
	registers := false
	switch m.(type) {
	case *messagespb.RegisterSlaveMessage, *messagespb.ReregisterSlaveMessage:
		registers = from.Valid()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conns[from]
	if c == nil && registers {
		c = s.open(from)
	}
	if c != nil && registers {
		c.links++ // the end of an earlier one, which may be on its way here, says nothing any more
		this := c.links
		if err := s.process.Relink(from, func(libprocess.UPID) { c.exited(this) }); err != nil {
			s.cfg.Logger.Warn("no link to agent", zap.Stringer("pid", from), zap.Error(err))
		}
	}
	return c
}

// open is called with the lock held.
func (s *Server) open(to libprocess.UPID) *conn {
	c := &conn{server: s, to: to}
	observer, err := s.endpoint.Spawn(s.endpoint.NextID("slave-observer"), libprocess.ReceiverFunc(c.observe))
	if err != nil {
		s.cfg.Logger.Error("no observer for agent", zap.Stringer("pid", to), zap.Error(err))
		return nil
	}
	c.observer = observer
	s.conns[to] = c
	return c
}

// conn is the connection to one agent.
type conn struct {
	server   *Server
	to       libprocess.UPID
	observer *libprocess.Process
	links    int // how many were made, guarded by server.mu

	delivery sync.Mutex // held while the core is told something: one call at a time, nothing after the end
	over     atomic.Bool
}

var _ link.Conn = (*conn)(nil)

func (c *conn) Peer() string { return c.to.String() }

func (c *conn) Send(m proto.Message) {
	from := c.server.process
	switch _, ping := m.(*messagespb.PingSlaveMessage); {
	case ping && c.over.Load(): // on a new connection, if there can be one
	case ping:
		from = c.observer
	case c.over.Load():
		return
	}
	if err := from.SendMessage(c.to, m); err != nil {
		c.server.cfg.Logger.Warn("message not sent", zap.Stringer("pid", c.to), zap.Error(err))
	}
}

func (c *conn) Close() {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if c.remove() {
		c.server.process.Unlink(c.to)
	}
}

// remove takes the connection off the books; it reports whether it was there. The server's lock is held.
func (c *conn) remove() bool {
	if c.server.conns[c.to] != c {
		return false
	}
	delete(c.server.conns, c.to)
	c.end()
	return true
}

func (c *conn) end() {
	c.over.Store(true)
	c.observer.Terminate()
}

// exited hears of the end of a link.
func (c *conn) exited(link int) {
	s := c.server
	s.mu.Lock()
	removed := c.links == link && c.remove()
	s.mu.Unlock()
	if removed {
		c.delivery.Lock()
		defer c.delivery.Unlock()
		s.cfg.Agents.Exited(c)
	}
}

// deliver hands a message to the core, unless the connection has ended meanwhile.
func (c *conn) deliver(m proto.Message, done func()) {
	c.delivery.Lock()
	defer c.delivery.Unlock()
	if c.over.Load() {
		done()
		return
	}
	c.server.cfg.Agents.Message(c, m, done)
}

// observe takes the answers to pings.
func (c *conn) observe(from libprocess.UPID, name string, body []byte, done func()) {
	m, known, err := pong.Decode(name, body)
	if err != nil || !known || from != c.to {
		done()
		return
	}
	c.deliver(m, done)
}
