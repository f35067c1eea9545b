// Package registry keeps the facts that must survive a master: which agents were admitted, which are
// unreachable, which are gone for good.
//
// Step 1 of the path: an agent's admission is written here before the agent is told that it is
// registered. Everything else a master knows (frameworks, tasks, offers) comes back from the agents
// and frameworks themselves.
//
// A change is an [Operation]. The [Registrar], owned by the master's loop, applies operations in order
// to its [State], and writes what they changed, as one batch, through a [Storage], off the loop. One
// write is under way at a time; what is applied meanwhile forms the next batch, so a thousand agents
// that register at once cost a few writes. An operation's callback runs after its batch is durable:
// write, then change the master's memory, then send messages.
//
// The storage sees keys and values, one key a fact (agent/<id>, unreachable/<id>, gone/<id>, master), so
// a write costs what changed and not what is there. A storage that fails ends the registrar: its batch
// and everything after it fail, and the master must step down, because it no longer knows what is stored.
//
// Storages: memory (lost with the process), bolt (a file in the master's work directory). They are held
// to one contract by package registrytest.
//
// Mesos: src/master/registry.proto, src/master/registrar.cpp.
package registry
