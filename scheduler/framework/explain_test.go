package framework_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/resources"
	"github.com/mesokit/mesokit/scheduler"
	"github.com/mesokit/mesokit/scheduler/framework"
	"github.com/mesokit/mesokit/scheduler/schedulertest"
)

func TestAWaitingInstanceSaysWhy(t *testing.T) {
	s := framework.Service{Name: "web", Instances: 1, Task: scheduler.CommandTask("", "server", resources.MustParse("cpus:8;mem:9999")), Ports: []framework.Port{{}}}
	w := start(t, schedulertest.Config{Agents: 2}, s)
	w.Advance(time.Minute)
	require.Equal(t, `instance 0 waits since 2026-01-01T00:00:00Z
  agent1.example: cpus: 8 needed, 4 left; mem: 9999 needed, 4096 left
  agent2.example: cpus: 8 needed, 4 left; mem: 9999 needed, 4096 left`, sorted(w.f.Explain("web")[0]).String())
	s.Ports = make([]framework.Port, 1002)
	require.NoError(t, w.f.Apply(s))
	w.Advance(time.Minute)
	require.Contains(t, w.f.Explain("web")[0].String(), "agent1.example: ports: 1002 needed, fewer left")
	s.Constraints = []framework.Constraint{framework.MustConstraint("rack:IS:a")}
	require.NoError(t, w.f.Apply(s))
	w.Advance(time.Minute)
	require.Contains(t, w.f.Explain("web")[0].String(), "agent1.example: rack:IS:a: the agent has no rack")

	alone := start(t, schedulertest.Config{Agents: -1}, service(1, "server"))
	alone.Advance(time.Minute)
	require.Contains(t, alone.f.Explain("web")[0].String(), "no offer has come")
}

// sorted orders agents, which are noted in the order of their offers.
func sorted(w framework.Waiting) framework.Waiting {
	w.Refused = slices.Clone(w.Refused)
	slices.SortFunc(w.Refused, func(a, b framework.Refusal) int { return strings.Compare(a.Host, b.Host) })
	return w
}
