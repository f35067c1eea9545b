// Package containerizer says what an agent needs of whatever runs its containers.
//
// Step launch of the path: the agent, which has fetched URIs and made the sandbox, hands a [Spec] to a
// [Containerizer], which starts the container; the agent then waits for its [Termination]. A container
// is an executor, or a command or Docker task that the agent supervises itself.
//
// The implementations are packages of their own, so a program links only what it uses:
//
//   - posix: plain processes, which a keeper process lets outlive the agent
//   - docker: containers of a Docker Engine
//   - inprocess: executors that are Go functions
//   - composing: several of them, tried in order
//
// Package containerizertest holds every implementation to the contract written here. The rules that
// more than one of them follows live here too: [Key], [Environment], [OpenOutput].
//
// # The life of a container
//
//	Launch ──► running ──► ended ──Remove──► unknown
//	  │ error     │ Destroy   ▲
//	  └───────────┴───────────┘
//
// An id is unknown until Launch is called for it. A container whose Launch failed has ended; only after
// [ErrNotSupported] it stays unknown. It has ended once nothing of it is left but its sandbox, whatever
// ended it: its first process, Destroy, or a limit that it hit. What its first process leaves behind
// (children, daemons) is killed. An ended container is remembered until Remove.
//
// Source: Mesos src/slave/containerizer/containerizer.hpp, containerizer.cpp.
package containerizer
