package checkpoint

import (
	"time"

	"github.com/mesokit/mesokit/internal/backoff"
	"github.com/mesokit/mesokit/internal/loop"
)

// RetryFirst and RetryMax bound the time between attempts to write what could not be written.
const (
	RetryFirst = time.Second
	RetryMax   = 30 * time.Second
)

// Writer writes entries in order, in batches. It is owned by a loop: its methods are called, and its
// callbacks run, on that loop.
//
// What can't be written is kept and tried again until it is, together with all that is put meanwhile:
// a disk that was full for a while leaves no gap. Of each key only the latest value is kept, and
// nothing of one that came and went: what waits is bounded by what the store and the owner hold.
type Writer struct {
	loop    loop.Loop
	store   Store
	entries []Entry
	sync    bool // somebody in entries, or in the backlog, wants it
	waiting []waiter
	writing bool
	spare   struct { // of the last write, empty: the slices take turns
		entries []Entry
		waiting []waiter
	}

	backlog   backlog
	err       error // why the last attempt failed; nil: it did not
	retry     backoff.Backoff
	stopRetry func() bool
}

// waiter wants to know what became of a Put.
type waiter struct {
	key  string // the last that was put
	done func(error)
}

// NewWriter returns a Writer for the owner of l.
func NewWriter(l loop.Loop, s Store) *Writer {
	return &Writer{
		loop: l, store: s, backlog: newBacklog(),
		retry:     backoff.Backoff{First: RetryFirst, Max: RetryMax},
		stopRetry: func() bool { return false },
	}
}

// Load hands over what is stored. Called once, before the first Put.
func (w *Writer) Load(done func([]Entry, error)) {
	var entries []Entry
	w.writing = true
	w.loop.Do(func() (err error) {
		entries, err = w.store.Load()
		return err
	}, func(err error) {
		w.writing = false
		w.backlog.stored(entries)
		done(entries, err)
		w.write()
	})
}

// Put stores changes, of which there is at least one, after all that were put before. done, which may be
// nil, runs with nil once they are written, or synced if sync is true, and with them all that was put
// before. If they can't be written now it runs with the error first: the caller may go on without, or
// wait; of the many who may wait for keys that are deleted meanwhile some are not told. Entries that no
// store takes are refused, with an error, for good. The entries must not be changed afterwards.
func (w *Writer) Put(sync bool, done func(error), changes ...Entry) {
	if err := Check(changes); err != nil {
		w.tell(done, err)
		return
	}
	w.sync = w.sync || sync
	key := changes[len(changes)-1].Key
	if w.err != nil && !w.writing { // the next attempt takes it along
		var waiting []waiter
		if done != nil {
			waiting = []waiter{{key, done}}
		}
		w.tell(done, w.err)
		w.backlog.put(changes, waiting)
		return
	}
	w.entries = append(w.entries, changes...)
	if done != nil {
		w.waiting = append(w.waiting, waiter{key, done})
	}
	w.write()
}

// tell runs done soon; never inside Put.
func (w *Writer) tell(done func(error), err error) {
	if done != nil {
		w.loop.Post(func() { done(err) })
	}
}

// Stop ends the attempts to write what could not be written.
func (w *Writer) Stop() { w.stopRetry() }

// write writes what was put since the last write began.
func (w *Writer) write() {
	if w.writing || len(w.entries) == 0 {
		return
	}
	entries, sync, waiting := w.entries, w.sync, w.waiting
	w.entries, w.sync, w.waiting = w.spare.entries, false, w.spare.waiting
	w.spare.entries, w.spare.waiting = nil, nil
	w.append(entries, sync, func(err error) {
		if err != nil {
			w.failed(entries, waiting)
			return
		}
		w.backlog.stored(entries)
		for _, u := range waiting {
			u.done(nil)
		}
		clear(entries)
		clear(waiting)
		w.spare.entries, w.spare.waiting = entries[:0], waiting[:0]
	})
}

// again tries to write the backlog.
func (w *Writer) again() {
	entries, sync := w.backlog.entries(), w.sync
	w.sync = false
	w.append(entries, sync, func(err error) {
		if err != nil {
			w.failed(nil, nil)
			return
		}
		for _, done := range w.backlog.written(entries) {
			done(nil)
		}
	})
}

func (w *Writer) append(entries []Entry, sync bool, done func(error)) {
	w.writing = true
	w.loop.Do(func() error {
		return w.store.Append(entries, sync)
	}, func(err error) {
		w.writing = false
		w.err = err
		if err != nil {
			w.sync = w.sync || sync
			w.stopRetry()
			w.stopRetry = w.loop.AfterFunc(w.retry.Bound(), w.again)
		} else {
			w.retry.Reset()
		}
		done(err)
		w.write()
	})
}

// failed keeps a batch for the next attempt, and what was put while it was being written.
func (w *Writer) failed(entries []Entry, waiting []waiter) {
	w.backlog.put(entries, waiting)
	w.backlog.put(w.entries, w.waiting)
	waiting = append(waiting, w.waiting...)
	w.entries, w.waiting = nil, nil
	for _, u := range waiting {
		u.done(w.err)
	}
}
