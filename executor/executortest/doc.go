// Package executortest has a scripted agent for tests of executors: the test says what the agent sends,
// and looks at what the executor reports.
//
//	func TestRunsItsTask(t *testing.T) {
//		agent := executortest.New(t)
//		agent.Start(&myExecutor{})
//		agent.Launch(executortest.Task("t"))
//		agent.ExpectUpdates("t TASK_RUNNING", "t TASK_FINISHED")
//	}
//
// [Agent.Start] runs the executor in the test's process, without a network; inside testing/synctest its
// timers cost no time. [Agent.Serve] serves the HTTP API instead, to executors in processes of their own.
//
// Like a real agent, an Agent says SUBSCRIBED, stores updates, acknowledges each as often as it comes, and
// checks that calls are well-formed. What a test wants to go wrong is said by [Agent.Disconnect],
// [Agent.Refuse] and [Agent.HoldAcknowledgements].
//
// Goroutines: an Agent's state is touched only on its own loop; its methods post to it, or wait for what it
// has written into channels. Waiting ends the test after [Patience].
package executortest
