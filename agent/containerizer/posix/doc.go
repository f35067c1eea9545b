// Package posix is a containerizer whose containers are plain processes of the host: each in a session
// of its own, in its sandbox as working directory, with the user and environment of its spec. It
// isolates nothing and limits nothing.
//
// Step launch of the path, for containers of type MESOS or of none: command tasks and executors. Those
// of type DOCKER are refused with containerizer.ErrNotSupported; what a container of type MESOS asks for
// that a plain process can't have (an image, mounted volumes) is an error.
//
// Processes are started and kept by package keeper. With a keeper process they and their exit statuses
// outlive the agent, kill -9 included. Without one (see Config.RuntimeDir) they end with it, which is
// logged once.
//
// A command is `sh -c` with its value, or, with shell=false, the program that its value names, looked up
// in the PATH of its own environment and relative to the sandbox, with its arguments as the complete
// argument vector, its name included. Output is appended to the files stdout and stderr of the sandbox;
// standard input is empty. Persistent volumes appear as symbolic links in the sandbox.
//
// Signals reach, and Destroy kills, everything that a container has started: see package proctree for
// what that is and for what can get away.
//
// Goroutines: one for each running container, which waits for its end, and one for each Exec, which
// reads its output.
//
// Source: Mesos src/slave/containerizer/mesos/containerizer.cpp, launcher.cpp (PosixLauncher),
// isolators/posix.hpp, isolators/filesystem/posix.cpp.
package posix
