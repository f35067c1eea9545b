package keeper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// agentVariable makes this test program an agent: see TestTheAgentIsKilled.
const agentVariable = "MESOKIT_TEST_AGENT_OF"

func TestMain(m *testing.M) {
	RunIfAsked()
	if dir := os.Getenv(agentVariable); dir != "" {
		actAsAgent(dir)
		return
	}
	os.Exit(m.Run())
}

// keeps is what Local and Client have in common.
type keeps interface {
	Start(context.Context, *Command) (State, error)
	Wait(context.Context, string) (Exit, error)
	Signal(context.Context, string, syscall.Signal) error
	Kill(context.Context, string) error
	Remove(context.Context, string) error
	List(context.Context) ([]State, error)
	Pid() int
	Close() error
}

var (
	_ keeps = (*Local)(nil)
	_ keeps = (*Client)(nil)
)

// each runs a test for a keeper in this process and for one in another.
func each(t *testing.T, test func(*testing.T, keeps)) {
	t.Run("local", func(t *testing.T) {
		l, err := NewLocal(LocalConfig{Dir: t.TempDir(), Logf: t.Logf})
		require.NoError(t, err)
		t.Cleanup(func() { l.Close() })
		test(t, l)
	})
	t.Run("process", func(t *testing.T) { test(t, connect(t, t.TempDir())) })
}

func connect(t testing.TB, dir string) *Client {
	c, err := Connect(t.Context(), Config{Dir: dir, IdleTime: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// sh is a shell script as a command, with the directory as its mark.
func sh(dir, key, script string) *Command {
	return &Command{
		Key: key, Path: "/bin/sh", Args: []string{"sh", "-c", script}, Dir: dir,
		Env: []string{"PATH=" + os.Getenv("PATH"), "MARK=" + dir + key}, Mark: "MARK=" + dir + key,
	}
}

// fifo makes a FIFO; the function returned waits for a line that a script writes into it.
func fifo(t testing.TB, dir, name string) func() string {
	path := filepath.Join(dir, name)
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	lines := bufio.NewReader(f)
	return func() string {
		require.NoError(t, f.SetReadDeadline(time.Now().Add(30*time.Second)))
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		return strings.TrimSuffix(line, "\n")
	}
}

// held reports whether any process has a FIFO open for reading.
func held(t *testing.T, dir, name string) bool {
	fd, err := syscall.Open(filepath.Join(dir, name), syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err == nil {
		require.NoError(t, syscall.Close(fd))
		return true
	}
	require.ErrorIs(t, err, syscall.ENXIO)
	return false
}

func wait(t *testing.T, k keeps, key string) Exit {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	exit, err := k.Wait(ctx, key)
	require.NoError(t, err)
	return exit
}

func TestExits(t *testing.T) {
	each(t, func(t *testing.T, k keeps) {
		dir := t.TempDir()
		for script, want := range map[string]syscall.WaitStatus{"exit 0": 0, "exit 3": 3 << 8, "kill -TERM $$": 15, "kill -KILL $$": 9} {
			key := strings.ReplaceAll(script, " ", "-")
			state, err := k.Start(t.Context(), sh(dir, key, script))
			require.NoError(t, err)
			require.Positive(t, state.Pid)
			require.Equal(t, Exit{Known: true, Status: want}, wait(t, k, key), script)
			require.NoError(t, k.Remove(t.Context(), key))
			_, err = k.Wait(t.Context(), key)
			require.ErrorIs(t, err, ErrUnknown)
		}
	})
}

func TestOutputGoesToTheFilesGiven(t *testing.T) {
	each(t, func(t *testing.T, k keeps) {
		dir := t.TempDir()
		out, err := os.Create(filepath.Join(dir, "out"))
		require.NoError(t, err)
		cmd := sh(dir, "c", "echo out; echo err >&2; cat; pwd; echo $0 $EXTRA")
		cmd.Stdout, cmd.Stderr = out, out
		cmd.Env = append(cmd.Env, "EXTRA=\xff bytes")
		_, err = k.Start(t.Context(), cmd)
		require.NoError(t, err)
		require.NoError(t, out.Close())
		require.Equal(t, Exit{Known: true}, wait(t, k, "c"))
		got, err := os.ReadFile(filepath.Join(dir, "out"))
		require.NoError(t, err)
		require.Equal(t, "out\nerr\n"+dir+"\nsh \xff bytes\n", string(got), "standard input is empty")
	})
}

func TestErrorsOfStart(t *testing.T) {
	each(t, func(t *testing.T, k keeps) {
		dir := t.TempDir()
		for name, c := range map[string]struct {
			change func(*Command)
			want   error
		}{
			"no such program":   {func(c *Command) { c.Path = "/no/such/program" }, syscall.ENOENT},
			"not executable":    {func(c *Command) { c.Path = "/etc/passwd" }, syscall.EACCES},
			"no such directory": {func(c *Command) { c.Dir = "/no/such/dir" }, syscall.ENOENT},
			"one big argument":  {func(c *Command) { c.Args = append(c.Args, strings.Repeat("x", 1<<20)) }, syscall.E2BIG},
			"more than a frame": {func(c *Command) { c.Args = append(c.Args, strings.Repeat("x", maxFrame)) }, syscall.E2BIG},
		} {
			cmd := sh(dir, "c", "exit 0")
			c.change(cmd)
			_, err := k.Start(t.Context(), cmd)
			require.ErrorIs(t, err, c.want, name)
			_, err = k.Wait(t.Context(), "c")
			require.ErrorIs(t, err, ErrUnknown, name)
		}
		for _, key := range []string{"", "a b", strings.Repeat("k", 251), "nul\x00", "line\n"} {
			_, err := k.Start(t.Context(), sh(dir, key, "exit 0"))
			require.ErrorContains(t, err, "key", "%q", key)
		}
		_, err := k.Start(t.Context(), sh(dir, "c", "exit 0"))
		require.NoError(t, err)
		_, err = k.Start(t.Context(), sh(dir, "c", "exit 0"))
		require.ErrorIs(t, err, ErrExists)
		wait(t, k, "c")
		_, err = k.Start(t.Context(), sh(dir, "c", "exit 0"))
		require.ErrorIs(t, err, ErrExists, "until it is removed")
	})
}

func TestUnknownKeys(t *testing.T) {
	each(t, func(t *testing.T, k keeps) {
		_, err := k.Wait(t.Context(), "x")
		require.ErrorIs(t, err, ErrUnknown)
		require.ErrorIs(t, k.Signal(t.Context(), "x", 15), ErrUnknown)
		require.ErrorIs(t, k.Kill(t.Context(), "x"), ErrUnknown)
		require.NoError(t, k.Remove(t.Context(), "x"))
	})
}

// Whatever a container starts, in whatever session, is gone when it has ended: both when its first
// process exits and when it is killed.
func TestNothingIsLeft(t *testing.T) {
	const script = `exec 9<>alive
sleep 100000 &
setsid sleep 100000 &
(setsid sh -c 'sleep 100000 & env -i setsid sleep 100000 & echo daemon >ready; exec sleep 100000' &)
`
	each(t, func(t *testing.T, k keeps) {
		for name, end := range map[string]string{"exits": "read go <go; exit 4", "killed": "wait; sleep 100000"} {
			dir := t.TempDir()
			ready := fifo(t, dir, "ready")
			for _, name := range []string{"alive", "go"} {
				require.NoError(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600))
			}
			_, err := k.Start(t.Context(), sh(dir, name, script+end))
			require.NoError(t, err)
			require.Equal(t, "daemon", ready())
			require.True(t, held(t, dir, "alive"))
			want := syscall.WaitStatus(4 << 8)
			if name == "killed" {
				require.NoError(t, k.Kill(t.Context(), name))
				require.NoError(t, k.Kill(t.Context(), name), "as often as one likes")
				want = 9
			} else {
				f, err := os.OpenFile(filepath.Join(dir, "go"), os.O_RDWR, 0)
				require.NoError(t, err)
				_, err = f.WriteString("go\n")
				require.NoError(t, err)
				defer f.Close()
			}
			require.Equal(t, Exit{Known: true, Status: want}, wait(t, k, name))
			require.False(t, held(t, dir, "alive"), name)
			require.NoError(t, k.Kill(t.Context(), name), "an ended one is left alone")
		}
	})
}

func TestSignals(t *testing.T) {
	each(t, func(t *testing.T, k keeps) {
		dir := t.TempDir()
		said := fifo(t, dir, "said")
		// The child is in a session of its own, and stopped: a signal that asks to end must reach it.
		_, err := k.Start(t.Context(), sh(dir, "c", `trap 'echo parent >said' USR1; trap 'wait $child; exit 6' TERM
setsid sh -c 'trap "echo child >said; exit" TERM; echo $$ >said; sleep 100000 & wait' & child=$!
while :; do sleep 100000 & wait $!; done`))
		require.NoError(t, err)
		var child int
		_, err = fmt.Sscan(said(), &child)
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(child, syscall.SIGSTOP))
		require.NoError(t, k.Signal(t.Context(), "c", 0))
		require.NoError(t, k.Signal(t.Context(), "c", syscall.SIGTERM))
		require.Equal(t, "child", said())
		require.Equal(t, Exit{Known: true, Status: 6 << 8}, wait(t, k, "c"))
		require.ErrorIs(t, k.Signal(t.Context(), "c", syscall.SIGTERM), ErrUnknown)
	})
}

func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, k keeps) {
		dir := t.TempDir()
		errs := make(chan error)
		const n = 50
		for i := range n {
			go func() {
				key := fmt.Sprint("c", i)
				_, err := k.Start(context.Background(), sh(dir, key, fmt.Sprint("exit ", i)))
				if err == nil {
					var exit Exit
					if exit, err = k.Wait(context.Background(), key); exit.Status.ExitStatus() != i {
						err = fmt.Errorf("%s ended with %+v", key, exit)
					}
				}
				errs <- err
			}()
		}
		for range n {
			require.NoError(t, <-errs)
		}
		list, err := k.List(t.Context())
		require.NoError(t, err)
		require.Len(t, list, n)
		require.True(t, list[0].Ended)
	})
}

// A check in a container ends with the connection of the agent that asked for it, and leaves no record.
func TestTransient(t *testing.T) {
	dir, box := t.TempDir(), t.TempDir()
	c := connect(t, dir)
	ready := fifo(t, box, "ready")
	cmd := sh(box, "c/check-1", "echo up >ready; sleep 100000")
	cmd.Transient = true
	_, err := c.Start(t.Context(), cmd)
	require.NoError(t, err)
	require.Equal(t, "up", ready())
	journal, err := os.ReadFile(filepath.Join(dir, journalName))
	require.NoError(t, err)
	require.Equal(t, journalHead+"\n", string(journal))
	alive := fifoHeldBy(t, box, c)
	require.NoError(t, c.Close())
	alive()
}

// fifoHeldBy starts a second transient that holds a FIFO's only writing end; the function returned
// waits for its end, which is the end of the file.
func fifoHeldBy(t *testing.T, dir string, c *Client) (wait func()) {
	path := filepath.Join(dir, "held")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	cmd := sh(dir, "c/check-2", "exec 9>held; echo up >&9; sleep 100000")
	cmd.Transient = true
	_, err = c.Start(t.Context(), cmd)
	require.NoError(t, err)
	require.NoError(t, r.SetReadDeadline(time.Now().Add(30*time.Second)))
	br := bufio.NewReader(r)
	for line := ""; line != "up\n"; { // until the writer has come, reads end at once
		line, _ = br.ReadString('\n')
	}
	return func() {
		_, err := br.ReadByte()
		require.ErrorContains(t, err, "EOF")
	}
}

// kill -9 of the agent loses no container and no exit status.
func TestTheAgentIsKilled(t *testing.T) {
	dir := t.TempDir()
	ready := fifo(t, dir, "ready")
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "go"), 0o600))
	agent := exec.Command(os.Args[0])
	agent.Env = append(os.Environ(), agentVariable+"="+dir)
	agent.Stderr = os.Stderr
	require.NoError(t, agent.Start())
	t.Cleanup(func() { killAll(t, filepath.Join(dir, "keeper")) })
	for range 2 {
		require.Equal(t, "up", ready())
	}
	require.NoError(t, agent.Process.Kill())
	require.Error(t, agent.Wait())

	// One ends while there is no agent.
	f, err := os.OpenFile(filepath.Join(dir, "go"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString("go\n")
	require.NoError(t, err)
	require.Equal(t, "gone", ready())

	c := connect(t, filepath.Join(dir, "keeper"))
	require.Equal(t, Exit{Known: true, Status: 5 << 8}, wait(t, c, "ends"))
	require.NoError(t, c.Signal(t.Context(), "goes", syscall.SIGTERM))
	require.Equal(t, Exit{Known: true, Status: 7 << 8}, wait(t, c, "goes"))
}

// killAll leaves nothing of a keeper, whatever became of the test.
func killAll(t *testing.T, dir string) {
	c, err := Connect(context.Background(), Config{Dir: dir, IdleTime: time.Second})
	require.NoError(t, err)
	defer c.Close()
	list, err := c.List(context.Background())
	require.NoError(t, err)
	for _, state := range list {
		require.NoError(t, c.Kill(context.Background(), state.Key))
		_, err := c.Wait(context.Background(), state.Key)
		require.NoError(t, err)
	}
}

func actAsAgent(dir string) {
	c, err := Connect(context.Background(), Config{Dir: filepath.Join(dir, "keeper"), IdleTime: time.Second})
	if err == nil {
		_, err = c.Start(context.Background(), sh(dir, "ends", "echo up >ready; read line <go; echo gone >ready; exit 5"))
	}
	if err == nil {
		_, err = c.Start(context.Background(), sh(dir, "goes", "trap 'exit 7' TERM; echo up >ready; sleep 100000 & wait"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// If the keeper itself is killed, what runs goes on and can be ended; only exit statuses of its time
// are lost, and the client says so.
func TestTheKeeperIsKilled(t *testing.T) {
	dir, box := t.TempDir(), t.TempDir()
	c := connect(t, dir)
	ready := fifo(t, box, "ready")
	require.NoError(t, syscall.Mkfifo(filepath.Join(box, "alive"), 0o600))
	_, err := c.Start(t.Context(), sh(box, "before", "exit 3"))
	require.NoError(t, err)
	before := wait(t, c, "before")
	// It runs on, and has a daemon.
	state, err := c.Start(t.Context(), sh(box, "runs", `exec 9<>alive; (setsid sleep 100000 &); trap 'exit 7' TERM; echo up >ready; sleep 100000 & wait`))
	require.NoError(t, err)
	require.Equal(t, "up", ready())

	old := c.Pid()
	require.NoError(t, syscall.Kill(old, syscall.SIGKILL))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for c.Pid() == old || c.Pid() == 0 { // calls wait for the next keeper
		err := c.Signal(ctx, "runs", 0)
		require.True(t, err == nil || errors.Is(err, errLost), "%v", err)
	}
	list, err := c.List(ctx)
	require.NoError(t, err)
	require.Equal(t, []State{{Key: "before", Pid: list[0].Pid, Start: list[0].Start, Ended: true, Exit: before}, state}, list)
	require.NoError(t, syscall.Kill(state.Pid, 0))

	require.NoError(t, c.Signal(ctx, "runs", syscall.SIGTERM))
	exit := wait(t, c, "runs")
	require.False(t, exit.Known)
	require.Contains(t, exit.Message, "keeper was killed")
	require.False(t, held(t, box, "alive"))
	_, err = c.Start(ctx, sh(box, "after", "exit 4"))
	require.NoError(t, err)
	require.Equal(t, 4, wait(t, c, "after").Status.ExitStatus())
}

func TestAnIdleKeeperEnds(t *testing.T) {
	dir := t.TempDir()
	c, err := Connect(t.Context(), Config{Dir: dir, IdleTime: time.Millisecond})
	require.NoError(t, err)
	_, err = c.Start(t.Context(), sh(dir, "c", "exit 3"))
	require.NoError(t, err)
	wait(t, c, "c")
	require.NoError(t, c.Close())
	for { // its lock is free once it has ended
		held, err := lock(dir)
		if err == nil {
			held.Close()
			break
		}
		require.ErrorIs(t, err, syscall.EWOULDBLOCK)
	}
	// What it recorded is there for the next.
	require.Equal(t, Exit{Known: true, Status: 3 << 8}, wait(t, connect(t, dir), "c"))
}

func TestAHelperProgram(t *testing.T) {
	dir := t.TempDir()
	c, err := Connect(t.Context(), Config{Dir: dir, Helper: os.Args[0], IdleTime: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	_, err = c.Start(t.Context(), sh(dir, "c", "exit 3"))
	require.NoError(t, err)
	require.Equal(t, 3, wait(t, c, "c").Status.ExitStatus())
}

// SIGTERM ends a keeper only when that loses nothing.
func TestTheKeeperIsTerminated(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, dir)
	_, err := c.Start(t.Context(), sh(dir, "c", "sleep 100000"))
	require.NoError(t, err)
	old := c.Pid()
	require.NoError(t, syscall.Kill(old, syscall.SIGTERM))
	require.NoError(t, syscall.Kill(old, syscall.SIGHUP))
	require.NoError(t, c.Signal(t.Context(), "c", 0))
	require.NoError(t, c.Kill(t.Context(), "c"))
	require.Equal(t, Exit{Known: true, Status: 9}, wait(t, c, "c"))
	require.Equal(t, old, c.Pid())
	require.NoError(t, syscall.Kill(old, syscall.SIGTERM))
	for c.Pid() == old || c.Pid() == 0 { // the next is started at once
		_ = c.Signal(t.Context(), "c", 0)
	}
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		says string
	}{
		"no such helper":       {Config{Dir: t.TempDir(), Helper: "/no/such/helper"}, "/no/such/helper"},
		"a helper that is not": {Config{Dir: t.TempDir(), Helper: "/bin/true"}, "must call agent.RunHelper first"},
		"a helper that talks":  {Config{Dir: t.TempDir(), Helper: "/bin/echo"}, "says: mesokit-keeper"},
		"a file for a dir":     {Config{Dir: "/etc/passwd"}, "/etc/passwd"},
	} {
		_, err := Connect(t.Context(), c.cfg)
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestAKeeperOfAnotherVersion(t *testing.T) {
	dir := t.TempDir()
	l, err := listen(dir)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		raw, err := l.AcceptUnix()
		if err != nil {
			return
		}
		c := &conn{c: raw}
		if m, err := c.read(); err == nil {
			_ = c.write(&message{kind: kindHello, id: m.id, version: version + 1, pid: 4711})
		}
	}()
	_, err = Connect(t.Context(), Config{Dir: dir})
	require.ErrorContains(t, err, "process id 4711 speaks version 2")
}

func TestLongDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	c := connect(t, dir)
	_, err := c.Start(t.Context(), sh("/", "c", "exit 3"))
	require.NoError(t, err)
	require.Equal(t, 3, wait(t, c, "c").Status.ExitStatus())
}

// An agent without a keeper finds, after it was killed, what it had: that it is gone.
func TestLocalAfterACrash(t *testing.T) {
	dir, box := t.TempDir(), t.TempDir()
	ready := fifo(t, box, "ready")
	require.NoError(t, syscall.Mkfifo(filepath.Join(box, "alive"), 0o600))
	l, err := NewLocal(LocalConfig{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	_, err = l.Start(t.Context(), sh(box, "ended", "exit 3"))
	require.NoError(t, err)
	wait(t, l, "ended")
	_, err = l.Start(t.Context(), sh(box, "runs", "exec 9<>alive; (setsid sleep 100000 &); echo up >ready; read line <alive"))
	require.NoError(t, err)
	require.Equal(t, "up", ready())

	_, err = NewLocal(LocalConfig{Dir: dir})
	require.ErrorIs(t, err, syscall.EWOULDBLOCK, "one keeper for a directory")
	require.NoError(t, l.held.Close()) // as the end of its process would

	next, err := NewLocal(LocalConfig{Dir: dir, Logf: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { next.Close() })
	require.Equal(t, Exit{Known: true, Status: 3 << 8}, wait(t, next, "ended"))
	exit := wait(t, next, "runs")
	require.False(t, exit.Known)
	require.NotEmpty(t, exit.Message)
	require.False(t, held(t, box, "alive"), "what the killed agent's container left is gone")
}
