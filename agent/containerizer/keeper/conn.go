package keeper

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// writeTimeout is how long a peer may not read before its connection is closed.
const writeTimeout = 30 * time.Second

// conn carries messages over a unix socket. One goroutine reads; any may write.
type conn struct {
	c  *net.UnixConn
	mu sync.Mutex // serialises writes
}

func (c *conn) close() { c.c.Close() }

// write sends a message, with the descriptors of a command's output.
func (c *conn) write(m *message) error {
	frame, err := m.encode()
	if err != nil {
		return err
	}
	var rights []byte
	if m.kind == kindStart && m.command.Stdout != nil && m.command.Stderr != nil {
		rights = unix.UnixRights(int(m.command.Stdout.Fd()), int(m.command.Stderr.Fd()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.c.SetWriteDeadline(time.Now().Add(writeTimeout)) // a closed connection fails below
	n, _, err := c.c.WriteMsgUnix(frame, rights, nil)
	if err == nil && n < len(frame) {
		_, err = c.c.Write(frame[n:])
	}
	if err != nil {
		c.c.Close() // half a frame may be out
	}
	return err
}

// read receives a message. Descriptors belong to the receiver, who closes them.
func (c *conn) read() (*message, error) {
	var head [4]byte
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			f.Close()
		}
	}
	oob := make([]byte, unix.CmsgSpace(4*4))
	for got := 0; got < len(head); {
		n, oobn, _, _, err := c.c.ReadMsgUnix(head[got:], oob)
		files = append(files, rights(oob[:oobn])...)
		if err == nil && n == 0 {
			err = io.EOF
		}
		if err != nil {
			closeAll()
			return nil, err
		}
		got += n
	}
	length := binary.BigEndian.Uint32(head[:])
	if length == 0 || length > maxFrame {
		closeAll()
		return nil, fmt.Errorf("%w: %d bytes", errMalformed, length)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c.c, body); err != nil {
		closeAll()
		return nil, err
	}
	m, err := decode(body)
	if err != nil || m.kind != kindStart || len(files) != 2 {
		closeAll()
		return m, err
	}
	m.command.Stdout, m.command.Stderr = files[0], files[1]
	return m, nil
}

// rights are the descriptors in a control message.
func rights(oob []byte) []*os.File {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var files []*os.File
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "output"))
		}
	}
	return files
}
