package framework_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

// mistake is one that first frameworks make.
type mistake string

const (
	hoardsOffers   mistake = "keeps offers that it has no use for now"
	ignoresStale   mistake = "thinks about offers, and does not listen when they are taken back meanwhile"
	forgetsID      mistake = "does not save its id"
	neverAsks      mistake = "never reconciles"
	letsStick      mistake = "waits for ever for a task that starts"
	acksBeforeSave mistake = "acknowledges at once, and saves a little later"
)

// byHand is a framework as one writes it without this package: the same for the suite, though simpler,
// slower and without much grace. It is careful, but for the mistake that is switched on.
type byHand struct {
	mistake mistake
	jobs    []job
	disk    *handDisk
	last    *handProcess
}

// handDisk is what outlives its processes.
type handDisk struct {
	handMemory
	broken bool
}

type handMemory struct {
	id    string
	tasks map[string]handTask // also those that have ended: what is done is not done again
}

type handTask struct {
	number  int // of launch
	job     string
	index   int
	command string
	agent   string
	state   mesosproto.TaskState
	since   time.Time // it was first heard of in state
	killing bool
}

func (m handMemory) clone() handMemory { return handMemory{m.id, maps.Clone(m.tasks)} }

func (h *byHand) process(disk bool) scheduler.Config {
	if !disk {
		h.disk = &handDisk{handMemory: handMemory{tasks: map[string]handTask{}}}
	}
	info := &mesosproto.FrameworkInfo{
		Name: proto.String("by hand"), User: proto.String("nobody"), Checkpoint: proto.Bool(true), FailoverTimeout: proto.Float64(604800),
		Capabilities: scheduler.Capabilities(mesosproto.FrameworkInfo_Capability_PARTITION_AWARE),
	}
	if h.disk.id != "" && h.mistake != forgetsID {
		info.Id = &mesosproto.FrameworkID{Value: proto.String(h.disk.id)}
	}
	h.last = &handProcess{byHand: h, memory: h.disk.clone(), disk: h.disk, offers: map[string]*mesosproto.Offer{}}
	return scheduler.Config{Framework: info, Scheduler: h.last, ExplicitAcknowledgements: true}
}

func (h *byHand) declare(jobs []job)    { h.jobs = jobs }
func (h *byHand) breakDisk(broken bool) { h.disk.broken = broken }

func (h *byHand) kill(id string) {
	if t, ok := h.last.memory.tasks[id]; ok {
		t.killing = true
		h.last.memory.tasks[id] = t
	}
}

// handProcess is one process of it.
type handProcess struct {
	scheduler.Base
	*byHand
	disk      *handDisk
	memory    handMemory
	driver    *scheduler.Driver
	offers    map[string]*mesosproto.Offer // that it has not answered
	unheard   []*mesosproto.OfferID        // whose answer may be lost
	acks      []*mesosproto.TaskStatus
	rounds    int
	connected bool
}

var _ schedulertest.Rememberer = (*handProcess)(nil)

// Remembers tells what is on disk.
func (p *handProcess) Remembers(id string) (mesosproto.TaskState, bool) {
	t, ok := p.disk.tasks[id]
	return t.state, ok
}

func (p *handProcess) Registered(d *scheduler.Driver, id *mesosproto.FrameworkID, _ *mesosproto.MasterInfo) {
	p.driver, p.memory.id, p.connected = d, id.GetValue(), true
	p.round()
}

func (p *handProcess) Reregistered(*scheduler.Driver, *mesosproto.MasterInfo) {
	p.connected, p.rounds = true, 0
}

func (p *handProcess) Disconnected(*scheduler.Driver) {
	p.connected = false
	if p.mistake != ignoresStale {
		clear(p.offers)
	}
}

func (p *handProcess) OfferRescinded(_ *scheduler.Driver, id *mesosproto.OfferID) {
	if p.mistake != ignoresStale {
		delete(p.offers, id.GetValue())
	}
}

// save reports whether what is known is on disk.
func (p *handProcess) save() bool {
	if p.disk.broken {
		return false
	}
	p.disk.handMemory = p.memory.clone()
	return true
}

// acknowledge acknowledges what is on disk.
func (p *handProcess) acknowledge() {
	if p.mistake == acksBeforeSave || p.save() {
		for _, s := range p.acks {
			_ = p.driver.Acknowledge(s) // if that is lost, the update comes again
		}
		p.acks = nil
	}
}

// round is what is done every five seconds.
func (p *handProcess) round() {
	p.driver.AfterFunc(5*time.Second, p.round)
	p.acknowledge()
	p.save()
	if !p.connected {
		return
	}
	if p.rounds%12 == 0 && p.mistake != neverAsks {
		p.reconcile()
	}
	p.rounds++
	if len(p.unheard) > 0 {
		_ = p.driver.Decline(p.unheard)
		p.unheard = nil
	}
	wanted := p.look()
	if len(p.offers) > 0 {
		p.use()
	}
	if wanted > 0 {
		_ = p.driver.Revive()
	}
}

// alive tells whether a task takes the place of an instance.
func (t handTask) alive() bool {
	return !transitions.Terminal(t.state) && t.state != mesosproto.TaskState_TASK_UNKNOWN && t.state != mesosproto.TaskState_TASK_UNREACHABLE
}

func (p *handProcess) ids() []string { return slices.Sorted(maps.Keys(p.memory.tasks)) }

func (p *handProcess) reconcile() {
	_ = p.driver.Reconcile()
	var open []*mesosproto.TaskStatus
	for _, id := range p.ids() {
		if t := p.memory.tasks[id]; t.alive() {
			open = append(open, &mesosproto.TaskStatus{
				TaskId: &mesosproto.TaskID{Value: proto.String(id)}, AgentId: &mesosproto.AgentID{Value: proto.String(t.agent)}})
		}
	}
	if len(open) > 0 {
		_ = p.driver.Reconcile(open...)
	}
}

// look kills what should not run, or is stuck, and counts the instances that are missing.
func (p *handProcess) look() (missing int) {
	keep := map[string]bool{}
	for _, j := range p.jobs {
		for i := range j.count {
			if id, over := p.instance(j, i); id != "" {
				keep[id] = true
			} else if !over {
				missing++
			}
		}
	}
	for _, id := range p.ids() {
		t := p.memory.tasks[id]
		if !t.alive() {
			continue
		}
		stuck := !t.since.IsZero() && t.state != mesosproto.TaskState_TASK_RUNNING && p.driver.Now().Sub(t.since) > 10*time.Minute && p.mistake != letsStick
		if !keep[id] || stuck {
			t.killing = true
			p.memory.tasks[id] = t
			_ = p.driver.Kill(&mesosproto.TaskID{Value: proto.String(id)}, scheduler.OnAgent(&mesosproto.AgentID{Value: proto.String(t.agent)}))
		}
	}
	return missing
}

// instance finds the task that is an instance of a job, the oldest; over says that there need not be one.
func (p *handProcess) instance(j job, index int) (id string, over bool) {
	failures, first := 0, 0
	for _, x := range p.ids() {
		t := p.memory.tasks[x]
		switch {
		case t.job != j.name || t.index != index || t.command != j.command:
		case j.once && t.state == mesosproto.TaskState_TASK_FINISHED:
			return "", true
		case t.state == mesosproto.TaskState_TASK_FAILED:
			failures++
		case t.alive() && !t.killing && (id == "" || t.number < first):
			id, first = x, t.number
		}
	}
	return id, id == "" && j.once && j.retries >= 0 && failures > j.retries
}

func (p *handProcess) ResourceOffers(d *scheduler.Driver, offers []*mesosproto.Offer) {
	for _, o := range offers {
		p.offers[o.GetId().GetValue()] = o
	}
	if p.mistake != ignoresStale { // which waits for the next round
		p.use()
	}
}

// use launches what is missing and declines what it has no use for.
func (p *handProcess) use() {
	for _, id := range slices.Sorted(maps.Keys(p.offers)) {
		o := p.offers[id]
		room := scheduler.RoomIn(o)
		tasks := p.fill(room)
		if len(tasks) == 0 && p.mistake == hoardsOffers {
			continue
		}
		delete(p.offers, id)
		_ = p.driver.LaunchTasks(room.Offers(), tasks, scheduler.RefuseFor(time.Minute)) // while disconnected: they are void
	}
}

// fill puts into a room what is missing, and saves that it does.
func (p *handProcess) fill(room *scheduler.Room) (tasks []*mesosproto.TaskInfo) {
	for _, j := range p.jobs {
		for i := range j.count {
			if id, over := p.instance(j, i); id != "" || over {
				continue
			}
			number := len(p.memory.tasks)
			info := j.task()
			info.TaskId = &mesosproto.TaskID{Value: proto.String(fmt.Sprintf("%s.%d.%s.%d", j.name, i, p.memory.id, number))}
			info.Name = proto.String(j.name)
			if !p.connected || !room.Put(info) {
				continue
			}
			p.memory.tasks[info.GetTaskId().GetValue()] = handTask{
				number: number, job: j.name, index: i, command: j.command, agent: info.GetAgentId().GetValue(),
				state: mesosproto.TaskState_TASK_STAGING, // whether it begins at all is asked for
			}
			tasks = append(tasks, info)
		}
	}
	if len(tasks) > 0 && !p.save() {
		for _, info := range tasks {
			delete(p.memory.tasks, info.GetTaskId().GetValue())
		}
		return nil
	}
	return tasks
}

func (p *handProcess) StatusUpdate(_ *scheduler.Driver, s *mesosproto.TaskStatus) {
	id := s.GetTaskId().GetValue()
	t, known := p.memory.tasks[id]
	if !known { // it was launched by a process that lost its disk, or not at all
		t = handTask{agent: s.GetAgentId().GetValue()}
	}
	if !transitions.Terminal(t.state) || !known {
		if t.since.IsZero() || t.state != s.GetState() {
			t.state, t.since = s.GetState(), p.driver.Now()
		}
		p.memory.tasks[id] = t
	}
	if len(s.GetUuid()) > 0 {
		p.acks = append(p.acks, s)
		p.acknowledge()
	}
}

// Error notes offers whose answer may not have arrived.
func (p *handProcess) Error(_ *scheduler.Driver, err error) {
	if lost, ok := err.(*scheduler.CallError); ok {
		p.unheard = append(p.unheard, lost.Call.GetAccept().GetOfferIds()...)
		p.unheard = append(p.unheard, lost.Call.GetDecline().GetOfferIds()...)
	}
}
