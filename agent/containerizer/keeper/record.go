package keeper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/mesokit/mesokit/agent/containerizer/internal/proctree"
)

// record is the file of one container: lines that are appended as things happen. The nil record is that
// of a container that leaves none.
//
//	mesokit container 1
//	mark "MESOS_SANDBOX=/…"
//	pid 4711 987654 <boot id>
//	exit 256
//	ended
type record struct{ path string }

const (
	recordHead = "mesokit container 1"
	maxRecord  = 64 << 10
)

func createRecord(dir, key, mark string) (*record, error) {
	r := &record{path: filepath.Join(dir, key)}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(f, "%s\nmark %s\n", recordHead, strconv.Quote(mark))
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(r.path)
		return nil, err
	}
	return r, nil
}

func (r *record) append(format string, args ...any) error {
	if r == nil {
		return nil
	}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, format+"\n", args...)
	return errors.Join(err, f.Close())
}

func (r *record) started(pid int, start uint64) error {
	return r.append("pid %d %d %s", pid, start, bootID())
}

func (r *record) exited(exit Exit) error {
	if !exit.Known {
		return r.append("lost %s", strconv.Quote(exit.Message))
	}
	return r.append("exit %d", int(exit.Status))
}

func (r *record) ended() error { return r.append("ended") }

func (r *record) remove() error {
	if r == nil {
		return nil
	}
	if err := os.Remove(r.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// contents is what a record says.
type contents struct {
	mark   string
	pid    int // 0: it was not written
	start  uint64
	boot   string
	exited bool
	exit   Exit
	ended  bool
}

// parseRecord reads a record. A last line that is not whole was being written when its writer died; it
// is left out.
func parseRecord(b []byte) (contents, error) {
	var c contents
	if i := bytes.LastIndexByte(b, '\n'); i < 0 {
		return c, errors.New("no line in it is whole")
	} else {
		b = b[:i]
	}
	lines := strings.Split(string(b), "\n")
	if lines[0] != recordHead {
		return c, fmt.Errorf("it begins with %.40q; this program reads %q", lines[0], recordHead)
	}
	for _, line := range lines[1:] {
		word, rest, _ := strings.Cut(line, " ")
		var err error
		switch word {
		case "mark":
			c.mark, err = strconv.Unquote(rest)
		case "pid":
			var n int
			n, err = fmt.Sscanf(rest, "%d %d %s", &c.pid, &c.start, &c.boot)
			if err == nil && (n != 3 || c.pid <= 1) {
				err = errors.New("a process id is above 1")
			}
		case "exit":
			var status uint64
			status, err = strconv.ParseUint(rest, 10, 16)
			c.exited, c.exit = true, Exit{Known: true, Status: syscall.WaitStatus(status)}
		case "lost":
			c.exited, c.exit = true, Exit{}
			c.exit.Message, err = strconv.Unquote(rest)
		case "ended":
			c.ended = true
		} // other words are of later versions
		if err != nil {
			return c, fmt.Errorf("line %.80q: %w", line, err)
		}
	}
	return c, nil
}

// bootID is read once: every launch needs it.
var bootID = sync.OnceValue(proctree.BootID)

func readRecord(path string) (contents, error) {
	f, err := os.Open(path)
	if err != nil {
		return contents{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return contents{}, err
	}
	return parseRecord(b)
}

// load takes over what earlier processes kept in the same directory: what still runs is adopted by a
// dedicated one, and killed by others; what ended is known with its exit.
func (l *Local) load() error {
	if err := os.MkdirAll(l.cfg.Dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.cfg.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p := &process{key: e.Name(), record: &record{path: filepath.Join(l.cfg.Dir, e.Name())}, done: make(chan struct{})}
		l.procs[p.key] = p
		c, err := readRecord(p.record.path)
		if err != nil {
			l.cfg.Logf("the record of container %s can't be read: %v", p.key, err)
			c = contents{exited: true, exit: Exit{Message: fmt.Sprintf("its record %s can't be read: %v", p.record.path, err)}, ended: true}
		}
		l.takeOver(p, c)
	}
	return nil
}

func (l *Local) takeOver(p *process, c contents) {
	p.mark, p.pid, p.start, p.exited, p.exit = c.mark, c.pid, c.start, c.exited, c.exit
	first, err := proctree.Read(c.pid)
	alive := c.pid != 0 && err == nil && first.Start == c.start && c.boot == bootID()
	switch {
	case c.ended && c.exited:
		p.ended = true
		close(p.done)
	case !c.exited && alive && l.cfg.Dedicated:
		l.cfg.Logf("container %s is taken over with process %d", p.key, p.pid)
		go l.watchAdopted(p, first)
	default:
		if !c.exited {
			p.exited = true
			p.exit = Exit{Message: "the process that kept it was killed before it ended, so its exit status is unknown"}
			if err := p.record.exited(p.exit); err != nil {
				l.cfg.Logf("container %s: its exit is not recorded: %v", p.key, err)
			}
		}
		var remains []proctree.Process
		if alive {
			remains = append(remains, first)
		}
		go l.sweep(p, remains, true)
	}
}

// watchAdopted waits for the end of a process that is no child of this one.
func (l *Local) watchAdopted(p *process, first proctree.Process) {
	awaitStranger(first)
	exit := Exit{Message: "the keeper was killed while it ran, so its exit status is unknown"}
	if err := p.record.exited(exit); err != nil {
		l.cfg.Logf("container %s: its exit is not recorded: %v", p.key, err)
	}
	l.mu.Lock()
	p.exit, p.exited = exit, true
	seen := p.seen
	l.mu.Unlock()
	l.sweep(p, seen, true)
}
