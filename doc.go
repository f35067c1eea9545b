// Package mesokit is Apache Mesos reborn as one embeddable Go module: a two-level scheduler that a program
// imports, tests and understands.
//
// A master offers the resources of agents to frameworks; each framework decides what to run on them. Here
// all of them are packages, and a program assembles its own cluster and framework from them: in one
// process, or on thousands of machines. They speak the wire protocols of Mesos, so frameworks, agents and
// tools of Mesos work with them unmodified.
//
// # A cluster in this process
//
//	cluster, err := mesokit.StartCluster(ctx, mesokit.ClusterConfig{Agents: 3})
//	defer cluster.Stop()
//	driver, err := scheduler.New(scheduler.Config{
//		Framework: &mesosproto.FrameworkInfo{Name: proto.String("hello")},
//		Scheduler: hello{},
//		Dialer:    cluster.Dialer(),
//	})
//	err = driver.Run(ctx)
//
// The package's Examples are whole programs. [ClusterConfig] lists what can be different; Cluster.Address
// is where schedulers, agents and tools of other processes connect.
//
// # The path
//
// One task can be followed by names alone; the same step has the same file name in every package:
//
//	step            passes through, in order                                               file
//	register        agent → master → master/registry → master/allocator                    registration.go
//	offer           master/allocator → master/offer → scheduler                            offer.go
//	accept          scheduler → master → master/validation, master/offer                   accept.go
//	launch          master → agent → agent/containerizer/… → executor                      launch.go
//	status update   executor → agent/statusupdate → master → scheduler                     statusupdate.go
//	acknowledge     scheduler → master → agent/statusupdate                                acknowledge.go
//
// # The packages
//
//	mesosproto    the messages of Mesos; mesosjson and recordio, their JSON and framing
//	resources     quantities, ranges, sets, reservations, volumes: the algebra
//	scheduler     callbacks and driver of a framework; framework, a runtime that keeps services running;
//	              schedulertest, a whole cluster in virtual time
//	executor      callbacks and driver of an executor; checks, executortest
//	master        agents, frameworks, tasks; allocator, offer, validation, registry, election
//	agent         the tasks of a node; containerizer (posix, docker, inprocess), checkpoint, fetcher
//	examples      quickstart, docker, service, mesos-master, mesos-agent, mesos-execute
//
// Master, agent and drivers are state machines, each owned by one event loop, so none of them holds a lock,
// and all of them run, unchanged, under a virtual clock: see package scheduler/schedulertest. Transports
// stand beside each other: httpv1 (the v1 HTTP API), libprocess (between master and agents), inproc.
//
// # Release notes
//
// Not released yet. What is there: a master with agents, offers, tasks, task groups for executors of one's
// own, reservations and persistent volumes, status updates, reconciliation, failover of frameworks and
// masters on one registry; command tasks and Docker tasks that outlive the agent; the v1 scheduler and
// executor APIs; a runtime for frameworks that keep services running; whole clusters in virtual time for
// tests. What is not: quota and weights, the v1 operator API, an election among several masters (they exist
// in simulations only), schedulers and executors of the v0 API, authentication, the default executor for
// task groups.
package mesokit
