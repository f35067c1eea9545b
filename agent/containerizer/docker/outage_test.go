package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/agent/containerizer"
)

// wire is a socket that leads to the engine until it is cut: what an engine with live-restore looks like
// while it restarts.
type wire struct {
	t    *testing.T
	path string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	wg       sync.WaitGroup
}

func newWire(t *testing.T) *wire {
	dir, err := os.MkdirTemp("", "wire") // t.TempDir is too long for a socket
	require.NoError(t, err)
	w := &wire{t: t, path: filepath.Join(dir, "docker.sock"), conns: map[net.Conn]bool{}}
	w.mend()
	t.Cleanup(func() {
		w.cut()
		w.wg.Wait()
		require.NoError(t, os.RemoveAll(dir))
	})
	return w
}

func (w *wire) mend() {
	l, err := net.Listen("unix", w.path)
	require.NoError(w.t, err)
	w.mu.Lock()
	w.listener = l
	w.mu.Unlock()
	w.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", DefaultHost)
			if err != nil {
				in.Close()
				continue
			}
			w.mu.Lock()
			if w.listener != l {
				in.Close()
				out.Close()
			}
			w.conns[in], w.conns[out] = true, true
			w.mu.Unlock()
			both := func(a, b net.Conn) {
				_, _ = io.Copy(a, b)
				w.mu.Lock()
				defer w.mu.Unlock()
				for _, c := range []net.Conn{a, b} {
					c.Close()
					delete(w.conns, c)
				}
			}
			w.wg.Go(func() { both(in, out) })
			w.wg.Go(func() { both(out, in) })
		}
	})
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		w.listener.Close()
		w.listener = nil
	}
	for c := range w.conns {
		c.Close()
	}
}

func newWiredRig(t *testing.T) (*rig, *wire) {
	realEngine(t)
	w := newWire(t)
	return newRig(t, func(cfg *Config) { cfg.Host, cfg.Logger = w.path, nil }), w
}

// While the engine can't be reached containers go on. Afterwards their output is complete, and their
// ends are known.
func TestOutageIsWaitedOut(t *testing.T) {
	r, w := newWiredRig(t)
	goes, ends := r.task(steps(3, 100), none), r.task(steps(1, 100), none)
	atEnd, g := r.gate(ends), r.gate(goes)
	r.launch(goes)
	r.launch(ends)
	require.Equal(t, "1", g.reached())
	require.Equal(t, "1", atEnd.reached())
	r.reads(goes, wanted("line", 10))

	w.cut()
	g.pass()
	require.Equal(t, "2", g.reached())
	atEnd.pass() // it ends unseen
	refused := r.task("true", none)
	_, err := r.Launch(r.ctx, refused)
	require.ErrorContains(t, err, "start the engine")
	require.False(t, r.end(refused).Exited)
	w.mend()

	require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 7 << 8}, r.end(ends))
	require.Equal(t, wanted("line", 100)+"no newline", file(t, ends, "stdout"))
	g.pass()
	require.Equal(t, "3", g.reached())
	g.pass()
	require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 7 << 8}, r.end(goes))
	require.Equal(t, wanted("line", 300)+"no newline", file(t, goes, "stdout"))
	require.Equal(t, wanted("error", 300), file(t, goes, "stderr"))
}

func TestDestroyDuringAnOutage(t *testing.T) {
	r, w := newWiredRig(t)
	spec := r.task("echo ready; sleep 100000", none)
	r.launch(spec)
	r.reads(spec, "ready\n")
	w.cut()
	ctx, cancel := context.WithCancelCause(r.ctx)
	ended := make(chan error, 2)
	go func() { _, err := r.Destroy(ctx, spec.ID); ended <- err }()
	go func() { _, err := r.Destroy(r.ctx, spec.ID); ended <- err }()
	require.Eventually(t, func() bool { return r.doomed(r.find(spec.ID)) }, r.patience(), tick)
	cancel(errors.New("enough"))
	require.Error(t, <-ended)
	w.mend()
	require.NoError(t, <-ended)
	require.Equal(t, 137, r.end(spec).WaitStatus.ExitStatus())
}

func TestRecoverNeedsTheEngine(t *testing.T) {
	r, w := newWiredRig(t)
	w.cut()
	require.NoError(t, r.Close())
	c, err := New(r.cfg)
	require.NoError(t, err)
	r.Containerizer = c
	require.ErrorContains(t, c.Recover(r.ctx, nil), "start the engine")
}
