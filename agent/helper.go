package agent

import "github.com/mesokit/mesokit/agent/containerizer/keeper"

// RunHelper lets this program be the helper that keeps containers when their agent ends: started as one
// by an agent, it does that work and never returns; else it does nothing. It must come first in main,
// before anything that reads flags, opens files or starts goroutines.
//
//	func main() {
//		agent.RunHelper()
//		…
//	}
//
// With it, tasks of the posix containerizer outlive the agent's process. Programs that don't call it
// can name another that does in posix.Config.HelperPath.
func RunHelper() { keeper.RunIfAsked() }
