package keeper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// journal is the file that remembers containers beyond the end of their keeper: a line is appended for
// each thing that happens, and the whole is written anew when it consists mostly of the past. One file
// for all, because making one takes some file systems as long as the whole launch.
//
//	mesokit containers 1
//	start KEY "MESOS_SANDBOX=/…"
//	pid KEY 4711 987654 <boot id>
//	exit KEY 256
//	ended KEY
//	remove KEY
//
// The nil journal forgets everything.
type journal struct {
	path string

	mu    sync.Mutex
	f     *os.File
	live  map[string]*record
	lines int // since it was written anew
}

// record is what the journal says of a container.
type record struct {
	mark   string
	pid    int // 0: it was not written
	start  uint64
	boot   string
	exited bool
	exit   Exit
	ended  bool
}

const (
	journalName = "containers.log"
	journalHead = "mesokit containers 1"
)

// openJournal reads a directory's journal and writes it anew.
func openJournal(dir string, logf func(string, ...any)) (*journal, error) {
	j := &journal{path: filepath.Join(dir, journalName), live: map[string]*record{}}
	b, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		if err := j.replay(b, logf); err != nil {
			return nil, fmt.Errorf("read %s: %w", j.path, err)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j, j.rewriteLocked()
}

// replay takes in a journal. A last line that is not whole was being written when its writer was killed.
func (j *journal) replay(b []byte, logf func(string, ...any)) error {
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	for n, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		if n == 0 {
			if line != journalHead && len(b) > 0 {
				return fmt.Errorf("it begins with %.40q and this program writes %q; destroy its containers with the program that wrote it, or remove it", line, journalHead)
			}
			continue
		}
		if err := j.take(line); err != nil {
			logf("%s:%d: %.80q is skipped: %v", j.path, n+1, line, err)
		}
	}
	return nil
}

func (j *journal) take(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	key, rest, _ := strings.Cut(rest, " ")
	if err := checkKey(key); err != nil {
		return err
	}
	r := j.live[key]
	if r == nil {
		if word != "start" {
			return errors.New("nothing is known of this container")
		}
		r = &record{}
	}
	var err error
	switch word {
	case "start":
		r.mark, err = strconv.Unquote(rest)
	case "pid":
		pid, start, boot := 0, uint64(0), ""
		if _, err = fmt.Sscanf(rest, "%d %d %s", &pid, &start, &boot); err == nil && pid <= 1 {
			err = errors.New("a container's process id is above 1")
		}
		if err == nil {
			r.pid, r.start, r.boot = pid, start, boot
		}
	case "exit":
		var status uint64
		if status, err = strconv.ParseUint(rest, 10, 16); err == nil {
			r.exited, r.exit = true, Exit{Known: true, Status: syscall.WaitStatus(status)}
		}
	case "lost":
		var message string
		if message, err = strconv.Unquote(rest); err == nil {
			r.exited, r.exit = true, Exit{Message: message}
		}
	case "ended":
		r.ended = true
	case "remove":
		delete(j.live, key)
		return nil
	default:
		err = errors.New("no such word")
	}
	if err == nil {
		j.live[key] = r
	}
	return err
}

// lines are a record as it is written.
func (r *record) lines(key string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "start %s %s\n", key, strconv.Quote(r.mark))
	if r.pid != 0 {
		fmt.Fprintf(&b, "pid %s %d %d %s\n", key, r.pid, r.start, r.boot)
	}
	if r.exited {
		b.WriteString(r.exit.line(key))
	}
	if r.ended {
		fmt.Fprintf(&b, "ended %s\n", key)
	}
	return b.String()
}

func (e Exit) line(key string) string {
	if e.Known {
		return fmt.Sprintf("exit %s %d\n", key, int(e.Status))
	}
	return fmt.Sprintf("lost %s %s\n", key, strconv.Quote(e.Message))
}

// rewriteLocked replaces the file by one that has only what is live.
func (j *journal) rewriteLocked() error {
	temporary := j.path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(journalHead + "\n")
	for _, key := range slices.Sorted(maps.Keys(j.live)) {
		b.WriteString(j.live[key].lines(key))
	}
	if _, err = f.Write(b.Bytes()); err == nil {
		err = os.Rename(temporary, j.path)
	}
	if err != nil {
		f.Close()
		return err
	}
	if j.f != nil {
		j.f.Close()
	}
	j.f, j.lines = f, 0
	return nil
}

// append writes lines and takes them in. If they can't be appended, the whole is written anew, so that
// half a line can't spoil the next; if that fails too, they are written the next time that it does not.
func (j *journal) append(lines string) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(lines) {
		if err := j.take(strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
		j.lines++
	}
	if _, err := io.WriteString(j.f, lines); err != nil || j.lines > 1000+8*len(j.live) {
		if again := j.rewriteLocked(); again != nil {
			return errors.Join(err, again)
		}
	}
	return nil
}

// begin notes a container that is about to be started; what can't be noted is not started.
func (j *journal) begin(key, mark string) error {
	err := j.append("start " + key + " " + strconv.Quote(mark) + "\n")
	if err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.live, key)
	}
	return err
}

func (j *journal) started(key string, pid int, start uint64) error {
	return j.append(fmt.Sprintf("pid %s %d %d %s\n", key, pid, start, bootID()))
}

// exited notes the end of the first process; ended, that nothing is left.
func (j *journal) exited(key string, exit Exit, ended bool) error {
	lines := exit.line(key)
	if ended {
		lines += "ended " + key + "\n"
	}
	return j.append(lines)
}

func (j *journal) ended(key string) error  { return j.append("ended " + key + "\n") }
func (j *journal) remove(key string) error { return j.append("remove " + key + "\n") }

func (j *journal) close() {
	if j != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.f.Close()
	}
}
