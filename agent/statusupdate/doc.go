// Package statusupdate decides how one task's status updates are delivered at least once.
//
// Step 4 of the path. The agent gives each update to the task's [Stream]. One of them is on its way at a
// time, the oldest that the framework has not acknowledged; it is sent again after 10s, 20s, 40s, …
// 10min, for as long as it takes. Its acknowledgement lets the next one out; that of a terminal update
// ends the stream.
//
// A Stream is pure: it keeps no clock and sends nothing. Its owner, the agent's core, asks [Stream.Head]
// what to send, says [Stream.Sent] when it has, and sets a timer for the time that it gets back. It is
// not safe for concurrent use.
//
// Source: Mesos src/slave/task_status_update_manager.cpp.
package statusupdate
