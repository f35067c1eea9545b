package schedulertest

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
)

// Fails runs f with a testing.TB of its own and returns how f failed it; empty if it did not. It is for
// tests of tests: that an exploration finds the mistake which a framework makes on purpose.
//
// What f logs is dropped. A panic is no failure: it goes on to the caller.
func Fails(t testing.TB, f func(testing.TB)) string {
	t.Helper()
	p := &probe{TB: t}
	p.run(func() { f(p) }, func(x any) { panic(x) })
	return p.text()
}

// probe is the testing.TB of a run that may fail without failing the test.
type probe struct {
	testing.TB
	failed   bool
	lines    []string
	cleanups []func()
}

// run runs f, which FailNow may end, and what f has left to be cleaned up. If f panics, so it is told.
func (p *probe) run(f func(), panics func(any)) {
	defer func() {
		if x := recover(); x != nil && x != any(p) { // p is how FailNow ends f
			panics(x)
		}
	}()
	defer p.cleanUp()
	f()
}

// cleanUp does all that there is to do, also if FailNow ends some of it.
func (p *probe) cleanUp() {
	if n := len(p.cleanups); n > 0 {
		last := p.cleanups[n-1]
		p.cleanups = p.cleanups[:n-1]
		defer p.cleanUp()
		last()
	}
}

// text is how the run failed; empty: it did not.
func (p *probe) text() string {
	if !p.failed {
		return ""
	}
	return cmp.Or(strings.TrimSpace(strings.Join(p.lines, "\n")), "it failed without a word")
}

func (p *probe) Helper()                           {}
func (p *probe) Failed() bool                      { return p.failed }
func (p *probe) Cleanup(f func())                  { p.cleanups = append(p.cleanups, f) }
func (p *probe) Log(...any)                        {}
func (p *probe) Logf(string, ...any)               {}
func (p *probe) Fail()                             { p.failed = true }
func (p *probe) FailNow()                          { p.failed = true; panic(p) }
func (p *probe) note(s string)                     { p.failed = true; p.lines = append(p.lines, s) }
func (p *probe) Error(args ...any)                 { p.note(strings.TrimSuffix(fmt.Sprintln(args...), "\n")) }
func (p *probe) Errorf(format string, args ...any) { p.note(fmt.Sprintf(format, args...)) }
func (p *probe) SkipNow()                          { p.Fatal("a run of an exploration can't be skipped") }
func (p *probe) Skip(args ...any)                  { p.Fatal(args...) }
func (p *probe) Skipf(format string, args ...any)  { p.Fatalf(format, args...) }
func (p *probe) Fatal(args ...any)                 { p.Error(args...); p.FailNow() }
func (p *probe) Fatalf(format string, args ...any) { p.Errorf(format, args...); p.FailNow() }
