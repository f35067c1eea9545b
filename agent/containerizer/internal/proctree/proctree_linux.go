package proctree

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Snapshot is the process table at one time. It does not change.
type Snapshot struct {
	processes  map[int]Process
	adopters   map[int]bool // who gets the children of the dead
	ownSession int
	index      *index
	roots      map[int]bool // see Scanner.Roots
}

// Take reads the process table. Processes that come and go meanwhile may be missed. Orphans are looked
// for among the children of init, of this process's ancestors, and of adopters: subreapers that are
// known to have some.
func Take(adopters ...int) (Snapshot, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return Snapshot{}, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{processes: make(map[int]Process, len(names)), index: &index{marks: map[markIndex]map[string][]Process{}}}
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, err := Read(pid); err == nil {
				s.processes[pid] = p
			}
		}
	}
	self := os.Getpid()
	s.ownSession = s.processes[self].Session
	s.adopters = map[int]bool{1: true}
	for pid := s.processes[self].Parent; pid > 0 && !s.adopters[pid]; pid = s.processes[pid].Parent {
		s.adopters[pid] = true
	}
	for _, pid := range adopters {
		s.adopters[pid] = true
	}
	return s, nil
}

// Read reads one process; os.ErrNotExist if there is none.
func Read(pid int) (Process, error) {
	var buf [1024]byte
	b, err := readFile("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	if err != nil {
		return Process{}, err
	}
	p, ok := parseStat(b)
	if !ok {
		return Process{}, errors.New("/proc/" + strconv.Itoa(pid) + "/stat is not as proc(5) says")
	}
	return p, nil
}

// readFile reads what fits into buf. It does without os.File: thousands of files are read at a time.
func readFile(path string, buf []byte) ([]byte, error) {
	fd, err := open(path)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	n := 0
	for n < len(buf) {
		m, err := syscall.Read(fd, buf[n:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, gone(err)
		}
		if m == 0 {
			break
		}
		n += m
	}
	return buf[:n], nil
}

func open(path string) (int, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != syscall.EINTR {
			return fd, gone(err)
		}
	}
}

func gone(err error) error {
	if err == syscall.ESRCH || err == syscall.ENOENT {
		return os.ErrNotExist
	}
	return err
}

// ticks per second of /proc: USER_HZ, 100 on every architecture that Go runs on.
const tick = time.Second / 100

var pageSize = uint64(os.Getpagesize())

// parseStat reads a line of /proc/<pid>/stat: proc(5). The name, in parentheses, may hold anything.
func parseStat(b []byte) (Process, bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return Process{}, false
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b[:open])))
	if err != nil {
		return Process{}, false
	}
	fields := bytes.Fields(b[end+1:]) // the first is field 3, state
	if len(fields) < 22 || len(fields[0]) != 1 {
		return Process{}, false
	}
	bad := false
	number := func(field int) int64 {
		n, err := strconv.ParseInt(string(fields[field-3]), 10, 64)
		bad = bad || err != nil
		return n
	}
	p := Process{
		Pid: pid, Parent: int(number(4)), Group: int(number(5)), Session: int(number(6)),
		User: time.Duration(number(14)+number(16)) * tick, System: time.Duration(number(15)+number(17)) * tick,
		Threads: int(number(20)), Start: uint64(number(22)), RSS: uint64(max(0, number(24))) * pageSize,
	}
	// The state is that of the first thread: others may go on without it.
	state := fields[0][0]
	p.Dead = (state == 'Z' || state == 'X') && p.Threads <= 1
	return p, !bad
}

// HasEnviron reports whether a process was started with an entry NAME=value in its environment.
func HasEnviron(pid int, entry string) bool {
	name, _, ok := strings.Cut(entry, "=")
	found, there := environ(pid, name)
	return ok && there && found == entry
}

// environ is the entry NAME=value of a name in the environment that a process was started with.
func environ(pid int, name string) (entry string, ok bool) {
	b := readEnviron(pid)
	if len(b) == 0 {
		return "", false
	}
	begin := []byte(name + "=")
	if !bytes.HasPrefix(b, begin) {
		at := bytes.Index(b, append([]byte{0}, begin...))
		if at < 0 {
			return "", false
		}
		b = b[at+1:]
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b), true
}

// readEnviron reads an environment. In the middle of an exec there is none for a moment.
func readEnviron(pid int) []byte {
	dir := "/proc/" + strconv.Itoa(pid)
	for try := 0; ; try++ {
		b, err := os.ReadFile(dir + "/environ")
		if err != nil || len(b) > 0 || try == 5 || !executing(dir) {
			return b
		}
		time.Sleep(time.Millisecond)
	}
}

// executing reports whether a process with an empty environment is about to get another: its
// environment is nowhere (env_start, field 50 of its stat, is 0), and it is no kernel thread.
func executing(dir string) bool {
	var buf [1024]byte
	b, err := readFile(dir+"/stat", buf[:])
	if err != nil {
		return false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 48 || string(fields[47]) != "0" {
		return false
	}
	_, err = os.Readlink(dir + "/exe")
	return err == nil
}

// BootID tells one boot of the machine from another; start times compare only within one.
func BootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return string(bytes.TrimSpace(b))
}

// Signal signals the process if it still is the one that was found.
func (p Process) Signal(signal syscall.Signal) error {
	fd, err := p.signal(signal)
	if fd >= 0 {
		syscall.Close(fd)
	}
	return err
}

// signal returns the pidfd that it used; -1 if there is none.
func (p Process) signal(signal syscall.Signal) (fd int, err error) {
	fd, err = unix.PidfdOpen(p.Pid, 0)
	if err == syscall.ESRCH {
		return -1, err
	}
	// Only now is the number bound to one process, and may be compared.
	if now, err := Read(p.Pid); err != nil || now.Start != p.Start {
		if fd >= 0 {
			syscall.Close(fd)
		}
		return -1, syscall.ESRCH
	}
	if fd < 0 { // kernels before 5.3
		return -1, syscall.Kill(p.Pid, signal)
	}
	return fd, unix.PidfdSendSignal(fd, signal, nil, 0)
}

// Kill sends SIGKILL to all processes of a list and waits until they are dead, at most for a moment:
// some may be in the middle of a system call that can't be interrupted.
func Kill(list []Process) {
	const patience = 100 * time.Millisecond
	deadline := time.Now().Add(patience)
	var waiting []unix.PollFd
	for _, p := range list {
		fd, err := p.signal(syscall.SIGKILL)
		switch {
		case fd >= 0 && err == nil && len(waiting) < 256:
			waiting = append(waiting, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		case fd >= 0:
			syscall.Close(fd)
		case err == nil: // no pidfds: the caller has to look again
			deadline = time.Now().Add(patience / 10)
			waiting = append(waiting, unix.PollFd{Fd: -1}) // never ready
		}
	}
	for _, w := range waiting {
		one := []unix.PollFd{w}
		for {
			left := max(0, time.Until(deadline))
			if _, err := unix.Poll(one, int(left.Milliseconds())); err != syscall.EINTR {
				break
			}
		}
		if w.Fd >= 0 {
			syscall.Close(int(w.Fd))
		}
	}
}
