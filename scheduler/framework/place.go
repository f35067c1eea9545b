package framework

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
)

const (
	// refuseUnfit is for what does not fit while something waits: what waits, and where, may change.
	refuseUnfit = 5 * time.Second
	// refuseUnneeded is for when nothing waits; Revive ends it.
	refuseUnneeded = time.Hour
)

// demand is what the master was told about offers.
type demand struct {
	told    bool
	revived bool
	slots   int // that waited then
}

var unknown demand

// askForOffers suppresses offers when nothing waits for one, and asks for them when something new does.
func (c *core) askForOffers() {
	if !c.connected {
		return
	}
	n := 0
	for _, name := range c.names {
		n += c.specs[name].ready
	}
	if c.broken || c.ending {
		n = 0
	}
	last := c.demand
	c.demand = demand{told: true, revived: n > 0, slots: n}
	switch {
	case n == 0 && (!last.told || last.revived):
		c.call(c.driver.Suppress())
	case n > 0 && (!last.told || !last.revived || n > last.slots):
		c.call(c.driver.Revive()) // which also ends the filters of what was declined for others
	}
}

// ResourceOffers uses offers for what waits, and declines the others before it returns.
func (c *core) ResourceOffers(_ *scheduler.Driver, offers []*mesosproto.Offer) {
	now := c.driver.Now()
	c.convergeDue(now)
	saved := c.flush()
	var agents []string
	byAgent := map[string][]*mesosproto.Offer{}
	for _, o := range offers {
		id := o.GetAgentId().GetValue()
		if byAgent[id] == nil {
			agents = append(agents, id)
		}
		byAgent[id] = append(byAgent[id], o)
	}
	for _, id := range agents {
		c.use(byAgent[id], saved && c.connected && !c.ending, now)
	}
	c.askForOffers()
	c.post()
}

// use launches what waits on the agent of offers, if it may, and declines the rest.
func (c *core) use(offers []*mesosproto.Offer, may bool, now time.Time) {
	var infos []*mesosproto.TaskInfo
	var launched []*task
	room := scheduler.RoomIn(offers...)
	if may {
		infos, launched = c.place(offers, room, now)
	}
	if len(launched) > 0 && !c.flush() { // they may not be launched before they are remembered
		for _, t := range launched {
			c.drop(t)
			c.specs[t.Spec].slots[t.Index].task = nil
		}
		infos = nil
	}
	refuse := refuseUnneeded
	for _, name := range c.names {
		if c.specs[name].ready > 0 {
			refuse = refuseUnfit
		}
	}
	for i, t := range launched[:len(infos)] {
		c.log.Info("launching", zap.String("task_id", t.ID), zap.String("agent_id", t.Agent), zap.String("host", t.Host()),
			zap.Int("of", len(infos)), zap.Int("number", i))
	}
	if len(infos) == 0 {
		c.call(c.driver.Decline(room.Offers(), scheduler.RefuseFor(refuse)))
		return
	}
	c.call(c.driver.LaunchTasks(room.Offers(), infos, scheduler.RefuseFor(refuse)))
}

// place puts what waits into room, in the order of the specs' names and instances.
func (c *core) place(offers []*mesosproto.Offer, room *scheduler.Room, now time.Time) (infos []*mesosproto.TaskInfo, launched []*task) {
	agent := offers[0].GetAgentId().GetValue()
	fields := fieldsOf(offers[0])
	for _, name := range c.names {
		w := c.specs[name]
		if w.ready == 0 {
			continue
		}
		for _, sl := range w.slots {
			if !sl.canLaunch(now) {
				continue
			}
			info, ports, why := c.fit(w, sl, offers, room, fields)
			if why != "" { // and so it would be for the other slots
				if len(w.refused) == 0 { // the others are in the snapshot
					c.log.Info("an offer does not fit", zap.String("spec", name), zap.String("host", fields["hostname"]), zap.String("why", why))
				}
				w.refuse(Refusal{Agent: agent, Host: fields["hostname"], Why: why, At: now})
				break
			}
			t := &task{Task: Task{
				ID: info.GetTaskId().GetValue(), Spec: name, Index: sl.index, Generation: w.spec.generation,
				Agent: agent, Fields: fields, Ports: ports,
				State: mesosproto.TaskState_TASK_STAGING, Launched: now, Since: now,
			}, confirmed: true}
			c.add(t)
			c.save(t)
			sl.task = t
			w.ready--
			w.refused = nil
			infos, launched = append(infos, info), append(launched, t)
		}
	}
	return infos, launched
}

// fit makes the task for a slot and takes its resources out of room, or says why it can't be there.
func (c *core) fit(w *workload, sl *slot, offers []*mesosproto.Offer, room *scheduler.Room, fields map[string]string) (info *mesosproto.TaskInfo, ports []uint32, why string) {
	for _, o := range offers {
		if o.Unavailability != nil {
			return nil, nil, "maintenance: the agent has a maintenance window"
		}
	}
	for _, k := range w.spec.constraints {
		if why := k.refuses(fields, w.places()); why != "" {
			return nil, nil, why
		}
	}
	ports = room.Ports(len(w.spec.ports))
	if ports == nil {
		return nil, nil, fmt.Sprintf("ports: %d needed, fewer left", len(w.spec.ports))
	}
	id := fmt.Sprintf("%s.%d.%016x", w.name, sl.index, c.driver.Rand().Uint64())
	info = w.spec.instance(id, sl.index, ports)
	if !room.Put(info) {
		return nil, nil, w.spec.missing(room)
	}
	return info, ports, ""
}

// places are the fields of the agents that w's tasks are on, for constraints: also of those that are
// being replaced, but not of those that have been.
func (w *workload) places() []map[string]string {
	var out []map[string]string
	for _, t := range w.tasks {
		if t.State != mesosproto.TaskState_TASK_UNREACHABLE || t.Killing == "" && t.Index < len(w.slots) && w.slots[t.Index].task == t {
			out = append(out, t.Fields)
		}
	}
	return out
}

// instance returns the task for a slot.
func (s *spec) instance(id string, index int, ports []uint32) *mesosproto.TaskInfo {
	info := proto.CloneOf(s.task)
	info.TaskId = taskID(id)
	tell := scheduler.WithEnv
	if info.Executor != nil { // which other instances may share, so it must be the same for all
		tell = scheduler.WithLabel
	}
	tell("INSTANCE", strconv.Itoa(index))(info)
	for i, p := range ports {
		tell("PORT"+strconv.Itoa(i), strconv.Itoa(int(p)))(info)
	}
	for i, p := range s.ports {
		if p.Container == 0 {
			scheduler.WithHostPorts(ports[i])(info)
		} else {
			scheduler.WithPort(ports[i], p.Container, p.Protocol)(info)
		}
	}
	if len(ports) > 0 {
		first := cmp.Or(s.ports[0].Container, ports[0])
		if h := info.GetHealthCheck().GetHttp(); h != nil && h.GetPort() == 0 {
			h.Port = proto.Uint32(first)
		}
		if t := info.GetHealthCheck().GetTcp(); t != nil && t.GetPort() == 0 {
			t.Port = proto.Uint32(first)
		}
	}
	return info
}

// missing says what a room has too little of.
func (s *spec) missing(room *scheduler.Room) string {
	var lacks []string
	left := room.Left()
	for _, name := range s.need.Names() {
		if need, has := s.need.Scalar(name), left.Scalar(name); has < need {
			lacks = append(lacks, fmt.Sprintf("%s: %v needed, %v left", name, need, has))
		}
	}
	if len(lacks) == 0 { // its executor, say, or resources that are no amounts
		return fmt.Sprintf("resources: %v needed and what the executor needs, %v left", s.need, left)
	}
	return strings.Join(lacks, "; ")
}

// maxRefusals is how many agents' refusals are kept a spec.
const maxRefusals = 100

// refuse notes why an agent was not right; the last time counts.
func (w *workload) refuse(r Refusal) {
	w.refused = slices.DeleteFunc(slices.Clone(w.refused), func(x Refusal) bool { return x.Agent == r.Agent })
	if len(w.refused) == maxRefusals {
		w.refused = w.refused[1:]
	}
	w.refused = append(w.refused, r)
}

func taskID(id string) *mesosproto.TaskID { return &mesosproto.TaskID{Value: proto.String(id)} }

func agentID(id string) *mesosproto.AgentID { return &mesosproto.AgentID{Value: proto.String(id)} }
