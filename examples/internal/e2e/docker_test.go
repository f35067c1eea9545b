package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dockerCluster is a cluster whose agent runs containers and commands.
func dockerCluster(t *testing.T) (m, a *daemon, image string) {
	t.Helper()
	image = testImage(t)
	sweep(t, image)
	m = startMaster(t)
	return m, startAgent(t, m, "--containerizers=docker,mesos"), image
}

// The program of the Java tutorial.
func TestTheFrameworkKeepsContainersRunning(t *testing.T) {
	t.Parallel()
	m, _, image := dockerCluster(t)
	p := start(t, "docker", m.address, image, "2")
	p.sees(`^registered as .*-0000$`)
	p.sees(`^task-\d is TASK_RUNNING: 0 pending, 2 running`)
	running := containersOf(t, image, "0")
	require.Len(t, running, 2)
	for _, c := range running {
		var details struct {
			HostConfig struct {
				NetworkMode string
				Memory      int64
				CPUShares   int64 `json:"CpuShares"`
			}
		}
		require.NoError(t, call("GET", "/containers/"+c.ID+"/json", nil, nil, &details))
		require.Equal(t, "bridge", details.HostConfig.NetworkMode)
		require.EqualValues(t, 128<<20, details.HostConfig.Memory)
		require.EqualValues(t, 1024, details.HostConfig.CPUShares)
	}

	victim := running[0]
	remove(t, victim)
	p.sees(`^task-[01] is TASK_FAILED: 0 pending, 1 running`)
	p.sees(`^launching task-2 on 127.0.0.1$`)
	p.sees(`^task-2 is TASK_RUNNING: 0 pending, 2 running`)
	running = containersOf(t, image, "0")
	require.Len(t, running, 2, "it is replaced")
	require.NotContains(t, []string{running[0].ID, running[1].ID}, victim.ID)

	p.interrupt()
	require.Equal(t, 0, p.ends())
	p.sees(`^the framework has ended, and its containers with it$`)
	eventually(t, func() bool { return len(containersOf(t, image, "0")) == 0 }, "both containers end")
	require.NotContains(t, p.said(), "task-3")
}

func TestExecuteContainers(t *testing.T) {
	t.Parallel()
	m, a, image := dockerCluster(t)
	for _, c := range []struct {
		name   string
		flags  []string
		status int
		says   string
		stdout string
	}{
		{"shell", []string{"--command=echo hi; exit 3"}, 2, `TASK_FAILED(.|\n)*Container exited with status 3`, "hi\n"},
		{"finished", []string{"--command=true"}, 0, "TASK_FINISHED", ""},
		{"environment", []string{"--command=echo $A", `--env={"A": "b c"}`}, 0, "TASK_FINISHED", "b c\n"},
		{"arguments", []string{"--shell=false", "--command=echo $A"}, 0, "TASK_FINISHED", "$A\n"},
		{"sandbox", []string{"--command=cd $MESOS_SANDBOX; echo kept > file; cat file"}, 0, "TASK_FINISHED", "kept\n"},
		{"network", []string{"--command=ls /sys/class/net", "--docker_network=none"}, 0, "TASK_FINISHED", "lo\n"},
		{"fetched", []string{"--uri=" + script(t, "echo fetched"), "--command=$MESOS_SANDBOX/script"}, 0, "TASK_FINISHED", "fetched\n"},
		{"bad-command", []string{"--command=no-such-program"}, 2, `TASK_FAILED(.|\n)*status 127`, ""},
		{"bad-program", []string{"--shell=false", "--command=no-such-program"}, 2, `TASK_FAILED(.|\n)*Failed to run docker container: .*"no-such-program".*; the image has no such command`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := execute(t, m, c.name, append([]string{"--docker_image=" + image}, c.flags...)...)
			require.Equal(t, c.status, p.ends())
			p.sees(c.says)
			b, _ := os.ReadFile(filepath.Join(a.sandbox(c.name), "stdout"))
			require.Equal(t, c.stdout, string(b))
		})
	}
}

func TestInterruptStopsTheContainer(t *testing.T) {
	t.Parallel()
	m, a, image := dockerCluster(t)
	p := execute(t, m, "long", "--docker_image="+image)
	p.sees("TASK_RUNNING")
	require.Len(t, containersOf(t, image, "0"), 1)
	reads(t, filepath.Join(a.sandbox("long"), "stdout"), "from the image\n")
	p.interrupt()
	require.Equal(t, 3, p.ends())
	p.sees("TASK_KILLED")
	require.Empty(t, containersOf(t, image, "0"))
}

// An image that no registry has: nothing listens at port 1.
func TestAnImageThatDoesNotExist(t *testing.T) {
	t.Parallel()
	m, _, image := dockerCluster(t)
	p := execute(t, m, "no-registry", "--docker_image=127.0.0.1:1/none:1")
	require.Equal(t, 2, p.ends())
	p.sees(`TASK_FAILED`)
	p.sees(`message: 'Failed to launch container: pull image 127.0.0.1:1/none:1: .*connection refused.*; .*check`)
	p.sees(`reason: REASON_CONTAINER_LAUNCH_FAILED`)
	require.Equal(t, 0, execute(t, m, "next", "--docker_image="+image, "--command=true").ends(), "others run")
}

// A container outlives its agent as well.
func TestAContainerOutlivesItsKilledAgent(t *testing.T) {
	t.Parallel()
	m, a, image := dockerCluster(t)
	p := execute(t, m, "survivor", "--checkpoint", "--docker_image="+image,
		"--command=while ! test -e $MESOS_SANDBOX/end; do sleep 0.05; done; exit 7")
	p.sees("TASK_RUNNING")
	sandbox := a.sandbox("survivor")
	a.kill()
	require.Len(t, containersOf(t, image, "0"), 1)
	again := agentIn(t, m, a.workDir, a.port(), "--containerizers=docker,mesos")
	again.sees(`\tre-?registered\t`)
	require.Len(t, containersOf(t, image, "0"), 1)
	require.NoError(t, os.WriteFile(filepath.Join(sandbox, "end"), nil, 0o600))
	require.Equal(t, 2, p.ends())
	p.sees("Container exited with status 7")
}

func TestQuickstartWithContainers(t *testing.T) {
	t.Parallel()
	image := testImage(t)
	sweep(t, image)
	begin := time.Now()
	p := start(t, "quickstart", "-image", image)
	require.Equal(t, 0, p.ends())
	p.sees(`^update    task-4 is FINISHED`)
	p.sees(`^summary   5 tasks finished, 0 did not`)
	require.Len(t, started(t, image, begin), 5, "they ran in containers")
	require.Empty(t, containersOf(t, image, "1"), "nothing is left")
}

// started are the containers of an image that the engine has started since a time.
func started(t *testing.T, image string, since time.Time) [][]byte {
	t.Helper()
	var events text
	require.NoError(t, call("GET", "/events", map[string]string{
		"since":   strconv.FormatInt(since.Unix(), 10),
		"until":   strconv.FormatInt(time.Now().Unix()+1, 10),
		"filters": `{"type":["container"],"event":["start"],"image":["` + image + `"]}`,
	}, nil, &events))
	return regexp.MustCompile(`"status":"start"`).FindAll(events, -1)
}
