package schedulertest_test

import (
	"fmt"
	"time"

	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// cook is an executor: each of its tasks takes half a minute.
type cook struct{ executor.Base }

func (cook) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
	d.Running(task.GetTaskId())
	d.AfterFunc(30*time.Second, func() { d.Finished(task.GetTaskId()) })
}

func (cook) KillTask(*executor.Driver, *mesosproto.TaskID, *mesosproto.KillPolicy) {}

// waiter is a framework: it orders one dish.
type waiter struct {
	scheduler.Base
	ordered bool
}

func (w *waiter) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		room := scheduler.RoomIn(o)
		kitchen := scheduler.CustomExecutor("kitchen", "./cook", resources.MustParse("cpus:0.1;mem:32"))
		dish := scheduler.ExecutorTask("soup", kitchen, resources.MustParse("cpus:1;mem:64"))
		if !w.ordered && room.Put(dish) {
			w.ordered = true
			d.LaunchTasks(room.Offers(), []*mesosproto.TaskInfo{dish})
		} else {
			d.Decline(room.Offers())
		}
	}
}

func (w *waiter) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

// One's own executor together with one's own framework: the agent crashes under the executor, which goes
// on and reports to the next one.
func ExampleExecutors() {
	t := outside{}
	c := schedulertest.New(t, schedulertest.Config{
		Behave: schedulertest.Executors(func() executor.Executor { return cook{} }),
	})
	f := c.Run(scheduler.Config{Framework: info(), Scheduler: &waiter{}})
	f.WaitForState("soup", mesosproto.TaskState_TASK_RUNNING)
	c.Agent(0).Crash()
	c.Advance(time.Minute)
	c.Agent(0).Restart()
	f.WaitForState("soup", mesosproto.TaskState_TASK_FINISHED)
	fmt.Println(f.States("soup"), c.Agent(0).Executors(), "executor waits for more")
	// Output: [TASK_RUNNING TASK_FINISHED] 1 executor waits for more
}
