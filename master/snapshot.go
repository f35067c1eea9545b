package master

import (
	"time"

	"github.com/mesokit/mesokit/master/offer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/resources"
)

// Snapshot is what a master knew at one moment: the source of the operator endpoints, the web pages
// and the metrics. All of it is immutable and safe for concurrent use; readers never enter the loop.
// Successive snapshots share what did not change between them: equal pointers mean equal content.
type Snapshot struct {
	// Version grows with each snapshot of a master.
	Version uint64
	// At is the loop's time at which the snapshot was taken.
	At time.Time

	Info    *mesosproto.MasterInfo
	Cluster string // --cluster; may be empty
	// Leader is the leading master, this one or another; nil if none is known.
	Leader *mesosproto.MasterInfo
	// Elected says that this master leads; Recovered that it has read the registry as well and serves.
	Elected, Recovered     bool
	StartTime, ElectedTime time.Time // ElectedTime is zero unless Elected

	Frameworks Table[FrameworkState] // connected, disconnected or recovered
	Completed  []*FrameworkState     // removed ones, oldest first, at most Config.MaxCompletedFrameworks

	Agents      Table[AgentState]           // registered: connected or not
	Awaited     Table[mesosproto.AgentInfo] // in the registry, not yet back since this master leads
	Unreachable Table[LostAgent]
	Gone        Table[LostAgent]

	Weights map[string]float64 // by role; those that were set
	Metrics *Counters
}

// FrameworkState is a framework in a Snapshot.
type FrameworkState struct {
	ID          string
	Info        *mesosproto.FrameworkInfo
	Principal   string   // authenticated; empty: none
	Roles       []string // what it is subscribed to, sorted
	Suppressed  []string // roles, sorted
	Constraints *schedulerpb.OfferConstraints

	Connected, Active, Recovered           bool
	Registered, Reregistered, Unregistered time.Time // zero: not yet

	Tasks       Table[TaskState] // not yet acknowledged to have ended
	Unreachable []*TaskState     // on unreachable agents, oldest first
	Done        []*TaskState     // ended, oldest first
	Executors   Table[ExecutorState]
	Offers      Table[offer.Offer] // with the inverse offers
	Used        resources.Resources
	Offered     resources.Resources
	Metrics     FrameworkCounters
}

// TaskState is a task in a Snapshot.
type TaskState struct {
	// Info is what does not change: all fields of Task but state, statuses and status_update_*.
	Info *mesosproto.Task
	// State is the latest known state.
	State mesosproto.TaskState
	// Statuses are the status updates so far, oldest first, without their data; of several with the
	// same state in a row the last.
	Statuses []*mesosproto.TaskStatus
	// ForwardedState and ForwardedUUID tell the last update that went to the framework; UUID nil: none.
	ForwardedState mesosproto.TaskState
	ForwardedUUID  []byte
}

// Proto is the task as one message. Its parts are shared; don't change them.
func (t *TaskState) Proto() *mesosproto.Task {
	state := t.State
	m := taskWithoutState(t.Info)
	m.State = &state
	m.Statuses = t.Statuses
	if t.ForwardedUUID != nil {
		forwarded := t.ForwardedState
		m.StatusUpdateState, m.StatusUpdateUuid = &forwarded, t.ForwardedUUID
	}
	return m
}

// ExecutorState is an executor in a Snapshot; executors that agents make for command tasks are not
// there.
type ExecutorState struct {
	Info    *mesosproto.ExecutorInfo
	AgentID string
}

// AgentState is a registered agent in a Snapshot.
type AgentState struct {
	ID           string
	Info         *mesosproto.AgentInfo
	PID          string // as on the wire, for example slave(1)@10.0.0.1:5051
	Version      string
	Capabilities []*mesosproto.AgentInfo_Capability

	Connected, Active, Deactivated bool
	Registered, Reregistered       time.Time // Reregistered is zero if it never did

	Total   resources.Resources // reservations and volumes included
	Used    resources.Resources // by tasks and executors, allocated to their roles
	Offered resources.Resources
}

// LostAgent is an agent that is unreachable or gone, and since when.
type LostAgent struct {
	ID    string
	Since time.Time
}
