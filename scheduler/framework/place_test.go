package framework

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/httpv1"
)

// Offers of one agent that come together are used together: what fits into none of them may fit.
func TestOffersOfOneAgentAreMerged(t *testing.T) {
	f, err := New(Config{
		Driver: scheduler.Config{Framework: &mesosproto.FrameworkInfo{Name: proto.String("web")}, Dialer: httpv1.Dialer{}, Master: "127.0.0.1:1"},
		Store:  &Memory{},
		Specs:  []Spec{Service{Name: "web", Instances: 1, Task: scheduler.CommandTask("", "server", resources.MustParse("cpus:3;mem:64"))}},
	})
	require.NoError(t, err)
	cfg, err := f.SchedulerConfig()
	require.NoError(t, err)
	sim := loop.NewSim(1)
	cfg.Loop, cfg.FrameworkLoop = sim.Loop("driver"), sim.Loop("framework")
	d, err := scheduler.New(cfg)
	require.NoError(t, err)
	require.NoError(t, d.Start()) // nothing runs on its loops, so it connects to nobody
	c := f.core.Load()
	c.Registered(d, &mesosproto.FrameworkID{Value: proto.String("id")}, nil)
	c.convergeDue(d.Now())

	offer := func(id string) *mesosproto.Offer {
		return &mesosproto.Offer{
			Id: &mesosproto.OfferID{Value: proto.String(id)}, AgentId: agentID("agent"), Hostname: proto.String("h"),
			Resources: resources.MustParse("cpus:2;mem:64").Proto(),
		}
	}
	one := []*mesosproto.Offer{offer("1")}
	infos, _ := c.place(one, scheduler.RoomIn(one...), d.Now())
	require.Empty(t, infos)
	both := []*mesosproto.Offer{offer("1"), offer("2")}
	infos, launched := c.place(both, scheduler.RoomIn(both...), d.Now())
	require.Len(t, infos, 1)
	require.Equal(t, "agent", infos[0].GetAgentId().GetValue())
	require.Same(t, launched[0], c.specs["web"].slots[0].task)
}
