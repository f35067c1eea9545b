// Package guard names the mechanisms by which master, agent and driver keep their promises when
// something fails, so that tests can switch them off one by one.
//
// A test that passes with a guard off does not test it. Package schedulertest runs whole clusters
// without a guard, to see that one of its invariants notices.
//
// A core asks [Of] once, when it is made, and then [Set.Off] at the one place where a mechanism lives.
// Which guards are off is known only by the loop that a simulation gives to the core: the real loop
// says nothing, no configuration has such a field, and there is no global state.
package guard
