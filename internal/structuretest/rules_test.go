package structuretest

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the readers of sources find, and what they let pass: a rule that never finds anything is none.
func TestTheRulesFindWhatTheyLookFor(t *testing.T) {
	imports := importer.ForCompiler(token.NewFileSet(), "source", nil)
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"the clock":               {`_ = time.Now()`, []string{"time.Now"}},
		"the clock as a value":    {`f := time.Since; _ = f`, []string{"time.Since"}},
		"a wait":                  {`time.Sleep(1)`, []string{"time.Sleep"}},
		"a duration":              {`_ = time.Second * 3`, nil},
		"a given time":            {`var t time.Time; _ = t.Unix()`, nil},
		"random numbers":          {`_ = rand.IntN(3)`, []string{"rand"}},
		"given random numbers":    {`_ = rand.New(rand.NewPCG(1, 2)).IntN(3)`, nil},
		"a lock":                  {`var m sync.Mutex; m.Lock()`, []string{"sync"}},
		"a goroutine":             {`go println()`, []string{"go"}},
		"a wait for a channel":    {`<-c`, []string{"chan"}},
		"a select":                {`select { default: }`, []string{"chan"}},
		"a file":                  {`os.Remove("x")`, []string{"os"}},
		"a call in any order":     {`for k := range m { println(k) }`, []string{"map order"}},
		"a method in any order":   {`for _, t := range times { t.Unix() }`, []string{"map order"}},
		"the first of a map":      {`for k := range m { a = k; break }`, []string{"map order"}},
		"the last of a map":       {`for k := range m { a = k }`, []string{"map order"}},
		"any of a map":            {`for k, v := range m { if v > 1 { return k } }; return ""`, []string{"map order"}},
		"text in any order":       {`for k := range m { a += k }`, []string{"map order"}},
		"floats in any order":     {`var sum float64; for range m { sum += 1 }; for _, v := range m { sum += float64(v) }`, []string{"map order"}},
		"a list in any order":     {`for k := range m { list = append(list, k) }`, []string{"map order"}},
		"keys in any order":       {`for k := range maps.Keys(m) { println(k) }`, []string{"map order"}},
		"values in any order":     {`list = slices.Collect(maps.Keys(m))`, []string{"map order"}},
		"another sorted list":     {`for k := range m { list = append(list, k) }; slices.Sort(other)`, []string{"map order"}},
		"sorted before":           {`slices.Sort(list); for k := range m { list = append(list, k) }`, []string{"map order"}},
		"entries that collide":    {`for k, v := range m { m2[v] = k }`, []string{"map order"}},
		"a sorted list":           {`for k := range m { list = append(list, k) }; slices.Sort(list)`, nil},
		"sorted keys":             {`for _, k := range slices.Sorted(maps.Keys(m)) { println(k) }`, nil},
		"a count":                 {`for _, v := range m { if v > 1 { n++ } }`, nil},
		"a sum":                   {`for _, v := range m { n += v }`, nil},
		"the largest":             {`for _, v := range m { n = max(n, v) }`, nil},
		"whether there is one":    {`for _, v := range m { if v > 1 { return "yes" } }; return "no"`, nil},
		"two kinds of answer":     {`for _, v := range m { if v > 1 { return "yes" }; return "no" }`, []string{"map order"}},
		"a copy":                  {`for k, v := range m { m3[k] = v }`, nil},
		"deleting":                {`for k, v := range m { if v > 1 { delete(m, k) } }`, nil},
		"a slice":                 {`for _, s := range list { println(s) }`, nil},
		"a type that is a map":    {`for k := range named { println(k) }`, []string{"map order"}},
		"a function that is kept": {`f = func() { for k := range m { a = k } }`, []string{"map order"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := `package p
import ("maps"; "math/rand/v2"; "os"; "slices"; "sync"; "time")
type kind map[string]int
var (
	m, m3 map[string]int; m2 map[int]string; times map[string]time.Time; named kind
	list, other []string; a string; n int; f func()
	c <-chan int
	_ = maps.Keys[map[string]int]; _ = rand.New; _ = os.ErrExist; _ = slices.Max[[]int]; _ sync.Locker
)
func do() (result string) {
` + c.body + `
	return ""
}`
			p := &checkedPackage{fset: token.NewFileSet()}
			file, err := parser.ParseFile(p.fset, "p.go", text, parser.SkipObjectResolution)
			require.NoError(t, err)
			p.files = []*ast.File{file}
			p.check(t, "p", imports)
			var got []string
			for _, i := range p.impurities() {
				if i.in == "do" {
					got = append(got, i.what)
				}
			}
			require.Equal(t, c.want, got, "%s", c.body)
		})
	}
}
