package guard

import "strconv"

// Guard is one mechanism that keeps a promise when something fails. The zero Guard is none.
type Guard uint8

// The guards, each with what it ensures.
const (
	// Of the agent.

	UpdateRetry       Guard = iota + 1 // an update is sent again until it is acknowledged
	UpdateDedup                        // an update that an executor sends again is not another one
	UpdateStore                        // an update is written before it is sent, and before its executor may forget it
	AckStore                           // an acknowledgement is written before the next update is sent
	ReconcileAnswer                    // tasks that the master asks for and the agent does not have are ended
	KillMemoryOfAgent                  // a kill that comes while a task starts is carried out when it is up
	LaunchVersion                      // a task from a master that had not seen the latest re-registration is dropped
	UndeliveredTasks                   // a task that its executor does not have when it subscribes again is ended
	ExecutorTimeout                    // an executor that does not subscribe is given up
	MasterSilence                      // a master that does not ping is looked for again
	OperationStore                     // how an operation ended is written before it is said
	OperationRetry                     // and said again until it is acknowledged
	OperationAhead                     // what is written with one operation is known to come of another that goes on
	OperationFailure                   // the master is told what is here when what it counts upon failed

	// Of the master.

	OfferCheck         // an offer is used once, and not after it was taken back
	ReconcileQuestion  // an agent that comes back is asked for the tasks that it should have
	TaskAdoption       // tasks that only the agent knows of are taken over when it comes back
	KillMemoryOfMaster // kills are repeated to an agent that comes back
	RegistryFirst      // what the registry must hold is written before anybody hears of it
	ReleaseOnce        // what a task used comes free once, though several things end it
	EndIsFinal         // nobody is told that a task is lost after being told how it ended
	StepDown           // a leader that does not lead any more ends itself
	AgentSilence       // an agent that does not answer pings is unreachable
	OrphanWait         // how an operation ended waits for a framework that has not come back after an election

	// Of the drivers.

	AckAfterCallback // an update is acknowledged when the framework has been told of it
	UpdateMemory     // an executor says again what its agent may have missed
	DriverSilence    // a stream without heartbeats is made anew

	end
)

var names = [end]string{
	UpdateRetry: "update retry", UpdateDedup: "update dedup", UpdateStore: "update store",
	AckStore: "ack store", ReconcileAnswer: "reconcile answer", KillMemoryOfAgent: "kill memory of agent",
	LaunchVersion: "launch version", UndeliveredTasks: "undelivered tasks", ExecutorTimeout: "executor timeout", MasterSilence: "master silence",
	OperationStore: "operation store", OperationRetry: "operation retry", OperationAhead: "operation ahead", OperationFailure: "operation failure",
	OfferCheck: "offer check", ReconcileQuestion: "reconcile question", TaskAdoption: "task adoption",
	KillMemoryOfMaster: "kill memory of master", RegistryFirst: "registry first", ReleaseOnce: "release once",
	EndIsFinal: "end is final", StepDown: "step down", AgentSilence: "agent silence", OrphanWait: "orphan wait",
	AckAfterCallback: "ack after callback", UpdateMemory: "update memory", DriverSilence: "driver silence",
}

// String is the guard's name.
func (g Guard) String() string {
	if g > 0 && g < end {
		return names[g]
	}
	return "Guard(" + strconv.Itoa(int(g)) + ")"
}

// All are all guards, in the order of their declaration.
func All() (all []Guard) {
	for g := Guard(1); g < end; g++ {
		all = append(all, g)
	}
	return all
}

// Set says which guards are off. The zero Set is what every real cluster has: all of them are on.
type Set uint32

// Without is the Set in which these are off.
func Without(off ...Guard) (s Set) {
	for _, g := range off {
		s |= 1 << g
	}
	return s
}

// Off reports whether a guard is off.
func (s Set) Off(g Guard) bool { return s&(1<<g) != 0 }

// Wait returns done, which is to be called when something else is over. With the guard off it is called
// right away, and what is returned does nothing.
func (s Set) Wait(g Guard, done func(error)) func(error) {
	if !s.Off(g) {
		return done
	}
	done(nil)
	return func(error) {}
}

// Of asks a loop which guards are off for what runs on it. Loops that don't say so have all on.
func Of(loop any) Set {
	if l, ok := loop.(interface{ Without() Set }); ok {
		return l.Without()
	}
	return 0
}
