// Package file keeps a checkpoint in an append-only log.
//
// Appending is one write; with sync, also one fdatasync. When most of the log is stale it is written
// anew beside the old one and takes its place by a rename. The log is locked: two agents can't share
// a work directory.
package file

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/mesokit/mesokit/agent/checkpoint"
)

// maxKept is how large the room for a batch may be that is kept for the next.
const maxKept = 1 << 20

// minRewrite is the size below which a log is never rewritten.
const minRewrite = 4 << 20

// Store is a checkpoint.Store in a file.
type Store struct {
	path   string
	lock   *os.File
	f      *os.File
	size   int64             // of the log up to the last whole batch
	live   int64             // size of a log with nothing stale
	values map[string][]byte // what the log holds: a rewrite needs it
	batch  []byte            // room for the next batch
	// Dropped is how many bytes at the end of the log were damaged and dropped by Load.
	Dropped int64
	closed  bool

	// placed: the directory is known to hold the log durably. Until then a machine that dies may come back
	// with the log of before the last rewrite, or with none; no batch written since is durable.
	placed  bool
	syncDir func(path string) error

	// suspect: a sync has failed. The system may have dropped what was written before, and call the next
	// sync a success, so the log has to be written anew first.
	suspect bool
	sync    func(*os.File) error
}

var _ checkpoint.Store = (*Store)(nil)

// Open opens the log at path and makes it, and the directories above it, if need be.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the checkpoint's directory: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the checkpoint's lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the checkpoint %s is in use by another process: stop that agent, or choose another work directory", path)
		}
		return nil, fmt.Errorf("lock the checkpoint %s: %w", path, err)
	}
	s := &Store{path: path, lock: lock, values: map[string][]byte{}, live: int64(len(magic)), syncDir: syncDir, sync: syncFile}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the checkpoint: %w", err)
	}
	s.f = f
	b, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("read the checkpoint: %w", err)
	}
	if len(b) < len(magic) && strings.HasPrefix(magic, string(b)) {
		// New, or the machine died while it was made.
		if _, err := f.WriteAt([]byte(magic), 0); err != nil {
			return fmt.Errorf("begin the checkpoint %s: %w", s.path, err)
		}
		s.size = int64(len(magic))
		return nil
	}
	if !strings.HasPrefix(string(b), magic) {
		first, _, _ := strings.Cut(string(b[:min(len(b), 40)]), "\n")
		return fmt.Errorf("%s is no checkpoint that this version can read: it begins with %q, not with %q; run the version that wrote it, or move the file away to start as a new agent", s.path, first, strings.TrimSpace(magic))
	}
	good := replay(b[len(magic):], s.values)
	s.size = int64(len(magic) + good)
	s.Dropped = int64(len(b)) - s.size
	if s.Dropped > 0 {
		if err := f.Truncate(s.size); err != nil {
			return fmt.Errorf("drop the damaged end of the checkpoint %s: %w", s.path, err)
		}
	}
	for k, v := range s.values {
		s.live += entrySize(k, v)
	}
	return nil
}

func entrySize(key string, value []byte) int64 { return int64(frameHeader + 3 + len(key) + len(value)) }

// Load returns the entries in the order of their keys.
func (s *Store) Load() ([]checkpoint.Entry, error) {
	out := make([]checkpoint.Entry, 0, len(s.values))
	for _, k := range slices.Sorted(maps.Keys(s.values)) {
		out = append(out, checkpoint.Entry{Key: k, Value: slices.Clone(s.values[k])})
	}
	return out, nil
}

// Append writes the changes as one batch. After an error nothing of it is there.
func (s *Store) Append(changes []checkpoint.Entry, sync bool) error {
	if err := checkpoint.Check(changes); err != nil {
		return err
	}
	if s.closed {
		return fmt.Errorf("the checkpoint %s is closed", s.path)
	}
	if sync {
		if err := s.repair(); err != nil {
			return err
		}
		if err := s.place(); err != nil {
			return err
		}
	}
	b := s.batch[:0]
	for _, c := range changes {
		b = appendEntry(b, c)
	}
	if len(changes) > 0 {
		b = appendFrame(b, kindCommit, "", nil)
	}
	if cap(b) <= maxKept {
		s.batch = b
	}
	if _, err := s.f.WriteAt(b, s.size); err != nil {
		return s.failed(err)
	}
	if sync {
		if err := s.sync(s.f); err != nil {
			s.suspect = true
			return s.failed(err)
		}
	}
	s.size += int64(len(b))
	for _, c := range changes {
		if old, there := s.values[c.Key]; there {
			s.live -= entrySize(c.Key, old)
		}
		if c.Value == nil {
			delete(s.values, c.Key)
			continue
		}
		s.values[c.Key] = c.Value
		s.live += entrySize(c.Key, c.Value)
	}
	if s.size > minRewrite && s.size > 4*s.live {
		_ = s.rewrite() // the old log is whole; the next batch tries again
	}
	return nil
}

func syncFile(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// repair makes sure that all that was written before can be made durable.
func (s *Store) repair() error {
	if !s.suspect {
		return nil
	}
	if err := s.rewrite(); err != nil {
		return fmt.Errorf("write the checkpoint %s anew, after it could not be synced: %w", s.path, err)
	}
	return nil
}

// place makes sure that the log is found after the machine has died.
func (s *Store) place() error {
	if s.placed {
		return nil
	}
	if err := s.syncDir(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("sync the checkpoint's directory: %w", err)
	}
	s.placed = true
	return nil
}

// failed drops what a failed batch may have left, so that it can't come back after a restart.
func (s *Store) failed(err error) error {
	err = fmt.Errorf("write the checkpoint %s: %w", s.path, err)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w; free some space on its file system", err)
	}
	return errors.Join(err, s.f.Truncate(s.size))
}

// rewrite replaces the log by one with nothing stale. If it fails the old log stays. Both logs hold the same,
// so it is no matter yet which of them the directory will have.
func (s *Store) rewrite() error {
	b := []byte(magic)
	for _, k := range slices.Sorted(maps.Keys(s.values)) {
		b = appendEntry(b, checkpoint.Entry{Key: k, Value: s.values[k]})
	}
	b = appendFrame(b, kindCommit, "", nil)
	next := s.path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = s.sync(f)
	}
	if err == nil {
		err = os.Rename(next, s.path)
	}
	if err != nil {
		f.Close()
		os.Remove(next)
		return err
	}
	s.f.Close()
	s.f, s.size, s.placed, s.suspect = f, int64(len(b)), false, false
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Close lets go of the file and its lock.
func (s *Store) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.f != nil {
		err = s.f.Close()
	}
	return errors.Join(err, s.lock.Close())
}
