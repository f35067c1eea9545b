package keeper

import (
	"maps"
	"slices"
	"sync"

	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
)

// bootID is read once: every launch needs it.
var bootID = sync.OnceValue(proctree.BootID)

// takeOver takes over what earlier processes kept in the same directory: what still runs is adopted by
// a dedicated keeper, and killed by others; what ended is known with its exit.
func (l *Local) takeOver() {
	for _, key := range slices.Sorted(maps.Keys(l.journal.live)) {
		r := *l.journal.live[key]
		p := &process{
			key: key, mark: r.mark, pid: r.pid, start: r.start, exited: r.exited, exit: r.exit,
			journal: l.journal, done: make(chan struct{}),
		}
		l.procs[key] = p
		first, err := proctree.Read(r.pid)
		alive := r.pid != 0 && err == nil && first.Start == r.start && r.boot == bootID()
		switch {
		case r.exited && r.ended:
			p.ended = true
			close(p.done)
		case !r.exited && alive && l.cfg.Dedicated:
			l.cfg.Logf("container %s is taken over with process %d", key, p.pid)
			go l.watchAdopted(p, first)
		default:
			if !r.exited {
				l.lose(p, "the process that kept it was killed before it ended, so its exit status is unknown")
			}
			var remains []proctree.Process
			if alive {
				remains = append(remains, first)
			}
			go l.sweep(p, remains, true)
		}
	}
}

// lose notes an exit that nobody has seen.
func (l *Local) lose(p *process, why string) {
	exit := Exit{Message: why}
	if err := p.journal.exited(p.key, exit, false); err != nil {
		l.cfg.Logf("container %s: its exit is not recorded: %v", p.key, err)
	}
	l.mu.Lock()
	p.exit, p.exited = exit, true
	l.mu.Unlock()
}

// watchAdopted waits for the end of a process that is no child of this one.
func (l *Local) watchAdopted(p *process, first proctree.Process) {
	awaitStranger(first)
	l.lose(p, "the keeper was killed while it ran, so its exit status is unknown")
	l.mu.Lock()
	seen := p.seen
	l.mu.Unlock()
	l.sweep(p, seen, true)
}
