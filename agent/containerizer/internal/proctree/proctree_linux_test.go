package proctree

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	line := "4242 (a (b) c) S 17 4240 4239 34816 4242 4194304 100 200 0 0 50 25 150 75 20 0 3 0 987654 1000000 512 18446744073709551615 0 0 0\n"
	p, ok := parseStat([]byte(line))
	require.True(t, ok)
	require.Equal(t, Process{Pid: 4242, Parent: 17, Group: 4240, Session: 4239, Start: 987654, Threads: 3,
		User: 200 * tick, System: 100 * tick, RSS: 512 * pageSize}, p)

	for _, c := range []struct {
		state, threads string
		dead           bool
	}{{"Z", "1", true}, {"Z", "0", true}, {"X", "1", true}, {"Z", "2", false}, {"D", "1", false}, {"T", "1", false}} {
		l := strings.Replace(strings.Replace(line, ") S ", ") "+c.state+" ", 1), " 20 0 3 ", " 20 0 "+c.threads+" ", 1)
		p, ok := parseStat([]byte(l))
		require.True(t, ok)
		require.Equal(t, c.dead, p.Dead, "state %s with %s threads", c.state, c.threads)
	}
	for _, bad := range []string{"", "(", ")(", "1", "1 (a) S", "x (a) " + line[14:], strings.Replace(line, "4239", "?", 1)} {
		_, ok := parseStat([]byte(bad))
		require.False(t, ok, "%q", bad)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("4242 (a (b) c) S 17 4240 4239 34816 4242 4194304 100 200 0 0 50 25 150 75 20 0 3 0 987654 1000000 512 1\n"))
	f.Add([]byte("1 () ("))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parseStat(b); ok {
			pid, err := strconv.Atoi(strings.TrimSpace(string(b[:bytes.IndexByte(b, '(')])))
			require.NoError(t, err)
			require.Equal(t, pid, p.Pid)
		}
	})
}

// tree starts a shell in its own session that says when its script has come to its point.
func tree(t *testing.T, script string, env ...string) Process {
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
	})
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", said)
	p, err := Read(cmd.Process.Pid)
	require.NoError(t, err)
	return p
}

func take(t *testing.T) Snapshot {
	s, err := Take()
	require.NoError(t, err)
	return s
}

func TestTakeSeesThisProcess(t *testing.T) {
	s := take(t)
	self := s.processes[os.Getpid()]
	require.Equal(t, os.Getppid(), self.Parent)
	require.Positive(t, self.Threads)
	require.Positive(t, self.RSS)
	require.False(t, self.Dead)
	require.True(t, s.adopters[1] && s.adopters[os.Getppid()])
	require.False(t, s.adopters[os.Getpid()])
	require.Contains(t, s.Children(os.Getppid()), os.Getpid())
}

// A mark, a session and a parent each make a member; together they find all of a tree.
func TestMembers(t *testing.T) {
	const mark = "MESOKIT_TEST_MARK=members"
	// A child, a child with a session of its own, a daemon with a child, and one that dropped the mark.
	p := tree(t, `sleep 100000 &
setsid sleep 100000 &
(setsid sh -c 'sleep 100000 & sleep 100000 & echo $$ >&3; exec 3>&-; wait' 3>&1 >/dev/null &) | read daemon
env -u MESOKIT_TEST_MARK sleep 100000 &
echo ready; wait`, mark)
	members := take(t).Members(Query{Pid: p.Pid, Start: p.Start, Mark: mark})
	t.Cleanup(func() { Kill(members) })
	require.Len(t, Living(members), 7, "%+v", members)

	var others []Process
	for _, m := range members {
		if m.Pid != p.Pid {
			others = append(others, m)
		}
	}
	rest := Query{Also: others, Mark: mark, Everywhere: true}
	scanner := &Scanner{Roots: func() map[int]bool { return map[int]bool{p.Pid: true} }}
	for left := Living(others); len(left) > 0; {
		Kill(left)
		s, err := scanner.Take()
		require.NoError(t, err)
		left = Living(s.Members(rest))
	}
	_, err := Read(p.Pid)
	require.NoError(t, err, "another container's first process lives")
}

// Who gets the number of a process that ended is not that process.
func TestAnotherStartTimeIsAnotherProcess(t *testing.T) {
	p := tree(t, "echo ready; exec sleep 100000")
	stranger := p
	stranger.Start--
	s := take(t)
	require.Empty(t, s.Members(Query{Pid: p.Pid, Start: stranger.Start, Also: []Process{stranger}}))
	require.ErrorIs(t, stranger.Signal(syscall.SIGKILL), syscall.ESRCH)
	Kill([]Process{stranger})
	_, err := Read(p.Pid)
	require.NoError(t, err)
	require.NoError(t, p.Signal(0))

	require.Len(t, s.Members(Query{Pid: p.Pid, Start: p.Start}), 1)
}

// Only orphans are taken by their mark alone, unless all are asked for.
func TestMarkOfOthers(t *testing.T) {
	const mark = "MESOKIT_TEST_MARK=others"
	p := tree(t, `setsid sh -c 'echo ready; exec sleep 100000' & wait`, mark)
	s := take(t)
	require.Len(t, s.Members(Query{Mark: mark, Everywhere: true}), 2)
	require.Empty(t, s.Members(Query{Mark: mark}))
	s, err := Take(os.Getpid()) // whose child p is
	require.NoError(t, err)
	kill := s.Members(Query{Mark: mark})
	require.Len(t, kill, 2)
	s.roots = map[int]bool{p.Pid: true} // of another container
	require.Empty(t, s.Members(Query{Mark: mark}))
	require.Len(t, s.Members(Query{Mark: mark, Pid: p.Pid, Start: p.Start}), 2)
	Kill(kill)
}

func TestScannerSnapshotsAreNotStale(t *testing.T) {
	var scanner Scanner
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				cmd := exec.Command("sleep", "100000")
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				s, err := scanner.Take()
				if _, ok := s.processes[cmd.Process.Pid]; !ok || err != nil {
					t.Errorf("a process that was started before is missing: %v", err)
				}
				_ = cmd.Process.Kill()
				_ = cmd.Wait() // killed
			}
		})
	}
	wg.Wait()
}

func TestHasEnviron(t *testing.T) {
	p := tree(t, "echo ready; exec sleep 100000", "MESOKIT_A=b", "MESOKIT_C=")
	for entry, want := range map[string]bool{"MESOKIT_A=b": true, "MESOKIT_C=": true, "MESOKIT_A=": false, "MESOKIT_A=bb": false, "ESOKIT_A=b": false} {
		require.Equal(t, want, HasEnviron(p.Pid, entry), entry)
	}
	require.False(t, HasEnviron(1<<30, "A=b"))
}

func BenchmarkTake(b *testing.B) {
	for b.Loop() {
		if _, err := Take(); err != nil {
			b.Fatal(err)
		}
	}
}
