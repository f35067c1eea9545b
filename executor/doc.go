// Package executor is the task author's door to an agent: callbacks to implement, and a driver that keeps
// them fed.
//
// An agent runs a plain command by itself. An executor is for tasks that are more than a command: many
// small ones in one process, work that reports progress, or a runtime of its own. The agent starts the
// executor with its first task, sends it tasks to launch and to kill, and passes on what it reports. In
// code that is an [Executor]: embed [Base], which has all other callbacks, and say how a task runs and
// how it is killed.
//
//	type sleeper struct {
//		executor.Base
//		awake map[string]func() bool
//	}
//
//	func (s *sleeper) LaunchTask(d *executor.Driver, task *mesosproto.TaskInfo) {
//		id := task.GetTaskId()
//		d.Running(id)
//		s.awake[id.GetValue()] = d.AfterFunc(time.Minute, func() { d.Finished(id) })
//	}
//
//	func (s *sleeper) KillTask(d *executor.Driver, id *mesosproto.TaskID, _ *mesosproto.KillPolicy) {
//		if stop := s.awake[id.GetValue()]; stop != nil && stop() {
//			d.Killed(id)
//		}
//	}
//
// A [Driver] connects it to its agent. In a process of its own, the environment says where that is; what
// carries the messages is a [Dialer], such as package httpv1's.
//
//	func main() {
//		cfg, err := executor.Config{
//			Executor: &sleeper{awake: map[string]func() bool{}},
//			Dialer:   httpv1.Dialer{},
//		}.FromEnvironment()
//		if err != nil {
//			log.Fatal(err)
//		}
//		driver, err := executor.New(cfg)
//		if err == nil {
//			err = driver.Run(context.Background())
//		}
//		if err != nil {
//			log.Fatal(err)
//		}
//	}
//
// The package's Example is a whole program that runs. Package executortest has a scripted agent to test
// executors with.
//
// # The path of a task
//
// The files are called like the steps, here as in master and agent:
//
//	registration.go   SUBSCRIBE; Registered, Reregistered
//	launch.go         LaunchTask, LaunchTaskGroup
//	kill.go           KillTask
//	statusupdate.go   SendStatusUpdate, and sending again
//	acknowledge.go    the agent has stored an update
//	message.go        FrameworkMessage, SendFrameworkMessage
//	shutdown.go       Shutdown, its grace period, and the agent that is lost
//
// status.go has shorter ways to report: Running, Finished, Failed and the like. connection.go keeps the
// driver connected, environment.go reads what the agent says, core.go is the driver's state, driver.go its
// handle.
//
// # Updates
//
// The executor reports each step of a task: TASK_STARTING if preparing it takes time, TASK_RUNNING, and in
// the end one terminal state. Reporting never waits and never fails because the agent is away. The driver
// gives each update an id, and keeps it until the agent has stored it; from then on the agent answers for
// it. Until then it is sent again whenever the driver subscribes anew, with those before and after it, in
// order, and so are the tasks of which no update has been stored: the agent compares, and knows what got
// lost with the connection. An update that is not acknowledged for 30s makes a new connection by itself.
//
// # The life of a driver
//
//	New ── Start ──> subscribing ──> subscribed ── Stop ──> all acknowledged ──> ended
//	                    ^  │              │
//	                    │  └── refused ───┼──> Error, ended
//	                    │                 │
//	                    └── wait ─────────┤ Disconnected
//	                                      └── SHUTDOWN, or agent lost ──> Shutdown ── grace ──> ended
//
// When the stream ends or breaks, the executor hears Disconnected, and its tasks go on. Agents can be
// restarted under their executors if the framework checkpoints: then the driver subscribes again, after a
// random wait below Config.BackoffMax each time, and gives up after Config.RecoveryTimeout. Without
// checkpointing an agent never knows its executors again, so it is given up at once. An agent that is given
// up is a reason to shut down, as its SHUTDOWN is.
//
// Shutdown means: end all tasks, report it, call Stop. Base does only the last. An executor that has not
// called Stop after Config.ShutdownGrace is beyond control; its driver ends, and Config.Exit ends what it
// has started. In a process of its own that is [KillProcessGroup]; an executor that is a function in
// somebody's process has no Exit.
//
// Stop waits until everything sent has been stored, for a minute at most, so the usual end of an executor
// is to report the last terminal state and call Stop. Run then returns nil and the process exits with 0.
//
// # What is promised, and what is not
//
//   - Callbacks run one at a time, in the order of the agent's events, on the executor's own goroutine. A
//     slow one lets at most 64 further events in, then the stream is not read; timers and updates go on.
//   - Methods check what they are given, queue it in order and return. They may be used in callbacks and
//     from any goroutine. What is malformed is refused at once (InvalidArgument); what the agent refuses
//     later arrives as a [CallError].
//   - Messages are copied on their way in and out: change and reuse yours as you like.
//   - Updates arrive at least once, in order, as long as the executor lives. Messages between framework
//     and executor arrive at most once. A task is launched at most once; a kill may come more than once.
//   - Nothing that an agent sends makes the driver panic or grow without bound. Nothing ends the process
//     but Config.Exit.
//
// # Time
//
// An executor that reads the time from [Driver.Now], waits with [Driver.AfterFunc] and draws ids from
// [Driver.Rand], instead of starting goroutines, needs no locks, and can be simulated: Config.Loop and
// Config.ExecutorLoop put driver and callbacks on simulated loops, where a day takes milliseconds and the
// same seed gives the same run.
//
// # Who owns what
//
//	core loop         all of the driver's state; touched by nobody else
//	executor loop     the Executor: callbacks and functions given to AfterFunc
//	reader, sender    one goroutine each a connection, when it is a blocking [Transport]; they belong to
//	                  the adapter in internal/link and post to the core loop
//
// The loops share the backlog, a counter of callbacks under way that holds the reader back, the number of
// unacknowledged updates, and the session, an immutable value that tells methods whether there is a
// subscription.
//
// Source: Mesos include/mesos/executor.hpp, src/exec/exec.cpp, src/executor/executor.cpp,
// docs/executor-http-api.md; the Java class MesosExecutorDriver.
package executor
