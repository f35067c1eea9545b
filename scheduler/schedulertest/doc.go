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
//		c.Agent(0).Destroy() // the machine is gone
//		f.WaitForState("task-1", mesosproto.TaskState_TASK_LOST)
//	}
//
// # Containers
//
// A simulated container does what Config.Behave says: how long it takes to start and runs, its exit
// status, whether it heeds SIGTERM. The default, [Command], understands shell commands of a few words:
// "sleep 10; exit 3". Containers of frameworks that checkpoint outlive a crash of their agent.
//
// # Faults
//
// Connections behave as TCP does: ordered, and lossless while they are up. Break one with BreakLink:
// what is under way is lost, and each side notices at once, late or never ([Notice]). Crash and restart
// processes: CrashMaster, Agent.Crash, Framework.Crash. Take an agent off the network with Isolate, or
// its whole machine with Destroy.
//
// When a test fails, the seed and the end of the trace are printed. Hash compares whole runs.
package schedulertest
