// Package proctree finds the processes of a container in the process table, and ends them.
//
// There is no cgroup to ask, so a process belongs to a container if it descends from its first process,
// is in the session of one that does, or has lost its parent and carries the container's mark in its
// environment. The last finds daemons, which leave their session and their parents. What also replaces
// its whole environment at the same time gets away, and so may what forks into new sessions faster than
// the table can be read; only a cgroup holds those.
//
// A process id alone names nothing for long: [Process] has the start time beside it, and signals go
// through a pidfd, so no stranger that got the id of one that ended is ever signalled.
//
// On systems other than Linux there is no /proc; there the process group is all that is known.
package proctree
