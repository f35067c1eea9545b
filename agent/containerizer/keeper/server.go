package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

const (
	maxConns     = 8                // an agent has one; more only while agents change
	maxAtWork    = 16               // signals and kills of a connection at the same time
	helloTimeout = 10 * time.Second // until a peer must have said who it is
)

// server puts a Local behind a socket.
type server struct {
	listener *net.UnixListener
	idle     time.Duration
	logf     func(string, ...any)

	mu    sync.Mutex
	local *Local
	conns map[*peer]bool
	timer *time.Timer // ends an idle keeper
	over  bool
}

// peer is a connection of an agent.
type peer struct {
	*conn
	server *server

	mu         sync.Mutex
	ends       []State // to be told; wake says that there are some
	wake       chan struct{}
	transients map[string]bool
}

// serve accepts agents until the keeper has been idle for long enough: nothing runs and nobody is
// connected.
func (s *server) serve() {
	s.checkIdle()
	for {
		c, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.logf("accept: %v", err)
			time.Sleep(100 * time.Millisecond) // out of descriptors, most likely
			continue
		}
		if err := checkPeer(c); err != nil {
			s.logf("a connection is refused: %v", err)
			c.Close()
			continue
		}
		s.admit(c)
	}
}

func (s *server) admit(c *net.UnixConn) {
	p := &peer{conn: &conn{c: c}, server: s, wake: make(chan struct{}, 1), transients: map[string]bool{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || len(s.conns) == maxConns {
		c.Close()
		return
	}
	s.conns[p] = true
	go p.serve()
}

// ended is the Local's OnEnd.
func (s *server) ended(state State) {
	s.mu.Lock()
	for p := range s.conns {
		p.tell(state)
	}
	s.mu.Unlock()
	s.checkIdle()
}

// checkIdle starts or stops the time that the keeper may be idle.
func (s *server) checkIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.local == nil {
		return // containers that it takes over end before it serves
	}
	idle := len(s.conns) == 0 && s.local.Running() == 0
	switch {
	case idle && s.timer == nil:
		s.timer = time.AfterFunc(s.idle, s.stopIfIdle)
	case !idle && s.timer != nil:
		s.timer.Stop()
		s.timer = nil
	}
}

func (s *server) stopIfIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = nil
	if len(s.conns) == 0 && s.local.Running() == 0 {
		s.over = true
		s.listener.Close()
	}
}

func (p *peer) tell(state State) {
	p.mu.Lock()
	p.ends = append(p.ends, state)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// serve handles one agent. Requests are handled in order, but for signals and kills, which take longer.
func (p *peer) serve() {
	gone := make(chan struct{})
	defer p.leave()
	defer close(gone)
	if err := p.hello(); err != nil {
		p.server.logf("a connection is closed: %v", err)
		return
	}
	go p.tellEnds(gone)
	atWork := make(chan struct{}, maxAtWork)
	for {
		m, err := p.read()
		if err != nil {
			if errors.Is(err, errMalformed) {
				p.server.logf("a connection is closed: %v", err)
			}
			return
		}
		switch m.kind {
		case kindStart:
			p.start(m)
		case kindSignal, kindKill:
			atWork <- struct{}{}
			go func() {
				p.signal(m)
				<-atWork
			}()
		case kindRemove:
			p.mu.Lock()
			delete(p.transients, m.key)
			p.mu.Unlock()
			p.answer(m.id, p.server.local.Remove(context.Background(), m.key))
		case kindList:
			p.list(m)
		default:
			p.answer(m.id, fmt.Errorf("%w: kind %d is no request", errMalformed, m.kind))
		}
	}
}

func (p *peer) hello() error {
	_ = p.c.SetReadDeadline(time.Now().Add(helloTimeout))
	m, err := p.read()
	if err != nil {
		return err
	}
	if m.kind != kindHello {
		return fmt.Errorf("%w: the first message is of kind %d", errMalformed, m.kind)
	}
	_ = p.c.SetReadDeadline(time.Time{})
	p.server.checkIdle()
	return p.write(&message{kind: kindHello, id: m.id, version: version, pid: os.Getpid()})
}

// answer writes an answer; if that fails, the next read does too.
func (p *peer) answer(id uint64, err error) {
	m := &message{kind: kindOK, id: id}
	if err != nil {
		m.kind, m.err = kindError, err
	}
	_ = p.write(m)
}

func (p *peer) start(m *message) {
	cmd := &m.command
	if cmd.Transient {
		p.mu.Lock()
		p.transients[cmd.Key] = true
		p.mu.Unlock()
	}
	state, err := p.server.local.Start(context.Background(), cmd)
	if cmd.Stdout != nil {
		cmd.Stdout.Close()
		cmd.Stderr.Close()
	}
	if err != nil {
		p.answer(m.id, err)
		return
	}
	_ = p.write(&message{kind: kindState, id: m.id, state: state})
}

func (p *peer) signal(m *message) {
	if m.kind == kindKill {
		p.answer(m.id, p.server.local.Kill(context.Background(), m.key))
		return
	}
	p.answer(m.id, p.server.local.Signal(context.Background(), m.key, m.signal))
}

func (p *peer) list(m *message) {
	states, err := p.server.local.List(context.Background())
	for _, state := range states {
		if p.write(&message{kind: kindState, id: m.id, state: state}) != nil {
			return
		}
	}
	p.answer(m.id, err)
}

// tellEnds tells the agent of ends, in order.
func (p *peer) tellEnds(gone chan struct{}) {
	for {
		select {
		case <-gone:
			return
		case <-p.wake:
		}
		p.mu.Lock()
		ends := p.ends
		p.ends = nil
		p.mu.Unlock()
		for _, state := range ends {
			if p.write(&message{kind: kindState, state: state}) != nil {
				return
			}
		}
	}
}

// leave ends what ends with the connection.
func (p *peer) leave() {
	p.close()
	s := p.server
	s.mu.Lock()
	delete(s.conns, p)
	s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.transients {
		go func() {
			if s.local.Kill(context.Background(), key) != nil {
				return // removed already
			}
			if _, err := s.local.Wait(context.Background(), key); err == nil {
				_ = s.local.Remove(context.Background(), key) // it has ended
			}
		}()
	}
	s.checkIdle()
}
