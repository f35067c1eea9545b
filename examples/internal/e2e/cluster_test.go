package e2e

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// daemon is a master or an agent.
type daemon struct {
	*program
	workDir string
	address string
}

// startMaster starts a master, and waits until it listens.
func startMaster(t *testing.T, more ...string) *daemon {
	t.Helper()
	return masterIn(t, t.TempDir(), freePort(t), more...)
}

func masterIn(t *testing.T, workDir, port string, more ...string) *daemon {
	t.Helper()
	p := start(t, "mesos-master", append([]string{"--ip=127.0.0.1", "--port=" + port, "--work_dir=" + workDir}, more...)...)
	return &daemon{program: p, workDir: workDir, address: p.sees(`^master at (\S+)$`)[1]}
}

// startAgent starts an agent, and waits until it has registered.
func startAgent(t *testing.T, m *daemon, more ...string) *daemon {
	t.Helper()
	a := agentIn(t, m, directory(t), freePort(t), more...)
	a.sees(`\tregistered\t`)
	return a
}

// directory is a work directory into which tasks of any user may go.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mesokit-e2e-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// agentIn starts an agent, and waits until it listens. The processes that work for it outlive it, so they
// are ended with the test.
func agentIn(t *testing.T, m *daemon, workDir, port string, more ...string) *daemon {
	t.Helper()
	t.Cleanup(func() { endProcessesOf(t, workDir) })
	p := start(t, "mesos-agent", append([]string{
		"--master=" + m.address, "--ip=127.0.0.1", "--port=" + port, "--work_dir=" + workDir,
		"--resources=cpus:4;mem:1024;disk:1024;ports:[31000-31009]", "--registration_backoff_factor=10ms",
	}, more...)...)
	return &daemon{program: p, workDir: workDir, address: p.sees(`^agent at (\S+)$`)[1]}
}

func (d *daemon) port() string { return d.address[strings.LastIndex(d.address, ":")+1:] }

// execute runs a task on the cluster of a master.
func execute(t *testing.T, m *daemon, name string, more ...string) *program {
	t.Helper()
	return start(t, "mesos-execute", append([]string{"--master=" + m.address, "--name=" + name, "--resources=cpus:0.1;mem:32"}, more...)...)
}

// sandbox is a task's directory on an agent, of the newest run.
func (d *daemon) sandbox(task string) string {
	d.t.Helper()
	found, err := filepath.Glob(filepath.Join(d.workDir, "slaves/*/frameworks/*/executors", task, "runs/latest"))
	require.NoError(d.t, err)
	require.Len(d.t, found, 1, "sandboxes of %s below %s", task, d.workDir)
	return found[0]
}

// nextPort is where to look for the next free port: below those that the system gives out, so that a
// daemon which is started again finds its own still free.
var nextPort atomic.Uint32

func init() { nextPort.Store(uint32(10000 + os.Getpid()*37%20000)) }

func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(int(nextPort.Add(1)))
		if l, err := net.Listen("tcp4", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// state is what the tests look at of a master's or an agent's /state.
type state struct {
	ID               string  `json:"id"`
	ActivatedAgents  float64 `json:"activated_slaves"`
	UnreachableCount float64 `json:"unreachable_slaves"`
	Agents           []struct {
		ID     string `json:"id"`
		PID    string `json:"pid"`
		Active bool   `json:"active"`
	} `json:"slaves"`
	Frameworks          []frameworkState `json:"frameworks"`
	CompletedFrameworks []frameworkState `json:"completed_frameworks"`
}

type frameworkState struct {
	ID             string      `json:"id"`
	Name           string      `json:"name"`
	Active         bool        `json:"active"`
	Tasks          []taskState `json:"tasks"`
	CompletedTasks []taskState `json:"completed_tasks"`
}

type taskState struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	AgentID string `json:"slave_id"`
}

// state asks a daemon; ok says whether it answered.
func (d *daemon) state() (s state, ok bool) {
	d.t.Helper()
	answer, err := http.Get("http://" + d.address + "/state")
	if err != nil {
		return s, false
	}
	defer answer.Body.Close()
	require.Equal(d.t, http.StatusOK, answer.StatusCode)
	require.NoError(d.t, json.NewDecoder(answer.Body).Decode(&s))
	return s, true
}

// becomes waits until a daemon's state is as wanted, and returns it.
func (d *daemon) becomes(what string, wanted func(state) bool) (s state) {
	d.t.Helper()
	eventually(d.t, func() bool {
		var ok bool
		s, ok = d.state()
		return ok && wanted(s)
	}, "the state of %s: %s", d.name, what)
	return s
}

// processesOf are the processes whose environment or command line names a directory.
func processesOf(t *testing.T, dir string) (pids []int) {
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || stopped(pid) {
			continue
		}
		environment, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if strings.Contains(string(environment)+string(line), dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stopped says whether a process has ended, though its parent may not know yet.
func stopped(pid int) bool {
	f, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return true
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "State:"); ok {
			return strings.HasPrefix(strings.TrimSpace(rest), "Z")
		}
	}
	return true
}

// endProcessesOf kills an agent's processes that are left, one by one.
func endProcessesOf(t *testing.T, dir string) {
	for _, pid := range processesOf(t, dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	eventually(t, func() bool { return len(processesOf(t, dir)) == 0 }, "the processes of %s are gone", dir)
}
