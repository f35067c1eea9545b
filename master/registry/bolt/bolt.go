// Package bolt stores a registry in a file, with nothing to install: the default of a single master.
//
// A write is one transaction, synced to the disk before it returns; after a crash the file holds all
// of it or nothing. The file is locked: two masters can't share it.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/mesokit/mesokit/master/registry"
)

var bucket = []byte("registry")

// lockTimeout is how long Open waits for another process to let go of the file: a master that is
// restarted may overlap with the end of its predecessor.
const lockTimeout = 3 * time.Second

// Storage is a registry.Storage in a file.
type Storage struct {
	db    *bbolt.DB
	close sync.Once
	err   error
}

var _ registry.Storage = (*Storage)(nil)

// Open opens the file at path and makes it, and the directories above it, if need be.
func Open(path string) (*Storage, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the registry's directory: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("the registry %s is in use by another process: stop that master, or choose another work directory", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the registry %s: %w; if the file is damaged, restore it from a backup or move it away to start with an empty registry", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the registry %s: %w", path, err), db.Close())
	}
	return &Storage{db: db}, nil
}

// Load reads all entries in one transaction.
func (s *Storage) Load(ctx context.Context) ([]registry.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out []registry.Entry
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(k, v []byte) error {
			out = append(out, registry.Entry{Key: string(k), Value: slices.Clone(v)})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the registry %s: %w", s.db.Path(), err)
	}
	return out, nil
}

// Write commits the changes in one synced transaction.
func (s *Storage) Write(ctx context.Context, changes []registry.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, c := range changes {
			var err error
			if c.Value == nil {
				err = b.Delete([]byte(c.Key))
			} else {
				err = b.Put([]byte(c.Key), c.Value)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", c.Key, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write the registry %s: %w", s.db.Path(), err)
	}
	return nil
}

// Close closes the file and lets go of its lock.
func (s *Storage) Close() error {
	s.close.Do(func() { s.err = s.db.Close() })
	return s.err
}
