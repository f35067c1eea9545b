//go:build !unix

package executor

import "os"

// KillProcessGroup ends this process; it does not return. It is what Config.FromEnvironment puts into
// Config.Exit. There are no process groups on this system: what the executor has started goes on.
func KillProcessGroup() { os.Exit(1) }
