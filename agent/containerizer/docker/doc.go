// Package docker is a containerizer whose containers run on a Docker Engine, which it drives over the
// engine's API.
//
// Step launch of the path: [Containerizer.Pull] has the engine get the image, then
// [Containerizer.Launch] creates, attaches to, starts and inspects a container named mesos-<id>. It is
// what `docker run` would make of DockerInfo and its parameters; see newRequest. Containers are of this
// kind if their ContainerInfo is of type DOCKER: tasks that the agent supervises itself, and custom
// executors, which get the agent's environment and should use the host's network to reach it.
//
// # What the agent's end means
//
// Nothing to a container: the engine keeps it. The agent's next process finds it by its name in
// [Containerizer.Recover], running or ended, and Wait knows its exit status. Containers carry the
// agent's work directory as a label, so several agents can share an engine, and those that no agent
// knows any more are destroyed.
//
// # Output
//
// A container's output goes to stdout and stderr in its sandbox. It comes from a stream that is attached
// before the container starts: all of it, byte by byte, whatever the log driver. The size of the files
// is the only record of how far it has come. When the stream breaks, because the agent was killed or the
// engine restarts, the engine's log of the container is read from its start, as much of it skipped as
// the files have, and followed from there. So nothing is lost and nothing comes twice, with the
// json-file driver that the engine has by default; bytes that are not UTF-8 come out of that log as
// U+FFFD. Of logs that are rotated, or kept by another driver, the last second before the break may come
// twice. A driver that keeps no log (none) loses what was written meanwhile, which is logged.
//
// # Ends
//
// A container has ended when the engine says so and its output has ended. Its exit status is the
// engine's code, 128 and the signal for one that was killed. If the kernel killed it for want of memory
// the reason is REASON_CONTAINER_LIMITATION_MEMORY. The engine's restarts are waited out. After Remove
// the engine keeps an ended container for Config.RemoveDelay, counted from its end, across restarts.
//
// # Ownership
//
// Goroutines: one a container, which launches it and then waits for its end; one more that copies its
// output and owns its files; one a pull; one that removes ended containers. All end with
// [Containerizer.Close]. A mutex guards the map of containers and what is shared of each. At most 16 KiB
// of a container's output is in memory.
//
// No other package imports the engine's client.
//
// Source: Mesos src/slave/containerizer/docker.cpp, src/docker/docker.cpp, src/docker/executor.cpp;
// Docker Engine API 1.41.
package docker
