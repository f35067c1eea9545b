package keeper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// open connects to the keeper; if there is none it starts one.
func (c *Client) open(ctx context.Context) (*session, error) {
	for {
		s, err := greet(ctx, c.cfg.Dir)
		var wrong *versionError
		if err == nil || errors.As(err, &wrong) {
			return s, err
		}
		if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			return nil, err
		}
		said, err := spawn(ctx, c.cfg)
		switch {
		case err != nil:
			return nil, err
		case said == sayBusy: // one that is about to end, or another agent's that is about to be ready
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				return nil, fmt.Errorf("another keeper has the lock but does not answer: %w", context.Cause(ctx))
			}
		}
	}
}

type versionError struct{ pid, theirs int }

func (e *versionError) Error() string {
	return fmt.Sprintf("the keeper with process id %d speaks version %d of the protocol, this agent %d; "+
		"run the agent that started it until its containers have ended, or kill it and lose their exit statuses", e.pid, e.theirs, version)
}

// greet opens a session with a keeper that runs.
func greet(ctx context.Context, dir string) (*session, error) {
	raw, err := dial(dir)
	if err != nil {
		return nil, err
	}
	s := &session{conn: &conn{c: raw}, pending: map[uint64]*request{}}
	_ = raw.SetReadDeadline(time.Now().Add(helloTimeout))
	defer context.AfterFunc(ctx, func() { raw.SetReadDeadline(time.Unix(1, 0)) })()
	if err := s.write(&message{kind: kindHello, id: 1, version: version}); err != nil {
		s.close()
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) {
			err = io.EOF
		}
		return nil, err
	}
	m, err := s.conn.read()
	if err == nil && m.kind != kindHello {
		err = errMalformed
	}
	if err == nil && m.version != version {
		err = &versionError{m.pid, int(m.version)}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	_ = raw.SetReadDeadline(time.Time{})
	s.pid, s.last = m.pid, 1
	return s, nil
}

// spawn starts a keeper and returns what it says when it is ready, or can't be.
func spawn(ctx context.Context, cfg Config) (string, error) {
	path := cfg.Helper
	if path == "" {
		path = own
	}
	logPath := filepath.Join(cfg.Dir, "keeper.log")
	logFile, err := os.OpenFile(logPath, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return "", err
	}
	defer logFile.Close()
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer out.Close()
	cmd := &exec.Cmd{
		Path: path, Args: []string{path, argument, cfg.Dir, cfg.IdleTime.String()},
		Stdout: in, Stderr: logFile,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true}, // what ends the agent's terminal or group must not end it
	}
	if cfg.Helper == "" {
		cmd.Args[0] = os.Args[0] // for ps
	}
	err = cmd.Start()
	in.Close()
	if err != nil {
		return "", fmt.Errorf("start a keeper: %w", err)
	}
	go func() { _ = cmd.Wait() }() // its connection tells of its end
	defer context.AfterFunc(ctx, func() { out.Close() })()
	said, err := bufio.NewReader(io.LimitReader(out, 4096)).ReadString('\n')
	said = strings.TrimSpace(said)
	switch {
	case said == sayReady || said == sayBusy:
		return said, nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("wait for the keeper %s: %w", path, context.Cause(ctx))
	case err != nil:
		return "", fmt.Errorf("%s is no keeper, it ended without a word (its main function must call agent.RunHelper first); see %s", path, logPath)
	}
	return "", fmt.Errorf("the keeper %s says: %s; see %s", path, said, logPath)
}
