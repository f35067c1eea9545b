package docker

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	engine "github.com/docker/docker/api/types/container"
	"go.uber.org/zap"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// attachment is the stream of a container's output from its beginning.
type attachment struct {
	io.Reader
	close    func()
	terminal bool
}

func (a *attachment) copy(ctx context.Context, out *output) error {
	defer a.close()
	defer context.AfterFunc(ctx, a.close)()
	return demultiplex(a, a.terminal, func(s stream, _ bool, p []byte) { out.Write(s, p) })
}

// attach asks for the output of a container that was not started yet.
func (c *Containerizer) attach(ctx context.Context, id string, terminal bool) (*attachment, error) {
	conn, err := c.api.ContainerAttach(ctx, id, engine.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, err
	}
	return &attachment{Reader: conn.Reader, close: conn.Close, terminal: terminal}, nil
}

// readLog copies what the engine's log of a container has beyond what the sandbox has, and goes on
// until the container's end if follow is set.
//
// With the json-file driver, without rotation, the size of the files says where to go on. Other logs are
// read from a second before the last output, so that nothing is missed; that second may come twice.
// From then on the times of messages say where to go on.
func (c *Containerizer) readLog(ctx context.Context, k *container, out *output, follow bool) error {
	is, err := c.api.ContainerInspect(ctx, k.id)
	if err != nil {
		return err
	}
	options := engine.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: follow}
	var skip [2]int64
	log := is.HostConfig.LogConfig
	out.exact = out.base[stdout] >= 0 && log.Type == "json-file" && log.Config["max-size"] == ""
	for _, s := range []stream{stdout, stderr} {
		if out.exact {
			skip[s], err = out.logged(s)
			out.exact = err == nil
		}
	}
	write := func(s stream, _ bool, p []byte) {
		n := min(skip[s], int64(len(p)))
		skip[s] -= n
		if len(p) > int(n) {
			out.Write(s, p[n:])
		}
	}
	if !out.exact {
		if out.seen == [2]mark{} {
			out.dropPartialLines() // they come again as a whole
		}
		if from := out.from(); !from.IsZero() {
			options.Since = from.UTC().Format(time.RFC3339Nano)
		}
		options.Timestamps = !is.Config.Tty // there they could not be told from output
		write = out.messages()
	}
	r, err := c.api.ContainerLogs(ctx, k.id, options)
	if err != nil && strings.Contains(err.Error(), "does not support reading") {
		return c.attachAgain(ctx, k, out, is, err)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	return demultiplex(r, is.Config.Tty, write)
}

// attachAgain is for log drivers that keep nothing: what was written meanwhile is lost.
func (c *Containerizer) attachAgain(ctx context.Context, k *container, out *output, is engine.InspectResponse, why error) error {
	if !is.State.Running {
		return errors.Join(why, errors.New("use the log driver json-file or local if restarts of the agent shall lose no output"))
	}
	c.log.Warn("output of a container since the agent's last process is lost", zap.String("container_id", containerizer.Key(k.spec.ID)), zap.Error(why))
	a, err := c.attach(ctx, k.id, is.Config.Tty)
	if err != nil {
		return err
	}
	return a.copy(ctx, out)
}
