package mesosjson

import (
	"bytes"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// SyntaxError says that the input is not one JSON value. Its text is the reference's.
type SyntaxError struct {
	Offset int    // of the first byte that does not belong there
	Line   int    // of that byte, from 1
	Near   string // what stands there, to the end of the line or 80 bytes at most
	Reason string // what is wrong with it; empty if it is simply not expected
}

func (e *SyntaxError) Error() string {
	s := "syntax error at line " + strconv.Itoa(e.Line) + " near: " + e.Near
	if e.Reason != "" {
		s += " (" + e.Reason + ")"
	}
	return s
}

func newSyntaxError(data []byte, offset int, reason string) *SyntaxError {
	offset = min(offset, len(data))
	near, _, _ := bytes.Cut(data[offset:], []byte("\n"))
	near = near[:min(len(near), 80)]
	printable := func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}
	return &SyntaxError{
		Offset: offset,
		Line:   1 + bytes.Count(data[:offset], []byte("\n")),
		Near:   strings.Map(printable, string(near)),
		Reason: reason,
	}
}

// fieldError says what is wrong with one field. Its path grows while the error travels outwards, so
// nothing is spent on paths as long as all is well.
type fieldError struct {
	before, after string // around the path
	path          string
}

func (e *fieldError) Error() string { return e.before + " '" + e.path + "'" + e.after }

// inField puts a name, or a name with an index or key, in front of the path of err.
func inField(err error, name string) error {
	if e, ok := err.(*fieldError); ok {
		switch {
		case e.path == "":
			e.path = name
		case e.path[0] == '[':
			e.path = name + e.path
		default:
			e.path = name + "." + e.path
		}
	}
	return err
}

func inElement(err error, i int) error { return inField(err, "["+strconv.Itoa(i)+"]") }

func notExpecting(what string) error {
	return &fieldError{before: "Not expecting a JSON " + what + " for field"}
}

// maxMissingNames bounds the text about missing fields, which could be longer than the input.
const maxMissingNames = 20

// missingFields returns an error that names the required fields that m lacks, or nil. The order is
// the reference's: a message's own fields before those of its submessages.
func missingFields(m protoreflect.Message, names vocabulary) error {
	var paths []string
	count := 0
	var visit func(m protoreflect.Message, prefix string)
	visit = func(m protoreflect.Message, prefix string) {
		p := planOf(m)
		for _, f := range p.required {
			if m.Has(f.desc) {
				continue
			}
			if count++; count <= maxMissingNames {
				paths = append(paths, prefix+f.name[names])
			}
		}
		for i := range p.fields {
			f := &p.fields[i]
			if f.kind != messageKind || !m.Has(f.desc) {
				continue
			}
			path := prefix + f.name[names]
			switch f.shape {
			case single:
				visit(m.Get(f.desc).Message(), path+".")
			case list:
				elements := m.Get(f.desc).List()
				for i := range elements.Len() {
					visit(elements.Get(i).Message(), path+"["+strconv.Itoa(i)+"].")
				}
			case mapping:
				entries := m.Get(f.desc).Map()
				for _, key := range sortedKeys(entries) {
					if f.value.kind == messageKind {
						visit(entries.Get(key).Message(), path+"["+clip([]byte(key.String()))+"].")
					}
				}
			}
		}
	}
	visit(m, "")
	if count == 0 {
		return nil
	}
	e := missingError(strings.Join(paths, ", "))
	if count > len(paths) {
		e += missingError(" and " + strconv.Itoa(count-len(paths)) + " more")
	}
	return e
}

type missingError string

func (e missingError) Error() string { return "Missing required fields: " + string(e) }
