package structuretest

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// orderShows returns the places in which the order of a map's entries could show. Iteration over a map
// is all right if its body only
//
//   - appends to a slice that the same function sorts afterwards,
//   - sets or deletes entries of maps by the key that it is at, or any entry to a constant,
//   - counts, sums integers, takes the larger or smaller of two integers, sets flags to constants,
//   - returns constants, the same ones everywhere,
//
// under conditions; and maps.Keys, Values and All may be sorted or collected into a map at once. No
// functions are called on the way but getters, conversions and built-in ones: who knows what they do.
func (c *checkedPackage) orderShows(decl ast.Decl) (found []ast.Node) {
	within := make(map[ast.Node]bool) // iterators that are sorted or ranged over
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if p, name := c.function(n.Fun); p == "slices" && strings.HasPrefix(name, "Sorted") || p == "maps" && (name == "Collect" || name == "Insert") {
				for _, a := range n.Args {
					within[a] = true
				}
			} else if p == "maps" && (name == "Keys" || name == "Values" || name == "All") && !within[n] {
				found = append(found, n)
			}
		case *ast.RangeStmt:
			if !c.overMap(n.X) {
				return true
			}
			within[n.X] = true
			b := &mapBody{c: c, decl: decl, loop: n}
			if id, ok := n.Key.(*ast.Ident); ok {
				b.key = id.Name
			}
			if n.Key != nil && (b.calls() || !b.block(n.Body)) { // without key and value all turns are alike
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

// overMap reports whether x is a map or an iterator over one.
func (c *checkedPackage) overMap(x ast.Expr) bool {
	if t := c.info.Types[x].Type; t != nil {
		if _, ok := t.Underlying().(*types.Map); ok {
			return true
		}
		if p, ok := types.Unalias(t).(*types.TypeParam); ok {
			if s, ok := p.Constraint().Underlying().(*types.Interface); ok {
				for e := range s.EmbeddedTypes() {
					if strings.Contains(e.String(), "map[") {
						return true
					}
				}
			}
		}
	}
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	p, name := c.function(call.Fun)
	return p == "maps" && (name == "Keys" || name == "Values" || name == "All")
}

// function is the package and the name of a package's function that is called; empty for others.
func (c *checkedPackage) function(fun ast.Expr) (pkg, name string) {
	switch f := fun.(type) {
	case *ast.IndexExpr:
		return c.function(f.X)
	case *ast.IndexListExpr:
		return c.function(f.X)
	case *ast.ParenExpr:
		return c.function(f.X)
	case *ast.SelectorExpr:
		fun = f.Sel
	}
	id, ok := fun.(*ast.Ident)
	if !ok {
		return "", ""
	}
	o := c.info.Uses[id]
	switch o := o.(type) {
	case *types.Builtin:
		return "builtin", o.Name()
	case *types.Func:
		if o.Pkg() != nil && o.Signature().Recv() == nil {
			return o.Pkg().Path(), o.Name()
		}
	}
	return "", ""
}

// mapBody judges the body of one iteration.
type mapBody struct {
	c       *checkedPackage
	decl    ast.Decl
	loop    *ast.RangeStmt
	key     string
	returns string // what it returns; "" if it hasn't yet
}

// calls reports whether the body calls anything that could do anything.
func (b *mapBody) calls() (found bool) {
	ast.Inspect(b.loop.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || b.c.info.Types[call.Fun].IsType() {
			return true
		}
		p, _ := b.c.function(call.Fun)
		s, method := call.Fun.(*ast.SelectorExpr)
		getter := method && strings.HasPrefix(s.Sel.Name, "Get") && len(call.Args) == 0
		found = found || p != "builtin" && !getter
		return true
	})
	return found
}

func (b *mapBody) block(s *ast.BlockStmt) bool {
	return !slices.ContainsFunc(s.List, func(s ast.Stmt) bool { return !b.statement(s) })
}

func (b *mapBody) statement(s ast.Stmt) bool {
	switch s := s.(type) {
	case nil:
		return true
	case *ast.BlockStmt:
		return b.block(s)
	case *ast.IfStmt:
		return b.statement(s.Init) && b.block(s.Body) && b.statement(s.Else)
	case *ast.SwitchStmt:
		return b.statement(s.Init) && b.block(s.Body)
	case *ast.CaseClause:
		return !slices.ContainsFunc(s.Body, func(s ast.Stmt) bool { return !b.statement(s) })
	case *ast.RangeStmt:
		return b.block(s.Body)
	case *ast.DeclStmt:
		return true
	case *ast.BranchStmt:
		return s.Tok == token.CONTINUE
	case *ast.IncDecStmt:
		return true
	case *ast.ReturnStmt:
		return b.sameReturn(s)
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		p, name := b.c.function(call.Fun)
		return p == "builtin" && (name == "delete" || name == "clear" || name == "panic")
	case *ast.AssignStmt:
		return b.assign(s)
	}
	return false
}

// sameReturn: whichever entry makes it return, it returns the same.
func (b *mapBody) sameReturn(s *ast.ReturnStmt) bool {
	text := "return"
	for _, r := range s.Results {
		if !b.constant(r) {
			return false
		}
		text += " " + types.ExprString(r)
	}
	if b.returns == "" {
		b.returns = text
	}
	return text == b.returns
}

func (b *mapBody) assign(s *ast.AssignStmt) bool {
	for i, left := range s.Lhs {
		right := s.Rhs[min(i, len(s.Rhs)-1)]
		if !b.assignOne(s.Tok, left, right) {
			return false
		}
	}
	return true
}

func (b *mapBody) assignOne(op token.Token, left, right ast.Expr) bool {
	if id, ok := left.(*ast.Ident); ok && (id.Name == "_" || b.inner(id)) {
		return true
	}
	switch op {
	case token.ADD_ASSIGN, token.SUB_ASSIGN, token.OR_ASSIGN, token.AND_ASSIGN, token.XOR_ASSIGN:
		return b.integer(left)
	case token.ASSIGN:
	default:
		return false
	}
	if index, ok := left.(*ast.IndexExpr); ok && b.c.overMap(index.X) {
		return b.constant(right) || b.mentions(index.Index, b.key) || b.appends(left, right)
	}
	return b.constant(right) || b.appends(left, right) || b.extreme(left, right)
}

// inner reports whether a variable is declared within the body, or by the iteration.
func (b *mapBody) inner(id *ast.Ident) bool {
	o := b.c.info.Defs[id]
	if o == nil {
		o = b.c.info.Uses[id]
	}
	return o != nil && o.Pos() >= b.loop.Pos() && o.Pos() < b.loop.End()
}

func (b *mapBody) integer(x ast.Expr) bool {
	basic, ok := b.c.info.Types[x].Type.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsInteger != 0
}

// constant reports whether x is the same in all turns as far as this can be seen: a constant, nil, or a
// composite literal without elements.
func (b *mapBody) constant(x ast.Expr) bool {
	if l, ok := x.(*ast.CompositeLit); ok {
		return len(l.Elts) == 0
	}
	v := b.c.info.Types[x]
	return v.Value != nil || v.IsNil()
}

func (b *mapBody) mentions(x ast.Expr, name string) (found bool) {
	if name == "" || name == "_" {
		return false
	}
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// extreme is x = max(x, …) of integers.
func (b *mapBody) extreme(left, right ast.Expr) bool {
	call, ok := right.(*ast.CallExpr)
	if !ok || !b.integer(left) {
		return false
	}
	p, name := b.c.function(call.Fun)
	return p == "builtin" && (name == "max" || name == "min") && types.ExprString(call.Args[0]) == types.ExprString(left)
}

// appends is x = append(x, …), where x is sorted after the iteration.
func (b *mapBody) appends(left, right ast.Expr) bool {
	call, ok := right.(*ast.CallExpr)
	if !ok {
		return false
	}
	if p, name := b.c.function(call.Fun); p != "builtin" || name != "append" || types.ExprString(call.Args[0]) != types.ExprString(left) {
		return false
	}
	sorted := false
	ast.Inspect(b.decl, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || call.Pos() < b.loop.End() || len(call.Args) == 0 || types.ExprString(call.Args[0]) != types.ExprString(left) {
			return true
		}
		p, name := b.c.function(call.Fun)
		sorted = sorted || p == "sort" || p == "slices" && strings.HasPrefix(name, "Sort")
		return true
	})
	return sorted
}
