// Package checks runs the health checks and checks of tasks. It is used by whoever supervises a task:
// the agent, and executors.
//
// [Health] and [Check] are state machines on a loop: they decide when to probe and what a result
// means. A [Prober] does the probing, off the loop: a command in the task's container, an HTTP request,
// a TCP connection. [HTTP] and [TCP] are the network probes themselves.
//
// Timing: the first probe comes delay_seconds after Start, each next one interval_seconds after the
// last has ended. While paused no probe starts and results are dropped; Resume probes at once.
//
// A health check fails with anything but exit status 0, an HTTP status from 200 to 399, or a TCP
// connection. Failures before the first success and within grace_period_seconds of Start do not count.
// Every failure that counts is reported, and the consecutive_failures-th asks for the task to be killed;
// a success is reported if it is the first or follows a failure.
//
// A check has no verdict: each new result is reported, an empty one when the probe could not tell.
//
// Mesos: src/checks/health_checker.cpp, checker.cpp, checker_process.cpp.
package checks
