package posix_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/posix"
	"github.com/mesokit/mesokit/mesosproto"
)

// Without a runtime directory containers end with this process.
func Example() {
	sandbox, _ := os.MkdirTemp("", "sandbox")
	defer os.RemoveAll(sandbox)
	c, _ := posix.New(posix.Config{})
	defer c.Close()
	ctx := context.Background()
	_ = c.Recover(ctx, nil) // always first

	spec := &containerizer.Spec{
		ID:          &mesosproto.ContainerID{Value: proto.String("1")},
		Command:     &mesosproto.CommandInfo{Value: proto.String("echo hello, $NAME; exit 3")},
		Environment: map[string]string{"NAME": "world"},
		Sandbox:     sandbox,
	}
	_, _ = c.Launch(ctx, spec)
	end, _ := c.Wait(ctx, spec.ID)
	out, _ := os.ReadFile(filepath.Join(sandbox, "stdout"))
	fmt.Printf("%sexit status %d\n", out, end.WaitStatus.ExitStatus())
	// Output:
	// hello, world
	// exit status 3
}
