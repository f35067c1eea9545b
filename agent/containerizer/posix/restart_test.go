package posix

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
)

// agentVariable makes this test program an agent in the directory that it names.
const agentVariable = "MESOKIT_TEST_AGENT_OF"

func remembered(dir string) []*containerizer.Spec {
	var specs []*containerizer.Spec
	for _, name := range []string{"ends", "goes"} {
		s := spec(filepath.Join(dir, name), name)
		s.Command = shell(map[string]string{
			"ends": `echo up >../ready; read line <../go; echo gone >../ready; exit 5`,
			"goes": `trap 'exit 7' TERM; (setsid sleep 100000 &); sleep 100000 & echo up >../ready; wait`,
		}[name])
		specs = append(specs, s)
	}
	return specs
}

// actAsAgent launches containers and waits to be killed.
func actAsAgent() {
	dir := os.Getenv(agentVariable)
	c, err := New(Config{RuntimeDir: dir, KeeperIdleTime: time.Second})
	if err == nil {
		err = c.Recover(context.Background(), nil)
	}
	for _, s := range remembered(dir) {
		if err == nil {
			_, err = c.Launch(context.Background(), s)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// kill -9 of the agent loses no task and no exit status.
func TestTheAgentIsKilled(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ends", "goes"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	ready := fifo(t, filepath.Join(dir, "ready"))
	goOn := fifo(t, filepath.Join(dir, "go"))
	agent := exec.Command(os.Args[0])
	agent.Env = append(os.Environ(), agentVariable+"="+dir)
	agent.Stderr = os.Stderr
	require.NoError(t, agent.Start())
	t.Cleanup(func() { // leaves nothing, whatever became of the test
		c := newWith(t, dir, true)
		require.NoError(t, c.Recover(context.Background(), nil))
	})
	require.Equal(t, "up\n", line(t, ready))
	require.Equal(t, "up\n", line(t, ready))
	require.NoError(t, agent.Process.Kill())
	require.Error(t, agent.Wait())

	_, err := goOn.WriteString("go\n") // one ends while there is no agent
	require.NoError(t, err)
	require.Equal(t, "gone\n", line(t, ready))

	c := newWith(t, dir, true)
	specs := remembered(dir)
	require.NoError(t, c.Recover(t.Context(), []containerizer.Checkpoint{{Spec: specs[0]}, {Spec: specs[1]}}))
	end, err := c.Wait(t.Context(), specs[0].ID)
	require.NoError(t, err)
	require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 5 << 8}, end)
	usage, err := c.Usage(t.Context(), specs[1].ID)
	require.NoError(t, err)
	require.Equal(t, uint32(3), usage.GetProcesses(), "the shell, its child, and the daemon")
	require.NoError(t, c.Signal(t.Context(), specs[1].ID, syscall.SIGTERM))
	end, err = c.Wait(t.Context(), specs[1].ID)
	require.NoError(t, err)
	require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 7 << 8}, end)
}

// The keeper is no single point of failure: a launch after its end works, and so does the end of what
// it kept.
func TestTheKeeperIsKilled(t *testing.T) {
	c, box := started(t, true)
	s := spec(box, "c")
	s.Command = shell("sleep 100000")
	launched, err := c.Launch(t.Context(), s)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(c.procs.Pid(), syscall.SIGKILL))
	end, err := c.Destroy(t.Context(), s.ID)
	for err != nil { // while the connection breaks
		require.ErrorContains(t, err, "keeper ended")
		end, err = c.Destroy(t.Context(), s.ID)
	}
	require.False(t, end.Exited)
	require.Contains(t, end.Message, "keeper was killed")
	p, err := proctree.Read(int(launched.Status.GetExecutorPid()))
	require.True(t, err != nil || p.Dead, "%+v", p)

	s = spec(box, "d")
	s.Command = shell("exit 3")
	_, err = c.Launch(t.Context(), s)
	require.NoError(t, err)
	end, err = c.Wait(t.Context(), s.ID)
	require.NoError(t, err)
	require.Equal(t, 3, end.WaitStatus.ExitStatus())
}
