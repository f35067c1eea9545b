//go:build unix

package executor

import (
	"os"
	"syscall"
	"time"
)

// KillProcessGroup ends this process and all others of its group, the tasks among them, without giving
// them a chance; it does not return. It is what Config.FromEnvironment puts into Config.Exit. Agents
// start each executor in a group of its own.
//
// Mesos: src/executor/executor.cpp, ShutdownProcess.
func KillProcessGroup() {
	syscall.Kill(0, syscall.SIGKILL)
	time.Sleep(5 * time.Second) // the signal is on its way to us, too
	os.Exit(1)
}
