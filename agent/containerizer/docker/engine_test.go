package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/docker/docker/api/types/container"
	apinetwork "github.com/docker/docker/api/types/network"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Frameworks read the data of TASK_RUNNING as `docker inspect` prints it: a recorded one has the same
// keys and, where the machine has no say, the same values.
func TestInspectionIsThatOfTheReference(t *testing.T) {
	r := newRig(t)
	spec := r.task("echo $MESOS_TASK_ID; sleep 1", with("label", "a=b"), func(s *containerizer.Spec) {
		s.Resources = resources.MustParse("cpus:0.2;mem:32")
		s.Environment = map[string]string{"MESOS_ALLOCATION_ROLE": "dev"}
	})
	data := r.launch(spec).Data
	recorded, err := os.ReadFile("testdata/running.json")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(data), "[\n    {\n        \"Id\": \""), "%.40s", data)
	require.True(t, strings.HasSuffix(string(data), "\n    }\n]\n"))

	var got, want []map[string]any
	require.NoError(t, json.Unmarshal(data, &got))
	require.NoError(t, json.Unmarshal(recorded, &want))
	require.Len(t, got, 1)
	ours := got[0]["Config"].(map[string]any)["Labels"].(map[string]any)
	for _, label := range []string{labelWorkDir, labelAgent, labelFramework, labelExecutor, labelOutput} {
		require.Contains(t, ours, label)
		delete(ours, label)
	}
	require.Equal(t, "running", got[0]["State"].(map[string]any)["Status"])
	same := keys(want[0], "")
	if strings.HasPrefix(r.version(), "20.10.") { // others have other keys
		require.Equal(t, same, keys(got[0], ""))
	}
	for _, part := range []string{"Config", "HostConfig"} {
		got, want := got[0][part].(map[string]any), want[0][part].(map[string]any)
		for _, key := range []string{
			"AttachStdout", "AttachStderr", "Cmd", "Entrypoint", "Labels", "Tty", "User",
			"CpuShares", "CpuQuota", "Dns", "IpcMode", "Memory", "MemoryReservation", "NetworkMode", "OomScoreAdj", "PortBindings", "Privileged", "RestartPolicy",
		} {
			require.Equal(t, want[key], got[key], key)
		}
	}
	r.end(spec)
}

func (r *rig) version() string {
	v, err := r.api.ServerVersion(r.ctx)
	require.NoError(r, err)
	return v.Version
}

// keys are the paths of all fields, but for what names a network or a storage driver.
func keys(v map[string]any, path string) map[string]bool {
	out := map[string]bool{}
	for k, v := range v {
		out[path+k] = true
		if m, ok := v.(map[string]any); ok && k != "GraphDriver" {
			for k := range keys(m, path+k+".") {
				out[k] = true
			}
		}
	}
	return out
}

func TestParametersReachTheContainer(t *testing.T) {
	r := newRig(t)
	got := r.output(r.task(`id -u; id -g; pwd; hostname; ulimit -n; echo $GREETING; grep -c . /extra/hello; grep db /etc/hosts
grep nameserver /etc/resolv.conf; touch /x 2>&1; touch /run/x && echo tmpfs; cat /proc/sys/net/core/somaxconn; cat /proc/1/comm; stat -f -c %b%S /dev/shm`,
		none, with("user", "65534:65534", "workdir", "/tmp", "hostname", "web", "ulimit", "nofile=64:64", "env", "GREETING=hello there",
			"volume", r.directory("hello")+":/extra:ro", "add-host", "db:10.1.2.3", "dns", "10.9.8.7",
			"read-only", "true", "tmpfs", "/run:mode=1777", "sysctl", "net.core.somaxconn=77", "init", "true", "shm-size", "1m", "cap-drop", "ALL")))
	require.Equal(t, `65534
65534
/tmp
web
64
hello there
1
10.1.2.3	db
nameserver 10.9.8.7
touch: /x: Read-only file system
tmpfs
77
`, got[:strings.Index(got, "77\n")+3])
	require.Contains(t, got, "init")
	require.Contains(t, got, "2564096", "shared memory is 256 blocks of 4096")
}

// directory makes one with a file of that name and content.
func (r *rig) directory(name string) string {
	dir := r.TempDir()
	require.NoError(r, os.WriteFile(dir+"/"+name, []byte(name+"\n"), 0o644))
	require.NoError(r, os.Chmod(dir, 0o755))
	return dir
}

func TestVolumesAndSandbox(t *testing.T) {
	r := newRig(t)
	spec := r.task(`echo $MESOS_SANDBOX; echo $MESOS_CONTAINER_NAME; echo in > $MESOS_SANDBOX/made; cat /ro/given rel/given; touch /ro/x 2>&1; echo out > /made/too; exit 0`,
		none, volumeOf("/ro", r.directory("given"), readOnly), volumeOf("rel", r.directory("given")), volumeOf("/made", "sub"), with("workdir", "/mnt/mesos/sandbox"))
	require.Equal(t, fmt.Sprintf("/mnt/mesos/sandbox\nmesos-%s\ngiven\ngiven\ntouch: /ro/x: Read-only file system\n", spec.ID.GetValue()), r.output(spec))
	require.Equal(t, "in\n", file(t, spec, "made"))
	require.Equal(t, "out\n", file(t, spec, "sub/too"), "a relative host_path is in the sandbox")
}

func TestCustomExecutor(t *testing.T) {
	r := newRig(t)
	spec := r.task(`echo $MESOS_AGENT_ENDPOINT $MESOS_SANDBOX $MESOS_DIRECTORY`)
	spec.Task = nil
	spec.Executor = &mesosproto.ExecutorInfo{Command: spec.Command, Container: spec.Container}
	spec.Environment = map[string]string{"MESOS_AGENT_ENDPOINT": "10.0.0.1:5051", "MESOS_SANDBOX": spec.Sandbox, "MESOS_DIRECTORY": spec.Sandbox}
	require.Equal(t, "10.0.0.1:5051 /mnt/mesos/sandbox "+spec.Sandbox+"\n", r.output(spec))
}

func TestTheImagesOwnCommand(t *testing.T) {
	r := newRig(t)
	spec := r.task("", none)
	spec.Command = &mesosproto.CommandInfo{Shell: proto.Bool(false)}
	r.launch(spec)
	require.Equal(t, []string{"sh", "-c", "echo from the image; sleep 100000"}, []string(r.inspect(spec).Config.Cmd))
	_, err := r.Destroy(r.ctx, spec.ID)
	require.NoError(t, err)
}

func TestTerminal(t *testing.T) {
	r := newRig(t)
	require.Equal(t, "terminal\r\nerr\r\n", r.output(r.task("test -t 1 && echo terminal; echo err >&2", none, with("tty", "true"))))
}

// A port of the host that nobody listens on. Another process may take it, but none does here.
func freePort(t *testing.T) uint32 {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return uint32(l.Addr().(*net.TCPAddr).Port)
}

func port(host, container uint32) func(*containerizer.Spec) {
	return func(s *containerizer.Spec) {
		mapping(host, container, "tcp")(s)
		s.Resources = resources.MustParse(fmt.Sprintf("cpus:0.1;mem:32;ports:[%d-%d]", host, host))
	}
}

const web = `echo hello > /tmp/index.html; httpd -p 80 -h /tmp; echo up; sleep 100000`

func (r *rig) get(address string) string {
	r.Helper()
	var body []byte
	require.Eventually(r, func() bool { // httpd needs a moment to listen
		answer, err := http.Get("http://" + address + "/index.html")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		body, err = io.ReadAll(answer.Body)
		return err == nil
	}, 20*time.Second, 20*time.Millisecond)
	return string(body)
}

func TestBridgeNetwork(t *testing.T) {
	r := newRig(t)
	p := freePort(t)
	spec := r.task(web, bridge, port(p, 80), hostname("web"), func(s *containerizer.Spec) {
		s.Container.NetworkInfos = []*mesosproto.NetworkInfo{{Groups: []string{"g"}, IpAddresses: []*mesosproto.NetworkInfo_IPAddress{{IpAddress: proto.String("1.2.3.4")}}}}
	})
	launched := r.launch(spec)
	infos := launched.Status.GetNetworkInfos()
	require.Len(t, infos, 1)
	require.Equal(t, []string{"g"}, infos[0].GetGroups(), "the rest of what was asked for stays")
	require.Len(t, infos[0].GetIpAddresses(), 1)
	address := infos[0].GetIpAddresses()[0].GetIpAddress()
	require.Equal(t, r.inspect(spec).NetworkSettings.Networks["bridge"].IPAddress, address)
	require.Equal(t, "hello\n", r.get(address), "health checks go to the container's address")
	require.Equal(t, "hello\n", r.get(fmt.Sprintf("127.0.0.1:%d", p)))
	status, err := r.Status(r.ctx, spec.ID)
	require.NoError(t, err)
	require.True(t, proto.Equal(launched.Status, status))

	// A port can be had once.
	other := r.task("true", bridge, port(p, 80))
	_, err = r.Launch(r.ctx, other)
	require.ErrorContains(t, err, "port is already allocated")
	require.ErrorContains(t, err, "use one of the ports that were offered")
	require.Contains(t, file(t, other, "stderr"), "port is already allocated")
	end := r.end(other)
	require.False(t, end.Exited)
	require.Equal(t, err.Error(), end.Message)
	_, err = r.api.ContainerInspect(r.ctx, namePrefix+other.ID.GetValue())
	require.Error(t, err, "nothing is left of it")

	_, err = r.Destroy(r.ctx, spec.ID)
	require.NoError(t, err)
}

func TestUserNetwork(t *testing.T) {
	r := newRig(t)
	name := "mesokit-docker-test-" + uuid.NewString()[:8]
	_, err := r.api.NetworkCreate(r.ctx, name, apinetwork.CreateOptions{Driver: "bridge"})
	require.NoError(t, err)
	t.Cleanup(func() {
		sweep(t, r.api, r.cfg.WorkDir)
		require.NoError(t, r.api.NetworkRemove(context.Background(), name))
	})
	spec := r.task(web, userNetwork(name), with("network-alias", "site"))
	infos := r.launch(spec).Status.GetNetworkInfos()
	require.Equal(t, name, infos[0].GetName())
	require.Equal(t, r.inspect(spec).NetworkSettings.Networks[name].IPAddress, infos[0].GetIpAddresses()[0].GetIpAddress())
	require.Equal(t, "hello\n", r.get(infos[0].GetIpAddresses()[0].GetIpAddress()))
	require.Equal(t, "hello\n", r.output(r.task("wget -q -O - http://site/index.html", userNetwork(name))))
}

func TestHostAndNoNetwork(t *testing.T) {
	r := newRig(t)
	for _, change := range []func(*containerizer.Spec){networked(mesosproto.ContainerInfo_DockerInfo_HOST), none} {
		spec := r.task("exit 3", change)
		require.Empty(t, r.launch(spec).Status.GetNetworkInfos(), "the agent's own address will do")
		require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 3 << 8}, r.end(spec))
	}
}

func TestFailedLaunchesSayWhatToDo(t *testing.T) {
	r := newRig(t)
	for want, spec := range map[string]*containerizer.Spec{
		"the image has no such command": r.task("", func(s *containerizer.Spec) {
			s.Command = &mesosproto.CommandInfo{Shell: proto.Bool(false), Value: proto.String("no-such-command")}
		}),
		"launch the task again":                               r.task("true", func(s *containerizer.Spec) { s.Container = dockerInfo("mesokit-docker-test-no-such-image") }),
		"the sandbox must exist before the launch":            r.task("true", func(s *containerizer.Spec) { s.Sandbox += "/gone" }),
		"Failed to create docker run options: parameter x=y":  r.task("true", with("x", "y")),
		"network mesokit-docker-test-no-such-network not fou": r.task("true", userNetwork("mesokit-docker-test-no-such-network")),
	} {
		_, err := r.Launch(r.ctx, spec)
		require.ErrorContains(t, err, want)
		require.Equal(t, containerizer.Termination{Message: err.Error()}, r.end(spec))
		_, err = r.api.ContainerInspect(r.ctx, namePrefix+spec.ID.GetValue())
		require.Error(t, err, "nothing is left of it")
	}

	// A name that is taken.
	spec := r.task("true")
	_, err := r.api.ContainerCreate(r.ctx, &engine.Config{Image: testImage, Labels: map[string]string{labelWorkDir: r.cfg.WorkDir}}, nil, nil, nil, namePrefix+spec.ID.GetValue())
	require.NoError(t, err)
	_, err = r.Launch(r.ctx, spec)
	require.ErrorContains(t, err, "is already in use by container")
	require.ErrorContains(t, err, "docker rm -f")
	r.inspect(spec) // the other's container is not touched
}

func TestNoEngine(t *testing.T) {
	c, err := New(Config{Host: t.TempDir() + "/docker.sock", WorkDir: t.TempDir()})
	require.NoError(t, err)
	defer c.Close()
	err = c.Recover(t.Context(), nil)
	require.ErrorContains(t, err, "start the engine (systemctl start docker), or name its socket with --docker_socket")
	spec := taskSpec("true")
	spec.Sandbox = t.TempDir()
	require.ErrorContains(t, c.Pull(t.Context(), spec), "start the engine")
	_, err = c.Launch(t.Context(), spec)
	require.ErrorContains(t, err, "start the engine")
}

// Docker's own convention: what was killed by the kernel for want of memory says so.
func TestOutOfMemory(t *testing.T) {
	r := newRig(t)
	spec := r.task(`x=$(head -c 300000000 /dev/zero | tr '\0' x); echo survived`, none, with("memory-swap", "32m"))
	r.launch(spec)
	end := r.end(spec)
	require.True(t, end.Exited)
	require.NotZero(t, end.WaitStatus)
	require.Equal(t, mesosproto.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY.Enum(), end.Reason, "%+v", end)
	require.Equal(t, mesosproto.TaskState_TASK_FAILED.Enum(), end.State)
	require.Equal(t, resources.MustParse("mem:32").String(), end.LimitedResources.String())
	require.Contains(t, end.Message, "Memory limit exceeded")
}

func TestStopSignal(t *testing.T) {
	r := newRig(t)
	spec := r.task(`trap "echo quit; exit 4" QUIT; echo ready; while :; do sleep 0.01; done`, none, with("stop-signal", "SIGQUIT"))
	r.launch(spec)
	r.reads(spec, "ready\n")
	require.NoError(t, r.Signal(r.ctx, spec.ID, syscall.SIGTERM))
	require.Equal(t, 4, r.end(spec).WaitStatus.ExitStatus())
	require.Equal(t, "ready\nquit\n", file(t, spec, "stdout"))
}

// reads waits until a task's stdout begins with text.
func (r *rig) reads(spec *containerizer.Spec, text string) {
	r.Helper()
	require.Eventually(r, func() bool { return strings.HasPrefix(file(r, spec, "stdout"), text) }, 30*time.Second, 5*time.Millisecond)
}

// `docker rm -f` by hand is the end of a task, with its exit status.
func TestRemovedByHand(t *testing.T) {
	r := newRig(t)
	spec := r.task("echo ready; sleep 100000", none)
	r.launch(spec)
	r.reads(spec, "ready\n")
	require.NoError(t, r.api.ContainerRemove(r.ctx, namePrefix+spec.ID.GetValue(), engine.RemoveOptions{Force: true}))
	require.Equal(t, containerizer.Termination{Exited: true, WaitStatus: 137 << 8}, r.end(spec))
	_, err := r.Destroy(r.ctx, spec.ID)
	require.NoError(t, err)
}

func TestUsage(t *testing.T) {
	r := newRig(t)
	spec := r.task("echo ready; sleep 100000", bridge)
	spec.Limits = map[string]float64{"mem": 64, "cpus": math.Inf(1)}
	r.launch(spec)
	r.reads(spec, "ready\n")
	u, err := r.Usage(r.ctx, spec.ID)
	require.NoError(t, err)
	require.Positive(t, u.GetMemTotalBytes())
	require.Positive(t, u.GetMemRssBytes())
	require.Positive(t, u.GetCpusUserTimeSecs()+u.GetCpusSystemTimeSecs()+1e-9)
	require.NotNil(t, u.NetRxBytes)
	require.InDelta(t, 0.1, u.GetCpusSoftLimit(), 1e-9)
	require.Nil(t, u.CpusLimit, "it is infinite")
	require.EqualValues(t, 32<<20, u.GetMemSoftLimitBytes())
	require.EqualValues(t, 64<<20, u.GetMemLimitBytes())
	_, err = r.Destroy(r.ctx, spec.ID)
	require.NoError(t, err)
}

func TestUpdateResizes(t *testing.T) {
	r := newRig(t)
	spec := r.task("sleep 100000", none)
	r.launch(spec)
	require.NoError(t, r.Update(r.ctx, spec.ID, resources.MustParse("cpus:0.5;mem:64"), nil))
	is := r.inspect(spec).HostConfig.Resources
	require.EqualValues(t, 512, is.CPUShares)
	require.EqualValues(t, 64<<20, is.Memory)
	require.NoError(t, r.Update(r.ctx, spec.ID, resources.MustParse("cpus:0.25;mem:32"), map[string]float64{"cpus": 0.5}))
	is = r.inspect(spec).HostConfig.Resources
	require.EqualValues(t, 256, is.CPUShares)
	require.EqualValues(t, 50_000, is.CPUQuota)
	require.EqualValues(t, 64<<20, is.Memory, "memory is not taken away")
	require.NoError(t, r.Update(r.ctx, spec.ID, resources.MustParse("cpus:0.25;mem:32"), map[string]float64{"mem": math.Inf(1)}))
	is = r.inspect(spec).HostConfig.Resources
	require.EqualValues(t, -1, is.CPUQuota)
	require.EqualValues(t, maxMemory, is.Memory)
	u, err := r.Usage(r.ctx, spec.ID)
	require.NoError(t, err)
	require.EqualValues(t, hostMemory(), u.GetMemLimitBytes())
	_, err = r.Destroy(r.ctx, spec.ID)
	require.NoError(t, err)
}
