// Package checkpoint keeps what an agent must know after it was killed: its id, its frameworks,
// executors and tasks, and the status updates that no framework has acknowledged.
//
// A checkpoint is a set of entries, one key a fact. The agent's core writes through a [Writer] on its
// loop; the Writer batches what is written while a write is under way and appends it to a [Store] off
// the loop, so a burst of launches costs a few writes.
//
// Two degrees of safety, chosen for each write:
//
//   - Written: in the hands of the operating system. Survives the death of the agent, and costs no
//     disk access. For tasks, executors and updates that are not terminal.
//   - Synced: on the disk. Survives the death of the machine. For the agent's id and terminal updates,
//     before the executor is told that they are safe.
//
// What can't be written, since the disk is full or broken, the Writer keeps and writes as soon as it can
// be; the agent goes on meanwhile. Only a crash before that loses it.
//
// After a crash of the machine the end of a log that was not synced may be damaged: it is recognised
// by its checksum and dropped, up to the last entry that is whole.
//
// Stores: file (an append-only log that rewrites itself when most of it is stale), memory (for
// simulations; can lose what was not synced). Both are held to the contract by package checkpointtest.
//
// The reference keeps a file a fact and syncs each (Mesos: src/slave/state.cpp, paths.cpp); the facts
// are the same.
package checkpoint
