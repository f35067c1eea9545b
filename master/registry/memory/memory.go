// Package memory stores a registry in the process: it is lost when the process ends. For tests,
// simulations and clusters inside one program.
package memory

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/mesokit/mesokit/master/registry"
)

// Storage is a registry.Storage. The zero value is empty and ready.
type Storage struct {
	mu     sync.Mutex // guards values
	values map[string][]byte
}

var _ registry.Storage = (*Storage)(nil)

// Load returns the entries in the order of their keys.
func (s *Storage) Load(ctx context.Context) ([]registry.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]registry.Entry, 0, len(s.values))
	for k, v := range s.values {
		out = append(out, registry.Entry{Key: k, Value: slices.Clone(v)})
	}
	slices.SortFunc(out, func(a, b registry.Entry) int { return cmp.Compare(a.Key, b.Key) })
	return out, nil
}

// Write replaces and deletes entries.
func (s *Storage) Write(ctx context.Context, changes []registry.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[string][]byte{}
	}
	for _, c := range changes {
		if c.Value == nil {
			delete(s.values, c.Key)
		} else {
			s.values[c.Key] = append([]byte{}, c.Value...)
		}
	}
	return nil
}

// Close does nothing: the entries stay, so a master can be started again on the same storage.
func (s *Storage) Close() error { return nil }
