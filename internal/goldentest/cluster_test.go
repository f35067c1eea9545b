package goldentest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// patience is how long the player waits for what must come. It is spent only if it does not.
const patience = 30 * time.Second

// hasty is a loop whose time passes several times faster than the wall's.
type hasty struct {
	*loop.Real
	start time.Time
	speed time.Duration
}

// speed of the master's time: it decides when what was declined is offered again.
const speed = 10

func (h hasty) Now() time.Time { return h.start.Add(time.Since(h.start) * h.speed) }

func (h hasty) AfterFunc(d time.Duration, f func()) func() bool {
	return h.Real.AfterFunc(d/h.speed, f)
}

func (h hasty) Timer(f func()) loop.Timer { return hastyTimer{h.Real.Timer(f), h.speed} }

type hastyTimer struct {
	loop.Timer
	speed time.Duration
}

func (t hastyTimer) Set(d time.Duration) { t.Timer.Set(d / t.speed) }

// cluster is the one that was recorded: a master and the agent agent1.example.
type cluster struct {
	*mesokit.Cluster
	agent     netip.AddrPort
	executors *standIn
}

// startCluster starts it, with more containerizers if any.
func startCluster(t *testing.T, more func(dir string) ([]containerizer.Containerizer, error)) *cluster {
	c := &cluster{executors: &standIn{containers: map[string]*container{}, launched: make(chan struct{}, 64)}}
	h := hasty{Real: loop.New(), start: time.Now(), speed: speed}
	t.Cleanup(h.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	started, err := mesokit.StartCluster(ctx, mesokit.ClusterConfig{
		Resources: "cpus:2;mem:4096;disk:4096;ports:[31000-32000]",
		Master: func(cfg *master.Config) {
			cfg.Loop = h
			cfg.Info.Hostname = proto.String("master.example")
		},
		Agent: func(_ int, cfg *agent.Config) {
			cfg.Info.Hostname = proto.String("agent1.example")
			cfg.Info.Attributes = attributes(t, "rack:r1;zone:z")
			c.agent = netip.AddrPortFrom(cfg.IP, uint16(cfg.Info.GetPort()))
		},
		Containerizers: func(dir string) ([]containerizer.Containerizer, error) {
			list := []containerizer.Containerizer{c.executors}
			if more == nil {
				return list, nil
			}
			others, err := more(dir)
			return append(list, others...), err
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, started.Stop()) })
	c.Cluster = started
	return c
}

func attributes(t *testing.T, text string) []*mesosproto.Attribute {
	list, err := resources.ParseAttributes(text)
	require.NoError(t, err)
	return list
}

// framework says whether the master knows a framework, and is connected to it.
func (c *cluster) framework(id string) (connected bool) {
	for f := range c.Master().Snapshot().Frameworks.All() {
		if f.ID == id {
			return f.Connected
		}
	}
	return false
}

// standIn runs custom executors: it starts nothing, because the player speaks for the recorded programs.
type standIn struct {
	mu         sync.Mutex // guards containers
	containers map[string]*container
	launched   chan struct{} // one for each launch
}

type container struct {
	spec  *containerizer.Spec
	ended chan struct{}
	once  sync.Once
}

func (c *container) end() { c.once.Do(func() { close(c.ended) }) }

var _ containerizer.Containerizer = (*standIn)(nil)

func (*standIn) Name() string { return "stand-in" }

func (*standIn) Recover(context.Context, []containerizer.Checkpoint) error { return nil }

func (s *standIn) Launch(_ context.Context, spec *containerizer.Spec) (containerizer.Launched, error) {
	if spec.Executor == nil {
		return containerizer.Launched{}, containerizer.ErrNotSupported
	}
	s.mu.Lock()
	s.containers[spec.ID.GetValue()] = &container{spec: spec, ended: make(chan struct{})}
	s.mu.Unlock()
	s.launched <- struct{}{}
	return containerizer.Launched{Status: &mesosproto.ContainerStatus{ContainerId: spec.ID, ExecutorPid: proto.Uint32(17102)}}, nil
}

// exit ends the containers as the program's own exit would.
func (s *standIn) exit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.containers {
		c.end()
	}
}

func (s *standIn) find(id *mesosproto.ContainerID) (*container, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.containers[id.GetValue()]; c != nil {
		return c, nil
	}
	return nil, containerizer.ErrUnknown
}

func (s *standIn) Wait(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	c, err := s.find(id)
	if err != nil {
		return containerizer.Termination{}, err
	}
	select {
	case <-c.ended:
		return containerizer.Termination{Exited: true}, nil
	case <-ctx.Done():
		return containerizer.Termination{}, ctx.Err()
	}
}

func (s *standIn) Destroy(ctx context.Context, id *mesosproto.ContainerID) (containerizer.Termination, error) {
	c, err := s.find(id)
	if err != nil {
		return containerizer.Termination{}, err
	}
	c.end()
	return s.Wait(ctx, id)
}

func (s *standIn) Signal(_ context.Context, id *mesosproto.ContainerID, _ syscall.Signal) error {
	_, err := s.find(id)
	return err
}

func (*standIn) Update(context.Context, *mesosproto.ContainerID, resources.Resources, map[string]float64) error {
	return nil
}

func (s *standIn) Status(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ContainerStatus, error) {
	_, err := s.find(id)
	return &mesosproto.ContainerStatus{ContainerId: id}, err
}

func (s *standIn) Usage(_ context.Context, id *mesosproto.ContainerID) (*mesosproto.ResourceStatistics, error) {
	_, err := s.find(id)
	return &mesosproto.ResourceStatistics{}, err
}

func (*standIn) Exec(context.Context, *mesosproto.ContainerID, *mesosproto.CommandInfo) (syscall.WaitStatus, []byte, error) {
	return 0, nil, containerizer.ErrUnknown
}

func (s *standIn) Remove(_ context.Context, id *mesosproto.ContainerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.containers, id.GetValue())
	return nil
}

// serveExecutor serves what the recorded frameworks' executors are fetched from, and returns its port. The
// program is never run.
func serveExecutor(t *testing.T) (port string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("#!/bin/false\n"))
	}))
	t.Cleanup(s.Close)
	return s.URL[strings.LastIndex(s.URL, ":"):]
}
