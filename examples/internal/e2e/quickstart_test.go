package e2e

import (
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuickstart(t *testing.T) {
	t.Parallel()
	p := start(t, "quickstart")
	require.Equal(t, 0, p.ends())
	for _, line := range []string{
		`^cluster   a master and 2 agents are up after .*, at http://127.0.0.1:\d+$`,
		`^offer     agent S\d has cpus:4; mem:4096; disk:16384; ports:\[`,
		`^launch    task-4 on agent S\d$`,
		`^update    task-4 is STARTING$`,
		`^update    task-4 is RUNNING$`,
		`^update    task-4 is FINISHED: Command exited with status 0$`,
		`^summary   5 tasks finished, 0 did not, on [12] agents, in `,
	} {
		p.sees(line)
	}
	require.Len(t, regexp.MustCompile(`(?m)is FINISHED`).FindAllString(p.said(), -1), 5)
}

func TestQuickstartHolds(t *testing.T) {
	t.Parallel()
	p := start(t, "quickstart", "-tasks", "30", "-agents", "3", "-hold")
	p.sees(`^summary   30 tasks finished, 0 did not, on [123] agents`)
	address := p.sees(`^hold      the cluster stays at http://(\S+):`)[1]
	cluster := &daemon{program: p, address: address}
	s, ok := cluster.state()
	require.True(t, ok)
	require.Equal(t, 3.0, s.ActivatedAgents)
	require.Len(t, s.CompletedFrameworks, 1)
	require.Len(t, s.CompletedFrameworks[0].CompletedTasks, 30)
	for _, path := range []string{"/metrics", "/metrics/snapshot", "/version", "/health"} {
		answer, err := http.Get("http://" + address + path)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, answer.Body)
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode, path)
	}
	require.Equal(t, 0, execute(t, cluster, "guest", "--command=true").ends(), "other programs use it too")
	p.interrupt()
	require.Equal(t, 0, p.ends())
}

// Interrupted in the midst of its tasks it ends them, and itself.
func TestQuickstartInterrupted(t *testing.T) {
	t.Parallel()
	p := start(t, "quickstart", "-tasks", "100000")
	p.sees(`is RUNNING$`)
	p.interrupt()
	require.Equal(t, 0, p.ends())
}
