package e2e

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadFlags(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	dir := t.TempDir()
	for _, c := range []struct {
		name  string
		args  []string
		error string
	}{
		{"mesos-master", nil, `flag --work_dir is missing`},
		{"mesos-master", []string{"--prot=5050"}, `unknown flag --prot`},
		{"mesos-master", []string{"--work_dir=" + dir, "--port=http"}, `"http".*port`},
		{"mesos-master", []string{"--work_dir=" + dir, "--port=70000"}, `flag --port: 70000 is no port`},
		{"mesos-master", []string{"--work_dir=" + dir, "--ip=localhost"}, `flag --ip: "localhost" is no IPv4 address such as 10.0.0.1`},
		{"mesos-master", []string{"--work_dir=" + dir, "--ip=127.0.0.1", "--port=" + port}, `address already in use; choose another --port`},
		{"mesos-master", []string{"--work_dir=" + dir, "--port=0", "--agent_ping_timeout=soon"}, `"soon" is no duration; write for example 10secs`},
		{"mesos-master", []string{"--work_dir=" + file, "--port=0"}, `not a directory`},
		{"mesos-master", []string{"--registry=etcd", "--port=0"}, `flag --registry: "etcd" is neither file nor in_memory`},
		{"mesos-master", []string{"--logging_level=loud"}, `flag --logging_level: "loud" is none of`},
		{"mesos-agent", nil, `flag --master is missing: the host:port of a master`},
		{"mesos-agent", []string{"--master=127.0.0.1:1"}, `flag --work_dir is missing`},
		{"mesos-agent", []string{"--master=here", "--work_dir=" + dir, "--port=0"}, `"here"`},
		{"mesos-agent", []string{"--master=127.0.0.1:1", "--work_dir=" + dir, "--resources=cpus"}, `flag --resources: "cpus"`},
		{"mesos-agent", []string{"--master=127.0.0.1:1", "--work_dir=" + dir, "--attributes=rack"}, `flag --attributes: "rack"`},
		{"mesos-agent", []string{"--master=127.0.0.1:1", "--work_dir=" + dir, "--containerizers=rkt"}, `flag --containerizers: "rkt" is neither mesos nor docker`},
		{"mesos-agent", []string{"--master=127.0.0.1:1", "--work_dir=" + dir, "--ip=127.0.0.1", "--port=" + port}, `address already in use; choose another --port`},
		{"mesos-agent", []string{"--master=127.0.0.1:1", "--work_dir=" + file}, `not a directory`},
		{"mesos-execute", nil, `flag --master is missing: the host:port of a master`},
		{"mesos-execute", []string{"--master=127.0.0.1:1"}, `flag --name is missing`},
		{"mesos-execute", []string{"--master=127.0.0.1:1", "--name=x"}, `neither --command nor --docker_image is given`},
		{"mesos-execute", []string{"--master=127.0.0.1:1", "--name=x", "--command=true", "--resources=many"}, `flag --resources: "many"`},
		{"mesos-execute", []string{"--master=127.0.0.1:1", "--name=x", "--command=true", "--env=A=1"}, `flag --env: .*write a JSON object of strings`},
		{"mesos-execute", []string{"--master=127.0.0.1:1", "--name=x", "--docker_image=i", "--docker_network=LAN"}, `flag --docker_network: "LAN" is none of HOST, BRIDGE, NONE`},
		{"mesos-execute", []string{"--master=127.0.0.1:1", "--name=x", "--command=true", "--framework_capabilities=FLY"}, `"FLY" is no capability`},
		{"mesos-execute", []string{"--master=nowhere", "--name=x", "--command=true"}, `"nowhere"`},
	} {
		p := start(t, c.name, c.args...)
		require.Equal(t, 1, p.ends(), "%s %q", c.name, c.args)
		p.sees(`^` + c.name + `: .*` + c.error)
		require.NotContains(t, p.said(), "goroutine ", "%s %q", c.name, c.args)
	}
	for name, args := range map[string][]string{"quickstart": {"-agents=0"}, "docker": {"127.0.0.1:1", "image", "none"}} {
		p := start(t, name, args...)
		require.Equal(t, 2, p.ends(), name)
		p.sees("usage: " + name)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"mesos-master": "--work_dir", "mesos-agent": "--containerizers", "mesos-execute": "Exit status", "docker": "INSTANCES", "quickstart": "-hold", "service": "-instances",
	} {
		p := start(t, name, "--help")
		require.Equal(t, 0, p.ends(), name)
		p.sees(says)
	}
}

func TestFlagsFromTheEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startIn(t, []string{"MESOS_WORK_DIR=" + dir, "MESOS_IP=127.0.0.1", "MESOS_PORT=0", "MESOS_QUIET=true"}, "mesos-master")
	p.sees(`^master at 127.0.0.1:\d+$`)
	p.interrupt()
	require.Equal(t, 0, p.ends())
	require.Regexp(t, `^master at \S+\n$`, p.said(), "quiet")
}

func TestAgentWithoutAnEngine(t *testing.T) {
	t.Parallel()
	m := startMaster(t)
	p := start(t, "mesos-agent", "--master="+m.address, "--ip=127.0.0.1", "--port=0", "--work_dir="+t.TempDir(),
		"--containerizers=docker", "--docker_socket="+filepath.Join(t.TempDir(), "no.sock"))
	require.Equal(t, 1, p.ends())
	p.sees(`^mesos-agent: .*no\.sock.*`)
	require.NotContains(t, p.said(), "goroutine ")
}
