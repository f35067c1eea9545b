package scheduler

import (
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/deepcopy"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Accept uses offers, which must be of one agent and one role, for operations. They are applied in
// order, each to what the ones before have left; what none uses goes back, and stays away from the
// framework for 5s unless [RefuseFor] says otherwise. Without operations it is Decline.
//
// Offers are single use. If one is no longer valid all are lost: tasks end as TASK_LOST (TASK_DROPPED
// for partition-aware frameworks) with REASON_INVALID_OFFERS. A task that can't be launched is no
// error here either, but a StatusUpdate with TASK_ERROR that says why.
//
// Returns once the call is queued, in order; never waits. Safe in callbacks and for concurrent use.
//
// Errors: InvalidArgument if there is no offer, or a required field is missing; FailedPrecondition
// while not subscribed. Later refusals arrive through Scheduler.Error.
// Mesos: scheduler Call ACCEPT.
func (d *Driver) Accept(offers []*mesosproto.OfferID, operations []*mesosproto.Offer_Operation, opts ...FilterOption) error {
	return d.call(&schedulerpb.Call{
		Type: schedulerpb.Call_ACCEPT.Enum(),
		Accept: &schedulerpb.Call_Accept{
			OfferIds:   cloneAll(offers),
			Operations: copyAll(operations, deepcopy.Operation),
			Filters:    filters(opts),
		},
	})
}

// LaunchTasks launches tasks with the resources of offers: Accept with one [Launch].
func (d *Driver) LaunchTasks(offers []*mesosproto.OfferID, tasks []*mesosproto.TaskInfo, opts ...FilterOption) error {
	return d.Accept(offers, []*mesosproto.Offer_Operation{Launch(tasks...)}, opts...)
}

// LaunchGroup launches tasks together, all or none, under one executor: Accept with one
// [LaunchTogether].
func (d *Driver) LaunchGroup(offers []*mesosproto.OfferID, executor *mesosproto.ExecutorInfo, tasks []*mesosproto.TaskInfo, opts ...FilterOption) error {
	return d.Accept(offers, []*mesosproto.Offer_Operation{LaunchTogether(executor, tasks...)}, opts...)
}

// Launch is the operation that launches tasks, each by itself: a bad one does not affect the others.
func Launch(tasks ...*mesosproto.TaskInfo) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Type:   mesosproto.Offer_Operation_LAUNCH.Enum(),
		Launch: &mesosproto.Offer_Operation_Launch{TaskInfos: tasks},
	}
}

// LaunchTogether is the operation that launches a task group: all tasks or none, under one executor. The
// driver fills in the executor's FrameworkId if it is missing.
//
// Mesos: Offer.Operation LAUNCH_GROUP.
func LaunchTogether(executor *mesosproto.ExecutorInfo, tasks ...*mesosproto.TaskInfo) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Type: mesosproto.Offer_Operation_LAUNCH_GROUP.Enum(),
		LaunchGroup: &mesosproto.Offer_Operation_LaunchGroup{
			Executor:  executor,
			TaskGroup: &mesosproto.TaskGroupInfo{Tasks: tasks},
		},
	}
}

// Reserve is the operation that reserves resources dynamically; each carries its reservation.
func Reserve(resources ...*mesosproto.Resource) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Type:    mesosproto.Offer_Operation_RESERVE.Enum(),
		Reserve: &mesosproto.Offer_Operation_Reserve{Resources: resources},
	}
}

// Unreserve is the operation that takes the last dynamic reservation off resources.
func Unreserve(resources ...*mesosproto.Resource) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Type:      mesosproto.Offer_Operation_UNRESERVE.Enum(),
		Unreserve: &mesosproto.Offer_Operation_Unreserve{Resources: resources},
	}
}

// CreateVolumes is the operation that makes persistent volumes of reserved disk resources.
//
// Mesos: Offer.Operation CREATE.
func CreateVolumes(volumes ...*mesosproto.Resource) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Type:   mesosproto.Offer_Operation_CREATE.Enum(),
		Create: &mesosproto.Offer_Operation_Create{Volumes: volumes},
	}
}

// DestroyVolumes is the operation that destroys persistent volumes and what is in them.
//
// Mesos: Offer.Operation DESTROY.
func DestroyVolumes(volumes ...*mesosproto.Resource) *mesosproto.Offer_Operation {
	return &mesosproto.Offer_Operation{
		Type:    mesosproto.Offer_Operation_DESTROY.Enum(),
		Destroy: &mesosproto.Offer_Operation_Destroy{Volumes: volumes},
	}
}

// WithID names an operation, so that the master tells its outcome through OperationStatusUpdate. It
// changes op and returns it. Launches can't have an id: their tasks have.
func WithID(op *mesosproto.Offer_Operation, id string) *mesosproto.Offer_Operation {
	op.Id = &mesosproto.OperationID{Value: proto.String(id)}
	return op
}
