package agent

import "github.com/mesokit/mesokit/agent/containerizer/keeper"

// RunHelper lets a program be the keeper of its own containers: the process that outlives the agent and
// the tasks of which survive kill -9 of it. A main function calls it first, before flags are read, files
// opened or goroutines started. In a process that was started as a keeper it does not return; in every
// other it does nothing.
//
// Without it, and without posix.Config.HelperPath, tasks are children of the agent and end with it.
func RunHelper() { keeper.RunIfAsked() }
