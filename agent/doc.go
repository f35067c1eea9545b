// Package agent runs the tasks of one node.
//
// An agent finds the leading master, registers what its node has to offer, and runs what the master
// sends: each task in a container, until the framework has acknowledged the last word on it. Steps
// register to acknowledge of the path go through here; each has a file of its name:
//
//	registration.go     the master is found, told, and told again when a link breaks or a leader changes
//	launch.go           tasks arrive: checked, queued, delivered; executor.go brings their container up
//	statusupdate.go     what executors say is recorded and sent on
//	acknowledge.go      what the framework has heard; the last word on a task ends it here
//
// and beside the path:
//
//	supervise.go        command and Docker tasks, which the agent runs itself; checks.go, exit.go
//	subscribe.go        the executor API; events.go, validate.go; adopt.go
//	kill.go, drain.go   ends that are asked for; shutdown.go; termination.go, the end of a container
//	operation.go        reservations and volumes; volume.go, the directories of volumes; correction.go, what of
//	                    them the master is wrong about
//	streams.go          the updates of each task that wait for their acknowledgement
//	environment.go      what a container is launched with; sandbox.go, where
//	remember.go         what goes to the checkpoint; restore.go and recovery.go bring it back;
//	                    encode.go writes the records that each task needs
//	snapshot.go         what operators see; pages.go, in parts that successive snapshots share
//	records.go          what is kept of frameworks, executors and tasks; completed.go and departed.go, of
//	                    those that are over; older.go, for masters that know no refined reservations
//
// # Assembly
//
// A program gives an agent its parts in a [Config]:
//
//	a, err := agent.New(agent.Config{
//		Info:          &mesosproto.AgentInfo{Resources: rs.Proto()},
//		WorkDir:       "/var/lib/mesos",
//		Containerizer: posix.New(…),
//		Detector:      agent.StaticDetector("10.0.0.1:5050"),
//		Dialer:        dialer, // of agent/libprocess, or in the same process
//		Checkpoint:    store,  // of agent/checkpoint/file: a restarted agent goes on with its tasks
//		Fetcher:       &fetcher.Fetcher{},
//	})
//	a.Start()
//	http.Handle("/api/v1/executor", httpv1.New(httpv1.Config{Executors: a.Executors()}))
//
// # One owner
//
// All state belongs to one core, which runs on [Config.Loop]. It never blocks: the disk is reached
// through a checkpoint.Writer, sandboxes and URIs through Loop.Do, containers through
// containerizer.Async, the master and executors through links. It reads the clock and random numbers from
// its loop alone, so an agent on a simulated loop does the same for the same seed. The package starts no
// goroutine but one, in [StaticDetector], that looks up the name of a master.
//
// # Who runs a task
//
// A task that brings an executor is handed to it: the agent starts the executor's container, the
// executor subscribes through [Agent.Executors], gets its tasks, and reports on them. A command or
// Docker task brings none. The reference starts an executor process for each of these; here the agent
// plays that part, and says what that executor would have said: the executor's id is the task's,
// the source of the updates SOURCE_EXECUTOR, and states, reasons, texts, their order and the grace
// of kills are the reference's. Two differences can be seen: there is no process mesos-executor, and its 0.1 cpus
// and 32 MB are not added to the container.
//
// # What is promised
//
//   - A task that was accepted is heard of until its end, once, whatever fails: the executor, the
//     link, the master, the agent (if the framework checkpoints). TestWhateverHappens tries it.
//   - An update is sent until the framework acknowledges it, in order for each task. The executor is
//     acknowledged when the update is written; a terminal one, when it is on the disk.
//   - kill -9 of the agent ends no checkpointed task, if the containerizer lets containers outlive it.
//   - Nothing a peer sends makes the agent panic or grow without bound: ids that can't be part of a path
//     are refused, and so are updates beyond what is acknowledged.
//
// # States
//
// The agent: RECOVERING, DISCONNECTED, RUNNING, TERMINATING; see [Snapshot]. Executors and tasks: the
// tables of internal/transitions.
//
// Source: Mesos src/slave/slave.cpp, src/launcher/executor.cpp, src/docker/executor.cpp.
package agent
