package keeper

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// argument is the first argument of a program that shall be a keeper; the directory and how long it may
// be idle follow.
const argument = "mesokit-keeper"

// canBeAsked says that this program called RunIfAsked, so that it can be its own keeper.
var canBeAsked atomic.Bool

// RunIfAsked turns this program into a keeper if it was started as one, and then does not return. It
// must come first in main, before anything that starts goroutines, reads flags or opens files.
// Programs that call it need no separate helper for their agents.
func RunIfAsked() {
	if len(os.Args) == 4 && os.Args[1] == argument {
		os.Exit(run(os.Args[2], os.Args[3]))
	}
	canBeAsked.Store(true)
}

// Main is the main function of a program that is nothing but a keeper: the smallest helper there is.
func Main() {
	RunIfAsked()
	fmt.Fprintf(os.Stderr, "usage: %s %s DIRECTORY IDLE-TIME\nAgents start this program; it keeps their containers running when they end.\n", os.Args[0], argument)
	os.Exit(2)
}

// Available reports whether a keeper can be started without a helper program.
func Available() bool { return canBeAsked.Load() && own != "" }

// What a keeper says on its standard output once it knows: one of these, or what went wrong.
const (
	sayReady = "ready"
	sayBusy  = "busy" // another keeper has the directory
)

// run is the whole life of a keeper process.
func run(dir, idleText string) int {
	logger := log.New(os.Stderr, "keeper ", log.LstdFlags|log.Lmicroseconds|log.Lmsgprefix)
	idle, err := time.ParseDuration(idleText)
	if err != nil {
		return fail(logger, err)
	}
	signals := make(chan os.Signal, 1)
	// Caught, not ignored: what is ignored here would be ignored in the containers.
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2)
	keepDescriptors()

	s := &server{idle: idle, logf: logger.Printf, conns: map[*peer]bool{}}
	local, err := NewLocal(LocalConfig{Dir: dir, Dedicated: true, OnEnd: s.ended, Logf: logger.Printf})
	if errors.Is(err, syscall.EWOULDBLOCK) {
		fmt.Println(sayBusy)
		return 0
	}
	if err != nil {
		return fail(logger, err)
	}
	s.mu.Lock()
	s.local = local
	s.mu.Unlock()
	if s.listener, err = listen(dir); err != nil {
		return fail(logger, err)
	}
	fmt.Println(sayReady)
	if err := detach(); err != nil {
		logger.Printf("detach: %v", err)
	}
	go func() {
		for sig := range signals {
			if sig == syscall.SIGTERM {
				s.terminate()
			}
		}
	}()
	debug.SetGCPercent(25) // small before fast
	debug.FreeOSMemory()
	s.serve()
	return 0
}

// terminate ends the keeper if nothing runs; else it has to stay.
func (s *server) terminate() {
	if n := s.local.Running(); n > 0 {
		s.logf("SIGTERM is not heeded: %d containers run; destroy them first, or kill -9 loses their exit statuses", n)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.listener.Close()
}

func fail(logger *log.Logger, err error) int {
	logger.Print(err)
	fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
	return 1
}

// detach lets go of what would keep the agent's files and directories in use.
func detach() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	return errors.Join(dup2(int(null.Fd()), 0), dup2(int(null.Fd()), 1), os.Chdir("/"))
}
