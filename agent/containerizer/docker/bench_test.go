package docker

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// BenchmarkStart starts containers through the containerizer, with Pull and Launch, and in turn through
// the Engine API alone, with create and start of the same request. The two vary by more than they
// differ, so added-ms is taken from inside: the median of what Pull and Launch took beyond the create
// and start that they waited for.
func BenchmarkStart(b *testing.B) {
	b.Run("host", func(b *testing.B) { benchmarkStart(b, mesosproto.ContainerInfo_DockerInfo_HOST) })
	b.Run("bridge", func(b *testing.B) { benchmarkStart(b, mesosproto.ContainerInfo_DockerInfo_BRIDGE) })
}

// stopwatch adds up how long requests to create and to start containers took.
type stopwatch struct {
	http.RoundTripper
	spent atomic.Int64
}

func (s *stopwatch) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	answer, err := s.RoundTripper.RoundTrip(r)
	if strings.HasSuffix(r.URL.Path, "/containers/create") || strings.HasSuffix(r.URL.Path, "/start") {
		s.spent.Add(int64(time.Since(began)))
	}
	return answer, err
}

func benchmarkStart(b *testing.B, network mesosproto.ContainerInfo_DockerInfo_Network) {
	api := realEngine(b)
	ctx := b.Context()
	c, err := New(Config{WorkDir: b.TempDir(), RemoveDelay: -1})
	require.NoError(b, err)
	defer c.Close()
	defer sweep(b, api, c.cfg.WorkDir)
	watch := &stopwatch{RoundTripper: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", DefaultHost)
	}}}
	c.api, err = client.NewClientWithOpts(client.WithHost(c.cfg.Host), client.WithHTTPClient(&http.Client{Transport: watch}), client.WithAPIVersionNegotiation())
	require.NoError(b, err)
	require.NoError(b, c.Recover(ctx, nil))
	sandbox := b.TempDir()
	task := func() *containerizer.Spec {
		spec := taskSpec("sleep 100000")
		spec.Sandbox, spec.Container.Docker.Network = sandbox, network.Enum()
		return spec
	}
	var ours, added, alone []time.Duration
	b.StopTimer()
	for range b.N {
		spec := task()
		watch.spent.Store(0)
		b.StartTimer()
		began := time.Now()
		require.NoError(b, c.Pull(ctx, spec))
		_, err := c.Launch(ctx, spec)
		took := time.Since(began)
		b.StopTimer()
		require.NoError(b, err)
		ours = append(ours, took)
		added = append(added, took-time.Duration(watch.spent.Load()))
		_, err = c.Destroy(ctx, spec.ID)
		require.NoError(b, err)
		require.NoError(b, c.Remove(ctx, spec.ID))

		spec = task()
		r, err := newRequest(c.settings, spec, "mesokit-docker-test-"+spec.ID.GetValue())
		require.NoError(b, err)
		began = time.Now()
		created, err := api.ContainerCreate(ctx, &r.config, &r.host, nil, nil, r.name)
		require.NoError(b, err)
		require.NoError(b, api.ContainerStart(ctx, created.ID, engine.StartOptions{}))
		alone = append(alone, time.Since(began))
		require.NoError(b, api.ContainerRemove(ctx, created.ID, engine.RemoveOptions{Force: true}))
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(median(ours)), "ours-ms")
	b.ReportMetric(ms(median(alone)), "alone-ms")
	b.ReportMetric(ms(median(added)), "added-ms")
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// BenchmarkRequest is the part of a launch that no engine takes part in.
func BenchmarkRequest(b *testing.B) {
	spec := taskSpec("sleep 1")
	spec.Sandbox = "/sandbox"
	spec.Command.Environment = &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{{Name: proto.String("A"), Value: proto.String("b")}}}
	with("label", "a=b", "ulimit", "nofile=64:64")(spec)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newRequest(testSettings, spec, "mesos-x"); err != nil {
			b.Fatal(err)
		}
	}
}
