package master

import (
	"slices"
	"time"

	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/master/allocator"
	"github.com/mesokit/mesokit/master/offer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// framework is a framework that is not completed.
type framework struct {
	id        string
	idProto   *mesosproto.FrameworkID
	info      *mesosproto.FrameworkInfo // with the id; replaced, never changed
	caps      frameworkCaps
	roles     []string // sorted
	principal string   // of the caller that subscribed it; empty: not authenticated
	state     transitions.FrameworkState
	active    bool // gets offers

	suppressed  map[string]bool
	constraints *schedulerpb.OfferConstraints

	stream        link.Stream[*schedulerpb.Event] // nil unless connected
	streamID      string
	stopHeartbeat func() bool
	stopFailover  func() bool

	registered, reregistered time.Time

	tasks       map[string]*task
	unreachable ordered[*task]        // bounded
	away        []*TaskState          // unreachable as the snapshot shows it; nil: to be made
	done        []*TaskState          // bounded, oldest first
	operations  map[string]*operation // by operation id; those without id are known to their agent alone
	used        spread
	offered     spread
	metrics     FrameworkCounters

	slot          int
	dirty         bool
	taskTable     tableBuilder[TaskState]
	executorTable tableBuilder[ExecutorState]
	offerTable    tableBuilder[offer.Offer]
	offerSlots    map[string]int
}

// frameworkCaps are the capabilities of a framework, by mesosproto.FrameworkInfo_Capability_Type.
type frameworkCaps uint16

func frameworkCapsOf(info *mesosproto.FrameworkInfo) (caps frameworkCaps) {
	for _, c := range info.GetCapabilities() {
		if t := c.GetType(); t >= 0 && t < 16 {
			caps |= 1 << t
		}
	}
	return caps
}

func (c frameworkCaps) has(t mesosproto.FrameworkInfo_Capability_Type) bool { return c&(1<<t) != 0 }

func (c frameworkCaps) partitionAware() bool {
	return c.has(mesosproto.FrameworkInfo_Capability_PARTITION_AWARE)
}

func (c frameworkCaps) multiRole() bool {
	return c.has(mesosproto.FrameworkInfo_Capability_MULTI_ROLE)
}

func (c frameworkCaps) shared() bool {
	return c.has(mesosproto.FrameworkInfo_Capability_SHARED_RESOURCES)
}

func (c frameworkCaps) refinement() bool {
	return c.has(mesosproto.FrameworkInfo_Capability_RESERVATION_REFINEMENT)
}

// rolesOf are the roles that a framework subscribes to, sorted, each once.
func rolesOf(info *mesosproto.FrameworkInfo) []string {
	if !frameworkCapsOf(info).multiRole() {
		//lint:ignore SA1019 frameworks without MULTI_ROLE still use it
		return []string{info.GetRole()}
	}
	roles := slices.Clone(info.GetRoles())
	slices.Sort(roles)
	return slices.Compact(roles)
}

func (f *framework) connected() bool { return f.state == transitions.FrameworkConnected }

func (f *framework) has(role string) bool {
	_, found := slices.BinarySearch(f.roles, role)
	return found
}

// lost is the state of a task that is not coming back: what the framework understands, or TASK_LOST.
func (f *framework) lost(aware mesosproto.TaskState) mesosproto.TaskState {
	if f.caps.partitionAware() {
		return aware
	}
	return mesosproto.TaskState_TASK_LOST
}

// set takes over a FrameworkInfo and what comes with it.
func (f *framework) set(info *mesosproto.FrameworkInfo, suppressed []string, constraints *schedulerpb.OfferConstraints) {
	f.info = info
	f.caps = frameworkCapsOf(info)
	f.roles = rolesOf(info)
	f.suppressed = make(map[string]bool, len(suppressed))
	for _, role := range suppressed {
		f.suppressed[role] = true
	}
	f.constraints = constraints
}

// suppressedRoles lists them sorted.
func (f *framework) suppressedRoles() []string {
	var list []string
	for _, role := range f.roles {
		if f.suppressed[role] {
			list = append(list, role)
		}
	}
	return list
}

func (f *framework) options() allocator.FrameworkOptions {
	return allocator.FrameworkOptions{Suppressed: f.suppressedRoles(), Constraints: f.constraints}
}

// send sends an event to the framework; a framework that is not connected never hears of it.
func (f *framework) send(e *schedulerpb.Event) {
	if f.stream == nil {
		return
	}
	if t := e.GetType(); t >= 0 && int(t) < eventTypes {
		f.metrics.Events[t]++
	}
	f.stream.Send(e)
}

func (f *framework) snapshot() *FrameworkState {
	if f.away == nil {
		for _, t := range f.unreachable.all() {
			f.away = append(f.away, t.snapshot())
		}
	}
	return &FrameworkState{
		ID:           f.id,
		Info:         f.info,
		Principal:    f.principal,
		Roles:        f.roles,
		Suppressed:   f.suppressedRoles(),
		Constraints:  f.constraints,
		Connected:    f.connected(),
		Active:       f.active,
		Recovered:    f.state == transitions.FrameworkRecovered,
		Registered:   f.registered,
		Reregistered: f.reregistered,
		Tasks:        f.taskTable.table(),
		Unreachable:  f.away,
		Done:         slices.Clip(f.done),
		Executors:    f.executorTable.table(),
		Offers:       f.offerTable.table(),
		Used:         f.used.resources(),
		Offered:      f.offered.resources(),
		Metrics:      f.metrics,
	}
}
