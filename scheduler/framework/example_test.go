package framework_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/framework/filestore"
	"github.com/mesokit/mesokit/scheduler/httpv1"
)

// Three containers, always, each on a host of its own.
func Example() {
	store, err := filestore.Open("web.state")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	f, err := framework.New(framework.Config{
		Driver: scheduler.Config{
			Framework: &mesosproto.FrameworkInfo{Name: proto.String("web")},
			Master:    "10.0.0.1:5050",
			Dialer:    httpv1.Dialer{},
		},
		Store: store,
		Specs: []framework.Spec{framework.Service{
			Name:        "web",
			Instances:   3,
			Task:        scheduler.DockerTask("", "nginx", resources.MustParse("cpus:0.5;mem:64")),
			Ports:       []framework.Port{{Container: 80}},
			Constraints: []framework.Constraint{framework.MustConstraint("hostname:UNIQUE")},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := f.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
