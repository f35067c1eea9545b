package schedulertest

import (
	"github.com/mesokit/mesokit/internal/guard"
	"github.com/mesokit/mesokit/internal/loop"
)

// Guard is a mechanism by which master, agent or driver keep a promise when something fails. Config.Without
// switches it off.
type Guard = guard.Guard

// The guards, with the invariant that is violated when one is off and the worst happens.
const (
	GuardUpdateRetry        = guard.UpdateRetry        // the agent sends an update again until it is acknowledged: stuck
	GuardUpdateDedup        = guard.UpdateDedup        // it does not take an update twice that an executor sends twice: order
	GuardUpdateStore        = guard.UpdateStore        // it writes an update before it sends it, and before the executor may forget it: durable
	GuardAckStore           = guard.AckStore           // it writes an acknowledgement before it sends the next update: order
	GuardReconcileAnswer    = guard.ReconcileAnswer    // it ends the tasks that the master asks for and that it does not have: bounded
	GuardKillMemoryOfAgent  = guard.KillMemoryOfAgent  // it carries a kill out that comes while the task starts: killed
	GuardLaunchVersion      = guard.LaunchVersion      // it drops a task of a master that had not seen its latest re-registration: no double
	GuardUndeliveredTasks   = guard.UndeliveredTasks   // it ends a task that its executor does not have when it subscribes again: bounded
	GuardExecutorTimeout    = guard.ExecutorTimeout    // it gives up an executor that does not subscribe: bounded
	GuardMasterSilence      = guard.MasterSilence      // it registers again when the master does not ping: bounded
	GuardOperationStore     = guard.OperationStore     // it writes how an operation ended before it says so: kept
	GuardOperationRetry     = guard.OperationRetry     // it says so again until that is acknowledged: answered
	GuardOperationAhead     = guard.OperationAhead     // it knows after a crash which operations what it has written comes of: truth
	GuardOperationFailure   = guard.OperationFailure   // it tells the master what it has when an operation failed: agreed
	GuardOfferCheck         = guard.OfferCheck         // the master lets an offer be used once, and not after it took it back: no double
	GuardReconcileQuestion  = guard.ReconcileQuestion  // it asks an agent that comes back for the tasks that it should have: bounded
	GuardTaskAdoption       = guard.TaskAdoption       // it takes the tasks over that only an agent knows of: truth
	GuardKillMemoryOfMaster = guard.KillMemoryOfMaster // it repeats kills to an agent that comes back: killed
	GuardRegistryFirst      = guard.RegistryFirst      // it writes to the registry before anybody hears of it: durable
	GuardReleaseOnce        = guard.ReleaseOnce        // it gives a task's resources back once: freed once
	GuardEndIsFinal         = guard.EndIsFinal         // it does not say that a task is lost after it said how it ended: forward
	GuardStepDown           = guard.StepDown           // it ends itself when it does not lead any more: one leader
	GuardAgentSilence       = guard.AgentSilence       // it gives up an agent that does not answer: truth
	GuardOrphanWait         = guard.OrphanWait         // it keeps how an operation ended for a framework that has not come back yet: order
	GuardAckAfterCallback   = guard.AckAfterCallback   // the driver acknowledges an update when the framework was told: order
	GuardUpdateMemory       = guard.UpdateMemory       // an executor's driver says again what the agent may have missed: stuck
	GuardDriverSilence      = guard.DriverSilence      // it subscribes again when its stream is silent: truth
)

// AllGuards are all of them, in the order of their declaration.
func AllGuards() []Guard { return guard.All() }

// unguarded is a loop that switches guards off in what runs on it.
type unguarded struct {
	loop.Loop
	without guard.Set
}

// Without is what package guard asks for.
func (l unguarded) Without() guard.Set { return l.without }

// guards gives a loop the guards of the cluster's Config.
func (c *Cluster) guards(l loop.Loop) loop.Loop {
	if len(c.cfg.Without) == 0 {
		return l
	}
	return unguarded{l, guard.Without(c.cfg.Without...)}
}
