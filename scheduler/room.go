package scheduler

import (
	"maps"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/deepcopy"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// Room is what is left of offers of one agent while a callback puts tasks there. Make one with
// [RoomIn], fill it with [Room.Put], and use up the offers with
//
//	d.LaunchTasks(room.Offers(), tasks)
//
// which declines them if no task fits. A Room is not safe for concurrent use.
type Room struct {
	offers    []*mesosproto.Offer
	left      resources.Resources
	executors map[string]*mesosproto.ExecutorInfo // that run on the agent, or will; nil: it runs already
}

// RoomIn returns the room in offers, which must be of one agent and one role to be accepted together.
// Entries that are not legal are left out. The offers are neither kept nor changed.
func RoomIn(offers ...*mesosproto.Offer) *Room {
	r := &Room{offers: offers, executors: map[string]*mesosproto.ExecutorInfo{}}
	var all []resources.Resource
	for _, o := range offers {
		for _, m := range o.GetResources() {
			if entry, err := resources.FromMessage(m); err == nil {
				all = append(all, entry)
			}
		}
		for _, id := range o.GetExecutorIds() {
			r.executors[id.GetValue()] = nil
		}
	}
	// The role that they are allocated to is the offer's; the master puts it into what is launched.
	r.left = resources.New(all...).Unallocate()
	return r
}

// Offers returns the ids of the offers.
func (r *Room) Offers() []*mesosproto.OfferID { return OfferIDs(r.offers...) }

// Agent returns the id of the agent; nil without offers.
func (r *Room) Agent() *mesosproto.AgentID {
	if len(r.offers) == 0 {
		return nil
	}
	return deepcopy.AgentID(r.offers[0].GetAgentId())
}

// Left returns what is left.
func (r *Room) Left() resources.Resources { return r.left }

// Fits tells whether there is room for need, which says nothing of reservations: reserved resources
// count, too.
func (r *Room) Fits(need resources.Resources) bool {
	_, ok := r.left.Find(need)
	return ok
}

// Ports returns n ports that are left, lowest first, or nil if there are fewer. They stay in the room
// until a task is put there that has them among its resources; see [WithPort], [WithHostPorts].
func (r *Room) Ports(n int) []uint32 {
	ports := make([]uint32, 0, n)
	for _, part := range r.left.Ports().Take(uint64(n)) {
		for p := part.Begin; p <= part.End && p <= 65535; p++ {
			ports = append(ports, uint32(p))
		}
	}
	if len(ports) < n {
		return nil
	}
	return ports
}

// Put takes the task's resources, and those of its executor unless that runs on the agent already, out
// of the room and reports whether they fit; if not, nothing changes. If so, it sets the task's AgentId,
// and replaces its resources by those taken: the same amounts, with their reservations.
func (r *Room) Put(task *mesosproto.TaskInfo) bool { return r.PutGroup(nil, task) }

// PutGroup is Put for tasks that belong together: all of them fit, or nothing changes. executor, which
// is changed as the tasks are, is for [LaunchTogether]; it is nil if each task has its own, or none.
func (r *Room) PutGroup(executor *mesosproto.ExecutorInfo, tasks ...*mesosproto.TaskInfo) bool {
	if len(r.offers) == 0 {
		return false
	}
	left, starting := r.left, map[string]*mesosproto.ExecutorInfo{}
	taken := make([][]*mesosproto.Resource, len(tasks))
	for i, t := range tasks {
		var ok bool
		if left, taken[i], ok = take(left, t.GetResources()); !ok {
			return false
		}
		if left, ok = r.start(t.GetExecutor(), left, starting); !ok {
			return false
		}
	}
	left, ok := r.start(executor, left, starting)
	if !ok {
		return false
	}
	for i, t := range tasks {
		t.AgentId = r.Agent()
		t.Resources = taken[i]
	}
	maps.Copy(r.executors, starting)
	if len(r.executors) == 0 {
		r.left = left
		return true
	}
	for _, e := range append(executorsOf(tasks), executor) {
		if known := r.executors[e.GetExecutorId().GetValue()]; e != nil && known != nil {
			e.Resources = cloneAll(known.Resources) // infos of one executor must be equal
		}
	}
	r.left = left
	return true
}

// start takes the resources of an executor that does not run yet.
func (r *Room) start(e *mesosproto.ExecutorInfo, left resources.Resources, starting map[string]*mesosproto.ExecutorInfo) (resources.Resources, bool) {
	id := e.GetExecutorId().GetValue()
	if _, runs := r.executors[id]; e == nil || runs || starting[id] != nil {
		return left, true
	}
	left, taken, ok := take(left, e.GetResources())
	if ok {
		e = proto.CloneOf(e)
		e.Resources = cloneAll(taken)
		starting[id] = e
	}
	return left, ok
}

// take takes out what is needed. taken is need itself if that says it already.
func take(left resources.Resources, need []*mesosproto.Resource) (rest resources.Resources, taken []*mesosproto.Resource, ok bool) {
	want, err := resources.FromProto(need)
	if err != nil {
		return left, nil, false
	}
	found, ok := left.Find(want.Unallocate())
	if !ok {
		return left, nil, false
	}
	if found.Len() == len(need) && found.Equal(want) {
		taken = need
	} else {
		taken = found.Proto()
	}
	return left.Sub(found), taken, true
}

func executorsOf(tasks []*mesosproto.TaskInfo) []*mesosproto.ExecutorInfo {
	out := make([]*mesosproto.ExecutorInfo, len(tasks))
	for i, t := range tasks {
		out[i] = t.GetExecutor()
	}
	return out
}
