package framework

import "maps"

// Store keeps what a framework must not forget: a few hundred bytes under a key for its id, each of its
// specs and tasks, and each instance of a Batch that has ended. Package filestore has one in a file; etcd or a
// database take a few lines.
//
// Methods are called one at a time and may block. They own neither what they are given nor what they
// have returned.
type Store interface {
	// Load returns everything.
	Load() (map[string][]byte, error)

	// Save sets keys, and deletes those whose value is nil: all or none. It returns when that is durable.
	// After an error either may be the case; it is tried again, with these changes among others.
	Save(changes map[string][]byte) error
}

// Memory is a Store that is gone with its process, for tests. The zero value is empty.
type Memory struct{ entries map[string][]byte }

var _ Store = (*Memory)(nil)

// Load returns everything.
func (m *Memory) Load() (map[string][]byte, error) { return maps.Clone(m.entries), nil }

// Save changes entries.
func (m *Memory) Save(changes map[string][]byte) error {
	if m.entries == nil {
		m.entries = map[string][]byte{}
	}
	maps.Copy(m.entries, changes)
	maps.DeleteFunc(m.entries, func(_ string, v []byte) bool { return v == nil })
	return nil
}
