// Package link says how two cores talk, whatever carries their messages.
//
// Schedulers talk to the master, and executors to the agent, in the same shape: a client sends calls
// and subscribes to a stream of events. [Client] is what the client's core holds, [Server] what the
// server's core offers; neither ever blocks. A transport joins the two:
//
//	Driver core ── Client ─┬─ FromTransport ─ HTTP ─ handler ─┬─ Server ── master or agent core
//	                       ├─ Local (same process) ───────────┤
//	                       └─ a simulated network ────────────┘
//
// Master and agent talk in messages, both ways over one [Conn] for as long as it is up.
//
// All of them behave as TCP does: what is sent arrives once, in order, while the link is up; when it
// breaks, a suffix is lost each way. Nobody retries here; the protocols above do.
//
// Messages are immutable once sent: sender and receiver may both keep them, neither may change them.
package link
