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
	mu      sync.Mutex // guards the fields below
	written map[string][]byte
	before  map[string][]byte // what was at the keys written to since the last sync; nil: nothing
	err     error
}

var _ checkpoint.Store = (*Store)(nil)

// Load returns the entries in the order of their keys.
func (s *Store) Load() ([]checkpoint.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]checkpoint.Entry, 0, len(s.written))
	for _, k := range slices.Sorted(maps.Keys(s.written)) {
		out = append(out, checkpoint.Entry{Key: k, Value: slices.Clone(s.written[k])})
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
	if s.written == nil {
		s.written, s.before = map[string][]byte{}, map[string][]byte{}
	}
	for _, c := range changes {
		if _, noted := s.before[c.Key]; !noted && !sync {
			s.before[c.Key] = s.written[c.Key]
		}
		if c.Value == nil {
			delete(s.written, c.Key)
		} else {
			s.written[c.Key] = append([]byte{}, c.Value...)
		}
	}
	if sync {
		clear(s.before)
	}
	return nil
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
	for key, value := range s.before {
		if value == nil {
			delete(s.written, key)
		} else {
			s.written[key] = value
		}
	}
	clear(s.before)
}

// Close does nothing: the entries stay for the next agent.
func (s *Store) Close() error { return nil }
