// Package keeper runs the processes of containers in a process of their own, so that they, and the
// statuses that they exit with, outlive the agent.
//
// Below the posix containerizer: it starts every container's first process through a [Client]. The
// client talks to one keeper per agent, over a unix socket in the agent's runtime directory, and starts
// the keeper if there is none. After kill -9 of the agent, its next process connects to the same keeper
// and finds everything as it was. The keeper ends by itself when nothing runs and no agent has been
// connected for a while.
//
// The keeper is Config.Helper, or the agent's own program if its main function first calls
// [RunIfAsked]. Where neither is so, [Local] does the same work inside the agent's process; then
// containers end with it.
//
// # What the keeper does
//
// [Local] is the whole of it; [Serve] puts it behind the socket. It forks a process in a session of its
// own, reaps it, notes the status in a journal beside the socket, kills what the process has left
// behind, and tells whoever is connected. In a keeper it is also the subreaper of everything below it:
// orphans become its children, so that nothing can hide by losing its parents.
//
// The journal is appended to before a fork, after it, and at the exit; what was written survives the end
// of any process, though not a loss of power, after which no container runs anyway. If the keeper itself
// is killed, its successor finds the containers that still run by the journal; their exit statuses are
// then unknown.
//
// The keeper must stay small, so this package imports no protobuf, no Docker and no logger. Goroutines
// of a keeper: one reaps, one accepts, two per connection, and one for each container that is being
// killed. All state is Local's, guarded by its mutex.
//
// Under systemd the agent's unit needs KillMode=process, as that of Mesos does, or stopping the agent
// kills its keeper and its tasks.
//
// Source: the behaviour is that of Mesos src/slave/containerizer/mesos/launch.cpp (one helper per
// container, whose status file this one's records stand for) and of its posix launcher.
package keeper
