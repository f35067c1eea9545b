package schedulertest_test

import (
	"fmt"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
)

// company is with what a task of an owner was launched.
type company string

const (
	alone            company = "alone"
	inGroup          company = "in a group"
	underOneExecutor company = "with another one"
	sharingVolume    company = ", sharing a volume"
)

func (f *owner) StatusUpdate(d *scheduler.Driver, s *mesosproto.TaskStatus) {
	f.careful.StatusUpdate(d, s)
	id := s.GetTaskId().GetValue()
	if with, ok := f.disk.company[id]; ok && s.GetState() == running {
		f.did.ran(with)
		delete(f.disk.company, id)
	}
}

func (x *deeds) ran(with company) {
	x.Lock()
	defer x.Unlock()
	x.run[with]++
}

// launch launches a command task, or two tasks under an executor of their own.
func (p *plan) launch() {
	left, ok := p.left, false
	if p.chance(5) {
		ok = p.launchTwo()
	} else {
		ok = p.launchOne()
	}
	if !ok {
		p.left = left
	}
}

// mayLaunch reports whether that many more tasks are wanted.
func (p *plan) mayLaunch(n int) bool {
	return p.alive()+n <= p.want && len(p.careful.disk.order)+n <= p.total
}

func (p *plan) launchOne() bool {
	if !p.mayLaunch(1) {
		return false
	}
	needs, ok := p.take(500, 32000, 0)
	if !ok {
		return false
	}
	if v, ok := p.volume(); ok && p.chance(2) {
		needs = needs.Add(p.use(v))
	}
	t := scheduler.CommandTask(p.launches(alone), p.words(), resources.Resources{})
	t.AgentId, t.Resources = p.offer.GetAgentId(), needs.Proto()
	p.operations = append(p.operations, scheduler.Launch(t))
	return true
}

// launchTwo launches two tasks under a new executor, as a group or not. If there is a shared volume, they share it.
func (p *plan) launchTwo() bool {
	if !p.mayLaunch(2) {
		return false
	}
	one, ok1 := p.take(500, 32000, 0)
	other, ok2 := p.take(500, 32000, 0)
	executor, ok3 := p.take(100, 32000, 32000)
	if !ok1 || !ok2 || !ok3 {
		return false
	}
	with := underOneExecutor
	group := p.chance(2)
	if group {
		with = inGroup
	}
	if v, ok := p.any(func(e resources.Resource) bool { return e.IsShared() && e.IsReservedTo(p.role) }); ok {
		one, other = one.Add(p.use(v)), other.Add(p.use(v)) // executors may not have any
		with += sharingVolume
	} else if v, ok := p.volume(); ok && p.chance(2) {
		executor = executor.Add(p.use(v))
	} else if ok {
		other = other.Add(p.use(v))
	}
	x := scheduler.CustomExecutor(fmt.Sprintf("%s-under-%d", p.prefix, len(p.careful.disk.order)), "executor", executor)
	var tasks []*mesosproto.TaskInfo
	for _, n := range []resources.Resources{one, other} {
		words := p.words()
		t := scheduler.ExecutorTask(p.launches(with), nil, resources.Resources{}, scheduler.WithData([]byte(words)))
		t.AgentId, t.Resources = p.offer.GetAgentId(), n.Proto()
		if !group {
			t.Executor = x
		}
		tasks = append(tasks, t)
	}
	switch {
	case group:
		p.operations = append(p.operations, scheduler.LaunchTogether(x, tasks...))
	case p.chance(2):
		p.operations = append(p.operations, scheduler.Launch(tasks...))
	default:
		p.operations = append(p.operations, scheduler.Launch(tasks[0]), scheduler.Launch(tasks[1]))
	}
	return true
}

// take takes of whatever is left, reserved or not; ok is false if there is not that much of something.
func (p *plan) take(cpus, mem, disk resources.Scalar) (needs resources.Resources, ok bool) {
	for _, x := range []struct {
		name   string
		amount resources.Scalar
	}{{"cpus", cpus}, {"mem", mem}, {"disk", disk}} {
		if x.amount == 0 {
			continue
		}
		e, ok := p.any(func(e resources.Resource) bool {
			return e.Name() == x.name && e.Scalar() >= x.amount && !e.IsPersistentVolume()
		})
		if !ok {
			return needs, false
		}
		part := e.WithScalar(x.amount).Resources()
		needs, p.left = needs.Add(part), p.left.Sub(part)
	}
	return needs, true
}

// use takes a volume. One that is shared stays there for others.
func (p *plan) use(v resources.Resource) resources.Resources {
	if v.IsShared() {
		return v.AsShared(1).Resources()
	}
	p.left = p.left.Sub(v.Resources())
	return v.Resources()
}

// words are what the next task does.
func (p *plan) words() string {
	return []string{"sleep 20", "sleep 200", "sleep 5; exit 1"}[len(p.careful.disk.order)%3]
}

// launches notes on the disk that a task is launched, and returns its id.
func (p *plan) launches(with company) string {
	id := fmt.Sprintf("%s-%d", p.prefix, len(p.careful.disk.order))
	p.careful.disk.order = append(p.careful.disk.order, id)
	p.careful.disk.tasks[id], p.careful.disk.where[id] = staging, p.offer.GetAgentId()
	p.disk.company[id] = with
	return id
}
