package mesokit_test

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// hello runs one task and ends with it.
type hello struct {
	scheduler.Base
	task *mesosproto.TaskInfo
}

func (h *hello) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, offer := range offers {
		room := scheduler.RoomIn(offer)
		var tasks []*mesosproto.TaskInfo
		if h.task != nil && room.Put(h.task) {
			tasks, h.task = append(tasks, h.task), nil
		}
		d.LaunchTasks(room.Offers(), tasks) // without tasks it declines the offer
	}
}

func (h *hello) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	fmt.Println(s.GetTaskId().GetValue(), s.GetState())
	if s.GetState() == mesosproto.TaskState_TASK_FINISHED {
		d.Teardown()
	}
}

// A master, two agents and a framework in this process; the task is a real one.
func ExampleStartCluster() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster, err := mesokit.StartCluster(ctx, mesokit.ClusterConfig{Agents: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Stop()
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("hello")},
		Scheduler: &hello{task: scheduler.CommandTask("greeting", "echo hello", resources.MustParse("cpus:0.1;mem:32"))},
		Dialer:    cluster.Dialer(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := driver.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// greeting TASK_STARTING
	// greeting TASK_RUNNING
	// greeting TASK_FINISHED
}

// double is an executor that is Go code: its tasks are numbers.
type double struct{ executor.Base }

func (double) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
	d.Running(task.GetTaskId())
	fmt.Printf("%s%s\n", task.GetData(), task.GetData())
	d.Finished(task.GetTaskId())
}

func (double) KillTask(d *executor.Driver, task *mesosproto.TaskID, _ *mesosproto.KillPolicy) {
	d.Killed(task)
}

// An executor need not be a program: a function in this process runs the framework's tasks.
func ExampleFunctionExecutor() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster, err := mesokit.StartCluster(ctx, mesokit.ClusterConfig{
		Executors: map[string]func() executor.Executor{"double": func() executor.Executor { return double{} }},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Stop()
	need := resources.MustParse("cpus:0.1;mem:32")
	task := scheduler.ExecutorTask("t", mesokit.FunctionExecutor("e", "double", need), need, scheduler.WithData([]byte("21")))
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("doubling")},
		Scheduler: &hello{task: task},
		Dialer:    cluster.Dialer(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := driver.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2121
	// t TASK_RUNNING
	// t TASK_FINISHED
}
