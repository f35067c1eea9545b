package main

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/mesosproto"
)

// begin runs the service until end is called.
func begin(t *testing.T, cluster *mesokit.Cluster, state, command string, n int) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, cluster.Address(), "", command, "cpus:0.1;mem:32", state, n, false) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// running waits until n tasks run, and returns their ids.
func running(t *testing.T, cluster *mesokit.Cluster, n int) (ids []string) {
	t.Helper()
	require.Eventually(t, func() bool {
		ids = nil
		for f := range cluster.Master().Snapshot().Frameworks.All() {
			for task := range f.Tasks.All() {
				if task.State == mesosproto.TaskState_TASK_RUNNING {
					ids = append(ids, task.Info.GetTaskId().GetValue())
				}
			}
		}
		return len(ids) == n
	}, time.Minute, 5*time.Millisecond)
	slices.Sort(ids)
	return ids
}

func TestTasksOutliveTheService(t *testing.T) {
	cluster, err := mesokit.StartCluster(t.Context(), mesokit.ClusterConfig{Agents: 2})
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Stop()) }()
	state := filepath.Join(t.TempDir(), "state")

	first := begin(t, cluster, state, "sleep 1000", 3)
	ids := running(t, cluster, 3)
	standby := begin(t, cluster, state, "sleep 1000", 4)
	first()
	require.Subset(t, running(t, cluster, 4), ids, "the next takes over what runs, and adds one")
	standby()
	require.Len(t, running(t, cluster, 4), 4, "and nothing ends with it")
	last := begin(t, cluster, state, "sleep 1000", 0)
	running(t, cluster, 0)
	last()
}

func TestTheEnd(t *testing.T) {
	cluster, err := mesokit.StartCluster(t.Context(), mesokit.ClusterConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Stop()) }()
	state := filepath.Join(t.TempDir(), "state")
	end := func() error { return run(t.Context(), cluster.Address(), "", "", "cpus:0.1;mem:32", state, 1, true) }

	require.NoError(t, end(), "before there is anything to end")
	service := begin(t, cluster, state, "sleep 1000", 2)
	running(t, cluster, 2)
	service()
	require.NoError(t, end())
	require.Eventually(t, func() bool { return cluster.Master().Snapshot().Frameworks.Len() == 0 }, time.Minute, time.Millisecond)
	require.NoError(t, end(), "and after it")
	service = begin(t, cluster, state, "sleep 1000", 1)
	running(t, cluster, 1)
	service()
}

func TestWhatMakesNoSense(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	require.ErrorContains(t, run(t.Context(), "127.0.0.1:5050", "", "", "cpus:1", state, 1, false), "-command")
	require.ErrorContains(t, run(t.Context(), "127.0.0.1:5050", "", "x", "cpus", state, 1, false), "-resources")
	require.ErrorContains(t, run(t.Context(), "127.0.0.1:5050", "", "x", "cpus:1", state, -1, false), "-1 instances")
	require.ErrorContains(t, run(t.Context(), "nowhere", "", "x", "cpus:1", state, 1, false), "nowhere")
}
