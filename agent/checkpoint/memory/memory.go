// Package memory keeps a checkpoint in the process, for simulations: it stays when a simulated agent
// is killed, and loses what was not synced when a simulated machine is.
package memory

import (
	"maps"
	"slices"
	"sync"

	"github.com/mesokit/mesokit/agent/checkpoint"
)

// Store is a checkpoint.Store. The zero value is empty and ready.
type Store struct {
	mu    sync.Mutex // guards the fields below
	cells map[string]*cell
	dirty []*cell // written to since the last sync
	err   error
}

// cell is what is at a key. There is none at a key that has no value and had none at the last sync.
type cell struct {
	key    string
	value  []byte // nil: nothing
	dirty  bool
	synced []byte // of a dirty one: the value at the last sync
}

var _ checkpoint.Store = (*Store)(nil)

// Load returns the entries in the order of their keys.
func (s *Store) Load() ([]checkpoint.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]checkpoint.Entry, 0, len(s.cells))
	for _, k := range slices.Sorted(maps.Keys(s.cells)) {
		if v := s.cells[k].value; v != nil {
			out = append(out, checkpoint.Entry{Key: k, Value: slices.Clone(v)})
		}
	}
	return out, nil
}

// Append stores the changes.
func (s *Store) Append(changes []checkpoint.Entry, sync bool) error {
	if err := checkpoint.Check(changes); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.cells == nil {
		s.cells = make(map[string]*cell)
	}
	for _, change := range changes {
		c := s.cells[change.Key]
		if c == nil {
			if change.Value == nil {
				continue
			}
			c = &cell{key: change.Key}
			s.cells[c.key] = c
		}
		if !c.dirty {
			c.dirty, c.synced = true, c.value
			s.dirty = append(s.dirty, c)
		}
		c.value = change.Value
	}
	if sync {
		s.settle()
	}
	return nil
}

// settle makes what is written now what was at the last sync.
func (s *Store) settle() {
	for i, c := range s.dirty {
		c.dirty, c.synced = false, nil
		if c.value == nil {
			delete(s.cells, c.key)
		}
		s.dirty[i] = nil
	}
	s.dirty = s.dirty[:0]
}

// Fail makes every Append fail with err, until it is called with nil: a full or broken disk.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// LoseUnsynced does what the death of the machine does.
func (s *Store) LoseUnsynced() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.dirty {
		c.value = c.synced
	}
	s.settle()
}

// Close does nothing: the entries stay for the next agent.
func (s *Store) Close() error { return nil }
