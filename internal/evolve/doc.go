// Package evolve has all differences between the v0 and v1 forms of Mesos messages.
//
// Mesokit speaks v1 inside: a v1 Go type also serves for its v0 namesake, because field numbers and
// types are the same. The few exceptions are here, so that no other package knows them:
//
//   - scheduler.Call.Subscribe numbers its fields differently and has one more, force:
//     [UnmarshalCall] and [MarshalCall].
//   - SlaveInfo has a field checkpoint that AgentInfo lacks: [Checkpoint] and [WithCheckpoint].
//   - DrainAgent gives its grace period in another type: [DurationInfo] and [Duration].
//   - v0 says Slave where v1 says Agent: [V0Name], [V1Name], [V0Field] and [V0Value].
//
// The edges that speak v0 call it: libprocess transports and legacy JSON. All functions are pure and
// safe for concurrent use; none keeps or changes what it is given.
//
// Source: Mesos src/internal/evolve.cpp, src/internal/devolve.cpp.
package evolve
