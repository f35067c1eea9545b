package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// testImage has busybox and nothing else. Each run of the tests makes its own.
var testImage = fmt.Sprintf("mesokit-docker-test:%d", os.Getpid())

var testEngine struct {
	once sync.Once
	api  *client.Client
	why  string // why there is none
}

func TestMain(m *testing.M) {
	if os.Getenv(agentVariable) != "" {
		runAgent()
		return
	}
	code := m.Run()
	if api := testEngine.api; api != nil {
		_, _ = api.ImageRemove(context.Background(), testImage, image.RemoveOptions{Force: true})
		api.Close()
	}
	os.Exit(code)
}

// realEngine is the engine of this machine. Without one the test is skipped, or fails if MESOKIT_REQUIRE
// names docker.
func realEngine(t testing.TB) *client.Client {
	t.Helper()
	testEngine.once.Do(func() {
		api, err := client.NewClientWithOpts(client.WithHost("unix://"+DefaultHost), client.WithAPIVersionNegotiation())
		if err == nil {
			_, err = api.Ping(context.Background())
		}
		if err == nil {
			err = importBusybox(api)
		}
		if err != nil {
			testEngine.why = err.Error()
			return
		}
		testEngine.api = api
	})
	missing(t, testEngine.why)
	return testEngine.api
}

// missing skips a test that lacks something, or fails it if it must run.
func missing(t testing.TB, why string) {
	t.Helper()
	switch {
	case why == "":
	case slices.Contains(strings.Split(os.Getenv("MESOKIT_REQUIRE"), ","), "docker"):
		t.Fatalf("MESOKIT_REQUIRE=docker, but: %s", why)
	default:
		t.Skip("needs a Docker Engine: " + why)
	}
}

// importBusybox makes the test image out of Debian's busybox-static.
func importBusybox(api *client.Client) error {
	const busybox = "/bin/busybox"
	program, err := os.ReadFile(busybox)
	if err != nil {
		return fmt.Errorf("the test image is made of %s (package busybox-static): %w", busybox, err)
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	write := func(h *tar.Header, content []byte) {
		h.Size = int64(len(content))
		err = w.WriteHeader(h)
		if err == nil {
			_, err = w.Write(content)
		}
	}
	write(&tar.Header{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755}, program)
	for _, applet := range strings.Fields(string(applets)) {
		if applet != "busybox" && err == nil {
			write(&tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777}, nil)
		}
	}
	write(&tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o644}, []byte("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"))
	write(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}, nil)
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	r, err := api.ImageImport(context.Background(), image.ImportSource{Source: &b, SourceName: "-"}, testImage,
		image.ImportOptions{Changes: []string{`CMD ["sh","-c","echo from the image; sleep 100000"]`}})
	if err != nil {
		return err
	}
	defer r.Close()
	return readPull(r)
}

// sweep removes what a test left on the engine.
func sweep(t testing.TB, api *client.Client, workDir string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	list, err := api.ContainerList(ctx, engine.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", labelWorkDir+"="+workDir))})
	if err != nil {
		t.Errorf("list what is left: %v", err)
	}
	for _, c := range list {
		_ = api.ContainerRemove(ctx, c.ID, engine.RemoveOptions{Force: true, RemoveVolumes: true})
	}
}

// rig is a containerizer on the real engine.
type rig struct {
	*testing.T
	*Containerizer
	api *client.Client
	ctx context.Context
	cfg Config
}

func newRig(t *testing.T, change ...func(*Config)) *rig {
	api := realEngine(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r := &rig{T: t, api: api, ctx: ctx, cfg: Config{WorkDir: t.TempDir(), Logger: quietly(t)}}
	for _, f := range change {
		f(&r.cfg)
	}
	r.restart()
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		sweep(t, api, r.cfg.WorkDir)
	})
	return r
}

// quietly logs warnings and errors.
func quietly(t testing.TB) *zap.Logger { return zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)) }

// restart makes the containerizer of the agent's next process.
func (r *rig) restart(known ...*containerizer.Spec) {
	r.Helper()
	if r.Containerizer != nil {
		require.NoError(r, r.Close())
	}
	var err error
	r.Containerizer, err = New(r.cfg)
	require.NoError(r, err)
	var checkpoints []containerizer.Checkpoint
	for _, spec := range known {
		checkpoints = append(checkpoints, containerizer.Checkpoint{Spec: spec})
	}
	require.NoError(r, r.Recover(r.ctx, checkpoints))
}

// task is a Docker task with a shell command.
func (r *rig) task(command string, change ...func(*containerizer.Spec)) *containerizer.Spec {
	r.Helper()
	spec := taskSpec(command)
	spec.Sandbox = r.TempDir()
	for _, f := range change {
		f(spec)
	}
	return spec
}

func taskSpec(command string) *containerizer.Spec {
	spec := &containerizer.Spec{
		ID:          &mesosproto.ContainerID{Value: proto.String(uuid.NewString())},
		FrameworkID: "framework", ExecutorID: "task", AgentID: "agent",
		Command:   &mesosproto.CommandInfo{Value: proto.String(command)},
		Container: dockerInfo(testImage),
		Resources: resources.MustParse("cpus:0.1;mem:32"),
	}
	spec.Task = &mesosproto.TaskInfo{Command: spec.Command, Container: spec.Container}
	return spec
}

func dockerInfo(image string) *mesosproto.ContainerInfo {
	return &mesosproto.ContainerInfo{
		Type:   mesosproto.ContainerInfo_DOCKER.Enum(),
		Docker: &mesosproto.ContainerInfo_DockerInfo{Image: proto.String(image)},
	}
}

func networked(n mesosproto.ContainerInfo_DockerInfo_Network) func(*containerizer.Spec) {
	return func(s *containerizer.Spec) { s.Container.Docker.Network = n.Enum() }
}

// with appends parameters: key, value, key, value … to the spec's.
func with(keysAndValues ...string) func(*containerizer.Spec) {
	return func(s *containerizer.Spec) {
		for i := 0; i < len(keysAndValues); i += 2 {
			s.Container.Docker.Parameters = append(s.Container.Docker.Parameters, &mesosproto.Parameter{
				Key: proto.String(keysAndValues[i]), Value: proto.String(keysAndValues[i+1])})
		}
	}
}

func (r *rig) launch(spec *containerizer.Spec) containerizer.Launched {
	r.Helper()
	launched, err := r.Launch(r.ctx, spec)
	require.NoError(r, err)
	return launched
}

func (r *rig) end(spec *containerizer.Spec) containerizer.Termination {
	r.Helper()
	end, err := r.Wait(r.ctx, spec.ID)
	require.NoError(r, err)
	return end
}

// output runs a task to its end and returns what it wrote to stdout.
func (r *rig) output(spec *containerizer.Spec) string {
	r.Helper()
	r.launch(spec)
	end := r.end(spec)
	require.Equal(r, containerizer.Termination{Exited: true}, end, "stderr: %s", file(r, spec, "stderr"))
	return file(r, spec, "stdout")
}

func file(t require.TestingT, spec *containerizer.Spec, name string) string {
	b, err := os.ReadFile(spec.Sandbox + "/" + name)
	require.NoError(t, err)
	return string(b)
}

func (r *rig) inspect(spec *containerizer.Spec) engine.InspectResponse {
	r.Helper()
	is, err := r.api.ContainerInspect(r.ctx, namePrefix+spec.ID.GetValue())
	require.NoError(r, err)
	return is
}
