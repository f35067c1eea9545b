package docker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// fifo makes a FIFO in the sandbox and holds it open, so that neither end waits for the other.
func (r *rig) fifo(spec *containerizer.Spec, name string) *os.File {
	r.Helper()
	path := filepath.Join(spec.Sandbox, name)
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		require.ErrorIs(r, err, os.ErrExist)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(r, err)
	r.Cleanup(func() { f.Close() })
	return f
}

// steps are a script that writes lines and, after every part of them, waits for the test.
func steps(parts, lines int) string {
	return fmt.Sprintf(`n=0; part=0
while [ $part -lt %d ]; do
	part=$((part+1)); i=0
	while [ $i -lt %d ]; do i=$((i+1)); n=$((n+1)); echo line $n; echo error $n >&2; done
	echo $part >$MESOS_SANDBOX/ready; read x <$MESOS_SANDBOX/go
done
printf 'no newline'; exit 7`, parts, lines)
}

func wanted(word string, n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "%s %d\n", word, i)
	}
	return b.String()
}

// inOrderOnceBack checks that no line is missing; the last second before the kill may be there twice.
func inOrderOnceBack(t *testing.T, text, word string, last int) {
	t.Helper()
	n, back := 0, 0
	for line := range strings.Lines(text) {
		var is int
		_, err := fmt.Sscanf(line, word+" %d\n", &is)
		require.NoError(t, err, "%q", line)
		require.LessOrEqual(t, is, n+1, "lines are missing")
		if is <= n {
			back++
		}
		n = is
	}
	require.Equal(t, last, n)
	require.LessOrEqual(t, back, 1)
}

type gate struct {
	*rig
	ready, proceed *os.File
}

func (r *rig) gate(spec *containerizer.Spec) gate {
	return gate{r, r.fifo(spec, "ready"), r.fifo(spec, "go")}
}

func (g gate) reached() string {
	g.Helper()
	deadline, _ := g.ctx.Deadline()
	require.NoError(g, g.ready.SetReadDeadline(deadline))
	b := make([]byte, 16)
	n, err := g.ready.Read(b)
	require.NoError(g, err)
	return strings.TrimSpace(string(b[:n]))
}

func (g gate) pass() {
	_, err := g.proceed.WriteString("go\n")
	require.NoError(g, err)
}

// The agent is killed with SIGKILL; what the container writes before, meanwhile and after is all in the
// sandbox, once.
func TestOutputSurvivesTheAgent(t *testing.T) {
	for name, c := range map[string]struct {
		parameters []string
		exact      bool
	}{
		"json-file": {nil, true},
		"local":     {[]string{"log-driver", "local"}, false},
		"rotated":   {[]string{"log-driver", "json-file", "log-opt", "max-size=10m"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			spec, kill := r.launchElsewhere(steps(3, 300), c.parameters...)
			g := r.gate(spec)
			require.Equal(t, "1", g.reached())
			kill()
			g.pass() // the second part is written while there is no agent
			require.Equal(t, "2", g.reached())
			r.restart(spec)
			g.pass()
			require.Equal(t, "3", g.reached())
			g.pass()
			require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 7 << 8}, r.end(spec))
			if c.exact {
				require.Equal(t, wanted("line", 900)+"no newline", file(t, spec, "stdout"))
				require.Equal(t, wanted("error", 900), file(t, spec, "stderr"))
				return
			}
			inOrderOnceBack(t, strings.TrimSuffix(file(t, spec, "stdout"), "no newline"), "line", 900)
			inOrderOnceBack(t, file(t, spec, "stderr"), "error", 900)
			require.True(t, strings.HasSuffix(file(t, spec, "stdout"), "no newline"))
		})
	}
}

// A line that was half written when the agent was killed is there once, and whole.
func TestAHalfWrittenLineSurvivesTheAgent(t *testing.T) {
	for _, driver := range []string{"json-file", "local"} {
		t.Run(driver, func(t *testing.T) {
			r := newRig(t)
			spec, kill := r.launchElsewhere(`echo first; printf begin; echo 1 >$MESOS_SANDBOX/ready; read x <$MESOS_SANDBOX/go; echo ' end'`, "log-driver", driver)
			g := r.gate(spec)
			require.Equal(t, "1", g.reached())
			r.reads(spec, "first\nbegin")
			kill()
			r.restart(spec)
			g.pass()
			require.Equal(t, containerizer.Termination{Exited: true}, r.end(spec))
			require.Contains(t, file(t, spec, "stdout"), "first\nbegin end\n")
			require.Equal(t, 1, strings.Count(file(t, spec, "stdout"), "begin"))
		})
	}
}

// The kill comes in the middle of a flood.
func TestOutputSurvivesTheAgentInTheMiddle(t *testing.T) {
	const lines = 30_000
	r := newRig(t)
	spec, kill := r.launchElsewhere(fmt.Sprintf(`i=0; while [ $i -lt %d ]; do i=$((i+1)); echo line $i; done; exit 7`, lines))
	r.reads(spec, "line 1\nline 2\n")
	kill()
	r.restart(spec)
	require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 7 << 8}, r.end(spec))
	require.True(t, wanted("line", lines) == file(t, spec, "stdout"), "lines are missing or twice")
}

// Bytes that are no text, and lines that the engine cuts, don't confuse where the log goes on.
func TestOutputThatIsNoText(t *testing.T) {
	r := newRig(t)
	spec, kill := r.launchElsewhere(`printf 'a\377\376b\303\n\342\202\n'
head -c 50000 /dev/zero | tr '\0' x; printf '\303\251'; head -c 40001 /dev/zero | tr '\0' '\303'; printf '\251\n'
yes äöü€ | head -n 9000 | tr -d '\n'; echo 1 >$MESOS_SANDBOX/ready; read x <$MESOS_SANDBOX/go; echo; echo after; exit 0`)
	g := r.gate(spec)
	require.Equal(t, "1", g.reached())
	var before bytes.Buffer
	before.WriteString("a\xff\xfeb\xc3\n\xe2\x82\n")
	before.WriteString(strings.Repeat("x", 50000) + "\xc3\xa9" + strings.Repeat("\xc3", 40001) + "\xa9\n" + strings.Repeat("äöü€", 9000))
	require.Eventually(t, func() bool { return len(file(t, spec, "stdout")) == before.Len() }, 20*time.Second, 5*time.Millisecond)
	kill()
	r.restart(spec)
	g.pass()
	r.end(spec)
	got := file(t, spec, "stdout")
	require.True(t, strings.HasPrefix(got, before.String()), "what was written before the kill is unchanged")
	require.Equal(t, "\nafter\n", got[before.Len():])
}

// A log driver that keeps nothing costs output, not more.
func TestOutputWithoutALog(t *testing.T) {
	r := newRig(t)
	spec, kill := r.launchElsewhere(steps(2, 2), "log-driver", "none")
	g := r.gate(spec)
	require.Equal(t, "1", g.reached())
	r.reads(spec, "line 1\nline 2\n")
	kill()
	r.restart(spec)
	g.pass()
	require.Equal(t, "2", g.reached())
	g.pass()
	require.Equal(t, 7, r.end(spec).WaitStatus.ExitStatus())
	require.True(t, strings.HasPrefix(file(t, spec, "stdout"), wanted("line", 2)))
	require.Equal(t, 1, strings.Count(file(t, spec, "stdout"), "line 1\n"))
}

func TestContainersOfOthersAreLeftAlone(t *testing.T) {
	other := newRig(t)
	theirs := other.task("sleep 100000", none)
	other.launch(theirs)

	r := newRig(t)
	mine := r.task("sleep 100000", none)
	r.launch(mine)
	r.restart()
	_, err := r.api.ContainerInspect(r.ctx, namePrefix+mine.ID.GetValue())
	require.Error(t, err, "an orphan is destroyed")
	require.True(t, other.inspect(theirs).State.Running)

	r.cfg.KeepOrphans = true
	kept := r.task("sleep 100000", none)
	r.launch(kept)
	r.restart()
	require.True(t, r.inspect(kept).State.Running)
}

// A container of the same name that this package did not label, say one of the reference's agent.
func TestAdoptsByName(t *testing.T) {
	r := newRig(t)
	spec := r.task("echo old", none)
	created, err := r.api.ContainerCreate(r.ctx, &engine.Config{Image: testImage, Cmd: []string{"sh", "-c", "echo old; exit 5"}},
		&engine.HostConfig{NetworkMode: "none"}, nil, nil, namePrefix+spec.ID.GetValue())
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = r.api.ContainerRemove(context.Background(), created.ID, engine.RemoveOptions{Force: true})
	})
	r.restart(spec)
	end := r.end(spec)
	require.Equal(t, containerizer.Termination{Message: "the agent ended before it could start the container"}, end)

	spec = r.task("", none)
	created, err = r.api.ContainerCreate(r.ctx, &engine.Config{Image: testImage, Cmd: []string{"sh", "-c", "echo old; exit 5"}},
		&engine.HostConfig{NetworkMode: "none"}, nil, nil, namePrefix+spec.ID.GetValue())
	require.NoError(t, err)
	require.NoError(t, r.api.ContainerStart(r.ctx, created.ID, engine.StartOptions{}))
	r.restart(spec)
	require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 5 << 8}, r.end(spec))
	require.Equal(t, "old\n", file(t, spec, "stdout"))
}

func TestRecoversWithoutItsSandbox(t *testing.T) {
	r := newRig(t)
	spec := r.task("exit 5", none)
	r.launch(spec)
	r.end(spec)
	require.NoError(t, os.RemoveAll(spec.Sandbox))
	r.restart(spec)
	require.Equal(t, 5, r.end(spec).WaitStatus.ExitStatus())
}

// The container can replace its output files; they are not followed out of the sandbox.
func TestOutputThatWasReplaced(t *testing.T) {
	r := newRig(t)
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("secret\n"), 0o600))
	spec := r.task(fmt.Sprintf(`ln -sf %s $MESOS_SANDBOX/stdout; echo mine; exit 5`, outside), none)
	r.launch(spec)
	r.end(spec)
	r.restart(spec)
	require.Equal(t, 5, r.end(spec).WaitStatus.ExitStatus())
	b, err := os.ReadFile(outside)
	require.NoError(t, err)
	require.Equal(t, "secret\n", string(b))
}
