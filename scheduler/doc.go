// Package scheduler is the framework author's door to a cluster: callbacks to implement, and a driver
// that keeps them fed.
//
// A framework decides what runs; the master decides who may use which resources. It offers them, and
// the framework answers with tasks. In code that is a [Scheduler]: embed [Base], which has all other
// callbacks, and say what to do with offers and with news of tasks.
//
//	type hello struct{ scheduler.Base }
//
//	var need = resources.MustParse("cpus:0.1;mem:32")
//
//	func (hello) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
//		for _, offer := range offers {
//			room := scheduler.RoomIn(offer)
//			id := "hello-" + offer.GetId().GetValue() // no two tasks have the same
//			task := scheduler.CommandTask(id, "echo hello", need)
//			if room.Put(task) {
//				d.LaunchTasks(room.Offers(), []*mesosproto.TaskInfo{task})
//			} else {
//				d.Decline(room.Offers())
//			}
//		}
//	}
//
//	func (hello) StatusUpdate(d *scheduler.Driver, status *mesosproto.TaskStatus) {
//		fmt.Println(status.GetTaskId().GetValue(), status.GetState())
//	}
//
// A [Driver] connects it to a cluster. What carries the messages is a [Dialer]: package httpv1 speaks
// to any Mesos master over HTTP, masters in the same process need no network.
//
//	driver, err := scheduler.New(scheduler.Config{
//		Framework: &mesosproto.FrameworkInfo{Name: proto.String("hello")},
//		Scheduler: hello{},
//		Master:    "10.0.0.1:5050",
//		Dialer:    httpv1.Dialer{},
//	})
//	if err == nil {
//		err = driver.Run(ctx)
//	}
//
// The package's Example is a whole framework that ends by itself.
//
// # The path of a task
//
// The files are called like the steps, here as in master and agent:
//
//	registration.go   SUBSCRIBE; Registered, Reregistered
//	offer.go          ResourceOffers and what else is about offers; Decline, Suppress, Revive
//	accept.go         Accept, LaunchTasks, LaunchGroup, and the operations
//	statusupdate.go   StatusUpdate, OperationStatusUpdate
//	acknowledge.go    Acknowledge, if the driver shall not do it
//	kill.go, reconcile.go, message.go
//
// task.go, docker.go and room.go build tasks and put them into offers; they know nothing of the driver.
// connection.go keeps the driver connected, core.go is its state, driver.go its handle.
//
// # The life of a driver
//
//	New ── Start ──> looking for a leader ──> subscribing ──> subscribed ── Stop, Abort ──> ended
//	                       ^                      │ ^             │
//	                       └── no leader ─────────┤ └── backoff ──┤ Disconnected
//	                                              └── refused ────┴─> Error, ended
//
// A [Detector] says who leads; host:port is built in. A master that does not lead says who does, and
// the driver goes there. Each subscription has its own connection. When the stream ends, breaks or
// falls silent for five heartbeats (75s), the framework hears Disconnected, and the driver subscribes
// again, with the id that the framework has: at once if there is a new leader, else after a random
// wait below a bound that doubles from 250ms to 15s.
//
// It ends with an error only when going on makes no sense: the master has refused the framework
// (malformed, unauthorized, removed), or another driver has taken it over.
//
// # What is promised, and what is not
//
//   - Callbacks run one at a time, in the order of the master's events, on the framework's own
//     goroutine. A slow one lets at most 64 further events in, then the stream is not read;
//     heartbeats, timers and calls go on.
//   - Methods check what they are given, queue it in order and return. They wait for nothing, so they
//     may be used in callbacks and from any goroutine. What is malformed is refused at once
//     (InvalidArgument), and so is everything while not subscribed (FailedPrecondition): nothing is
//     kept for later, since offers do not survive a reconnection. What the master refuses later
//     arrives as a [CallError].
//   - Messages are copied on their way in and out: change and reuse yours as you like.
//   - Updates of tasks arrive at least once, and are acknowledged after StatusUpdate has returned. All
//     else arrives at most once. So a framework that must not lose track calls [Driver.Reconcile] when
//     registered and again when reregistered, repeats that until it has heard of each task, and repeats
//     a Kill until the task has ended. Package framework does.
//   - Nothing that a master sends makes the driver panic or grow without bound, and nothing that it
//     does ends the process.
//
// # Failover
//
// Tasks outlive their scheduler for FrameworkInfo.FailoverTimeout. A framework that stores the id from
// Registered and gives it to its next driver, in the same program or on another machine, takes its
// tasks over; the former driver, if there is one left, ends with an error. See [Driver.Stop].
//
// # Time
//
// A framework that reads the time from [Driver.Now], waits with [Driver.AfterFunc] and draws ids from
// [Driver.Rand], instead of starting goroutines, needs no locks, and can be simulated: Config.Loop and
// Config.FrameworkLoop put driver and callbacks on simulated loops, where a day takes milliseconds
// and the same seed gives the same run.
//
// # Who owns what
//
//	core loop         all of the driver's state; touched by nobody else
//	framework loop    the Scheduler: callbacks and functions given to AfterFunc
//	reader, sender    one goroutine each a connection, when it is a blocking [Transport]; they belong to
//	                  the adapter in internal/link and post to the core loop
//
// The loops share two things: the backlog, a counter of callbacks under way that holds the reader
// back, and the session, an immutable value that tells methods whether there is a subscription.
//
// Source: Mesos include/mesos/scheduler.hpp, src/sched/sched.cpp, src/scheduler/scheduler.cpp,
// docs/scheduler-http-api.md; the Java class MesosSchedulerDriver.
package scheduler
