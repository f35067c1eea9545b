package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Config says where an agent's keeper is and how to start one.
type Config struct {
	// Dir holds the keeper's socket, lock, log and records. It is made if missing, for this user
	// alone. One agent has one; it must be the same after a restart.
	Dir string
	// Helper is the program to start as a keeper, such as one whose main is Main. Empty: this program,
	// whose main must have called RunIfAsked.
	Helper string
	// IdleTime is how long a keeper stays when nothing runs and no agent is connected. Default 1 min.
	IdleTime time.Duration
	// Logf says what an operator may want to know. nil: nobody.
	Logf func(format string, args ...any)
}

// errLost is returned when the keeper ended, or the connection to it, before it had answered. Whether it
// did what was asked is not known.
var errLost = errors.New("the keeper ended before it answered; another is started")

// Client speaks to a keeper as if it were a [Local]. When the keeper ends it starts another. Its methods
// are safe for concurrent use.
type Client struct {
	cfg Config

	mu      sync.Mutex
	session *session      // nil while there is no keeper
	changed chan struct{} // closed when session is set, or the client is closed
	entries map[string]*entry
	closed  bool
}

// entry is what the client knows of a container. Client.mu guards it.
type entry struct {
	state State
	done  chan struct{} // closed when state.Ended is set
}

func newEntry() *entry { return &entry{done: make(chan struct{})} }

func (e *entry) set(state State) {
	if e.state.Ended {
		return
	}
	e.state = state
	if state.Ended {
		close(e.done)
	}
}

// session is one connection.
type session struct {
	*conn
	pid     int     // the keeper's
	adopted bool    // its list is known; guarded by Client.mu, like early
	early   []State // ends that were told before

	mu      sync.Mutex
	last    uint64
	pending map[uint64]*request
	over    bool
}

type request struct {
	list   bool // collects states until the answer
	states []State
	answer chan *message // nil: the session is over
}

// Connect connects to the keeper of a directory, or starts one. What it keeps from an earlier agent
// process is known to Wait and List then.
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.Helper == "" && !Available() {
		return nil, errors.New("no helper program is named, and this program's main does not call RunIfAsked")
	}
	if cfg.IdleTime == 0 {
		cfg.IdleTime = time.Minute
	}
	if cfg.Logf == nil {
		cfg.Logf = func(string, ...any) {}
	}
	var err error
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, changed: make(chan struct{}), entries: map[string]*entry{}}
	if err := c.connect(ctx); err != nil {
		return nil, fmt.Errorf("keeper of %s: %w", cfg.Dir, err)
	}
	return c, nil
}

// connect opens a session and learns what the keeper has.
func (c *Client) connect(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	go c.read(s)
	r, err := s.do(ctx, &message{kind: kindList}, true)
	if err != nil {
		s.close()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		s.close()
		return ErrClosed
	}
	c.adoptLocked(s, r.states)
	if !s.ended() {
		c.session = s
		close(c.changed)
		return nil
	}
	return errLost
}

// adoptLocked makes the list of a new session the truth. Ends that were told while the list was under
// way are later than the list.
func (c *Client) adoptLocked(s *session, states []State) {
	listed := map[string]bool{}
	for _, state := range states {
		listed[state.Key] = true
		if c.entries[state.Key] == nil {
			c.entries[state.Key] = newEntry()
		}
		c.entries[state.Key].set(state)
	}
	for _, state := range s.early {
		if listed[state.Key] {
			c.entries[state.Key].set(state)
		}
	}
	s.adopted, s.early = true, nil
	for key, e := range c.entries {
		if !listed[key] {
			state := e.state
			state.Key, state.Ended = key, true
			state.Exit.Message = "it ended with its keeper, so its exit status is unknown"
			e.set(state)
		}
	}
}

// read is the goroutine of a session.
func (c *Client) read(s *session) {
	for {
		m, err := s.conn.read()
		if err != nil {
			c.lose(s)
			return
		}
		if m.id != 0 {
			s.deliver(m)
			continue
		}
		if m.kind == kindState {
			c.endedWith(s, m.state)
		}
	}
}

// endedWith takes note of what the keeper says unasked.
func (c *Client) endedWith(s *session, state State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.adopted {
		s.early = append(s.early, state)
		return
	}
	if e := c.entries[state.Key]; e != nil {
		e.set(state)
	}
}

// lose ends a session, and begins another if it was the client's.
func (c *Client) lose(s *session) {
	s.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != s {
		return
	}
	c.session, c.changed = nil, make(chan struct{})
	if !c.closed {
		c.cfg.Logf("the keeper with process id %d has ended; another is started", s.pid)
		go c.reconnect()
	}
}

func (c *Client) reconnect() {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 30*time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := c.connect(ctx)
		cancel()
		if err == nil || errors.Is(err, ErrClosed) {
			return
		}
		c.cfg.Logf("no keeper yet, next try in %v: %v", wait, err)
		time.Sleep(wait)
	}
}

// deliver hands an answer to who waits for it.
func (s *session) deliver(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.pending[m.id]
	if r == nil {
		return
	}
	if r.list && m.kind == kindState {
		r.states = append(r.states, m.state)
		return
	}
	delete(s.pending, m.id)
	r.answer <- m
}

func (s *session) end() {
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, r := range s.pending {
		close(r.answer)
	}
	s.pending = nil
}

func (s *session) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// do sends a request and waits for its answer, which is left in r.answer's place: states, or an error.
func (s *session) do(ctx context.Context, m *message, list bool) (*request, error) {
	r := &request{list: list, answer: make(chan *message, 1)}
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return nil, errLost
	}
	s.last++
	m.id = s.last
	s.pending[m.id] = r
	s.mu.Unlock()
	if err := s.write(m); err != nil {
		s.mu.Lock()
		delete(s.pending, m.id)
		s.mu.Unlock()
		if errors.Is(err, syscall.E2BIG) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", errLost, err)
	}
	select {
	case answer := <-r.answer:
		switch {
		case answer == nil:
			return nil, errLost
		case answer.kind == kindError:
			return nil, answer.err
		case answer.kind == kindState:
			r.states = append(r.states, answer.state)
		}
		return r, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// current returns the session, once there is one.
func (c *Client) current(ctx context.Context) (*session, error) {
	for {
		c.mu.Lock()
		s, changed, closed := c.session, c.changed, c.closed
		c.mu.Unlock()
		if closed {
			return nil, ErrClosed
		}
		if s != nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (c *Client) call(ctx context.Context, m *message) error {
	s, err := c.current(ctx)
	if err == nil {
		_, err = s.do(ctx, m, false)
	}
	return err
}

// Start starts a process: see [Local.Start]. If the keeper is lost meanwhile, or ctx ends, whether it
// runs is known only to Kill and Wait.
func (c *Client) Start(ctx context.Context, cmd *Command) (State, error) {
	if err := cmd.check(); err != nil {
		return State{}, err
	}
	m := &message{kind: kindStart, command: *cmd}
	if cmd.Stdout == nil || cmd.Stderr == nil {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return State{}, err
		}
		defer null.Close()
		m.command.Stdout, m.command.Stderr = cmp.Or(cmd.Stdout, null), cmp.Or(cmd.Stderr, null)
	}
	s, e, err := c.enter(ctx, cmd.Key)
	if err != nil {
		return State{}, err
	}
	r, err := s.do(ctx, m, false)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if refused := new(remoteError); errors.As(err, &refused) || errors.Is(err, syscall.E2BIG) {
			delete(c.entries, cmd.Key)
		}
		return State{}, err
	}
	e.set(r.states[0])
	return r.states[0], nil
}

// enter makes an entry for a container that is about to be started over a session: before its end can
// be told, and not before the session's list, in which it is missing, is read.
func (c *Client) enter(ctx context.Context, key string) (*session, *entry, error) {
	for {
		s, err := c.current(ctx)
		if err != nil {
			return nil, nil, err
		}
		c.mu.Lock()
		if c.session != s {
			c.mu.Unlock()
			continue
		}
		defer c.mu.Unlock()
		if c.entries[key] != nil {
			return nil, nil, ErrExists
		}
		c.entries[key] = newEntry()
		return s, c.entries[key], nil
	}
}

// Wait returns when nothing of a container is left.
func (c *Client) Wait(ctx context.Context, key string) (Exit, error) {
	c.mu.Lock()
	e := c.entries[key]
	c.mu.Unlock()
	if e == nil {
		return Exit{}, ErrUnknown
	}
	select {
	case <-e.done:
		return e.state.Exit, nil
	default:
	}
	select {
	case <-e.done:
		return e.state.Exit, nil
	case <-ctx.Done():
		return Exit{}, context.Cause(ctx)
	}
}

// Signal is [Local.Signal].
func (c *Client) Signal(ctx context.Context, key string, signal syscall.Signal) error {
	return c.call(ctx, &message{kind: kindSignal, key: key, signal: signal})
}

// Kill is [Local.Kill].
func (c *Client) Kill(ctx context.Context, key string) error {
	err := c.call(ctx, &message{kind: kindKill, key: key})
	if errors.Is(err, ErrUnknown) {
		// If Start was given up before the keeper had it, it never will.
		c.mu.Lock()
		defer c.mu.Unlock()
		if e := c.entries[key]; e != nil {
			e.set(State{Key: key, Ended: true, Exit: Exit{Message: "it was never started"}})
			return nil
		}
	}
	return err
}

// Remove is [Local.Remove].
func (c *Client) Remove(ctx context.Context, key string) error {
	if err := c.call(ctx, &message{kind: kindRemove, key: key}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
	return nil
}

// List is all containers that the keeper had when the client connected or that were started since, and
// are not removed, by key; without transient ones.
func (c *Client) List(context.Context) ([]State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]State, 0, len(c.entries))
	for _, key := range slices.Sorted(maps.Keys(c.entries)) {
		if e := c.entries[key]; e.state.Key != "" {
			list = append(list, e.state)
		}
	}
	return list, nil
}

// Pid is the keeper's process, which parents the containers; 0 while there is none.
func (c *Client) Pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		return 0
	}
	return c.session.pid
}

// Close leaves the keeper, and its containers, to the next agent process. Transient ones end.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if c.session != nil {
		c.session.close()
	} else {
		close(c.changed)
	}
	return nil
}
