//go:build !linux

package proctree

import (
	"errors"
	"syscall"
)

// Snapshot is empty: there is no /proc.
type Snapshot struct {
	processes  map[int]Process
	adopters   map[int]bool
	ownSession int
	index      *index
	roots      map[int]bool // see Scanner.Roots
}

// Take finds nothing.
func Take(...int) (Snapshot, error) { return Snapshot{}, nil }

// Read fails.
func Read(int) (Process, error) { return Process{}, errors.ErrUnsupported }

// HasEnviron is false.
func HasEnviron(int, string) bool { return false }

func environ(int, string) (string, bool) { return "", false }

// BootID is unknown.
func BootID() string { return "unknown" }

// Signal fails.
func (p Process) Signal(syscall.Signal) error { return errors.ErrUnsupported }

// Kill does nothing; no list has a process in it.
func Kill([]Process) {}
