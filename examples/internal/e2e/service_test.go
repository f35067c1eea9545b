package e2e

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// service runs the service program with a state file.
func service(t *testing.T, m *daemon, file string, more ...string) *program {
	t.Helper()
	return start(t, "service", append([]string{"-master=" + m.address, "-state=" + file, "-resources=cpus:0.1;mem:32"}, more...)...)
}

// running waits until the only framework is connected and has n tasks, all of which run, and returns its
// id and theirs.
func (d *daemon) running(n int) (framework string, tasks []string) {
	d.t.Helper()
	s := d.becomes("as many tasks run as should", func(s state) bool {
		return len(s.Frameworks) == 1 && s.Frameworks[0].Active && len(s.Frameworks[0].Tasks) == n &&
			!slices.ContainsFunc(s.Frameworks[0].Tasks, func(x taskState) bool { return x.State != "TASK_RUNNING" })
	})
	for _, x := range s.Frameworks[0].Tasks {
		tasks = append(tasks, x.ID)
	}
	slices.Sort(tasks)
	return s.Frameworks[0].ID, tasks
}

// gone waits until the only framework is not connected.
func (d *daemon) gone() {
	d.t.Helper()
	d.becomes("the framework is gone", func(s state) bool { return len(s.Frameworks) == 1 && !s.Frameworks[0].Active })
}

// A service that is killed and started again is the same framework and has the same tasks; what ended
// meanwhile is replaced.
func TestAServiceIsKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	file := filepath.Join(t.TempDir(), "state")
	command := "-command=echo $$ > pid; exec sleep 1000"
	p := service(t, m, file, command, "-instances=3")
	id, tasks := m.running(3)

	p.kill()
	m.gone()
	p = service(t, m, file, command, "-instances=3")
	again, same := m.running(3)
	require.Equal(t, id, again)
	require.Equal(t, tasks, same)

	p.kill()
	m.gone()
	require.NoError(t, syscall.Kill(readPid(t, filepath.Join(a.sandbox(tasks[0]), "pid")), syscall.SIGKILL))
	p = service(t, m, file, command, "-instances=3")
	p.sees(`task ended.*` + tasks[0])
	again, now := m.running(3)
	require.Equal(t, id, again)
	require.Subset(t, now, tasks[1:])
	require.NotContains(t, now, tasks[0])

	p.interrupt()
	require.Equal(t, 0, p.ends())
	service(t, m, file, command, "-instances=0")
	again, _ = m.running(0)
	require.Equal(t, id, again)
}

// Of two at once one works and the other waits; when the first is killed, the other takes over.
func TestTwoServicesAtOnce(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	startAgent(t, m)
	file := filepath.Join(t.TempDir(), "state")
	first := service(t, m, file, "-command=sleep 1000", "-instances=2")
	id, tasks := m.running(2)
	for range 3 {
		second := service(t, m, file, "-command=sleep 1000", "-instances=2")
		second.sees(`waiting: .* in use by another process`)
		first.kill()
		second.sees(`subscribed\t.*` + id)
		again, same := m.running(2)
		require.Equal(t, id, again)
		require.Equal(t, tasks, same)
		first = second
	}
}

// A service goes on over the crash of the master and of the agent.
func TestAServiceGoesOnWhateverIsKilled(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	p := service(t, m, filepath.Join(t.TempDir(), "state"), "-command=sleep 1000", "-instances=2")
	id, tasks := m.running(2)
	m.kill()
	a.kill()
	m = masterIn(t, m.workDir, m.port())
	agentIn(t, m, a.workDir, a.port())
	again, same := m.running(2)
	require.Equal(t, id, again)
	require.Equal(t, tasks, same)
	require.True(t, p.runs())
}

// The same with containers.
func TestAServiceOfContainersIsKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	m, _, image := dockerCluster(t)
	file := filepath.Join(t.TempDir(), "state")
	p := service(t, m, file, "-image="+image, "-instances=2")
	id, tasks := m.running(2)
	containers := containersOf(t, image, "0")
	require.Len(t, containers, 2)

	p.kill()
	m.gone()
	remove(t, containers[0])
	service(t, m, file, "-image="+image, "-instances=2").sees(`task ended`)
	again, now := m.running(2)
	require.Equal(t, id, again)
	require.NotEqual(t, tasks, now)
	left := containersOf(t, image, "0")
	require.Len(t, left, 2)
	require.NotContains(t, left, containers[0])
	require.Contains(t, []string{left[0].ID, left[1].ID}, containers[1].ID, "the other is the same")
}
