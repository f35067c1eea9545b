package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExecuteSaysHowTheTaskEnded(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	for _, c := range []struct {
		name   string
		flags  []string
		status int
		says   []string // in this order
		stdout string   // of the task
	}{
		{"finished", []string{"--command=echo hi"}, 0,
			[]string{"Subscribed with ID", "Submitted task 'finished'", "TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED", "Command exited with status 0"}, "hi\n"},
		{"failed", []string{"--command=echo hi; exit 3"}, 2,
			[]string{"TASK_STARTING", "TASK_RUNNING", "TASK_FAILED", "Command exited with status 3"}, "hi\n"},
		{"signalled", []string{"--command=kill -9 $$"}, 2,
			[]string{"TASK_FAILED", "Command terminated with signal Killed"}, ""},
		{"json", []string{"--command=echo hi", "--json"}, 0, []string{"TASK_RUNNING", "TASK_FINISHED"}, "hi\n"},
		{"environment", []string{"--command=echo $A-$B", `--env={"B": "b c", "A": "a"}`}, 0, []string{"TASK_FINISHED"}, "a-b c\n"},
		{"arguments", []string{"--shell=false", "--command=echo $HOME ; exit"}, 0, []string{"TASK_FINISHED"}, "$HOME ; exit\n"},
		{"fetched", []string{"--uri=" + script(t, "echo fetched"), "--command=./script"}, 0, []string{"TASK_FINISHED"}, "fetched\n"},
		{"bad-command", []string{"--command=no-such-program"}, 2,
			[]string{"TASK_RUNNING", "TASK_FAILED", "Command exited with status 127"}, ""},
		{"bad-program", []string{"--shell=false", "--command=no-such-program"}, 2,
			[]string{"TASK_FAILED", `"no-such-program" is in none of the directories of PATH`, "install it", "REASON_CONTAINER_LAUNCH_FAILED"}, ""},
		{"bad-uri", []string{"--command=true", "--uri=/no/such/file"}, 2,
			[]string{"TASK_FAILED", "/no/such/file", "REASON_CONTAINER_LAUNCH_FAILED"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := execute(t, m, c.name, c.flags...)
			require.Equal(t, c.status, p.ends())
			rest := p.said()
			for _, part := range c.says {
				_, after, found := strings.Cut(rest, part)
				require.True(t, found, "%q comes in:\n%s", part, p.said())
				rest = after
			}
			b, _ := os.ReadFile(filepath.Join(a.sandbox(c.name), "stdout")) // what was not launched has none
			require.Equal(t, c.stdout, string(b))
		})
	}
}

// script is a program that is not executable yet.
func script(t *testing.T, body string) string {
	path := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o644))
	return path
}

// The reference reports a sandbox that can't be made as TASK_LOST, for frameworks that don't know
// TASK_DROPPED.
func TestExecuteAsNobodyKnown(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root runs tasks as other users")
	}
	m := startMaster(t)
	a := startAgent(t, m)
	for _, c := range []struct{ flags, state string }{
		{"", "TASK_LOST"},
		{"PARTITION_AWARE", "TASK_DROPPED"},
	} {
		p := execute(t, m, "task", "--command=true", "--user=no-such-user", "--framework_capabilities="+c.flags)
		require.Equal(t, 4, p.ends())
		p.sees(c.state)
		p.sees(`No such user 'no-such-user'; create it on the agent or change`)
		p.sees(`REASON_EXECUTOR_TERMINATED`)
	}
	p := execute(t, m, "as-nobody", "--command=id -un; touch file", "--user=nobody")
	require.Equal(t, 0, p.ends(), "a user that exists")
	reads(t, filepath.Join(a.sandbox("as-nobody"), "stdout"), "nobody\n")
}

func TestInterruptKillsTheTask(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	p := execute(t, m, "long", "--command=echo $$ > pid; exec sleep 1000")
	p.sees("TASK_RUNNING")
	pid := readPid(t, filepath.Join(a.sandbox("long"), "pid"))
	require.False(t, stopped(pid))
	p.interrupt()
	require.Equal(t, 3, p.ends())
	p.sees("Asking to kill task 'long'")
	p.sees("TASK_KILLED")
	require.True(t, stopped(pid), "the task's process has ended")
	s := m.becomes("its framework has ended", func(s state) bool { return len(s.Frameworks) == 0 })
	require.Len(t, s.CompletedFrameworks, 1)
	require.Equal(t, "TASK_KILLED", s.CompletedFrameworks[0].CompletedTasks[0].State)
}

// The task has time to end by itself; who doesn't want to wait for it interrupts again.
func TestASecondInterruptEndsTheClient(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	a := startAgent(t, m)
	end := filepath.Join(t.TempDir(), "end")
	p := execute(t, m, "stubborn", "--command=trap 'echo no' TERM; "+waitFor(end, "0"))
	p.sees("TASK_RUNNING")
	pid := readPid(t, filepath.Join(a.sandbox("stubborn"), "pid"))
	p.interrupt()
	reads(t, filepath.Join(a.sandbox("stubborn"), "stdout"), "no\n")
	require.False(t, stopped(pid))
	p.interrupt()
	require.Equal(t, -1, p.ends(), "ended by the signal")
	eventually(t, func() bool { return stopped(pid) }, "the task ends, at the latest after its grace period")
}

func TestExecuteKillsAfterATime(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	startAgent(t, m)
	p := execute(t, m, "long", "--command=exec sleep 1000", "--kill_after=10ms")
	require.Equal(t, 3, p.ends())
	p.sees("TASK_KILLED")
}

// readPid waits until a file holds a process id.
func readPid(t *testing.T, path string) (pid int) {
	t.Helper()
	eventually(t, func() bool {
		b, _ := os.ReadFile(path)
		n, err := strconv.Atoi(strings.TrimSuffix(string(b), "\n"))
		pid = n
		return err == nil && strings.HasSuffix(string(b), "\n")
	}, "%s holds a process id", path)
	return pid
}

func TestExecuteSaysThatThereIsNoRoom(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	startAgent(t, m)
	p := start(t, "mesos-execute", "--master="+m.address, "--name=huge", "--command=true", "--resources=cpus:400")
	p.sees(`Waiting for more room: cpus:4; mem:1024; disk:1024; ports:\[31000-31009\] on 127.0.0.1 is not enough`)
	p.interrupt()
	require.Equal(t, 1, p.ends(), "nothing came of it")
	m.becomes("nobody waits", func(s state) bool { return len(s.Frameworks) == 0 && len(s.CompletedFrameworks) == 1 })
}

// The client may be there before the agent, and even before the master.
func TestExecuteWaitsForACluster(t *testing.T) {
	t.Parallel()
	first := startMaster(t)
	first.kill() // its address is free now, and known
	p := execute(t, first, "early", "--command=true")
	m := masterIn(t, t.TempDir(), first.port())
	p.sees("Subscribed with ID")
	startAgent(t, m)
	require.Equal(t, 0, p.ends())
}
