package schedulertest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultKind is one of the ways in which a cluster can fail.
type FaultKind string

// The kinds of faults. "Late" is Fault.Client and Server; "for a while" is Fault.For.
const (
	BreakAgentLink     FaultKind = "break agent link"     // what is under way is lost; each side notices at once, late or never
	BreakFrameworkLink FaultKind = "break framework link" // the same between framework and master
	DelayAgent         FaultKind = "delay agent"          // its messages take Fault.By longer, for a while
	DelayFramework     FaultKind = "delay framework"
	LoseCall           FaultKind = "lose call"     // the framework's next HTTP request does not arrive
	LoseAnswer         FaultKind = "lose answer"   // it does, but its answer does not
	CutAgent           FaultKind = "cut agent"     // nothing gets through either way, for a while
	CutAgentOut        FaultKind = "cut agent out" // nothing gets from the agent to the master
	CutAgentIn         FaultKind = "cut agent in"  // nothing gets from the master to the agent
	CutFramework       FaultKind = "cut framework" // the same for a framework
	CutFrameworkOut    FaultKind = "cut framework out"
	CutFrameworkIn     FaultKind = "cut framework in"
	BreakElectionLink  FaultKind = "break election link" // between a master and the election
	DelayMaster        FaultKind = "delay master"        // all that it says and hears takes Fault.By longer, for a while
	CutMaster          FaultKind = "cut master"          // from everything: nothing gets through either way, for a while
	CutMasterOut       FaultKind = "cut master out"
	CutMasterIn        FaultKind = "cut master in"
	CutElection        FaultKind = "cut election"     // a master from the election and the registry
	StopElection       FaultKind = "stop election"    // nobody can reach it
	CutPair            FaultKind = "cut pair"         // any two hosts from each other
	CutPairOneWay      FaultKind = "cut pair one way" // only what the first says to the second
	CrashMaster        FaultKind = "crash master"     // and start it again after a while
	CrashAgent         FaultKind = "crash agent"      // the process; checkpointed containers run on
	RebootAgent        FaultKind = "reboot agent"     // the machine; what was not synced is lost
	CrashContainer     FaultKind = "crash container"  // one of an agent's, with SIGKILL
	CrashFramework     FaultKind = "crash framework"  // and start it again, with its disk
	LoseFramework      FaultKind = "lose framework"   // and start it again, without its disk
	PauseMaster        FaultKind = "pause master"     // the process stands still for a while
	PauseAgent         FaultKind = "pause agent"
	PauseFramework     FaultKind = "pause framework"
	SkewMaster         FaultKind = "skew master" // its clock is Fault.By ahead (or behind), for a while
	SkewAgent          FaultKind = "skew agent"
	SlowRegistry       FaultKind = "slow registry" // writes take up to Fault.By longer
	SlowDisk           FaultKind = "slow disk"     // of an agent
	FailRegistry       FaultKind = "fail registry" // writes fail
	FailDisk           FaultKind = "fail disk"
	HangContainerizer  FaultKind = "hang containerizer" // an agent's answers nothing, for a while

	SkewFramework FaultKind = "skew framework"
	ResetAgent    FaultKind = "reset agent" // the agent's process starts again without its disk; containers run on till then
	LoseMaster    FaultKind = "lose master" // all masters start again with an empty registry

	// Target of the following is one of the executors that run; without any nothing happens.
	CrashExecutor      FaultKind = "crash executor"       // its process, with SIGKILL
	CrashExecutorAlone FaultKind = "crash executor alone" // the same while its agent is down, which starts again after a while
	BreakExecutorLink  FaultKind = "break executor link"  // between executor and agent, as BreakAgentLink
	DelayExecutor      FaultKind = "delay executor"       // what it and its agent say to each other takes Fault.By longer
	LoseExecutorCall   FaultKind = "lose executor call"   // its next call does not arrive
	LoseExecutorAnswer FaultKind = "lose executor answer" // it does, but its answer does not
	PauseExecutor      FaultKind = "pause executor"       // the process stands still for a while
	SkewExecutor       FaultKind = "skew executor"        // its clock is Fault.By ahead (or behind)
)

// AllFaults are all kinds, in the order of their declaration.
func AllFaults() []FaultKind { return slices.Clone(allFaults) }

var allFaults = []FaultKind{
	BreakAgentLink, BreakFrameworkLink, DelayAgent, DelayFramework, LoseCall, LoseAnswer, CutAgent, CutAgentOut,
	CutAgentIn, CutFramework, CutFrameworkOut, CutFrameworkIn, BreakElectionLink, DelayMaster, CutMaster, CutMasterOut,
	CutMasterIn, CutElection, StopElection, CutPair, CutPairOneWay, CrashMaster, CrashAgent, RebootAgent, CrashContainer,
	CrashFramework, LoseFramework, PauseMaster, PauseAgent, PauseFramework, SkewMaster, SkewAgent, SlowRegistry,
	SlowDisk, FailRegistry, FailDisk, HangContainerizer, SkewFramework, ResetAgent, LoseMaster, CrashExecutor,
	CrashExecutorAlone, BreakExecutorLink, DelayExecutor, LoseExecutorCall, LoseExecutorAnswer, PauseExecutor, SkewExecutor,
}

// Fault is one thing that goes wrong, at a time or at a step of the path.
type Fault struct {
	// At is when, from the moment at which the script is injected.
	At   time.Duration
	Kind FaultKind
	// Step, if set, lets the fault wait from At on for the next message, write or start of a container of
	// that step that concerns its target (an executor: any executor, which it then hits; a master: all), and
	// happen at Moment of its way; Skip of them pass before. It waits for five minutes; then it happens all
	// the same.
	Step   Step
	Moment Moment
	Skip   int
	// Target is which agent, framework or executor, modulo their number. Of masters, and as the first
	// host of a pair, even numbers mean whoever leads when it happens, or led last; odd ones count: 1 is
	// the first, 3 the second, modulo their number. The hosts of pairs are all masters, the election if
	// there are several, all agents, all frameworks.
	Target int
	// Other is the second host of a pair, counted from 0.
	Other int
	// For is how long it takes; what was broken is then whole again. If faults of a kind overlap, that is
	// after the last of them; of several times By counts the one of the fault that began last, but for
	// delays, which add up.
	For time.Duration
	// By is how much: of a delay, a skew, a slow disk.
	By time.Duration
	// Notice is when each side hears of a broken link.
	Notice Notice
}

// String is the fault in a line.
func (f Fault) String() string {
	s := fmt.Sprintf("%v %s %d", f.At, f.Kind, f.Target)
	if f.Kind == CutPair || f.Kind == CutPairOneWay {
		s += fmt.Sprintf(" and %d", f.Other)
	}
	if f.For != 0 {
		s += fmt.Sprintf(" for %v", f.For)
	}
	if f.By != 0 {
		s += fmt.Sprintf(" by %v", f.By)
	}
	switch f.Kind {
	case BreakAgentLink, BreakFrameworkLink, BreakElectionLink, BreakExecutorLink:
		s += fmt.Sprintf(" noticed by client %s, server %s", noticed(f.Notice.Client), noticed(f.Notice.Server))
	}
	if f.Step != "" {
		s += fmt.Sprintf(", at %s +%d, %s", f.Step, f.Skip, cmp.Or(f.Moment, "sent"))
	}
	return s
}

func noticed(d time.Duration) string {
	if d < 0 {
		return "never"
	}
	return "after " + d.String()
}

// Faults is a script: faults in the order of time.
type Faults []Fault

// String is the script, a line a fault.
func (s Faults) String() string {
	var b strings.Builder
	for _, f := range s {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// Go is the script as a Go literal, to be repeated in a test.
func (s Faults) Go() string {
	var b strings.Builder
	b.WriteString("schedulertest.Faults{\n")
	for _, f := range s {
		fmt.Fprintf(&b, "\t{At: %s, Kind: %q", goDuration(f.At), string(f.Kind))
		if f.Step != "" {
			fmt.Fprintf(&b, ", Step: %q, Moment: %q, Skip: %d", string(f.Step), string(f.Moment), f.Skip)
		}
		fmt.Fprintf(&b, ", Target: %d", f.Target)
		if f.Other != 0 {
			fmt.Fprintf(&b, ", Other: %d", f.Other)
		}
		if f.For != 0 {
			fmt.Fprintf(&b, ", For: %s", goDuration(f.For))
		}
		if f.By != 0 {
			fmt.Fprintf(&b, ", By: %s", goDuration(f.By))
		}
		if f.Notice != (Notice{}) {
			fmt.Fprintf(&b, ", Notice: schedulertest.Notice{Client: %s, Server: %s}", goDuration(f.Notice.Client), goDuration(f.Notice.Server))
		}
		b.WriteString("},\n")
	}
	b.WriteString("}")
	return b.String()
}

func goDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d == Never:
		return "schedulertest.Never"
	case d%time.Second == 0:
		return fmt.Sprintf("%d * time.Second", d/time.Second)
	case d%time.Microsecond == 0:
		return fmt.Sprintf("%d * time.Microsecond", d/time.Microsecond)
	}
	return strconv.FormatInt(int64(d), 10)
}

// RandomFaults is a script of n faults within a time, of these kinds (none: all). Equal arguments make
// equal scripts.
func RandomFaults(seed uint64, n int, within time.Duration, kinds ...FaultKind) Faults {
	return randomScript(rand.New(rand.NewPCG(seed, 0xfa)), n, within, kinds, func(int, *Fault, Faults, []FaultKind) {})
}

// randomScript draws a script; change may give the ith fault another time, kind, target or step, knowing
// those before it.
func randomScript(r *rand.Rand, n int, within time.Duration, kinds []FaultKind, change func(i int, f *Fault, before Faults, kinds []FaultKind)) Faults {
	if len(kinds) == 0 {
		kinds = allFaults
	}
	script := make(Faults, n)
	for i := range script {
		f := Fault{
			At:     time.Duration(r.Int64N(int64(within))).Round(time.Microsecond),
			Kind:   kinds[r.IntN(len(kinds))],
			Target: r.IntN(1 << 10),
			For:    randomLength(r),
		}
		change(i, &f, script[:i], kinds)
		f.detail(r)
		script[i] = f
	}
	slices.SortStableFunc(script, func(a, b Fault) int { return int(a.At - b.At) })
	return script
}

// detail draws what only some kinds have.
func (f *Fault) detail(r *rand.Rand) {
	switch f.Kind {
	case BreakAgentLink, BreakFrameworkLink, BreakElectionLink:
		f.For, f.Notice = 0, Notice{randomNotice(r), randomNotice(r)}
	case BreakExecutorLink:
		// Both are on one machine, whose kernel tells the executor. It could not find out by itself, nor
		// can the reference's: nothing has to come over its stream, and what it says goes over another
		// connection. So an agent would wait for ever for one that has nothing to say.
		f.For, f.Notice = 0, Notice{max(randomNotice(r), 0), randomNotice(r)}
	case LoseCall, LoseAnswer, CrashContainer, CrashExecutor, LoseExecutorCall, LoseExecutorAnswer:
		f.For = 0
	case CutPair, CutPairOneWay:
		f.Other = r.IntN(1 << 10)
	case DelayAgent, DelayFramework, DelayMaster, DelayExecutor, SlowRegistry, SlowDisk:
		f.By = time.Duration(r.Int64N(int64(5 * time.Second)))
	case SkewMaster, SkewAgent, SkewFramework, SkewExecutor:
		f.By = time.Duration(r.Int64N(int64(2*time.Hour))) - time.Hour
	}
}

// randomLength is mostly short, sometimes longer than any time-out of agents and frameworks.
func randomLength(r *rand.Rand) time.Duration {
	longest := []time.Duration{time.Second, 30 * time.Second, 30 * time.Second, 2 * time.Minute, 12 * time.Minute}[r.IntN(5)]
	return time.Duration(r.Int64N(int64(longest))).Round(time.Microsecond)
}

func randomNotice(r *rand.Rand) time.Duration {
	switch r.IntN(4) {
	case 0:
		return Never
	case 1:
		return time.Duration(r.Int64N(int64(time.Minute))).Round(time.Microsecond)
	}
	return 0
}
