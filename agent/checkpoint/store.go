package checkpoint

// Entry is one fact.
type Entry struct {
	Key   string // at most MaxKey bytes
	Value []byte // in a write: nil deletes the key
}

// Bounds of an entry; larger ones are refused.
const (
	MaxKey   = 4 << 10
	MaxValue = 64 << 20
)

// Store keeps entries. The Writer calls its methods one at a time, off the loop; they block.
type Store interface {
	// Load returns all entries in the order of their keys. Called once, first.
	Load() ([]Entry, error)

	// Append applies the changes in order; a key may occur twice. After an error none of them is
	// stored, and the next Append may succeed. With sync they survive the machine's death too, as
	// does everything appended before. The store may keep the values, which nobody changes any more;
	// the slice changes stays the caller's.
	Append(changes []Entry, sync bool) error

	// Close releases the store. It may be called twice.
	Close() error
}
