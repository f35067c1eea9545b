package registry

import "context"

// Entry is one stored fact.
type Entry struct {
	Key   string
	Value []byte // in a write: nil deletes the key
}

// Storage keeps entries. The registrar calls its methods one at a time, off the loop.
type Storage interface {
	// Load returns everything that is stored, in the order of the keys.
	Load(ctx context.Context) ([]Entry, error)

	// Write makes the changes durable, all or none, and returns then. The keys are distinct. It fails
	// with FailedPrecondition if another master has taken over; after any error the caller can't know
	// what is stored and loads again before it writes again.
	Write(ctx context.Context, changes []Entry) error

	// Close releases the storage. It may be called twice.
	Close() error
}
