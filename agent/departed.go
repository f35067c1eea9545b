package agent

import (
	"slices"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// departures are the latest maxCompletedFrameworks that had something on this agent and have nothing any
// more, as they were last. Snapshots and messages share the lists: nothing in them is overwritten.
type departures struct {
	departed []*FrameworkState
	archives []*messagespb.Archive_Framework // the same, as masters are told of them
}

// add remembers a framework that has nothing here any more.
func (d *departures) add(fw *framework, older *olderForm) {
	fw.page = nil
	p := fw.snapshot()
	d.departed, d.archives = append(d.departed, p), append(d.archives, archived(p, older))
	over := max(0, len(d.departed)-maxCompletedFrameworks)
	d.departed, d.archives = d.departed[over:], d.archives[over:]
}

// takeBack gives a framework that is here again what it had here before.
//
// Mesos: src/slave/slave.cpp, Slave::run.
func (d *departures) takeBack(fw *framework) {
	i := slices.IndexFunc(d.departed, func(p *FrameworkState) bool { return p.Info.GetId().GetValue() == fw.id })
	if i < 0 {
		return
	}
	fw.completed = d.departed[i].CompletedExecutors
	d.departed = slices.Delete(slices.Clone(d.departed), i, i+1)
	d.archives = slices.Delete(slices.Clone(d.archives), i, i+1)
}

// archived is a framework that has departed as masters are told of it.
func archived(p *FrameworkState, older *olderForm) *messagespb.Archive_Framework {
	m := &messagespb.Archive_Framework{FrameworkInfo: p.Info, Pid: optionalString(p.PID)}
	for _, ex := range p.CompletedExecutors {
		for _, t := range ex.CompletedTasks {
			m.Tasks = append(m.Tasks, withResources(t, older.form(t.Resources)))
		}
	}
	return m
}

// withResources is a copy of a task that shares all but the resources with it.
func withResources(t *mesosproto.Task, list []*mesosproto.Resource) *mesosproto.Task {
	return &mesosproto.Task{
		Name:              t.Name,
		TaskId:            t.TaskId,
		FrameworkId:       t.FrameworkId,
		ExecutorId:        t.ExecutorId,
		AgentId:           t.AgentId,
		State:             t.State,
		Resources:         list,
		Statuses:          t.Statuses,
		StatusUpdateState: t.StatusUpdateState,
		StatusUpdateUuid:  t.StatusUpdateUuid,
		Labels:            t.Labels,
		Discovery:         t.Discovery,
		Container:         t.Container,
		HealthCheck:       t.HealthCheck,
		KillPolicy:        t.KillPolicy,
		User:              t.User,
		Limits:            t.Limits,
	}
}
