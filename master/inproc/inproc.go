// Package inproc joins frameworks and agents to a master in the same process: no network, and nothing
// is encoded.
//
//	driver, err := scheduler.New(scheduler.Config{Dialer: inproc.Schedulers(m), …})
//	a, err := agent.New(agent.Config{Detector: inproc.Detector(m), Dialer: inproc.Agents(m, pid), PID: pid, …})
//
// The driver copies what crosses, in both directions; agents and masters do not change messages.
package inproc

import (
	"context"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
	"github.com/mesokit/mesokit/scheduler"
)

// Schedulers connects drivers to m. It is also their Detector: Config.Master is not needed.
func Schedulers(m *master.Master) scheduler.Dialer { return schedulers{m} }

type schedulers struct{ m *master.Master }

var (
	_ scheduler.LinkDialer = schedulers{}
	_ scheduler.Detector   = schedulers{}
)

func (s schedulers) DialLink(l loop.Loop, _ *mesosproto.MasterInfo) (link.Client[*schedulerpb.Call, *schedulerpb.Event], func()) {
	return link.Local(l, s.m.Schedulers(), ""), nil
}

func (s schedulers) Detect(leader func(*mesosproto.MasterInfo)) (cancel func()) {
	return Detector(s.m).Detect(leader)
}

// Dial is not used by drivers, which prefer DialLink; what it returns refuses everything.
func (s schedulers) Dial(*mesosproto.MasterInfo) scheduler.Transport { return refusing{} }

type refusing struct{}

var errLink = status.Error(codes.Unimplemented, "a master in the same process is reached by DialLink, not by Dial")

func (refusing) Subscribe(context.Context, *schedulerpb.Call, func(*schedulerpb.Event) error) error {
	return errLink
}

func (refusing) Send(context.Context, *schedulerpb.Call) error { return errLink }

// Agents connects the agent with this process id, such as slave(1)@127.0.0.1:5051, to m. The ids of a
// master's agents must differ.
func Agents(m *master.Master, pid string) link.Dialer { return link.Pipe(pid, m.Agents()) }

// Detector names m the leader.
func Detector(m *master.Master) agent.Detector { return detector{m} }

type detector struct{ m *master.Master }

func (d detector) Detect(leader func(*mesosproto.MasterInfo)) (cancel func()) {
	info := d.m.Snapshot().Info
	if info == nil { // not started yet; its address is never dialed
		pid, id, none := "master@0.0.0.0:0", "", uint32(0)
		info = &mesosproto.MasterInfo{Pid: &pid, Id: &id, Ip: &none, Port: &none}
	}
	leader(info)
	return func() {}
}
