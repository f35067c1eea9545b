package structuretest

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// modulePath is the module's import path.
const modulePath = "github.com/mesokit/mesokit"

// root is the module's folder, seen from this one.
const root = "../.."

// source is a Go file of the module, whatever system it is for.
type source struct {
	path    string // from the module's root, with slashes
	test    bool
	imports []string // of the module's own packages only the path below the root; the root is "."
}

// dir is the folder, which is also the package's name in the rules; "." for the root.
func (s source) dir() string { return path.Dir(s.path) }

// sources reads all Go files but the generated ones. The files are read here and not by the go command
// so that the rules hold on every system, and so that a cached test result is renewed when a file changes.
var sources = sync.OnceValues(func() (all []source, err error) {
	err = filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			hidden := strings.HasPrefix(e.Name(), ".") && name != root
			if hidden || e.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".pb.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		s := source{path: filepath.ToSlash(relative), test: strings.HasSuffix(name, "_test.go")}
		for _, i := range file.Imports {
			s.imports = append(s.imports, imported(i))
		}
		all = append(all, s)
		return nil
	})
	return all, err
})

func imported(i *ast.ImportSpec) string {
	p, err := strconv.Unquote(i.Path.Value)
	if err != nil {
		return i.Path.Value
	}
	return local(p)
}

// local is an import path as the rules write it.
func local(p string) string {
	if p == modulePath {
		return "."
	}
	return strings.TrimPrefix(p, modulePath+"/")
}

func readSources(t *testing.T) []source {
	t.Helper()
	all, err := sources()
	require.NoError(t, err)
	require.Greater(t, len(all), 300, "the module's files")
	return all
}

// ours reports whether an import, as rules write it, is a package of this module.
func ours(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	switch first {
	case ".", "agent", "examples", "executor", "internal", "master", "mesosproto", "resources", "scheduler":
		return true // the standard library has only internal in common, and nobody else can import that
	}
	return false
}

// below reports whether p is one of the folders or in one of them.
func below(p string, folders ...string) bool {
	for _, f := range folders {
		if p == f || strings.HasPrefix(p, f+"/") {
			return true
		}
	}
	return false
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath string
	Standard   bool   // of the standard library
	Export     string // file with the compiled package's types
	Imports    []string
	GoFiles    []string
}

// list asks the go command about packages of the module and everything that they need, but for the
// standard library's own internal packages.
func list(t *testing.T, args ...string) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps"}, args...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s: %s", cmd, stderr.String())
	packages := make(map[string]listed)
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p listed
		require.NoError(t, d.Decode(&p))
		if !p.Standard || !below(p.ImportPath, "internal", "vendor") {
			packages[local(p.ImportPath)] = p
		}
	}
	return packages
}

func TestTheModuleIsWhereTheRulesLook(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(text), "module "+modulePath+"\n")
}
