package keeper

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

var (
	// ErrExists is returned by Start when the key is in use.
	ErrExists = errors.New("a container with this key exists already")
	// ErrUnknown is returned when there is no container of a key, or it has ended and the call needs
	// one that runs.
	ErrUnknown = errors.New("no container has this key")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the keeper's client is closed")
)

// Command is a process to start.
type Command struct {
	// Key names the container: up to 250 bytes, no spaces or control characters.
	Key string

	// Path is the executable, absolute or relative to Dir; Args the complete argument vector.
	Path      string
	Args, Env []string
	Dir       string // working directory
	// Credential is who it runs as; nil: as the keeper.
	Credential *Credential

	// Stdout and Stderr take its output; nil: /dev/null, as is its standard input. They stay the
	// caller's, who may close them after Start.
	Stdout, Stderr *os.File

	// Mark is an entry NAME=value of Env that no other container has; it finds daemons that the
	// process starts. Empty: they are found only as long as they keep their session.
	Mark string
	// Transient says that it ends with the connection it was started over and leaves no record.
	Transient bool
}

// Credential is a user with its groups.
type Credential struct {
	UID, GID uint32
	Groups   []uint32
}

const (
	maxKey     = 250
	maxStrings = 1 << 16 // arguments or variables; the kernel's own limit is in bytes
)

// check refuses what can't be started or named, before anything is done.
func (c *Command) check() error {
	if err := checkKey(c.Key); err != nil {
		return err
	}
	switch {
	case c.Path == "":
		return errors.New("the command has no path")
	case len(c.Args) > maxStrings || len(c.Env) > maxStrings:
		return fmt.Errorf("the command has %d arguments and %d variables; %w", len(c.Args), len(c.Env), syscall.E2BIG)
	}
	return nil
}

func checkKey(key string) error {
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("key %q must have 1 to %d bytes, without spaces and control characters", key, maxKey)
	}
	return nil
}

// State is what is known of a container.
type State struct {
	Key string
	// Pid is its first process, and Start that process's start time in ticks since boot.
	Pid   int
	Start uint64
	// Ended is true once nothing of it is left; then Exit is set.
	Ended bool
	Exit  Exit
}

// Exit says how a container's first process ended.
type Exit struct {
	// Known is true if Status, of wait(2), is known.
	Known  bool
	Status syscall.WaitStatus
	// Message says why it is not, or what went wrong at the end.
	Message string
}
