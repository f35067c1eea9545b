package docker

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
)

// agentVariable makes the test binary an agent that launches one task and then waits to be killed.
const agentVariable = "MESOKIT_DOCKER_TEST_AGENT"

// order is what such an agent is told.
type order struct {
	Host, WorkDir, Sandbox, ID, Command, Image string
	Parameters                                 []string
}

func runAgent() {
	var o order
	err := json.Unmarshal([]byte(os.Getenv(agentVariable)), &o)
	var c *Containerizer
	if err == nil {
		c, err = New(Config{Host: o.Host, WorkDir: o.WorkDir})
	}
	if err == nil {
		err = c.Recover(context.Background(), nil)
	}
	if err == nil {
		_, err = c.Launch(context.Background(), o.spec())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("launched")
	select {}
}

func (o order) spec() *containerizer.Spec {
	spec := taskSpec(o.Command)
	spec.ID = &mesosproto.ContainerID{Value: proto.String(o.ID)}
	spec.Sandbox = o.Sandbox
	spec.Container = dockerInfo(o.Image)
	none(spec)
	with(o.Parameters...)(spec)
	return spec
}

// launchElsewhere launches a task in an agent process of its own, which kill ends with SIGKILL.
func (r *rig) launchElsewhere(command string, parameters ...string) (spec *containerizer.Spec, kill func()) {
	r.Helper()
	o := order{
		WorkDir: r.cfg.WorkDir, Sandbox: r.TempDir(), ID: taskSpec("").ID.GetValue(), Command: command, Image: testImage, Parameters: parameters,
	}
	text, err := json.Marshal(o)
	require.NoError(r, err)
	cmd := exec.CommandContext(r.ctx, os.Args[0])
	cmd.Env = append(os.Environ(), agentVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(r, err)
	spec = o.spec()
	for _, fifo := range []string{"ready", "go"} {
		r.fifo(spec, fifo)
	}
	require.NoError(r, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(r, err)
	require.Equal(r, "launched\n", line)
	return spec, func() {
		require.NoError(r, cmd.Process.Kill())
		_ = cmd.Wait()
	}
}
