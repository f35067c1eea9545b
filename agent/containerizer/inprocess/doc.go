// Package inprocess is a containerizer whose containers are Go functions, for clusters inside one
// program and for tests.
//
// A container of this kind has a command whose value is "go:" and the name of an [Executor]; see
// [Command]. That works for executors and, since a function is as good as a command, for tasks that the
// agent supervises itself. Everything else is refused with containerizer.ErrNotSupported, so that a
// composing containerizer can ask the next one.
//
// What a process has, a function has where it can: a sandbox, an environment (as a map: the program's
// own is not touched), files for its output, an exit status, an end by signals (its context). It has no
// user of its own, no limits, no usage of its own, and it ends with its program. It can't be killed:
// one that goes on after its context has ended is given up on after Config.StopTimeout, reported as
// failed, and leaks.
//
// Goroutines: one a container, which runs the function and owns its output files. A panic in it fails
// the container; one in a goroutine that the function started ends the program, as anywhere in Go.
// Profiles show both under the label container_id.
package inprocess
