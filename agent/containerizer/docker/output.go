package docker

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// stream is one of a container's two streams of output.
type stream int

const (
	stdout stream = iota
	stderr
)

// labelOutput is the label that holds the sizes of stdout and stderr, as "n,n", before the container
// wrote to them: what the files have beyond is how much of its output they have.
const labelOutput = "mesokit.output"

// output is the files in a sandbox that take a container's output. It is used by one goroutine at a
// time.
type output struct {
	files [2]*os.File // nil: there is no sandbox any more, what comes is dropped
	base  [2]int64    // the size of each before the container wrote to it; -1 if unknown
	log   *zap.Logger
	full  bool // writing failed, and that was logged

	// What readLog knows: whether it goes by the size of the files, else how far it has come.
	exact bool
	seen  [2]mark
}

// openOutput opens the files. They belong to the user of the spec, as its sandbox does.
func openOutput(sandbox, username string, log *zap.Logger) (*output, error) {
	uid, gid := -1, -1
	if username != "" && os.Geteuid() == 0 {
		if u, err := user.Lookup(username); err == nil {
			uid, gid = number(u.Uid), number(u.Gid)
		}
	}
	o := &output{log: log}
	var err error
	if o.files[stdout], o.files[stderr], err = containerizer.OpenOutput(sandbox, uid, gid); err != nil {
		return nil, err
	}
	for i, f := range o.files {
		info, err := f.Stat()
		if err != nil {
			o.Close()
			return nil, err
		}
		o.base[i] = info.Size()
	}
	return o, nil
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// label is the value of labelOutput.
func (o *output) label() string { return fmt.Sprintf("%d,%d", o.base[stdout], o.base[stderr]) }

// since sets the base from a label; one that this package did not write leaves it unknown.
func (o *output) since(label string) {
	o.base = [2]int64{-1, -1}
	if first, second, ok := strings.Cut(label, ","); ok {
		a, errA := strconv.ParseInt(first, 10, 63)
		b, errB := strconv.ParseInt(second, 10, 63)
		if errA == nil && errB == nil && a >= 0 && b >= 0 {
			o.base = [2]int64{a, b}
		}
	}
}

// Write appends to a file. What can't be written is dropped, so that a full disk does not stop the
// container in the middle of a line.
func (o *output) Write(s stream, p []byte) {
	if o.files[s] == nil {
		return
	}
	_, err := o.files[s].Write(p)
	if err != nil && !o.full {
		o.log.Error("output of a container is lost", zap.String("file", o.files[s].Name()), zap.Error(err))
	}
	o.full = err != nil
}

func (o *output) Close() {
	for _, f := range o.files {
		if f != nil {
			f.Close()
		}
	}
}

// bufferSize is how much of a container's output is in this process at a time.
const bufferSize = 16 << 10

// demultiplex reads what the engine sends of a container's output until it ends: frames of a header,
// which is the stream, three zeros and the length, big endian, and that many bytes. With a terminal
// there are no frames, and everything is stdout.
//
// write gets pieces of a frame; start is set with the first of each, which has all of a timestamp.
//
// Docker Engine API, "Attach to a container", Stream format.
func demultiplex(r io.Reader, terminal bool, write func(s stream, start bool, p []byte)) error {
	buf := make([]byte, bufferSize)
	for {
		if terminal {
			n, err := r.Read(buf)
			if n > 0 {
				write(stdout, false, buf[:n])
			}
			if err != nil {
				return end(err)
			}
			continue
		}
		var header [8]byte
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return end(err)
		}
		left := int64(binary.BigEndian.Uint32(header[4:]))
		s := stdout
		switch header[0] {
		case 0, 1:
		case 2:
			s = stderr
		case 3:
			text, err := io.ReadAll(io.LimitReader(r, min(left, 1024)))
			if err != nil {
				return err
			}
			return fmt.Errorf("the engine stopped sending output: %s", text)
		default:
			return fmt.Errorf("the engine sent output of stream %d, which does not exist", header[0])
		}
		for start := true; left > 0; start = false {
			piece := buf[:min(left, bufferSize)]
			n, err := io.ReadAtLeast(r, piece, min(len(piece), timestampSize))
			if n > 0 {
				write(s, start, piece[:n])
			}
			if left -= int64(n); err != nil {
				return unexpected(err)
			}
		}
	}
}

// unexpected is the error for a stream that ends in the middle of a frame.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// end makes the end of a stream no error.
func end(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
