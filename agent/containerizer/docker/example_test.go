package docker_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/docker"
	"github.com/mesokit/mesokit/mesosproto"
)

// An agent does this for every Docker task. It needs a Docker Engine.
func Example() {
	ctx := context.Background()
	c, err := docker.New(docker.Config{WorkDir: "/var/lib/mesos"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Recover(ctx, nil); err != nil {
		log.Fatal(err) // says what to do if there is no engine
	}
	sandbox, err := os.MkdirTemp("", "sandbox")
	if err != nil {
		log.Fatal(err)
	}
	spec := &containerizer.Spec{
		ID:      &mesosproto.ContainerID{Value: proto.String("5cc6a1c6-2f5a-4b0b-9ba5-0b7d5fb1e0f4")},
		Command: &mesosproto.CommandInfo{Value: proto.String("echo hello")},
		Container: &mesosproto.ContainerInfo{
			Type:   mesosproto.ContainerInfo_DOCKER.Enum(),
			Docker: &mesosproto.ContainerInfo_DockerInfo{Image: proto.String("busybox")},
		},
		Sandbox: sandbox,
	}
	if err := c.Pull(ctx, spec); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Launch(ctx, spec); err != nil {
		log.Fatal(err)
	}
	end, err := c.Wait(ctx, spec.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("exit status", end.WaitStatus.ExitStatus(), "output in", sandbox)
}
