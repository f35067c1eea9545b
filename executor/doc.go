// Package executor is the task author's door to an agent: callbacks to implement, and a driver that keeps
// them fed.
package executor
