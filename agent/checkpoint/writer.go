package checkpoint

import (
	"github.com/mesokit/mesokit/internal/loop"
)

// Writer writes entries in order, in batches. It is owned by a loop: its methods are called, and its
// callbacks run, on that loop.
type Writer struct {
	loop    loop.Loop
	store   Store
	entries []Entry
	sync    bool // somebody in entries wants it
	waiting []func(error)
	writing bool
}

// NewWriter returns a Writer for the owner of l.
func NewWriter(l loop.Loop, s Store) *Writer { return &Writer{loop: l, store: s} }

// Load hands over what is stored. Called once, before the first Put.
func (w *Writer) Load(done func([]Entry, error)) {
	var entries []Entry
	w.writing = true
	w.loop.Do(func() (err error) {
		entries, err = w.store.Load()
		return err
	}, func(err error) {
		w.writing = false
		done(entries, err)
		w.write()
	})
}

// Put stores changes after all that were put before. done, which may be nil, runs once they are
// written, or synced if sync is true; or with an error, and then they are not stored: the caller
// decides whether to try again. The entries must not be changed afterwards.
func (w *Writer) Put(sync bool, done func(error), changes ...Entry) {
	w.entries = append(w.entries, changes...)
	w.sync = w.sync || sync
	if done != nil {
		w.waiting = append(w.waiting, done)
	}
	w.write()
}

func (w *Writer) write() {
	if w.writing || len(w.entries) == 0 && len(w.waiting) == 0 {
		return
	}
	entries, sync, waiting := w.entries, w.sync, w.waiting
	w.entries, w.sync, w.waiting = nil, false, nil
	w.writing = true
	w.loop.Do(func() error {
		return w.store.Append(entries, sync)
	}, func(err error) {
		w.writing = false
		for _, done := range waiting {
			done(err)
		}
		w.write()
	})
}
