package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// waitFor is a command that ends with a status when a file appears.
func waitFor(path, status string) string {
	return "echo $$ > pid; while ! test -e " + path + "; do sleep 0.02; done; echo done; exit " + status
}

// A task of a framework that checkpoints outlives its agent: the next one on the same work directory is
// the same agent, and what became of the task meanwhile is not lost.
func TestATaskOutlivesItsKilledAgent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		whileDown bool // the task ends before the agent is back
	}{
		{"ends after the restart", false},
		{"ends while there is no agent", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := startMaster(t)
			a := startAgent(t, m)
			first, _ := m.state()
			require.Len(t, first.Agents, 1)
			end := filepath.Join(t.TempDir(), "end")
			p := execute(t, m, "survivor", "--checkpoint", "--command="+waitFor(end, "7"))
			p.sees("TASK_RUNNING")
			sandbox := a.sandbox("survivor")
			pid := readPid(t, filepath.Join(sandbox, "pid"))

			a.kill()
			m.becomes("the agent is gone", func(s state) bool { return len(s.Agents) == 1 && !s.Agents[0].Active })
			require.False(t, stopped(pid), "the task runs without its agent")
			if c.whileDown {
				require.NoError(t, os.WriteFile(end, nil, 0o600))
				eventually(t, func() bool { return stopped(pid) }, "the task ends")
			}
			again := agentIn(t, m, a.workDir, a.port())
			again.sees(`\tre-?registered\t`)
			s := m.becomes("the agent is back", func(s state) bool { return len(s.Agents) == 1 && s.Agents[0].Active })
			require.Equal(t, first.Agents[0].ID, s.Agents[0].ID, "it is the same agent")
			require.Equal(t, first.Agents[0].PID, s.Agents[0].PID)
			if !c.whileDown {
				require.False(t, stopped(pid), "the task runs on")
				require.NoError(t, os.WriteFile(end, nil, 0o600))
			}
			require.Equal(t, 2, p.ends())
			p.sees("Command exited with status 7")
			require.Equal(t, 1, strings.Count(p.said(), "TASK_FAILED"))
			reads(t, filepath.Join(sandbox, "stdout"), "done\n")
		})
	}
}

// Without checkpoints a task doesn't outlive its agent.
func TestATaskThatIsNotCheckpointedIsLostWithItsAgent(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	p := execute(t, m, "mortal", "--command=echo $$ > pid; exec sleep 1000")
	p.sees("TASK_RUNNING")
	pid := readPid(t, filepath.Join(a.sandbox("mortal"), "pid"))
	a.kill()
	require.Equal(t, 4, p.ends())
	p.sees("TASK_LOST")
	agentIn(t, m, a.workDir, a.port()).sees(`\tre-?registered\t`)
	eventually(t, func() bool { return stopped(pid) }, "the next agent ends what the first one left")
}

// Agents and frameworks don't end with a master: they go on with the next one.
func TestAMasterIsKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	before, _ := m.state()
	end := filepath.Join(t.TempDir(), "end")
	p := execute(t, m, "witness", "--command="+waitFor(end, "5"))
	p.sees("TASK_RUNNING")
	pid := readPid(t, filepath.Join(a.sandbox("witness"), "pid"))

	m.kill()
	require.False(t, stopped(pid))
	m = masterIn(t, m.workDir, m.port())
	after := m.becomes("agent, framework and task are back", func(s state) bool {
		return len(s.Agents) == 1 && s.Agents[0].Active && len(s.Frameworks) == 1 && s.Frameworks[0].Active &&
			len(s.Frameworks[0].Tasks) == 1
	})
	require.NotEqual(t, before.ID, after.ID, "it is another master")
	require.Equal(t, before.Agents[0].ID, after.Agents[0].ID, "but the same agent")
	require.Equal(t, taskState{ID: "witness", State: "TASK_RUNNING", AgentID: before.Agents[0].ID}, after.Frameworks[0].Tasks[0])
	require.False(t, stopped(pid))

	require.NoError(t, os.WriteFile(end, nil, 0o600))
	require.Equal(t, 2, p.ends())
	p.sees("Command exited with status 5")
	require.Equal(t, 1, strings.Count(p.said(), "Subscribed with ID"), "it came back as itself")

	require.Equal(t, 0, execute(t, m, "next", "--command=true").ends(), "the cluster works")
}

// Both at once, as after a power cut.
func TestEverythingIsKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	before, _ := m.state()
	end := filepath.Join(t.TempDir(), "end")
	p := execute(t, m, "survivor", "--checkpoint", "--command="+waitFor(end, "0"))
	p.sees("TASK_RUNNING")
	m.kill()
	a.kill()
	require.NoError(t, os.WriteFile(end, nil, 0o600))
	m = masterIn(t, m.workDir, m.port())
	agentIn(t, m, a.workDir, a.port())
	require.Equal(t, 0, p.ends())
	p.sees("TASK_FINISHED")
	after, _ := m.state()
	require.Len(t, after.Agents, 1)
	require.Equal(t, before.Agents[0].ID, after.Agents[0].ID)
}

// An agent that is told to stop leaves checkpointed tasks alone, for its successor.
func TestAnInterruptedAgentLeavesItsTasks(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	end := filepath.Join(t.TempDir(), "end")
	p := execute(t, m, "survivor", "--checkpoint", "--command="+waitFor(end, "0"))
	p.sees("TASK_RUNNING")
	a.interrupt()
	require.Equal(t, 0, a.ends())
	agentIn(t, m, a.workDir, a.port())
	require.NoError(t, os.WriteFile(end, nil, 0o600))
	require.Equal(t, 0, p.ends())
}
