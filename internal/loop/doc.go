// Package loop is the one place where Mesokit meets time, randomness and concurrency.
//
// Master, agent, allocator and drivers are state machines. Each is owned by one [Loop]: everything
// that the component owns is touched only by functions that its loop runs, one at a time, in the
// order in which they were posted. So a core holds no lock, starts no goroutine, and reads the
// clock and random numbers from its loop alone.
//
// There are two implementations:
//
//   - [Real]: one goroutine that drains a queue, real timers, a goroutine per [Loop.Do].
//   - [SimLoop]: one of several loops of a [Sim], which share a virtual clock. The seed of the Sim
//     decides which ready loop runs next and how long work and deliveries take, and nothing else
//     decides anything; the same seed gives the same run, step by step, at any GOMAXPROCS.
//
// What a core may rely on, whichever loop it has:
//
//   - Post, AfterFunc and Do never block and may be called from any goroutine (in a simulation
//     there is only one). Functions never run inside the call that scheduled them.
//   - Functions posted by one caller run in the order in which it posted them.
//   - A timer that was stopped on the loop never runs, even if it had already expired.
//   - After a loop is closed nothing more runs on it; what was still queued is dropped.
package loop
