// Package schedulertest runs a whole cluster under one virtual clock, for tests of frameworks: what
// net/http/httptest is to handlers.
//
// Master, agents, allocator and drivers are the real ones. What is simulated is around them: time,
// chance, the network and the containers. Everything runs in the test's goroutine; nothing sleeps, and
// an hour of the cluster's time takes milliseconds. The same seed gives the same run, message by
// message, at any GOMAXPROCS.
//
//	func TestMyFramework(t *testing.T) {
//		c := schedulertest.New(t, schedulertest.Config{Agents: 3})
//		f := c.Run(scheduler.Config{Framework: info, Scheduler: newMyFramework()})
//		f.WaitForState("task-1", mesosproto.TaskState_TASK_RUNNING)
//		f.AgentOf("task-1").Destroy() // the machine is gone
//		f.WaitForState("task-1", mesosproto.TaskState_TASK_LOST)
//	}
//
// # Containers
//
// A simulated container does what Config.Behave says: how long it takes to start and runs, its exit
// status, whether it heeds SIGTERM. The default, [Command], understands shell commands of a few words:
// "sleep 10; exit 3". Containers of frameworks that checkpoint outlive a crash of their agent.
//
// # Executors
//
// The container of an executor runs a process: a real driver of package executor, configured by the
// environment that the agent gives it, with the callbacks of Behaviour.Executor. It ends with its
// container, and the container with it. So one's own executor is tested together with one's own framework:
//
//	c := schedulertest.New(t, schedulertest.Config{
//		Behave: schedulertest.Executors(func() executor.Executor { return &myExecutor{} }),
//	})
//	f := c.Run(scheduler.Config{Framework: info, Scheduler: newMyFramework()})
//	f.WaitForState("task-1", mesosproto.TaskState_TASK_RUNNING)
//	c.Agent(0).Crash() // the executor and its tasks go on, and find the next agent
//
// As in a Scheduler that is simulated, time and chance have to come from the driver. A framework that only
// needs some executor gets a [ScriptedExecutor], whose tasks do what their Data says.
//
// # Masters
//
// One master has its registry on its own disk, and always leads. With Config.Masters there are several,
// each on a host of its own. The masters are the real ones; who of them leads is decided by a simulated
// service, which is to them, agents and frameworks what ZooKeeper is, or the voters of a raft group: it
// keeps their sessions, the oldest of which leads, and the registry, which it lets the leader alone read
// and write. A session ends 10 s after the last that was heard of its master. A master that was the
// leader and hears nothing for as long, or hears of another, ends itself, and is started again a second
// later, to wait for its turn. Agents and frameworks are told who leads, over connections of their own;
// who is cut off from the service for 10 s is told that nobody does. [Cluster.Leader] says which host's
// master leads, [Cluster.Master] what it knows.
//
// Two masters may believe that they lead for a while, if the process of one stands still: it wakes and
// handles what has arrived before it finds that its time is over. So what a master says of itself (the
// invariants books, freed once) is held against what this one process knows; what is true of the
// machines, tasks and frameworks is so at all times, whoever told them what.
//
// # Faults
//
// Connections behave as TCP does: ordered, and lossless while they are up. Break one with BreakLink:
// what is under way is lost, and each side notices at once, late or never ([Notice]). Crash and restart
// processes: CrashMaster, Agent.Crash, Framework.Crash. Take an agent or a master off the network with
// Isolate, or an agent's whole machine with Destroy. [FaultKind] lists all that can go wrong, among them
// partitions of any two hosts, also one way only, lost calls and lost answers, pauses, clocks that are
// wrong, slow, failing and lost disks, a containerizer that hangs, and all that can befall an executor.
// [Cluster.Inject] lets a script of faults happen.
//
// A message is under way for a fifth of a millisecond, which a fault at a random time does not meet. So a
// fault may wait for a [Step] of the path: register, offer, accept, launch, update, acknowledge. It then
// happens when the next message, write or start of a container of that step that concerns its target is
// sent, under way, arrives, or was just handled ([Moment]).
//
// # Exploration
//
// [Explore] runs a scenario under many random scripts, each of which follows from a seed:
//
//	ran := schedulertest.Explore(t, schedulertest.Exploration{
//		Config:   schedulertest.Config{Agents: 3},
//		Seeds:    200,
//		Scenario: func(t testing.TB, c *schedulertest.Cluster) { c.RunProcess(begin) },
//	})
//	t.Log(ran) // how many seeds, tasks and faults there were
//
// When a seed fails, the faults that have nothing to do with it are taken out of its script, and the others
// made plainer: shorter, at rounder times, at no step where none is needed. Seed, script and the end of the
// trace are printed, the script also as Go, for [Replay]. Only frameworks that
// were started with [Cluster.RunProcess] can be crashed; a scenario with others does not test that.
//
// With Exploration.Steps half of the faults wait for a step; seed after seed, every kind waits for every
// step. Explored.Timed counts, for each [Cell] of that table, how often it came to that. Explored.Reached
// counts what frameworks were told of tasks: each state with who said it and why ([Told]), and which state
// followed which ([Change]). [Cluster.Reached] does so for one cluster.
//
// Several seeds run at the same time, on all CPUs; of those that fail the first is reported, however they
// were run. Exploration.Twice runs each seed a second time at another GOMAXPROCS: a framework that starts
// goroutines, reads the real clock or lets the order of a map show makes another run then, and fails.
//
// [Fails] is for tests of the tests: that a mistake which a framework makes on purpose is found.
//
// # Invariants
//
// These are checked in every Cluster, whatever the test is about. All are checked from scratch once an hour
// of virtual time, by [Cluster.Check] and at the end of each exploration. A violation fails the test.
//
// The first kind holds at every moment. It is checked after each step, for what the step changed.
//
//   - books: on each agent used + offered + free = total, for the master and for an account that is kept
//     beside its allocator; what tasks, executors and offers say adds up.
//   - no double: nothing is offered or used twice, and no machine runs more than it has.
//   - freed once: what is given back was held.
//   - order: an agent sends a task's next update when the last one is acknowledged, those of an executor
//     in the executor's order; the framework sees them in that order, and what is acknowledged was seen. What
//     became of an operation with an id is acknowledged after the framework has seen it, too.
//   - forward: a task goes through its states as the table says, and never leaves its end. Frameworks that
//     are not PARTITION_AWARE may be told LOST of tasks that come back. An agent whose machine died may
//     repeat updates from before a task's end, one that died while its disk refused writes may have
//     forgotten anything; that explains what is said until something new is heard of the task. An operation
//     that has ended stays so.
//   - stale: a framework uses no offer twice, and none of which it was told that it is rescinded, or lost with
//     the connection.
//   - identity: a framework that has launched tasks and comes back with its disk comes back as itself.
//   - saved: a task is launched, and its end acknowledged, after the framework has saved that. It is
//     checked of schedulers that show their disk, as [Rememberer]s; one that has ended may be forgotten.
//   - conserved: what an agent has changes in reservations and volumes alone, never in its amounts.
//   - reserved: what is reserved to a role is offered to that role, and those below it, alone.
//   - kept: what an operation has made, once its agent has called it finished, stays over every crash that
//     leaves the disk, until another operation takes it back.
//   - in use: the reservations and volumes that tasks run with are there; no volume is destroyed under a task.
//   - truth, of operations: one is made if and only if its agent says that it is finished.
//   - immutable: no message is changed once it is sent; senders and receivers keep them.
//   - durable: an agent that was admitted is known to the next master. An update that an agent has sent is
//     known to its next process, and nothing follows the last one. A machine that died forgets those that
//     are not terminal.
//   - one leader: when a master begins to serve, no other that is awake does.
//
// The following take time to come true. They are checked every minute, for all that is not well yet; a
// violation is reported when its time is over. How much there is says Config.Bound; it is counted from when
// something became of the task last, or of the last trouble of those on which the task depends, if that was
// later: a fault, or its end, that befell its framework, its agent or the leader, or kept them from each
// other. Clocks that are wrong, and a few seconds of delay, are no trouble. While such trouble lasts no time
// runs, but for agents that are away: crashed, cut off or standing still. Their masters have to say so.
//
//   - bounded: of every task that was launched its framework has heard what became of it. Each agent that
//     runs, and that nothing keeps from the master, is registered.
//   - stuck: no task is on its way: staging, starting, being killed (which may take the task's grace period
//     longer).
//   - truth: what its framework believes of it is so; it runs if and only if its container does, or, under
//     an executor, if that lives and says so. Nothing runs of a framework that was torn down. What runs on
//     an agent that is away is nobody's fault.
//   - durable: what an agent has acknowledged to an executor its framework has heard.
//   - killed: a task whose KILL a master has taken, since when it has not crashed, has ended or its agent
//     is away.
//   - agreed: master and agent mean the same by what the agent has. (That master and allocator do is part of
//     books.)
//   - answered: of every operation with an id its framework has heard how it ended, that nobody knows of it,
//     or that its agent is away; no agent waits for the acknowledgement of an operation.
//   - hoarded: no framework has kept an offer for longer than Config.HoldOffers without using or declining
//     it. That depends on nobody else, so only time in which the framework stands still does not count.
//
// Frameworks have to do their part: who has lost an ACCEPT, or was told nothing of an agent's end while it
// was away, has to ask. A framework is only held to it as long as it has the id under which it launched the
// task, and its driver runs.
//
// [Cluster.CheckSettled] demands all of this without waiting any longer, whatever trouble there was. It
// accepts what began just now: tasks that were launched within the last five minutes, ends that an agent
// has still time for, offers that are not too old. It adds:
//
//   - no fatal: no driver has given up.
//
// # Guards
//
// Is a test strong enough? Config.Without switches one of the mechanisms off on which master, agent or
// driver rely when something fails ([Guard]); who relies on the mechanism should notice. The package's own
// tests show that each guard is needed: a few faults without it, and an invariant is violated.
//
// # Traces
//
// When a test fails, the seed and the end of the trace are printed: 200 lines by [Explore], all that is
// kept, some thousands, by others. Processes are named in it: agent-2 is a process of an agent, the first
// machine's in the usual case, which is Agent(0) for the test and agent1.example for the framework. Hash
// compares whole runs.
package schedulertest
