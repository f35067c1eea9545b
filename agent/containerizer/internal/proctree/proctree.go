package proctree

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Process is one line of the process table.
type Process struct {
	Pid, Parent, Group, Session int
	// Start is when it started, in ticks since boot: with Pid it identifies the process.
	Start uint64
	// Dead is a zombie: it has ended, only its parent has not heard of it.
	Dead    bool
	Threads int
	// User and System are CPU time, with that of children that it waited for.
	User, System time.Duration
	// RSS is resident memory in bytes.
	RSS uint64
}

// Query says which processes of a snapshot belong to a container.
type Query struct {
	// Pid and Start are its first process; Pid 0: it is gone, and its number may be someone else's.
	Pid   int
	Start uint64
	// Also are processes that belonged to it earlier.
	Also []Process
	// Mark is an entry of the environment, NAME=value, that no other container has; empty: none.
	Mark string
	// Everywhere looks for the mark in all processes, not only in those that lost their parent.
	Everywhere bool
}

// Members are the living and dead processes that belong to the container, with all their descendants.
func (s Snapshot) Members(q Query) []Process {
	if s.index == nil {
		return nil
	}
	found := map[int]bool{}
	var members []Process
	add := func(p Process) {
		if !found[p.Pid] && (p.Pid == q.Pid || !s.roots[p.Pid]) {
			found[p.Pid] = true
			members = append(members, p)
		}
	}
	if p, ok := s.processes[q.Pid]; ok && q.Pid != 0 && p.Start == q.Start {
		add(p)
	}
	for _, old := range q.Also {
		if p, ok := s.processes[old.Pid]; ok && p.Start == old.Start {
			add(p)
		}
	}
	for _, p := range s.marked(q.Mark, q.Everywhere) {
		add(p)
	}
	s.index.once.Do(s.relate)
	for i := 0; i < len(members); i++ { // grows as it goes
		for _, pid := range s.index.children[members[i].Pid] {
			add(s.processes[pid])
		}
		if session := members[i].Session; session != s.ownSession {
			for _, pid := range s.index.sessions[session] {
				add(s.processes[pid])
			}
		}
	}
	return members
}

// index is what is found out about a snapshot when it is asked for, once for all who ask.
type index struct {
	once     sync.Once
	children map[int][]int // by parent
	sessions map[int][]int // members by session

	mu    sync.Mutex
	marks map[markIndex]map[string][]Process // by the whole entry
}

type markIndex struct {
	name       string
	everywhere bool
}

func (s Snapshot) relate() {
	s.index.children, s.index.sessions = map[int][]int{}, map[int][]int{}
	for _, pid := range slices.Sorted(maps.Keys(s.processes)) {
		p := s.processes[pid]
		s.index.children[p.Parent] = append(s.index.children[p.Parent], pid)
		s.index.sessions[p.Session] = append(s.index.sessions[p.Session], pid)
	}
}

// Children are the processes whose parent is pid.
func (s Snapshot) Children(pid int) []int {
	if s.index == nil {
		return nil
	}
	s.index.once.Do(s.relate)
	return s.index.children[pid]
}

// marked are the processes that carry a mark. Environments are read once for each name of a mark, so
// that many containers can ask the same snapshot.
func (s Snapshot) marked(mark string, everywhere bool) []Process {
	name, _, ok := strings.Cut(mark, "=")
	if !ok {
		return nil
	}
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	which := markIndex{name, everywhere}
	if s.index.marks[which] == nil {
		found := map[string][]Process{}
		for pid, p := range s.processes {
			if p.Dead || !everywhere && !s.adopters[p.Parent] {
				continue
			}
			if entry, ok := environ(pid, name); ok {
				found[entry] = append(found[entry], p)
			}
		}
		s.index.marks[which] = found
	}
	return s.index.marks[which][mark]
}

// Living are those of a list that have not ended.
func Living(list []Process) []Process {
	var living []Process
	for _, p := range list {
		if !p.Dead {
			living = append(living, p)
		}
	}
	return living
}

// Scanner shares snapshots among those who ask at the same time. Its zero value is ready.
type Scanner struct {
	// Adopters are passed to [Take].
	Adopters []int
	// Roots, if set, returns the first processes of all containers. They are never members of another,
	// whatever they carry in their environment. It is called after each reading.
	Roots func() map[int]bool

	mu   sync.Mutex
	next *scan // not yet begun; nil: none wanted
	busy bool
}

type scan struct {
	done     chan struct{}
	snapshot Snapshot
	err      error
}

// Take returns a snapshot that was begun after the call.
func (s *Scanner) Take() (Snapshot, error) {
	s.mu.Lock()
	mine := s.next
	if mine == nil {
		mine = &scan{done: make(chan struct{})}
		s.next = mine
	}
	if !s.busy {
		s.busy = true
		go s.run()
	}
	s.mu.Unlock()
	<-mine.done
	return mine.snapshot, mine.err
}

func (s *Scanner) run() {
	for {
		s.mu.Lock()
		now := s.next
		s.next = nil
		if now == nil {
			s.busy = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		now.snapshot, now.err = Take(s.Adopters...)
		if s.Roots != nil {
			now.snapshot.roots = s.Roots()
		}
		close(now.done)
	}
}
