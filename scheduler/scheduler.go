package scheduler

import (
	"github.com/mesokit/mesokit/mesosproto"
)

// Scheduler is the framework author's half: what to do with offers, and what to make of what happens
// to tasks. Embed [Base] and implement only ResourceOffers and StatusUpdate to begin with.
//
// Callbacks run one at a time, in the order of the master's events, on the framework's own goroutine
// (in a simulation, on its own loop). They may call any method of the Driver but Join and Run. While
// one is slow, events wait at the master's end; heartbeats and the driver do not suffer.
//
// The messages handed in belong to the callback: keep them, change them. No callback begins after
// Stop or Abort has been called.
//
// Mesos: include/mesos/scheduler.hpp, class Scheduler; org.apache.mesos.Scheduler.
type Scheduler interface {
	// Registered is the first callback: the master knows the framework, under id. A framework that
	// wants to survive its own restart stores id and gives it to the next Driver in
	// Config.Framework.Id; Registered is then called with the same id, and it is time to Reconcile.
	Registered(d *Driver, id *mesosproto.FrameworkID, master *mesosproto.MasterInfo)

	// Reregistered says that the driver is subscribed again, after Disconnected; master may be
	// another. Offers of before are no longer valid; updates may have been lost: Reconcile.
	Reregistered(d *Driver, master *mesosproto.MasterInfo)

	// Disconnected says that the connection to the master is lost. Tasks go on. Until Reregistered the
	// driver's methods return FailedPrecondition; calls made just before may not have arrived.
	Disconnected(d *Driver)

	// ResourceOffers brings offers, each of one agent and one role. Each must be used, by Accept or
	// LaunchTasks, or declined: what is neither stays reserved for this framework.
	ResourceOffers(d *Driver, offers []*mesosproto.Offer)

	// OfferRescinded says that an offer is no longer valid. Tasks launched with it meanwhile end as
	// TASK_LOST, or TASK_DROPPED for partition-aware frameworks.
	OfferRescinded(d *Driver, id *mesosproto.OfferID)

	// InverseOffers asks for resources back: their agents become unavailable for maintenance.
	InverseOffers(d *Driver, offers []*mesosproto.InverseOffer)

	// InverseOfferRescinded says that an inverse offer no longer stands.
	InverseOfferRescinded(d *Driver, id *mesosproto.OfferID)

	// StatusUpdate says what became of a task. Each is delivered at least once: the same may come
	// again. It is acknowledged when the callback has returned, unless
	// Config.ExplicitAcknowledgements leaves that to Driver.Acknowledge; until then the next update
	// of the task is held back.
	StatusUpdate(d *Driver, status *mesosproto.TaskStatus)

	// OperationStatusUpdate says what became of an operation that was given an id. Delivery and
	// acknowledgement are as with StatusUpdate.
	OperationStatusUpdate(d *Driver, status *mesosproto.OperationStatus)

	// FrameworkMessage brings data from an executor. It is delivered at most once.
	FrameworkMessage(d *Driver, executor *mesosproto.ExecutorID, agent *mesosproto.AgentID, data []byte)

	// AgentLost says that an agent is unreachable or gone, whether or not it runs tasks of this
	// framework; their updates come separately.
	AgentLost(d *Driver, agent *mesosproto.AgentID)

	// ExecutorLost says that a custom executor has ended. status is as of waitpid(2), or -1 if unknown.
	// The updates of its tasks come separately.
	ExecutorLost(d *Driver, executor *mesosproto.ExecutorID, agent *mesosproto.AgentID, status int)

	// Error says that something went wrong. A *CallError, to be found with errors.As, means that one
	// call was refused or lost and the driver goes on. Any other error is fatal: it is the last
	// callback, and Run and Join return the error.
	Error(d *Driver, err error)
}

// Base implements the callbacks that a simple framework can do without; they do nothing. (The driver
// logs errors by itself.) ResourceOffers and StatusUpdate are left to the framework, so that the
// compiler asks for them.
type Base struct{}

func (Base) Registered(*Driver, *mesosproto.FrameworkID, *mesosproto.MasterInfo)           {}
func (Base) Reregistered(*Driver, *mesosproto.MasterInfo)                                  {}
func (Base) Disconnected(*Driver)                                                          {}
func (Base) OfferRescinded(*Driver, *mesosproto.OfferID)                                   {}
func (Base) InverseOffers(*Driver, []*mesosproto.InverseOffer)                             {}
func (Base) InverseOfferRescinded(*Driver, *mesosproto.OfferID)                            {}
func (Base) OperationStatusUpdate(*Driver, *mesosproto.OperationStatus)                    {}
func (Base) FrameworkMessage(*Driver, *mesosproto.ExecutorID, *mesosproto.AgentID, []byte) {}
func (Base) AgentLost(*Driver, *mesosproto.AgentID)                                        {}
func (Base) ExecutorLost(*Driver, *mesosproto.ExecutorID, *mesosproto.AgentID, int)        {}
func (Base) Error(*Driver, error)                                                          {}
