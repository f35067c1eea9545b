// Docker is the program of the Java tutorial: a framework that keeps a number of containers running.
//
//	docker MASTER IMAGE INSTANCES
//
// It is written on the plain callbacks, as the tutorial's ExampleScheduler is: offers come in, tasks go
// out, updates say what became of them. A container that ends, for whatever reason, is replaced. An
// interrupt ends the framework and with it all its containers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/httpv1"
)

// need is what each container uses.
var need = resources.MustParse("cpus:1;mem:128")

// keeper keeps want containers of image. Its callbacks run one at a time, so it needs no lock.
type keeper struct {
	scheduler.Base
	image   string
	want    int
	next    int             // number of the next task
	pending map[string]bool // launched, not yet running
	running map[string]bool
}

func (k *keeper) Registered(_ *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	fmt.Println("registered as", id.GetValue())
}

func (k *keeper) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, offer := range offers {
		room := scheduler.RoomIn(offer)
		var tasks []*mesosproto.TaskInfo
		for len(k.pending)+len(k.running) < k.want {
			task := scheduler.DockerTask(fmt.Sprintf("task-%d", k.next), k.image, need,
				scheduler.WithNetwork(mesosproto.ContainerInfo_DockerInfo_BRIDGE))
			if !room.Put(task) {
				break
			}
			k.next++
			k.pending[task.GetTaskId().GetValue()] = true
			tasks = append(tasks, task)
			fmt.Printf("launching %s on %s\n", task.GetTaskId().GetValue(), offer.GetHostname())
		}
		d.LaunchTasks(room.Offers(), tasks) // without tasks it declines the offer
	}
}

func (k *keeper) StatusUpdate(_ *scheduler.Driver, status *mesosproto.TaskStatus) {
	id := status.GetTaskId().GetValue()
	switch status.GetState() {
	case mesosproto.TaskState_TASK_STAGING, mesosproto.TaskState_TASK_STARTING:
	case mesosproto.TaskState_TASK_RUNNING:
		delete(k.pending, id)
		k.running[id] = true
	default: // it has ended, or nobody knows: the next offer is for another one
		delete(k.pending, id)
		delete(k.running, id)
	}
	fmt.Printf("%s is %s: %d pending, %d running", id, status.GetState(), len(k.pending), len(k.running))
	if m := status.GetMessage(); m != "" {
		fmt.Printf(" (%s)", m)
	}
	fmt.Println()
}

func (k *keeper) Error(_ *scheduler.Driver, err error) { fmt.Fprintln(os.Stderr, "error:", err) }

func main() {
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, `usage: docker MASTER IMAGE INSTANCES

Keeps INSTANCES containers of IMAGE running, with 1 cpu and 128 MB each, in Docker's
bridge network. MASTER is the host:port of any master. Ends with an interrupt.
`)
		flag.PrintDefaults()
	}
	flag.Parse()
	instances, err := strconv.Atoi(flag.Arg(2))
	if flag.NArg() != 3 || err != nil || instances < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), instances); err != nil {
		fmt.Fprintln(os.Stderr, "docker:", err)
		os.Exit(1)
	}
}

func run(master, image string, instances int) error {
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{
			Name:            proto.String("docker-example"),
			FailoverTimeout: proto.Float64(60),
		},
		Scheduler: &keeper{image: image, want: instances, pending: map[string]bool{}, running: map[string]bool{}},
		Master:    master,
		Dialer:    httpv1.Dialer{},
	})
	if err != nil {
		return err
	}
	// An interrupt tears the framework down: the master kills its containers.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, driver.Teardown)
	if err := driver.Run(context.Background()); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	fmt.Println("the framework has ended, and its containers with it")
	return nil
}
