// Package filestore keeps a framework's memory in one file.
//
// The file is a log: a line for each Save, with a checksum, synced before Save returns. Load replays it.
// A last line that was cut off by a crash was never confirmed and is dropped; damage anywhere else is an
// error. When most of the log is outdated it is written anew, beside the old one, and renamed.
//
// A store is open in one process at a time: a second instance of a framework waits with [Wait] until the
// first is gone, however it ended, and then takes over.
//
//	b0f2a9c1 {"task/web.0.1":"{...}","task/web.0.0":null}
package filestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/scheduler/framework"
)

// compactAt is how large a log may get before it is written anew, if most of it is outdated.
const compactAt = 1 << 20

// Store is a framework.Store in a file.
type Store struct {
	path    string
	lock    *os.File
	file    *os.File
	size    int64 // of what is known to be right
	bad     bool  // there may be more than that
	entries map[string][]byte

	// placed: the folder is known to hold the log durably. Until then a machine that dies may come back
	// with the log of before it was written anew, or with none.
	placed     bool
	syncFolder func(path string) error
}

var _ framework.Store = (*Store)(nil)

// errLocked is returned by lock when another process has the file.
var errLocked = errors.New("locked")

// Open opens the store at path, and makes it if there is none; its folder must exist.
//
// Errors: FailedPrecondition if another process has it open; DataLoss if it is damaged; else what the
// system says, as Unavailable.
func Open(path string) (*Store, error) {
	l, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "opening the store: %v", err)
	}
	s := &Store{path: path, lock: l, syncFolder: syncFolder}
	if err := lock(l); err != nil {
		l.Close()
		if errors.Is(err, errLocked) {
			return nil, status.Errorf(codes.FailedPrecondition, "store %s is in use by another process; end that, or wait for it", path)
		}
		return nil, status.Errorf(codes.Unavailable, "locking store %s: %v", path, err)
	}
	if err := s.open(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Wait is Open, but waits while another process has the store, until ctx ends. waiting, if it is not nil, is
// told so once: by the error that Open returns.
func Wait(ctx context.Context, path string, waiting func(error)) (*Store, error) {
	for {
		s, err := Open(path)
		if status.Code(err) != codes.FailedPrecondition {
			return s, err
		}
		if waiting != nil {
			waiting(err)
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Close gives the store up. What was saved stays.
func (s *Store) Close() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	return errors.Join(err, s.lock.Close())
}

func (s *Store) open() error {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return status.Errorf(codes.Unavailable, "opening the store: %v", err)
	}
	s.file = f
	log, err := io.ReadAll(f)
	if err != nil {
		return status.Errorf(codes.Unavailable, "reading store %s: %v", s.path, err)
	}
	entries, good, err := replay(log)
	if err != nil {
		return status.Errorf(codes.DataLoss, "store %s is damaged: %v; restore it, or move it away to start over", s.path, err)
	}
	s.entries, s.size, s.bad = entries, int64(good), good < len(log)
	return s.trim()
}

// replay applies the lines of a log. good is how much of it is whole.
func replay(log []byte) (entries map[string][]byte, good int, err error) {
	entries = map[string][]byte{}
	for n := 1; good < len(log); n++ {
		line, _, whole := bytes.Cut(log[good:], []byte{'\n'})
		if !whole {
			break
		}
		changes, err := parse(line)
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		apply(entries, changes)
		good += len(line) + 1
	}
	return entries, good, nil
}

func apply(entries map[string][]byte, changes map[string]*string) {
	for key, value := range changes {
		if value == nil {
			delete(entries, key)
		} else {
			entries[key] = []byte(*value)
		}
	}
}

func parse(line []byte) (map[string]*string, error) {
	sum, text, ok := bytes.Cut(line, []byte{' '})
	if !ok || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) {
		return nil, errors.New("the checksum is wrong")
	}
	var changes map[string]*string
	if err := json.Unmarshal(text, &changes); err != nil {
		return nil, err
	}
	return changes, nil
}

// format is one line for changes; a nil value deletes.
func format(changes map[string][]byte) ([]byte, map[string]*string, error) {
	texts := make(map[string]*string, len(changes))
	for key, value := range changes {
		if value == nil {
			texts[key] = nil
			continue
		}
		text := string(value)
		texts[key] = &text
	}
	b, err := json.Marshal(texts)
	if err != nil {
		return nil, nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(b), b), texts, nil
}

// Load returns everything.
func (s *Store) Load() (map[string][]byte, error) { return maps.Clone(s.entries), nil }

// Save appends a line and syncs it. Values must be UTF-8, as a framework's are.
func (s *Store) Save(changes map[string][]byte) error {
	line, texts, err := format(changes)
	if err != nil {
		return err
	}
	if err := s.trim(); err != nil {
		return err
	}
	if err := s.place(); err != nil {
		return err
	}
	s.bad = true // until all of it is there
	if _, err := s.file.WriteAt(line, s.size); err != nil {
		return fmt.Errorf("writing store %s: %w", s.path, err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("syncing store %s: %w", s.path, err)
	}
	s.size += int64(len(line))
	s.bad = false
	apply(s.entries, texts)
	s.compact()
	return nil
}

// place makes sure that the log is found after the machine has died.
func (s *Store) place() error {
	if s.placed {
		return nil
	}
	if err := s.syncFolder(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("syncing the folder of store %s: %w", s.path, err)
	}
	s.placed = true
	return nil
}

// trim cuts off what a write that failed may have left.
func (s *Store) trim() error {
	if !s.bad {
		return nil
	}
	err := s.file.Truncate(s.size)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("repairing store %s: %w", s.path, err)
	}
	s.bad = false
	return nil
}

// compact writes the log anew when less than a quarter of it still counts. If that fails the old one stays,
// and the next Save tries again.
func (s *Store) compact() {
	if s.size < compactAt {
		return
	}
	line, _, err := format(s.entries)
	if err != nil || int64(len(line)) > s.size/4 {
		return
	}
	f, err := os.OpenFile(s.path+".new", os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	_, err = f.Write(line)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return
	}
	s.file.Close()
	s.file, s.size, s.placed = f, int64(len(line)), false
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
