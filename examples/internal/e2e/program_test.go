package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait: far longer than anything takes on a busy machine.
const patience = time.Minute

// binaries is the directory of the built programs.
var binaries string

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	if binaries, err = os.MkdirTemp("", "mesokit-e2e-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(binaries)
	build := exec.Command("go", "build", "-o", binaries, "../../...")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the examples: %w\n%s", err, out)
	}
	defer removeImages()
	return m.Run(), nil
}

// program is one of the programs, running or ended.
type program struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	output string        // file of both its outputs
	ended  chan struct{} // closed when status is known
	status int           // -1 if a signal ended it
}

// start runs a program. Whatever still runs of it at the end of the test is killed.
func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	return startIn(t, nil, name, args...)
}

// startIn is start with additions to the environment. MESOS_ variables of the test's own are not passed
// on, since they would be flags.
func startIn(t *testing.T, environment []string, name string, args ...string) *program {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), name+"-output-")
	require.NoError(t, err)
	defer file.Close()
	p := &program{t: t, name: name, output: file.Name(), ended: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(binaries, name), args...)
	p.cmd.Stdout, p.cmd.Stderr = file, file
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, environment...)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
		p.status = p.cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %q said:\n%s", name, args, p.said())
		}
	})
	return p
}

// said is everything that it has written so far.
func (p *program) said() string {
	b, err := os.ReadFile(p.output)
	require.NoError(p.t, err)
	return string(b)
}

// sees waits until its output matches an expression, in which ^ and $ are ends of lines, and returns the
// groups of the first match.
func (p *program) sees(expression string) []string {
	p.t.Helper()
	r := regexp.MustCompile("(?m)" + expression)
	var match []string
	eventually(p.t, func() bool {
		select {
		case <-p.ended: // all has been written
			match = r.FindStringSubmatch(p.said())
			require.NotNil(p.t, match, "%s ended with status %d and has not written %q:\n%s", p.name, p.status, expression, p.said())
			return true
		default:
			match = r.FindStringSubmatch(p.said())
			return match != nil
		}
	}, "%s writes %q", p.name, expression)
	return match
}

// ends waits until it has ended by itself and returns its exit status.
func (p *program) ends() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.status
	case <-time.After(patience):
		p.t.Fatalf("%s has not ended:\n%s", p.name, p.said())
		return -1
	}
}

func (p *program) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// interrupt is what a user's ^C does.
func (p *program) interrupt() { p.t.Helper(); p.signal(syscall.SIGINT) }

// kill ends it as a crash does, if it has not ended yet.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// eventually waits until something holds.
func eventually(t *testing.T, holds func() bool, what string, args ...any) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("not within %v: %s", patience, fmt.Sprintf(what, args...))
		case <-tick.C:
		}
	}
}

// reads waits until a file has the content.
func reads(t *testing.T, path, content string) {
	t.Helper()
	var b []byte
	eventually(t, func() bool {
		b, _ = os.ReadFile(path)
		return bytes.Equal(b, []byte(content))
	}, "%s holds %q", path, content)
}
