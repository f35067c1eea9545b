package resources

import (
	"fmt"

	"github.com/mesokit/mesokit/mesosproto"
)

// Conversions returns what an operation does to resources, as far as it is known at once: RESERVE,
// UNRESERVE, CREATE, DESTROY, GROW_VOLUME and SHRINK_VOLUME. Messages may be in either format.
//
// CREATE_DISK and DESTROY_DISK end with whatever their provider reports, see [DiskConversion]; LAUNCH and
// LAUNCH_GROUP consume, see [Consumed].
//
// Errors: an operation of another type, without its body, or with resources that are not legal or don't suit it.
// Mesos: src/common/resources_utils.cpp, getResourceConversions.
func Conversions(op *mesosproto.Offer_Operation) ([]Conversion, error) {
	if op.GetType() == mesosproto.Offer_Operation_RESERVE && len(op.GetReserve().GetSource()) > 0 {
		source, err := FromProto(op.Reserve.Source)
		if err != nil {
			return nil, err
		}
		reserved, err := FromProto(op.Reserve.Resources)
		if err != nil {
			return nil, err
		}
		return Rereserve(source, reserved)
	}
	if op.GetType() == mesosproto.Offer_Operation_GROW_VOLUME || op.GetType() == mesosproto.Offer_Operation_SHRINK_VOLUME {
		return resizing(op)
	}
	var list []*mesosproto.Resource
	var convert func(Resources) ([]Conversion, error)
	switch op.GetType() {
	case mesosproto.Offer_Operation_RESERVE:
		list, convert = op.GetReserve().GetResources(), Reserve
	case mesosproto.Offer_Operation_UNRESERVE:
		list, convert = op.GetUnreserve().GetResources(), Unreserve
	case mesosproto.Offer_Operation_CREATE:
		list, convert = op.GetCreate().GetVolumes(), CreateVolumes
	case mesosproto.Offer_Operation_DESTROY:
		list, convert = op.GetDestroy().GetVolumes(), DestroyVolumes
	default:
		return nil, reason("Operation %s not supported", op.GetType())
	}
	r, err := FromProto(list)
	if err != nil {
		return nil, err
	}
	if r.IsEmpty() {
		return nil, reason("Operation %s contains no resources", op.GetType())
	}
	return convert(r)
}

func resizing(op *mesosproto.Offer_Operation) ([]Conversion, error) {
	if op.GetType() == mesosproto.Offer_Operation_GROW_VOLUME {
		volume, err := FromMessage(op.GetGrowVolume().GetVolume())
		if err != nil {
			return nil, err
		}
		addition, err := FromMessage(op.GetGrowVolume().GetAddition())
		if err != nil {
			return nil, err
		}
		return GrowVolume(volume, addition)
	}
	volume, err := FromMessage(op.GetShrinkVolume().GetVolume())
	if err != nil {
		return nil, err
	}
	subtract, err := checkedScalar(op.GetShrinkVolume().GetSubtract().GetValue())
	if err != nil {
		return nil, fmt.Errorf("subtract: %w", err)
	}
	return ShrinkVolume(volume, subtract)
}

// ApplyOperation applies the conversions of op.
func (r Resources) ApplyOperation(op *mesosproto.Offer_Operation) (Resources, error) {
	list, err := Conversions(op)
	if err != nil {
		return Resources{}, err
	}
	return r.Apply(list...)
}

// DiskConversion is what a finished CREATE_DISK or DESTROY_DISK did: its source became what the provider
// reported, which may be nothing.
//
// Errors: an operation of another type; resources that are not legal.
func DiskConversion(op *mesosproto.Offer_Operation, converted []*mesosproto.Resource) (Conversion, error) {
	consumed, err := diskSource(op)
	if err != nil {
		return Conversion{}, err
	}
	result, err := FromProto(converted)
	if err != nil {
		return Conversion{}, err
	}
	return Conversion{Consumed: consumed, Converted: result}, nil
}

func diskSource(op *mesosproto.Offer_Operation) (Resources, error) {
	var source *mesosproto.Resource
	switch op.GetType() {
	case mesosproto.Offer_Operation_CREATE_DISK:
		source = op.GetCreateDisk().GetSource()
	case mesosproto.Offer_Operation_DESTROY_DISK:
		source = op.GetDestroyDisk().GetSource()
	default:
		return Resources{}, reason("Operation %s has no disk", op.GetType())
	}
	r, err := FromMessage(source)
	if err != nil {
		return Resources{}, err
	}
	return r.Resources(), nil
}

// Consumed returns what op takes from an offer: for LAUNCH and LAUNCH_GROUP [LaunchConsumes], for
// CREATE_DISK and DESTROY_DISK the source, for others what their conversions consume in total.
func Consumed(op *mesosproto.Offer_Operation) (Resources, error) {
	switch op.GetType() {
	case mesosproto.Offer_Operation_LAUNCH:
		return LaunchConsumes(op.GetLaunch().GetTaskInfos(), nil, nil)
	case mesosproto.Offer_Operation_LAUNCH_GROUP:
		group := op.GetLaunchGroup()
		return LaunchConsumes(group.GetTaskGroup().GetTasks(), group.GetExecutor(), nil)
	case mesosproto.Offer_Operation_CREATE_DISK, mesosproto.Offer_Operation_DESTROY_DISK:
		return diskSource(op)
	}
	list, err := Conversions(op)
	if err != nil {
		return Resources{}, err
	}
	var sum Accumulator
	for _, c := range list {
		sum.Add(c.Consumed)
	}
	return sum.Resources(), nil
}

// LaunchConsumes sums the resources of tasks and of the executors that start for them: shared, if not
// nil, and those that the tasks bring, each once by its id. running, if not nil, tells which executors
// already run on the agent for this framework and cost nothing more.
func LaunchConsumes(
	tasks []*mesosproto.TaskInfo, shared *mesosproto.ExecutorInfo, running func(executorID string) bool,
) (Resources, error) {
	var sum Accumulator
	add := func(list []*mesosproto.Resource) error {
		r, err := FromProto(list)
		sum.Add(r)
		return err
	}
	charged := map[string]bool{}
	charge := func(e *mesosproto.ExecutorInfo) error {
		id := e.GetExecutorId().GetValue()
		if e == nil || charged[id] || running != nil && running(id) {
			return nil
		}
		charged[id] = true
		return add(e.GetResources())
	}
	if err := charge(shared); err != nil {
		return Resources{}, err
	}
	for _, task := range tasks {
		if err := add(task.GetResources()); err != nil {
			return Resources{}, err
		}
		if err := charge(task.GetExecutor()); err != nil {
			return Resources{}, err
		}
	}
	return sum.Resources(), nil
}
