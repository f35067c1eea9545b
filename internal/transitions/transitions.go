package transitions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mesokit/mesokit/mesosproto"
)

// Table says which state may follow which.
type Table[S comparable] struct {
	states []S // in the order in which they are printed
	next   map[S][]S
}

// rule is one line of a table.
type rule[S comparable] struct {
	from S
	to   []S
}

func table[S comparable](rules ...rule[S]) Table[S] {
	t := Table[S]{next: make(map[S][]S, len(rules))}
	for _, r := range rules {
		t.states = append(t.states, r.from)
		t.next[r.from] = r.to
	}
	return t
}

// Allowed reports whether to may follow from.
func (t Table[S]) Allowed(from, to S) bool { return slices.Contains(t.next[from], to) }

// Terminal reports whether s is a state of the table that nothing follows.
func (t Table[S]) Terminal(s S) bool {
	next, known := t.next[s]
	return known && len(next) == 0
}

// States lists all states.
func (t Table[S]) States() []S { return slices.Clone(t.states) }

// Next lists the states that may follow s.
func (t Table[S]) Next(s S) []S { return slices.Clone(t.next[s]) }

// String prints a line for each state.
func (t Table[S]) String() string {
	var b strings.Builder
	for _, s := range t.states {
		fmt.Fprintf(&b, "%v → ", s)
		if len(t.next[s]) == 0 {
			b.WriteString("(terminal)")
		}
		for i, n := range t.next[s] {
			if i > 0 {
				b.WriteString(" | ")
			}
			fmt.Fprint(&b, n)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const (
	staging     = mesosproto.TaskState_TASK_STAGING
	starting    = mesosproto.TaskState_TASK_STARTING
	running     = mesosproto.TaskState_TASK_RUNNING
	killing     = mesosproto.TaskState_TASK_KILLING
	unreachable = mesosproto.TaskState_TASK_UNREACHABLE
	finished    = mesosproto.TaskState_TASK_FINISHED
	failed      = mesosproto.TaskState_TASK_FAILED
	killed      = mesosproto.TaskState_TASK_KILLED
	errored     = mesosproto.TaskState_TASK_ERROR
	lost        = mesosproto.TaskState_TASK_LOST
	dropped     = mesosproto.TaskState_TASK_DROPPED
	gone        = mesosproto.TaskState_TASK_GONE
	goneByOp    = mesosproto.TaskState_TASK_GONE_BY_OPERATOR
)

func orEnd(states ...mesosproto.TaskState) []mesosproto.TaskState {
	return append(states, finished, failed, killed, errored, lost, dropped, gone, goneByOp)
}

// Task is the life of a task. A state may be reported again (RUNNING with a new health status).
var Task = table(
	rule[mesosproto.TaskState]{staging, orEnd(staging, starting, running, killing, unreachable)},
	rule[mesosproto.TaskState]{starting, orEnd(starting, running, killing, unreachable)},
	rule[mesosproto.TaskState]{running, orEnd(running, killing, unreachable)},
	rule[mesosproto.TaskState]{killing, orEnd(killing, unreachable)},
	rule[mesosproto.TaskState]{unreachable, orEnd(staging, starting, running, killing, unreachable)},
	rule[mesosproto.TaskState]{finished, nil},
	rule[mesosproto.TaskState]{failed, nil},
	rule[mesosproto.TaskState]{killed, nil},
	rule[mesosproto.TaskState]{errored, nil},
	rule[mesosproto.TaskState]{lost, nil},
	rule[mesosproto.TaskState]{dropped, nil},
	rule[mesosproto.TaskState]{gone, nil},
	rule[mesosproto.TaskState]{goneByOp, nil},
)

// Terminal reports whether a task in state s has ended for good.
func Terminal(s mesosproto.TaskState) bool { return Task.Terminal(s) }

// AgentState is where an agent stands with the master.
type AgentState string

// The states of an agent.
const (
	AgentRecovered    AgentState = "recovered"    // in the registry after a change of leader, not yet back
	AgentRegistered   AgentState = "registered"   // connected
	AgentDisconnected AgentState = "disconnected" // its connection broke; it may come back
	AgentUnreachable  AgentState = "unreachable"  // given up until it comes back
	AgentRemoved      AgentState = "removed"      // unregistered or replaced; its id is never valid again
	AgentGone         AgentState = "gone"         // an operator said that it will never be back
)

// Agent is the life of an agent.
var Agent = table(
	rule[AgentState]{AgentRecovered, []AgentState{AgentRegistered, AgentUnreachable, AgentRemoved, AgentGone}},
	rule[AgentState]{AgentRegistered, []AgentState{AgentDisconnected, AgentUnreachable, AgentRemoved, AgentGone}},
	rule[AgentState]{AgentDisconnected, []AgentState{AgentRegistered, AgentUnreachable, AgentRemoved, AgentGone}},
	rule[AgentState]{AgentUnreachable, []AgentState{AgentRegistered, AgentRemoved, AgentGone}},
	rule[AgentState]{AgentRemoved, nil},
	rule[AgentState]{AgentGone, nil},
)

// FrameworkState is where a framework stands with the master.
type FrameworkState string

// The states of a framework.
const (
	FrameworkRecovered    FrameworkState = "recovered"    // known from agents only
	FrameworkConnected    FrameworkState = "connected"    // subscribed
	FrameworkDisconnected FrameworkState = "disconnected" // its failover timeout runs
	FrameworkCompleted    FrameworkState = "completed"    // removed; its id is never valid again
)

// Framework is the life of a framework.
var Framework = table(
	rule[FrameworkState]{FrameworkRecovered, []FrameworkState{FrameworkConnected, FrameworkCompleted}},
	rule[FrameworkState]{FrameworkConnected, []FrameworkState{FrameworkConnected, FrameworkDisconnected, FrameworkCompleted}},
	rule[FrameworkState]{FrameworkDisconnected, []FrameworkState{FrameworkConnected, FrameworkCompleted}},
	rule[FrameworkState]{FrameworkCompleted, nil},
)

// ExecutorState is where an executor stands with its agent.
type ExecutorState string

// The states of an executor.
const (
	ExecutorRegistering ExecutorState = "REGISTERING" // launched, not yet subscribed
	ExecutorRunning     ExecutorState = "RUNNING"
	ExecutorTerminating ExecutorState = "TERMINATING" // told to shut down
	ExecutorTerminated  ExecutorState = "TERMINATED"  // its container has ended; updates may still wait
)

// Executor is the life of an executor.
var Executor = table(
	rule[ExecutorState]{ExecutorRegistering, []ExecutorState{ExecutorRunning, ExecutorTerminating, ExecutorTerminated}},
	rule[ExecutorState]{ExecutorRunning, []ExecutorState{ExecutorRunning, ExecutorRegistering, ExecutorTerminating, ExecutorTerminated}},
	rule[ExecutorState]{ExecutorTerminating, []ExecutorState{ExecutorTerminated}},
	rule[ExecutorState]{ExecutorTerminated, nil},
)
