package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// hello launches three tasks and ends when they have finished.
type hello struct {
	scheduler.Base
	launched, finished int
}

var need = resources.MustParse("cpus:1;mem:32")

func (h *hello) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, offer := range offers {
		room := scheduler.RoomIn(offer)
		var tasks []*mesosproto.TaskInfo
		for h.launched < 3 {
			task := scheduler.CommandTask(fmt.Sprint("hello-", h.launched), "echo hello", need)
			if !room.Put(task) {
				break
			}
			tasks = append(tasks, task)
			h.launched++
		}
		fmt.Printf("%s offers %s: %d tasks\n", offer.GetHostname(), offer.GetId().GetValue(), len(tasks))
		d.LaunchTasks(room.Offers(), tasks) // without tasks this declines the offer
		if h.launched == 3 {
			d.Suppress()
		}
	}
}

func (h *hello) StatusUpdate(d *scheduler.Driver, status *mesosproto.TaskStatus) {
	fmt.Println(status.GetTaskId().GetValue(), status.GetState())
	if status.GetState() == mesosproto.TaskState_TASK_FINISHED {
		h.finished++
	}
	if h.finished == 3 {
		d.Stop(false)
	}
}

// A whole framework. With Dialer: httpv1.Dialer{} it runs on any Mesos cluster.
func Example() {
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("hello")},
		Scheduler: &hello{},
		Master:    "127.0.0.1:5050",
		Dialer:    newToy("cpus:2;mem:1024"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := driver.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// agent1 offers toy-O1: 2 tasks
	// hello-0 TASK_RUNNING
	// hello-0 TASK_FINISHED
	// hello-1 TASK_RUNNING
	// hello-1 TASK_FINISHED
	// agent1 offers toy-O2: 1 tasks
	// hello-2 TASK_RUNNING
	// hello-2 TASK_FINISHED
}

func ExampleRoom() {
	offer := &mesosproto.Offer{
		Id:        &mesosproto.OfferID{Value: proto.String("O1")},
		AgentId:   &mesosproto.AgentID{Value: proto.String("S1")},
		Resources: resources.MustParse("cpus:2;mem:1024;ports:[31000-31009]").Proto(),
	}
	room := scheduler.RoomIn(offer)
	for i := range 9 {
		ports := room.Ports(1)
		if ports == nil {
			break
		}
		web := scheduler.DockerTask(fmt.Sprint("web-", i), "nginx:alpine", resources.MustParse("cpus:0.5;mem:128"),
			scheduler.WithPort(ports[0], 80, "tcp"),
			scheduler.WithEnv("GREETING", "hello"))
		if !room.Put(web) {
			fmt.Println(web.GetName(), "does not fit")
			break
		}
		fmt.Println(web.GetName(), "on", web.GetAgentId().GetValue(), "port", ports[0])
	}
	fmt.Println("left:", room.Left())
	// Output:
	// web-0 on S1 port 31000
	// web-1 on S1 port 31001
	// web-2 on S1 port 31002
	// web-3 on S1 port 31003
	// web-4 does not fit
	// left: mem:512; ports:[31004-31009]
}

// patient waits between tasks, by the cluster's clock.
type patient struct {
	scheduler.Base
	begin time.Time
}

func (p *patient) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	if p.begin.IsZero() {
		p.begin = d.Now()
		d.Decline(scheduler.OfferIDs(offers...), scheduler.RefuseFor(time.Hour))
		d.AfterFunc(10*time.Millisecond, func() {
			fmt.Println("time to start: revive")
			d.Revive()
		})
		return
	}
	fmt.Println("waited long enough:", d.Now().Sub(p.begin) >= 10*time.Millisecond)
	d.Stop(true)
}

func (p *patient) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

// Functions given to AfterFunc run between callbacks, so the framework needs no locks; and because
// the time is the cluster's, a simulation of the framework takes no time at all.
func ExampleDriver_AfterFunc() {
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("patient")},
		Scheduler: &patient{},
		Master:    "127.0.0.1:5050",
		Dialer:    newToy("cpus:1"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(driver.Run(context.Background()))
	// Output:
	// time to start: revive
	// waited long enough: true
	// <nil>
}

// survivor stores its id, so that its next driver takes the framework over, with its tasks.
type survivor struct {
	scheduler.Base
	stored *mesosproto.FrameworkID
}

func (s *survivor) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	if s.stored == nil {
		fmt.Println("new framework", id.GetValue())
	} else {
		fmt.Println("back again:", id.GetValue())
		d.Reconcile() // what became of the tasks meanwhile?
	}
	s.stored = id
	d.Stop(true) // for failover: the tasks go on
}

func (s *survivor) ResourceOffers(*scheduler.Driver, []*mesosproto.Offer)  {}
func (s *survivor) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

func ExampleDriver_Stop() {
	s := &survivor{}
	for range 2 {
		driver, err := scheduler.New(scheduler.Config{
			Framework: &mesosproto.FrameworkInfo{
				Name:            proto.String("survivor"),
				Id:              s.stored,
				FailoverTimeout: proto.Float64(7 * 24 * 3600), // seconds
			},
			Scheduler: s,
			Master:    "127.0.0.1:5050",
			Dialer:    newToy("cpus:1"),
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := driver.Run(context.Background()); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// new framework toy-0000
	// back again: toy-0000
}

// careful looks at its mistakes.
type careful struct{ scheduler.Base }

func (careful) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	// What is malformed is refused at once, and says what would be right.
	fmt.Println(d.Decline(nil))
	d.Stop(false)
}

func (careful) StatusUpdate(*scheduler.Driver, *mesosproto.TaskStatus) {}

func (careful) Error(_ *scheduler.Driver, err error) {
	var refused *scheduler.CallError
	if errors.As(err, &refused) {
		fmt.Println("the master refused", refused.Call.GetType()) // the driver goes on
	}
}

func ExampleCallError() {
	driver, err := scheduler.New(scheduler.Config{
		Framework: &mesosproto.FrameworkInfo{Name: proto.String("careful")},
		Scheduler: careful{},
		Master:    "127.0.0.1:5050",
		Dialer:    newToy("cpus:1"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(driver.Decline(nil, scheduler.RefuseFor(0)))
	fmt.Println(driver.Revive())
	driver.Run(context.Background())
	// Output:
	// rpc error: code = InvalidArgument desc = DECLINE: no offers given; at least one is needed
	// rpc error: code = FailedPrecondition desc = REVIVE: not subscribed: the master has not answered yet; wait for Registered
	// rpc error: code = InvalidArgument desc = DECLINE: no offers given; at least one is needed
}

func ExampleCommandTask() {
	task := scheduler.CommandTask("sleep-1", "sleep $SECONDS", resources.MustParse("cpus:0.1;mem:32"),
		scheduler.WithName("sleep"),
		scheduler.WithEnv("SECONDS", "60"),
		scheduler.WithKillPolicy(5*time.Second),
		scheduler.WithHealthCheck(scheduler.CommandCheck("true")),
		scheduler.WithLabel("team", "blue"))
	fmt.Println(task.GetName(), task.GetTaskId().GetValue())
	fmt.Println(task.GetCommand().GetValue(), task.GetCommand().GetEnvironment().GetVariables()[0].GetValue())
	fmt.Println(time.Duration(task.GetKillPolicy().GetGracePeriod().GetNanoseconds()))
	// Output:
	// sleep sleep-1
	// sleep $SECONDS 60
	// 5s
}
