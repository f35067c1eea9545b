// Package agent runs the tasks of one node.
//
// Steps launch to acknowledge of the path. An [Agent] finds the master, registers, and tells it in
// [Config.Info] what the node has to offer. The master sends tasks; the agent runs each in a container,
// reports on it until the framework has acknowledged the last word, and forgets it.
package agent
