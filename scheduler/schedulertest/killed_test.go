package schedulertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mesokit/mesokit/mesosproto"
)

// A KILL that a master took is not forgotten before the task has ended, however often it gets lost.
func TestAKillIsRepeatedUntilTheTaskHasEnded(t *testing.T) {
	const ended = mesosproto.TaskState_TASK_KILLED
	for name, lose := range map[string]func(s *stage){
		"lost with the connection": func(s *stage) {
			s.away()
		},
		"and lost again when the agent is back": func(s *stage) {
			s.away()
			s.RunUntil(time.Minute, "the agent to come back", s.connected)
			s.away()
		},
		"of an agent that was given up": func(s *stage) {
			s.Agent(0).Isolate()
			s.Advance(15 * time.Minute)
			s.Agent(0).Heal()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stage{Cluster: New(t, Config{})}
			f := s.join()
			f.runs("server")
			f.kill()
			s.RunUntil(time.Minute, "the kill", func() bool { return s.check.updates.of(f.id(), task).kill != nil })
			lose(s)
			f.WaitForState(task, ended)
			s.CheckSettled()
			require.Empty(t, s.Violations())
		})
	}
}

// away breaks the agent's connection, and everybody notices.
func (s *stage) away() {
	s.Agent(0).BreakLink(Notice{})
	s.RunUntil(time.Second, "the master to notice", func() bool { return !s.connected() })
}

// connected reports whether the master has the agent.
func (s *stage) connected() bool {
	for a := range s.Master().Agents.All() {
		return a.Connected
	}
	return false
}

func (p *puppet) id() string { return p.driver.FrameworkID().GetValue() }

// A task whose agent is away is killed when it comes back.
func TestAKillOfAnUnreachableTaskIsNotForgotten(t *testing.T) {
	s := &stage{Cluster: New(t, Config{})}
	f := s.join(aware)
	f.runs("server")
	s.Agent(0).Isolate()
	f.WaitForState(task, mesosproto.TaskState_TASK_UNREACHABLE)
	f.kill()
	s.Advance(time.Minute)
	s.Agent(0).Heal()
	f.WaitForState(task, mesosproto.TaskState_TASK_KILLED)
}
