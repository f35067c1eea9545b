package schedulertest

import (
	"time"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/scheduler"
)

const (
	starting = mesosproto.TaskState_TASK_STARTING
	running  = mesosproto.TaskState_TASK_RUNNING
	finished = mesosproto.TaskState_TASK_FINISHED
)

var dangers = []danger{
	{guard: GuardUpdateRetry, harm: InvariantStuck, play: func(s *stage) {
		f := s.join()
		f.launch(f.offer(), "server")
		s.launched()
		f.LoseCall() // the acknowledgement of STARTING
	}},
	{guard: GuardReconcileQuestion, harm: InvariantBounded, play: loseLaunch},
	{guard: GuardReconcileAnswer, harm: InvariantBounded, play: loseLaunch},
	{guard: GuardOfferCheck, harm: InvariantNoDouble, play: func(s *stage) {
		f := s.join()
		o := f.offer()
		s.fatal(f.driver.Decline([]*mesosproto.OfferID{o.GetId()}, scheduler.RefuseFor(24*time.Hour)))
		s.join().runs("server") // on what was declined
		f.launch(o, "server")
	}},
	{guard: GuardReleaseOnce, harm: InvariantFreedOnce, play: func(s *stage) {
		s.join().runs("sleep 10") // its end frees, and so does the acknowledgement
	}},
	{guard: GuardTaskAdoption, harm: InvariantTruth, play: func(s *stage) {
		f := s.join()
		f.runs("server")
		s.CrashMaster()
		s.RestartMaster()
		s.Advance(10 * time.Minute)
		s.fatal(f.driver.Reconcile(&mesosproto.TaskStatus{TaskId: taskID, AgentId: f.Updates[task][0].GetAgentId()}))
	}},
	{guard: GuardEndIsFinal, harm: InvariantForward, play: func(s *stage) {
		f := s.join(explicit)
		f.launch(f.offer(), "true")
		f.acknowledge(starting)
		f.acknowledge(running)
		f.WaitForState(task, finished)
		s.Agent(0).Destroy() // before the end is acknowledged
	}},
	{guard: GuardAgentSilence, harm: InvariantTruth, settle: 12 * time.Minute, play: func(s *stage) {
		s.join().runs("server")
		s.Agent(0).Destroy() // and nobody tells the master
	}},
	{guard: GuardMasterSilence, harm: InvariantBounded, play: func(s *stage) {
		s.Advance(time.Second)
		s.Agent(0).BreakLink(silent)
	}},
	{guard: GuardDriverSilence, harm: InvariantTruth, play: func(s *stage) {
		f := s.join()
		f.runs("sleep 60")
		f.BreakLink(silent)
	}},
	{guard: GuardAckAfterCallback, harm: InvariantOrder, play: func(s *stage) {
		f := s.join()
		f.launch(f.offer(), "server")
		s.launched()
		f.calls.Pause()
		s.Advance(time.Minute)
		f.calls.Resume()
	}},
	{guard: GuardRegistryFirst, harm: InvariantDurable, agents: -1, play: func(s *stage) {
		s.Advance(time.Second)
		s.masters[0].disk.slow = 10 * time.Minute
		a := s.AddAgent(DefaultResources)
		s.RunUntil(time.Hour, "the agent to be admitted", func() bool { return a.ID() != "" })
		s.CrashMaster()
		s.masters[0].disk.slow = 0
		s.RestartMaster()
	}},
	{guard: GuardUpdateStore, harm: InvariantDurable, play: func(s *stage) {
		f := s.join()
		f.runs("sleep 10")
		a := s.Agent(0)
		a.disk.slow = 10 * time.Minute
		f.WaitForState(task, finished)
		a.Crash()
		a.disk.slow = 0
		a.Restart()
	}},
	{guard: GuardAckStore, harm: InvariantOrder, play: func(s *stage) {
		f := s.join()
		f.launch(f.offer(), "server")
		f.WaitForState(task, starting)
		a := s.Agent(0)
		a.disk.slow = 10 * time.Minute // when STARTING is acknowledged
		f.WaitForState(task, running)
		a.Crash()
		a.disk.slow = 0
		a.Restart()
	}},
	{guard: GuardKillMemoryOfMaster, harm: InvariantKilled, play: func(s *stage) {
		f := s.join()
		f.runs("server")
		s.Agent(0).BreakLink(Notice{Client: 10 * time.Second})
		s.Advance(time.Second)
		f.kill() // while the agent is away
	}},
	{guard: GuardKillMemoryOfAgent, harm: InvariantKilled, behave: slowStart, play: func(s *stage) {
		f := s.join()
		f.launch(f.offer(), "server")
		s.Advance(10 * time.Second)
		f.kill() // while the container starts
	}},
	{guard: GuardUpdateDedup, harm: InvariantOrder, behave: slowTasks, play: func(s *stage) {
		f := s.join()
		f.launchUnder(f.offer())
		p := s.executor()
		s.RunUntil(time.Minute, "STARTING to be said", func() bool { return len(s.check.updates.of(f.id(), task).said) > 0 })
		s.net.block(s.Agent(0).name, p.name) // what the agent acknowledges does not arrive
		f.WaitForState(task, running)
		p.breakLink()
		s.net.unblock(s.Agent(0).name, p.name)
	}},
	{guard: GuardUpdateMemory, harm: InvariantStuck, behave: slowTasks, play: func(s *stage) {
		f := s.join()
		f.launchUnder(f.offer())
		f.WaitForState(task, starting)
		s.executor().http.loseCall = true // RUNNING
	}},
	{guard: GuardUndeliveredTasks, harm: InvariantBounded, play: func(s *stage) {
		s.Inject(Faults{{Kind: BreakExecutorLink, Step: StepLaunch}})
		f := s.join()
		f.launchUnder(f.offer())
	}},
	{guard: GuardExecutorTimeout, harm: InvariantBounded, behave: silentExecutor, play: func(s *stage) {
		f := s.join()
		f.launchUnder(f.offer())
	}},
	{guard: GuardUpdateStore, harm: InvariantDurable, behave: slowTasks, play: func(s *stage) {
		f := s.join()
		f.launchUnder(f.offer())
		f.WaitForState(task, starting)
		s.Advance(time.Second) // that is written
		a, m := s.Agent(0), s.masters[0]
		a.disk.slow = 10 * time.Minute
		s.net.block(a.name, m.name)
		s.Advance(time.Minute) // the executor says RUNNING, and forgets it if it may
		a.Crash()
		s.net.unblock(a.name, m.name)
		a.disk.slow = 0
		a.Restart()
	}},
	{guard: GuardStepDown, harm: InvariantOneLeader, masters: 3, play: func(s *stage) {
		s.RunUntil(time.Minute, "a leader", func() bool { return s.Leader() != nil })
		h := s.Leader()
		h.Isolate()
		s.RunUntil(time.Hour, "another leader", func() bool { return s.Leader() != nil && s.Leader() != h })
		h.Heal()
	}},
	{guard: GuardLaunchVersion, harm: InvariantNoDouble, play: func(s *stage) {
		f := s.join()
		f.offer()
		s.Advance(time.Second)
		a := s.Agent(0)
		toAgent, toMaster := pair{s.masters[0].name, a.name}, pair{a.name, s.masters[0].name}
		s.net.lag[toAgent] = 30 * time.Second
		a.BreakLink(Notice{})
		f.launch(f.offer(), "server") // the agent has registered again, but does not know it, and repeats it
		s.net.lag[toMaster] = 5 * time.Minute
		g := s.join()
		g.launch(g.offer(), "server") // the master has given the agent up, and the repetition has brought it back
		clear(s.net.lag)
	}},
}

// loseLaunch lets a launch get lost between master and agent.
func loseLaunch(s *stage) {
	f := s.join()
	f.launch(f.offer(), "server")
	s.launched()
	s.Agent(0).BreakLink(Notice{})
}

// acknowledge waits for a state and acknowledges it.
func (p *puppet) acknowledge(state mesosproto.TaskState) {
	p.WaitForState(task, state)
	all := p.Updates[task]
	p.stage.fatal(p.driver.Acknowledge(all[len(all)-1]))
}
