package resources

import (
	"iter"
	"strings"
)

// AnyRole is the role of resources that nobody has reserved, "*".
const AnyRole = "*"

// ValidateRole tells why role is not a legal role: "*", or components joined by single slashes, none
// of them ".", ".." or "*", none starting with a dash or holding whitespace or DEL.
//
// Mesos: src/common/roles.cpp, validate.
func ValidateRole(role string) error {
	switch {
	case role == AnyRole:
		return nil
	case role == "":
		return reason("Role names cannot be the empty string")
	case strings.HasPrefix(role, "/"):
		return reason("Role '%s' cannot start with a slash", role)
	case strings.HasSuffix(role, "/"):
		return reason("Role '%s' cannot end with a slash", role)
	case strings.Contains(role, "//"):
		return reason("Role '%s' cannot contain two adjacent slashes", role)
	}
	for component := range strings.SplitSeq(role, "/") {
		switch {
		case component == "." || component == ".." || component == AnyRole:
			return reason("Role '%s' cannot include '%s' as a component", role, component)
		case component[0] == '-':
			return reason("Role component '%s' is invalid because it starts with a dash", component)
		case strings.ContainsAny(component, "\t\n\v\f\r \x7f"):
			return reason("Role component '%s' is invalid because it contains backspace or whitespace", component)
		}
	}
	return nil
}

// IsStrictSubrole tells whether role lies below ancestor, as "eng/db" does below "eng".
func IsStrictSubrole(role, ancestor string) bool {
	return len(role) > len(ancestor) && role[len(ancestor)] == '/' && role[:len(ancestor)] == ancestor
}

// inSubtree tells whether role is top or lies below it.
func inSubtree(role, top string) bool { return role == top || IsStrictSubrole(role, top) }

// Ancestors yields the roles above role, nearest first: "a/b", "a" for "a/b/c".
func Ancestors(role string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			i := strings.LastIndexByte(role, '/')
			if i < 0 || !yield(role[:i]) {
				return
			}
			role = role[:i]
		}
	}
}
