package schedulertest

import (
	"math/rand/v2"
	"slices"
	"time"
)

// TimedFaults is RandomFaults, but every second fault waits for a step: seed after seed, each kind for
// each step in turn. Since nothing registers while all is well, faults that wait for that come with a
// broken link, if that is among the kinds.
func TimedFaults(seed uint64, n int, within time.Duration, kinds ...FaultKind) Faults {
	r := rand.New(rand.NewPCG(seed, 0xfb))
	return randomScript(r, n, within, kinds, func(i int, f *Fault, before Faults, kinds []FaultKind) {
		if i%2 == 0 {
			f.wait(r, seed*uint64((n+1)/2)+uint64(i/2), kinds)
		} else if last := before[i-1]; last.Step == StepRegister && slices.Contains(kinds, unregister(last.Kind)) {
			f.At, f.Kind, f.Target = last.At, unregister(last.Kind), last.Target
		}
	})
}

// wait lets the fault be of one kind and wait for one step: the cell of the table of both that has this
// number.
func (f *Fault) wait(r *rand.Rand, cell uint64, kinds []FaultKind) {
	n, steps := uint64(len(kinds)), uint64(len(allSteps))
	f.Kind, f.Step = kinds[cell%n], allSteps[cell/n%steps]
	f.At /= 2 // it waits from then on
	f.Moment, f.Skip = allMoments[r.IntN(len(allMoments))], r.IntN(3)
	switch executors := f.Kind.of() == ofExecutor; {
	case f.Step == StepRegister:
		f.Skip /= 2 // there may be but a question and an answer
	case executors && (f.Step == StepOffer || f.Step == StepAccept):
		f.Step, f.Moment, f.Skip = "", "", 0 // executors have no part in it
	case executors:
		f.Skip = 0 // each hears of few tasks
	}
}

// unregister is what makes the target of a kind of fault register anew.
func unregister(kind FaultKind) FaultKind {
	switch kind.of() {
	case ofFramework:
		return BreakFrameworkLink
	case ofExecutor:
		return BreakExecutorLink
	}
	return BreakAgentLink
}
