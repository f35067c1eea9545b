// Package transitions holds the life of a task, an agent and a framework, each as one table.
//
// Master, agent, simulator and documentation read the same tables, so none of them can disagree. A
// table lists, for each state, the states that may follow; [Table.Allowed] asks it, [Table.String]
// prints it.
//
// Tasks, as the master and frameworks see them (any → means from every state that is not terminal):
//
//	STAGING → STARTING → RUNNING → KILLING → terminal
//	any     → UNREACHABLE              the agent does not answer
//	UNREACHABLE → any                  the agent is back
//	any     → terminal
//
// Terminal: FINISHED, FAILED, KILLED, ERROR, LOST, DROPPED, GONE, GONE_BY_OPERATOR. A framework that
// is not partition-aware is told LOST instead of UNREACHABLE; what the table says of UNREACHABLE holds
// for the task in the master all the same.
//
// Agents, as the master sees them:
//
//	(new) → registered ⇄ disconnected → unreachable → registered
//	recovered (in the registry after a change of leader) → registered | unreachable
//	any → removed | gone
//
// Frameworks, as the master sees them:
//
//	(new) → connected ⇄ disconnected → completed
//	recovered (known only from agents) → connected | completed
//
// Mesos: src/master/master.hpp, include/mesos/mesos.proto.
package transitions
