package containerizertest

import "testing"

// Run holds a containerizer to the contract of package containerizer, one subtest a promise.
func Run(t *testing.T, s Subject) {
	for _, promise := range promises {
		t.Run(promise.name, func(t *testing.T) {
			if promise.processes && s.Functions {
				t.Skip("containers are functions; this is about processes")
			}
			promise.test(t, s)
		})
	}
}

var promises = []struct {
	name      string
	processes bool // only for containers of processes
	test      func(*testing.T, Subject)
}{
	{"ExitStatus", false, testExitStatus},
	{"Output", false, testOutput},
	{"Environment", false, testEnvironment},
	{"User", true, testUser},
	{"NotSupported", false, testNotSupported},
	{"LaunchFails", false, testLaunchFails},
	{"LaunchTwice", false, testLaunchTwice},
	{"ManyAtOnce", false, testManyAtOnce},
	{"UnknownIDs", false, testUnknownIDs},

	{"WaitByMany", false, testWaitByMany},
	{"WaitGivesUp", false, testWaitGivesUp},
	{"Signal", false, testSignal},
	{"SignalReachesChildren", true, testSignalReachesChildren},
	{"DestroyKills", false, testDestroyKills},
	{"DestroyIsIdempotent", false, testDestroyIsIdempotent},
	{"DestroyDuringLaunch", false, testDestroyDuringLaunch},
	{"DestroyKillsDescendants", true, testDestroyKillsDescendants},
	{"NothingIsLeftBehind", true, testNothingIsLeftBehind},
	{"Remove", false, testRemove},

	{"StatusAndUsage", false, testStatusAndUsage},
	{"Update", false, testUpdate},

	{"Exec", true, testExec},
	{"ExecOutputIsBounded", true, testExecOutputIsBounded},
	{"ExecGivesUp", true, testExecGivesUp},
	{"ExecEndsWithTheContainer", true, testExecEndsWithTheContainer},

	{"RecoverKnown", false, testRecoverKnown},
	{"RecoverDestroysUnknown", false, testRecoverDestroysUnknown},
	{"RecoverGone", false, testRecoverGone},
}
