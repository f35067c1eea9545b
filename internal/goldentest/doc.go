// Package goldentest holds the tests that play recorded clients against a real master and agent.
//
// A recording (testdata/*.jsonl, see the README there) is what an unmodified client and Apache Mesos 1.12
// said to each other on the v1 HTTP APIs. The player starts a cluster with package mesokit, connects as the
// client did, a connection for each of its own, sends its requests in their order and compares our answers
// with the recorded ones field by field: status line, headers, bodies, the events of streams.
//
// What can't be the same is dealt with so:
//
//   - Ids, uuids and addresses are learnt. The first time that a recorded id is met in an answer it is paired
//     with ours in the same place, for good and in both directions; requests carry ours.
//   - Times and process ids must be there, whatever their value.
//   - Offers come at other moments, because this allocator acts on events and not on ticks. Before the player
//     goes on to what the client did next, it obtains each offer that the client had by then: it declines what
//     it is offered until that has the same resources for the same role, and compares all its fields.
//   - Heartbeats are counted on no stream; there must be one where one was recorded.
//   - The client's own pauses are not made: the player waits for what the client waited for. The master's time
//     passes ten times faster than the wall's, so that a declined offer comes back soon.
//   - Updates of different tasks, and acknowledgements of them to executors, may come in another order than
//     recorded, because the agent records them at the same time; those of one task may not.
//
// All other differences stand, each with its reason, in the list of the recording, and status codes, states,
// reasons, sources, the order of updates and the keys of JSON may not stand there.
package goldentest
