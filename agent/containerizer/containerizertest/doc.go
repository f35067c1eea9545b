// Package containerizertest holds every containerizer to the contract of package containerizer.
//
// A test of an implementation describes it as a [Subject] and calls [Run]:
//
//	func TestContract(t *testing.T) {
//		containerizertest.Run(t, containerizertest.Subject{
//			New: func(t *testing.T, dir string) containerizer.Containerizer { … },
//		})
//	}
//
// What a container runs is a [Program]: a script for containerizers of processes, a Go function for
// those of functions; both behave the same. Test and program meet in FIFOs in the sandbox, so nothing
// waits for time to pass.
package containerizertest
