// Service keeps containers or commands running. It is a framework that survives its own restart: the next
// one takes its tasks over. One that is started while another is at work with the same state file waits
// until that has ended, however it did, and then takes over. An interrupt leaves the tasks running;
// -instances 0 ends them, and -end also the framework, which the master otherwise expects back for a week.
//
//	service -master 10.0.0.1:5050 -image nginx -instances 3 -state /var/lib/web.state
//	service -master 10.0.0.1:5050 -state /var/lib/web.state -end
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/framework/filestore"
	"github.com/mesokit/mesokit/scheduler/httpv1"
)

func main() {
	master := flag.String("master", "127.0.0.1:5050", "`host:port` of any master")
	image := flag.String("image", "", "Docker image; without one, command runs by itself")
	command := flag.String("command", "", "shell command; with an image, instead of the image's own")
	need := flag.String("resources", "cpus:0.5;mem:64", "of each instance")
	state := flag.String("state", "service.state", "`file` that remembers the framework and its tasks")
	n := flag.Int("instances", 1, "how many to keep running; 0 kills all and waits for another number")
	end := flag.Bool("end", false, "kill all, remove the framework from the master, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *master, *image, *command, *need, *state, *n, *end); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "service:", status.Convert(err).Message())
		os.Exit(1)
	}
}

func run(ctx context.Context, master, image, command, text, state string, n int, end bool) error {
	need, err := resources.Parse(text)
	if err != nil {
		return fmt.Errorf("-resources: %s", status.Convert(err).Message())
	}
	if flag.NArg() > 0 || image == "" && command == "" && n > 0 && !end {
		return fmt.Errorf("give -image or -command (several words in quotes), or -end to end what runs; beside flags there is %q; see --help", flag.Args())
	}
	task := scheduler.CommandTask("", command, need)
	if image != "" {
		task = scheduler.DockerTask("", image, need, scheduler.WithCommand(command))
	}
	store, err := filestore.Wait(ctx, state, func(err error) { fmt.Fprintln(os.Stderr, "service: waiting:", status.Convert(err).Message()) })
	if err != nil {
		return err
	}
	defer store.Close()
	f, err := framework.New(framework.Config{
		Driver: scheduler.Config{Framework: &mesosproto.FrameworkInfo{Name: proto.String("service")}, Master: master, Dialer: httpv1.Dialer{}},
		Store:  store,
		Specs:  []framework.Spec{framework.Service{Name: "service", Instances: n, Task: task}},
		Logger: zap.Must(zap.NewDevelopment(zap.WithCaller(false), zap.AddStacktrace(zap.PanicLevel), zap.IncreaseLevel(zap.InfoLevel))),
	})
	if err != nil {
		return err
	}
	if end {
		f.Teardown()
	}
	return f.Run(ctx)
}
