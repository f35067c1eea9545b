package keeper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
)

// LocalConfig says how processes are kept.
type LocalConfig struct {
	// Dir holds the journal; it is made if missing, and this Local's alone until Close. Empty: nothing
	// is remembered beyond this process.
	Dir string
	// Dedicated says that this process does nothing else: it becomes the parent of all orphans below
	// it and reaps every child. Only on Linux.
	Dedicated bool
	// OnEnd is told of each end; it must not block. nil: nobody.
	OnEnd func(State)
	// Logf says what an operator may want to know. nil: nobody.
	Logf func(format string, args ...any)
}

// Local keeps processes as children of this one. Its methods are safe for concurrent use.
type Local struct {
	cfg     LocalConfig
	scanner proctree.Scanner
	null    *os.File
	held    *os.File // the lock of Dir
	journal *journal
	forked  chan struct{} // tells the reaper that there may be children
	forks   chan func()   // to the forker; a dedicated keeper has none

	mu     sync.Mutex
	procs  map[string]*process
	byPid  map[int]*process // children that are not reaped
	closed bool
}

// process is one container. Local.mu guards what changes.
type process struct {
	key, mark string
	transient bool
	journal   *journal // nil: it leaves no record
	pid       int      // 0: not forked yet
	start     uint64
	child     bool               // ours, and not reaped: its number is taken
	doomed    bool               // killed before it was forked
	exited    bool               // its first process has ended
	seen      []proctree.Process // what belonged to it when it was killed
	exit      Exit
	ended     bool
	done      chan struct{} // closed with ended
}

func (p *process) state() State {
	return State{Key: p.key, Pid: p.pid, Start: p.start, Ended: p.ended, Exit: p.exit}
}

func (p *process) query() proctree.Query {
	q := proctree.Query{Also: p.seen, Mark: p.mark}
	if !p.exited {
		q.Pid, q.Start = p.pid, p.start
	}
	return q
}

// NewLocal starts to keep processes, and takes over those of earlier ones in the same directory. If
// another keeper has it, the error is syscall.EWOULDBLOCK.
func NewLocal(cfg LocalConfig) (*Local, error) {
	if cfg.Logf == nil {
		cfg.Logf = func(string, ...any) {}
	}
	if cfg.OnEnd == nil {
		cfg.OnEnd = func(State) {}
	}
	l := &Local{
		cfg: cfg, forked: make(chan struct{}, 1), forks: make(chan func()),
		procs: map[string]*process{}, byPid: map[int]*process{},
	}
	l.scanner.Roots = l.roots
	if err := l.open(); err != nil {
		l.release()
		return nil, err
	}
	if cfg.Dedicated {
		l.scanner.Adopters = []int{os.Getpid()}
		go l.reap()
	} else {
		go l.forker()
	}
	if l.journal != nil {
		l.takeOver()
	}
	return l, nil
}

func (l *Local) open() (err error) {
	if l.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return err
	}
	if l.cfg.Dedicated {
		if err := becomeReaper(); err != nil {
			return err
		}
	}
	if l.cfg.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(l.cfg.Dir, 0o700); err != nil {
		return err
	}
	if l.held, err = lock(l.cfg.Dir); err != nil {
		return fmt.Errorf("lock %s: %w", l.cfg.Dir, err)
	}
	l.journal, err = openJournal(l.cfg.Dir, l.cfg.Logf)
	return err
}

func (l *Local) release() {
	for _, f := range []*os.File{l.null, l.held} {
		if f != nil {
			f.Close()
		}
	}
}

// Start starts a process. It returns when the process runs; Wait tells of its end.
func (l *Local) Start(_ context.Context, cmd *Command) (State, error) {
	if err := cmd.check(); err != nil {
		return State{}, err
	}
	p := &process{key: cmd.Key, mark: cmd.Mark, transient: cmd.Transient, done: make(chan struct{})}
	if !p.transient {
		p.journal = l.journal
	}
	l.mu.Lock()
	switch {
	case l.closed:
		l.mu.Unlock()
		return State{}, ErrClosed
	case l.procs[cmd.Key] != nil:
		l.mu.Unlock()
		return State{}, ErrExists
	}
	l.procs[cmd.Key] = p
	l.mu.Unlock()

	err := l.launch(p, cmd)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		delete(l.procs, cmd.Key)
		p.ended = true
		p.exit = Exit{Message: err.Error()}
		close(p.done)
		return State{}, err
	}
	return p.state(), nil
}

func (l *Local) launch(p *process, cmd *Command) (err error) {
	// Before the fork, so that a container whose keeper dies right after it is found by its mark.
	if err := p.journal.begin(p.key, p.mark); err != nil {
		return fmt.Errorf("record container %s: %w", p.key, err)
	}
	pidfd, err := l.fork(p, cmd)
	if err != nil {
		return errors.Join(err, p.journal.remove(p.key))
	}
	if err := p.journal.started(p.key, p.pid, p.start); err != nil {
		l.cfg.Logf("container %s: its process id is not recorded: %v", p.key, err)
	}
	if l.cfg.Dedicated {
		closePidfd(pidfd)
		select {
		case l.forked <- struct{}{}:
		default:
		}
	} else {
		go l.watchChild(p, pidfd)
	}
	return nil
}

// fork makes the child known before anyone can reap it.
func (l *Local) fork(p *process, cmd *Command) (pidfd int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return -1, ErrClosed
	}
	if l.cfg.Dedicated {
		p.pid, pidfd, err = forkExec(cmd, l.null, false)
	} else {
		ran := make(chan struct{})
		l.forks <- func() {
			defer close(ran)
			p.pid, pidfd, err = forkExec(cmd, l.null, true)
		}
		<-ran
	}
	if err != nil {
		p.pid = 0
		return -1, err
	}
	p.child = true
	l.byPid[p.pid] = p
	if stat, err := proctree.Read(p.pid); err == nil {
		p.start = stat.Start
	}
	if p.doomed {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL) // it can't be gone: nobody has reaped it
	}
	return pidfd, nil
}

// find returns a container, ended or not.
func (l *Local) find(key string) (*process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.procs[key]; p != nil {
		return p, nil
	}
	return nil, ErrUnknown
}

// Wait returns when nothing of a container is left.
func (l *Local) Wait(ctx context.Context, key string) (Exit, error) {
	p, err := l.find(key)
	if err != nil {
		return Exit{}, err
	}
	select {
	case <-p.done:
		return p.exit, nil
	default:
	}
	select {
	case <-p.done:
		return p.exit, nil
	case <-ctx.Done():
		return Exit{}, context.Cause(ctx)
	}
}

// members asks the process table for a container's processes.
func (l *Local) members(p *process) ([]proctree.Process, error) {
	s, err := l.scanner.Take()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	query := p.query()
	l.mu.Unlock()
	return s.Members(query), nil
}

// roots are the first processes of all containers.
func (l *Local) roots() map[int]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	pids := make(map[int]bool, len(l.byPid))
	for pid := range l.byPid {
		pids[pid] = true
	}
	return pids
}

// Signal sends a signal to all processes of a container that runs. Stopped ones are continued after a
// signal that asks them to end.
func (l *Local) Signal(_ context.Context, key string, signal syscall.Signal) error {
	p, err := l.find(key)
	if err != nil {
		return err
	}
	members, err := l.members(p)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.exited || p.pid == 0 {
		return ErrUnknown
	}
	if err := p.signalLocked(members, signal); err != nil {
		return fmt.Errorf("signal %d to container %s: %w", signal, key, err)
	}
	switch signal {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
		return p.signalLocked(members, syscall.SIGCONT)
	}
	return nil
}

// signalLocked signals the first process's group at once, which no fork escapes, then the others.
func (p *process) signalLocked(members []proctree.Process, signal syscall.Signal) error {
	var err error
	if p.child { // else the number may be another's
		if err = syscall.Kill(-p.pid, signal); err == syscall.ESRCH {
			err = nil // only if it left its group
		}
	}
	for _, m := range members {
		if !m.Dead && (!p.child || m.Group != p.pid) {
			if e := m.Signal(signal); e != nil && e != syscall.ESRCH {
				err = e
			}
		}
	}
	return err
}

// Kill begins to kill everything of a container; Wait tells when that is done. Once it has ended it
// does nothing.
func (l *Local) Kill(_ context.Context, key string) error {
	p, err := l.find(key)
	if err != nil {
		return err
	}
	l.mu.Lock()
	p.doomed = true
	over := p.exited || p.pid == 0 // who exits or is forked sees to the rest
	l.mu.Unlock()
	if over {
		return nil
	}
	// Look before the first process dies: who descends from it can't be seen afterwards.
	members, err := l.members(p)
	if err != nil {
		return err
	}
	l.mu.Lock()
	p.seen = members
	if p.child {
		err = p.signalLocked(nil, syscall.SIGKILL)
	}
	l.mu.Unlock()
	proctree.Kill(proctree.Living(members))
	return err
}

// exitedWith notes the end of the first process, and kills what it has left.
func (l *Local) exitedWith(p *process, exit Exit, remains []proctree.Process) {
	l.mu.Lock()
	p.exit, p.exited, p.child = exit, true, false
	remains = append(remains, p.seen...)
	p.seen = remains
	l.mu.Unlock()
	clean := len(remains) == 0
	if err := p.journal.exited(p.key, exit, clean); err != nil {
		l.cfg.Logf("container %s: its exit (%+v) is not recorded: %v", p.key, exit, err)
	}
	if clean {
		l.end(p)
		return
	}
	go l.sweep(p, remains, false)
}

// patience is how long a container may take to die once its first process has.
const patience = time.Minute

// sweep kills what is left of a container until nothing is, twice in a row: a process that is born and
// orphaned while the table is read shows only the next time. It looks before it kills, since what a
// killed process leaves may not be recognised without it.
func (l *Local) sweep(p *process, remains []proctree.Process, everywhere bool) {
	deadline := time.Now().Add(patience)
	l.mu.Lock()
	query := p.query()
	l.mu.Unlock()
	query.Pid, query.Also, query.Everywhere = 0, remains, everywhere
	for clean := 0; clean < 2; clean++ {
		s, err := l.scanner.Take()
		if err != nil {
			l.swept(p, fmt.Sprintf("processes may be left: %v", err))
			return
		}
		living := proctree.Living(s.Members(query))
		if len(living) == 0 {
			continue
		}
		if time.Now().After(deadline) {
			l.swept(p, fmt.Sprintf("%d of its processes do not die, the first is %d; look for a hung file system or device", len(living), living[0].Pid))
			return
		}
		proctree.Kill(living)
		query.Also, clean = living, -1
	}
	l.swept(p, "")
}

// swept is the end of a sweep; message says what it has not done.
func (l *Local) swept(p *process, message string) {
	if message != "" {
		l.cfg.Logf("container %s: %s", p.key, message)
		l.mu.Lock()
		p.exit.Message = message
		l.mu.Unlock()
	}
	if err := p.journal.ended(p.key); err != nil {
		l.cfg.Logf("container %s: its end is not recorded: %v", p.key, err)
	}
	l.end(p)
}

// end is the end of a container.
func (l *Local) end(p *process) {
	l.mu.Lock()
	p.ended, p.seen = true, nil
	close(p.done)
	state := p.state()
	l.mu.Unlock()
	l.cfg.OnEnd(state)
}

// Remove forgets a container that has ended; unknown ones are ignored.
func (l *Local) Remove(_ context.Context, key string) error {
	l.mu.Lock()
	p := l.procs[key]
	if p == nil {
		l.mu.Unlock()
		return nil
	}
	if !p.ended {
		l.mu.Unlock()
		return fmt.Errorf("container %s has not ended; kill it first", key)
	}
	delete(l.procs, key)
	l.mu.Unlock()
	return p.journal.remove(key)
}

// List is all containers, but for transient ones, by key.
func (l *Local) List(context.Context) ([]State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]State, 0, len(l.procs))
	for _, key := range slices.Sorted(maps.Keys(l.procs)) {
		if p := l.procs[key]; !p.transient && (p.pid != 0 || p.ended) {
			list = append(list, p.state())
		}
	}
	return list, nil
}

// Running is how many containers have not ended.
func (l *Local) Running() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, p := range l.procs {
		if !p.ended {
			n++
		}
	}
	return n
}

// Pid is the process that parents the containers.
func (l *Local) Pid() int { return os.Getpid() }

// Close stops starting processes. Children of a process that is not dedicated end with it, on Linux.
func (l *Local) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.forks)
		l.release()
	}
	return nil
}
