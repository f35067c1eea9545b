package validation

import (
	"strings"
	"unicode"
)

// maxID is the longest id: ids become names of directories.
const maxID = 255

// ID checks an id that a framework chose: of a task, an executor, a framework.
func ID(id string) error {
	switch {
	case id == "":
		return reason("ID must not be empty")
	case len(id) > maxID:
		return reason("ID must not be greater than %d characters", maxID)
	case id == "." || id == "..":
		return reason("'%s' is disallowed", id)
	case strings.ContainsFunc(id, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }):
		return reason("'%s' contains invalid characters", id)
	}
	return nil
}
