package containerizertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// Program is what a container of the suite runs.
type Program struct {
	// Name identifies the program among those of the suite.
	Name string
	// Script is it for `sh -c`; it finds the sandbox in $MESOS_SANDBOX.
	Script string
	// Func is it as a Go function; nil for programs that only make sense as processes. The context
	// ends when the container is signalled or destroyed. An [Exit] is its exit status.
	Func func(ctx context.Context, env map[string]string, stdout, stderr io.Writer) error
}

// Exit is the exit status of a Func.
type Exit int

func (e Exit) Error() string { return "exit status " + strconv.Itoa(int(e)) }

// ExitCode is the status as a number.
func (e Exit) ExitCode() int { return int(e) }

// The FIFOs of each sandbox.
const (
	fifoReady = "ready" // programs write a line when they have come to their point
	fifoGo    = "go"    // programs that wait for the test read a line
	fifoAlive = "alive" // open for reading as long as anything of the container lives
)

// hold keeps alive open in the shell and in all its children, then says that it is ready.
const hold = `exec 9<>"$MESOS_SANDBOX/alive"; echo ready >"$MESOS_SANDBOX/ready"; `

func exits(status int) Program {
	return Program{
		Name:   "exit-" + strconv.Itoa(status),
		Script: "exit " + strconv.Itoa(status),
		Func: func(context.Context, map[string]string, io.Writer, io.Writer) error {
			if status == 0 {
				return nil
			}
			return Exit(status)
		},
	}
}

var (
	prints = Program{
		Name:   "prints",
		Script: "echo out; echo err >&2",
		Func: func(_ context.Context, _ map[string]string, stdout, stderr io.Writer) error {
			_, err := fmt.Fprintln(stdout, "out")
			_, err2 := fmt.Fprintln(stderr, "err")
			return errors.Join(err, err2)
		},
	}

	// environment writes NAME=value lines.
	environment = Program{
		Name:   "environment",
		Script: "env",
		Func: func(_ context.Context, env map[string]string, stdout, _ io.Writer) error {
			for name, value := range env {
				if _, err := fmt.Fprintf(stdout, "%s=%s\n", name, value); err != nil {
					return err
				}
			}
			return nil
		},
	}

	// stays runs until it is killed.
	stays = Program{
		Name:   "stays",
		Script: `trap "" TERM; ` + hold + `while :; do sleep 100000; done`,
		Func: func(ctx context.Context, env map[string]string, _, _ io.Writer) error {
			return held(env, func() error { <-ctx.Done(); return context.Cause(ctx) })
		},
	}

	// obeys exits with status 7 when it gets SIGTERM.
	obeys = Program{
		Name:   "obeys",
		Script: `trap 'exit 7' TERM; ` + hold + `sleep 100000 & wait`,
		Func: func(ctx context.Context, env map[string]string, _, _ io.Writer) error {
			return held(env, func() error { <-ctx.Done(); return Exit(7) })
		},
	}

	// waits exits with status 5 when the test says so.
	waits = Program{
		Name:   "waits",
		Script: hold + `read line <"$MESOS_SANDBOX/go"; exit 5`,
		Func: func(ctx context.Context, env map[string]string, _, _ io.Writer) error {
			return held(env, func() error {
				f, err := os.OpenFile(filepath.Join(env["MESOS_SANDBOX"], fifoGo), os.O_RDWR, 0)
				if err != nil {
					return err
				}
				defer f.Close()
				defer context.AfterFunc(ctx, func() { f.Close() })()
				if _, err := f.Read(make([]byte, 1)); err != nil {
					return err
				}
				return Exit(5)
			})
		},
	}

	// family is a shell with a child that ends with SIGTERM in a way that the test can see.
	family = Program{
		Name: "family",
		Script: `trap ':' TERM; exec 9<>"$MESOS_SANDBOX/alive"
sh -c 'trap "echo child >\"$MESOS_SANDBOX/ready\"; exit" TERM; echo ready >"$MESOS_SANDBOX/ready"; sleep 100000 & wait' &
child=$!; wait; wait $child; exit 3`,
	}

	// leaves exits at once and leaves a child, a daemon in its own session, and one that has lost
	// its parent as well.
	leaves = Program{
		Name: "leaves",
		Script: `exec 9<>"$MESOS_SANDBOX/alive"
sleep 100000 &
setsid sleep 100000 &
(setsid sh -c 'sleep 100000 & echo daemon >"$MESOS_SANDBOX/go"; sleep 100000' &)
read line <"$MESOS_SANDBOX/go"
exit 4`,
	}

	// spreads is leaves, but stays.
	spreads = Program{
		Name: "spreads",
		Script: `exec 9<>"$MESOS_SANDBOX/alive"
sleep 100000 &
setsid sleep 100000 &
(setsid sh -c 'sleep 100000 & echo daemon >"$MESOS_SANDBOX/go"; sleep 100000' &)
read line <"$MESOS_SANDBOX/go"
echo ready >"$MESOS_SANDBOX/ready"
wait`,
	}

	// whoami prints the user's number.
	whoami = Program{Name: "whoami", Script: `id -u; id -g; echo x >"$MESOS_SANDBOX/mine"`}
)

// Programs are all programs of the suite that have a Func, for containerizers of functions.
func Programs() []Program {
	return []Program{exits(0), exits(3), exits(255), prints, environment, stays, obeys, waits}
}

// held is hold for functions.
func held(env map[string]string, f func() error) error {
	alive, err := os.OpenFile(filepath.Join(env["MESOS_SANDBOX"], fifoAlive), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer alive.Close()
	if err := write(env["MESOS_SANDBOX"], fifoReady, "ready\n"); err != nil {
		return err
	}
	return f()
}

func write(sandbox, fifo, line string) error {
	// O_RDWR does not wait for a reader: unlike a script, a function can't be killed while it waits.
	f, err := os.OpenFile(filepath.Join(sandbox, fifo), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(line)
	return err
}
