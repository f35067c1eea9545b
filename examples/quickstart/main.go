// Quickstart is a whole cluster in one process: a master, agents, and a framework that runs a few tasks on
// them and tells what happens on the way.
//
//	quickstart
//	quickstart -tasks 20 -agents 3 -hold
//	quickstart -image busybox
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/agent/containerizer/docker"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

func main() {
	tasks := flag.Int("tasks", 5, "how many tasks to run")
	agents := flag.Int("agents", 2, "how many agents to start")
	image := flag.String("image", "", "Docker image to run the tasks in (default: plain processes)")
	hold := flag.Bool("hold", false, "keep the cluster and its HTTP port up until interrupted")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, "usage: quickstart [flags]\n\nRuns a master, agents and a framework in this process, and a few tasks on them.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 || *tasks < 0 || *agents < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*tasks, *agents, *image, *hold); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(tasks, agents int, image string, hold bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	cfg := mesokit.ClusterConfig{Agents: agents}
	if image != "" {
		cfg.Containerizers = func(dir string) ([]containerizer.Containerizer, error) {
			d, err := docker.New(docker.Config{WorkDir: dir, RemoveDelay: -1})
			if err != nil {
				return nil, fmt.Errorf("-image needs a Docker engine: %w", err)
			}
			return []containerizer.Containerizer{d}, nil
		}
	}
	begin := time.Now()
	cluster, err := mesokit.StartCluster(ctx, cfg)
	if err != nil {
		return err
	}
	defer cluster.Stop()
	fmt.Printf("cluster   a master and %d agents are up after %v, at http://%s\n", agents, time.Since(begin).Round(100*time.Microsecond), cluster.Address())

	f := &framework{want: tasks, image: image, begin: time.Now(), ended: map[mesosproto.TaskState]int{}, agents: map[string]int{}}
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("quickstart")},
		Scheduler: f,
		Dialer:    cluster.Dialer(),
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, driver.Teardown)
	if err := driver.Run(context.Background()); err != nil {
		return err
	}
	f.summary()
	if hold && ctx.Err() == nil {
		fmt.Printf("hold      the cluster stays at http://%s: try /state, /metrics, or the other examples; interrupt to end it\n", cluster.Address())
		<-ctx.Done()
	}
	if bad := tasks - f.ended[mesosproto.TaskState_TASK_FINISHED]; bad > 0 && !errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%d of %d tasks did not finish", bad, tasks)
	}
	return nil
}

// framework runs want tasks, each once, and stops when all have ended. The driver makes its callbacks one
// at a time.
type framework struct {
	scheduler.Base
	want, launched int
	image          string
	begin          time.Time
	ended          map[mesosproto.TaskState]int
	agents         map[string]int // tasks by agent
}

var need = resources.MustParse("cpus:0.5;mem:64")

// ResourceOffers is step one: the master offers what agents have, the framework answers with tasks.
func (f *framework) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, offer := range offers {
		room := scheduler.RoomIn(offer)
		fmt.Printf("offer     agent %s has %s\n", short(offer.GetAgentId().GetValue()), room.Left())
		var tasks []*mesosproto.TaskInfo
		for f.launched < f.want {
			task := f.task(f.launched)
			if !room.Put(task) {
				break
			}
			f.launched++
			tasks = append(tasks, task)
			fmt.Printf("launch    %s on agent %s\n", task.GetTaskId().GetValue(), short(offer.GetAgentId().GetValue()))
		}
		d.LaunchTasks(room.Offers(), tasks) // without tasks it declines the offer
	}
	if f.launched == f.want {
		d.Suppress() // no more offers, please
	}
	f.maybeStop(d)
}

func (f *framework) task(n int) *mesosproto.TaskInfo {
	id, command := fmt.Sprintf("task-%d", n), fmt.Sprintf("echo hello from task %d; sleep 0.2", n)
	if f.image == "" {
		return scheduler.CommandTask(id, command, need)
	}
	return scheduler.DockerTask(id, f.image, need, scheduler.WithCommand(command))
}

// StatusUpdate is step two: agents tell what becomes of the tasks. The driver acknowledges each update.
func (f *framework) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	what := strings.TrimPrefix(s.GetState().String(), "TASK_")
	if m := s.GetMessage(); m != "" {
		what += ": " + m
	}
	fmt.Printf("update    %s is %s\n", s.GetTaskId().GetValue(), what)
	switch s.GetState() {
	case mesosproto.TaskState_TASK_STAGING, mesosproto.TaskState_TASK_STARTING, mesosproto.TaskState_TASK_RUNNING, mesosproto.TaskState_TASK_KILLING:
		return
	}
	f.ended[s.GetState()]++
	f.agents[s.GetAgentId().GetValue()]++
	f.maybeStop(d)
}

// maybeStop is the last step: the framework unregisters.
func (f *framework) maybeStop(d *scheduler.Driver) {
	total := 0
	for _, n := range f.ended {
		total += n
	}
	if total == f.want {
		d.Teardown()
	}
}

func (f *framework) Error(_ *scheduler.Driver, err error) { fmt.Fprintln(os.Stderr, "error    ", err) }

func (f *framework) summary() {
	fmt.Printf("summary   %d tasks finished, %d did not, on %d agents, in %v\n", f.ended[mesosproto.TaskState_TASK_FINISHED],
		f.want-f.ended[mesosproto.TaskState_TASK_FINISHED], len(f.agents), time.Since(f.begin).Round(time.Millisecond))
}

// short is the end of an agent's id, which tells the agents of one master apart.
func short(id string) string { return id[strings.LastIndex(id, "-")+1:] }
