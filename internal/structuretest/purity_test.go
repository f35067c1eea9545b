package structuretest

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// edges are the folders of packages that block, wait, or are called from many goroutines. All others run
// on a loop, or are called by what does: a new package does, unless it is added here.
var edges = []struct {
	why     string
	folders []string
}{
	{"assembles and serves a cluster", []string{".", "examples"}},
	{"speaks a wire", []string{
		"scheduler/httpv1", "scheduler/libprocess", "executor/httpv1", "executor/libprocess",
		"master/httpv1", "master/libprocess", "agent/httpv1", "agent/libprocess",
		"internal/httpapi", "internal/httpclient", "internal/libprocess",
	}},
	{"serves operators from snapshots", []string{"master/operator", "agent/operator", "internal/operatorapi"}},
	{"runs processes; its calls block", []string{
		"agent/containerizer/composing", "agent/containerizer/containerizertest", "agent/containerizer/docker", "agent/containerizer/inprocess",
		"agent/containerizer/internal", "agent/containerizer/keeper", "agent/containerizer/posix",
	}},
	{"writes or reads what is outside; called through Loop.Do", []string{
		"agent/fetcher", "agent/checkpoint/file", "agent/checkpoint/memory", "master/registry/bolt", "master/registry/memory", "scheduler/framework/filestore",
	}},
	{"is shared by a loop and the goroutines of its transport or owner", []string{"internal/backlog", "internal/driver"}},
	{"helps tests", []string{"agent/checkpoint/checkpointtest", "executor/executortest", "master/registry/registrytest", "internal/goldentest", "internal/structuretest"}},
	{"is generated, or remembers what descriptors say, the same whoever asks first", []string{"mesosproto"}},
}

// pure are the packages of the module that no edge is.
func pure(t *testing.T) (dirs []string) {
	t.Helper()
	isEdge := func(dir string) bool {
		for _, e := range edges {
			for _, f := range e.folders {
				if dir == f || f != "." && below(dir, f) {
					return true
				}
			}
		}
		return false
	}
	for _, s := range readSources(t) {
		if !s.test && !isEdge(s.dir()) && !slices.Contains(dirs, s.dir()) {
			dirs = append(dirs, s.dir())
		}
	}
	for _, d := range []string{"master", "master/allocator", "master/registry", "agent", "agent/statusupdate", "scheduler", "executor", "executor/checks", "resources"} {
		require.Contains(t, dirs, d)
	}
	return dirs
}

// exemption excuses something in a file or, as file:function, in one function of it; methods are
// written without their receivers.
type exemption struct{ where, what, why string }

// exempt are the edges within those packages, and what they may do.
var exempt = []exemption{
	{"master/master.go", "sync", "Master is a handle: it may be stopped from anywhere"},
	{"master/master.go", "chan", "Stop waits for the loop, outside it"},
	{"agent/agent.go", "sync", "Agent is a handle: it may be started and stopped from anywhere"},
	{"agent/agent.go", "chan", "Stop waits for the loop, outside it"},
	{"agent/detector.go", "go", "looks names up beside the loop"},
	{"agent/detector.go", "chan", "looks names up beside the loop"},
	{"agent/detector.go", "net", "looks names up beside the loop"},
	{"agent/detector.go", "time.After", "looks names up beside the loop"},
	{"agent/sandbox.go", "os", "called through Loop.Do"},
	{"agent/volume.go", "os", "called through Loop.Do"},
	{"agent/checks.go:network", "context.WithTimeout", "for a probe of the network, which runs through Loop.Do"},
	{"agent/containerizer/async.go:Destroy", "context.WithTimeout", "runs through Loop.Do"},
	{"agent/containerizer/output.go", "os", "for containerizers, whose calls block"},
	{"resources/formatall.go", "sync", "remembers what descriptors say: the same whoever asks first"},
	{"master/accounting.go:usedBy", "map order", "a sum of resources is the same in any order"},
	{"scheduler/schedulertest/passes.go", "sync", "runs whole simulations at the same time, outside them"},
	{"scheduler/schedulertest/passes.go", "runtime.GOMAXPROCS", "that nothing depends on it is what is tested"},
	{"scheduler/schedulertest/ledger.go:allocated", "map order", "a sum of resources is the same in any order"},
	{"master/accounting.go:usedOn", "map order", "each entry of the result is made from one entry"},
	{"agent/environment.go:limits", "map order", "each entry of the result is made from one entry; the sum within goes over a slice"},
	{"scheduler/driver.go:Run", "context.AfterFunc", "follows its caller's context, before any loop"},
	{"scheduler/driver.go:Done", "chan", "for others to wait for"},
	{"scheduler/config.go", "os", "a default, filled in by New"},
	{"executor/driver.go:Run", "context.AfterFunc", "follows its caller's context, before any loop"},
	{"executor/driver.go:Done", "chan", "for others to wait for"},
	{"scheduler/schedulertest/executors.go:look", "chan", "asks whether a driver is done, and never waits"},
	{"scheduler/schedulertest/removed.go:serves", "chan", "asks whether a driver is done, and never waits"},
	{"executor/environment.go", "os", "the environment is read before there is a driver"},
	{"executor/exit_unix.go", "os", "ends the process"},
	{"executor/exit_unix.go", "time.Sleep", "ends the process"},
	{"executor/exit_other.go", "os", "ends the process"},
	{"executor/checks/probe.go", "net", "probes run through Loop.Do"},
	{"internal/link/transport.go", "sync", "joins a loop to a transport that blocks"},
	{"internal/link/transport.go", "chan", "joins a loop to a transport that blocks"},
	{"internal/apierror/apierror.go", "net", "the names of statuses"},
	{"internal/link/pipe.go", "sync", "joins two loops"},
	{"internal/link/inbox.go", "sync", "a pool that messages come from any goroutine to; what is in it decides nothing"},
	{"internal/loop/real.go", "sync", "the real loop"},
	{"internal/loop/real.go", "go", "the real loop"},
	{"internal/loop/real.go", "chan", "the real loop"},
	{"internal/loop/real.go", "rand", "the real loop"},
	{"internal/loop/real.go", "time.Now", "the real loop"},
	{"internal/loop/real.go", "time.AfterFunc", "the real loop"},
}

// impure are functions and types that no core may use, by package; those of a package that "*" names all
// but those that "but" lists.
var impure = map[string]struct {
	names, but []string
	what       string // as exemptions name it; empty: package.name
}{
	"time":         {names: []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick"}},
	"context":      {names: []string{"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause", "AfterFunc"}},
	"math/rand":    {names: []string{"*"}, what: "rand"},
	"math/rand/v2": {names: []string{"*"}, but: []string{"New", "NewPCG", "NewChaCha8", "Rand", "Source"}, what: "rand"},
	"crypto/rand":  {names: []string{"*"}, what: "rand"},
	"hash/maphash": {names: []string{"*"}, what: "rand"},
	"github.com/google/uuid": {names: []string{"New", "NewString", "NewRandom", "NewUUID", "NewV6", "NewV7", "NewDCEGroup", "NewDCEPerson", "NewDCESecurity"},
		what: "rand"},
	"sync":     {names: []string{"*"}, what: "sync"},
	"runtime":  {names: []string{"*"}},
	"os":       {names: []string{"*"}, but: []string{"FileMode", "ErrNotExist", "ErrExist", "Signal"}, what: "os"},
	"os/exec":  {names: []string{"*"}},
	"net/http": {names: []string{"*"}, what: "net"},
	"net": {names: []string{"Dial", "DialTimeout", "Dialer", "Listen", "Resolver", "DefaultResolver", "LookupHost", "LookupIP", "LookupPort", "Interfaces", "InterfaceAddrs"},
		what: "net"},
}

// impurity is something that a core must not do.
type impurity struct {
	what string
	at   token.Position
	in   string // the function
}

func (i impurity) String() string { return fmt.Sprintf("%s (%s): %s", i.at, i.in, i.what) }

// checkedPackage is a package with its types.
type checkedPackage struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// typeCheck reads packages, without their tests, and resolves every name in them.
func typeCheck(t *testing.T, dirs []string) map[string]*checkedPackage {
	t.Helper()
	var args []string
	for _, d := range dirs {
		args = append(args, "./"+d)
	}
	listing := list(t, append([]string{"-export", "-json=ImportPath,Standard,Export,GoFiles"}, args...)...)
	fset := token.NewFileSet()
	exported := importer.ForCompiler(fset, "gc", func(p string) (io.ReadCloser, error) {
		return os.Open(listing[local(p)].Export)
	})
	checked := make(map[string]*checkedPackage)
	for _, d := range dirs {
		c := &checkedPackage{fset: fset}
		require.NotEmpty(t, listing[d].GoFiles, d)
		for _, name := range listing[d].GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(root, filepath.FromSlash(d), name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			c.files = append(c.files, file)
		}
		c.check(t, d, exported)
		checked[d] = c
	}
	return checked
}

func (c *checkedPackage) check(t *testing.T, name string, imports types.Importer) {
	t.Helper()
	c.info = &types.Info{
		Types: make(map[ast.Expr]types.TypeAndValue),
		Uses:  make(map[*ast.Ident]types.Object),
		Defs:  make(map[*ast.Ident]types.Object),
	}
	cfg := types.Config{Importer: imports}
	_, err := cfg.Check(name, c.fset, c.files, c.info)
	require.NoError(t, err)
}

// impurities are all that the package does and a core must not.
func (c *checkedPackage) impurities() (found []impurity) {
	for _, file := range c.files {
		for _, decl := range file.Decls {
			name := "package"
			if f, ok := decl.(*ast.FuncDecl); ok {
				name = f.Name.Name
			}
			add := func(n ast.Node, what string) {
				found = append(found, impurity{what, c.fset.Position(n.Pos()), name})
			}
			off := make(map[ast.Node]bool)
			ast.Inspect(decl, func(n ast.Node) bool {
				if off[n] {
					return false
				}
				switch n := n.(type) {
				case *ast.CallExpr:
					if c.isLoopDo(n) {
						off[n.Args[0]] = true
					}
				case *ast.GoStmt:
					add(n, "go")
				case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
					add(n, "chan")
				case *ast.UnaryExpr:
					if n.Op == token.ARROW {
						add(n, "chan")
					}
				case *ast.Ident:
					if what := c.impureUse(n); what != "" {
						add(n, what)
					}
				}
				return true
			})
			for _, n := range c.orderShows(decl) {
				add(n, "map order")
			}
		}
	}
	return found
}

// isLoopDo reports whether a call is Loop.Do with a function written in place: its first argument runs
// off the loop, where blocking is what it is for.
func (c *checkedPackage) isLoopDo(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != "Do" || len(call.Args) != 2 {
		return false
	}
	f, ok := c.info.Uses[s.Sel].(*types.Func)
	if !ok || f.Pkg() == nil || local(f.Pkg().Path()) != "internal/loop" {
		return false
	}
	_, ok = call.Args[0].(*ast.FuncLit)
	return ok
}

// impureUse names what an identifier stands for if it is impure: functions, types and variables of
// packages, and methods of their types.
func (c *checkedPackage) impureUse(id *ast.Ident) string {
	o := c.info.Uses[id]
	if o == nil || o.Pkg() == nil {
		return ""
	}
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		return "" // whoever has the value has named its type, or was given it
	}
	if v, ok := o.(*types.Var); ok && v.IsField() {
		return ""
	}
	if _, ok := o.(*types.Const); ok {
		return ""
	}
	rule, ok := impure[o.Pkg().Path()]
	if !ok {
		return ""
	}
	listed := func(names []string, all bool) bool {
		for _, n := range names {
			if n == o.Name() || all && n == "*" {
				return true
			}
		}
		return false
	}
	if !listed(rule.names, true) || listed(rule.but, false) {
		return ""
	}
	if rule.what != "" {
		return rule.what
	}
	return o.Pkg().Name() + "." + o.Name()
}

// What runs on a loop reads clock and random numbers from it, starts no goroutine, holds no lock, waits for
// nothing, and lets no map's order show.
func TestCoresArePure(t *testing.T) {
	used := make([]bool, len(exempt))
	files := make(map[string]bool)
	excused := func(i impurity) bool {
		relative, err := filepath.Rel(root, i.at.Filename)
		require.NoError(t, err)
		file := filepath.ToSlash(relative)
		for n, e := range exempt {
			if e.what == i.what && (e.where == file || e.where == file+":"+i.in) {
				used[n] = true
				return true
			}
		}
		return false
	}
	for dir, c := range typeCheck(t, pure(t)) {
		for _, f := range c.files {
			files[path.Join(dir, filepath.Base(c.fset.Position(f.Pos()).Filename))] = true
		}
		for _, i := range c.impurities() {
			if !excused(i) {
				t.Errorf("%s", i)
			}
		}
	}
	for n, e := range exempt {
		file, _, _ := strings.Cut(e.where, ":")
		if files[file] { // a file for another system is not read here
			require.True(t, used[n], "%s has no %q any more; its exemption goes, too", e.where, e.what)
		}
	}
}
