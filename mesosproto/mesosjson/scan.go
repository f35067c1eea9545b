package mesosjson

import (
	"unicode/utf8"
)

// maxDepth is how many arrays and objects may be open at once.
// Mesos: 3rdparty/stout/include/stout/json.hpp, STOUT_JSON_MAX_DEPTH.
const maxDepth = 200

// decoder walks over one JSON text and fills messages. This file has its lexical half.
type decoder struct {
	data       []byte
	pos        int
	depth      int
	names      vocabulary
	incomplete bool   // a message lacked a required field when its object ended
	scratch    []byte // the last string that had to be rewritten
	arena      arena
}

// fail returns a SyntaxError at the current position.
func (d *decoder) fail(reason string) error { return newSyntaxError(d.data, d.pos, reason) }

// peek skips white space and returns the next byte, 0 at the end.
func (d *decoder) peek() byte {
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; c {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

// take consumes c, after white space.
func (d *decoder) take(c byte) error {
	if d.pos < len(d.data) && d.data[d.pos] == c || d.peek() == c && d.pos < len(d.data) {
		d.pos++
		return nil
	}
	return d.fail("")
}

// open and close count the arrays and objects around the current position.
func (d *decoder) open(c byte) error {
	if err := d.take(c); err != nil {
		return err
	}
	if d.depth++; d.depth > maxDepth {
		return d.fail("nesting is deeper than 200 levels")
	}
	return nil
}

// more is called before each element of an array or member of an object, and says whether there is
// one. It consumes the comma, or the closing byte.
func (d *decoder) more(closing byte, first bool) (bool, error) {
	switch c := d.peek(); {
	case c == closing:
		d.pos++
		d.depth--
		return false, nil
	case first:
		return true, nil
	case c == ',':
		d.pos++
		return true, nil
	}
	return false, d.fail("")
}

// literal consumes true, false or null.
func (d *decoder) literal(word string) error {
	for i := range len(word) {
		if d.pos == len(d.data) || d.data[d.pos] != word[i] {
			return d.fail("")
		}
		d.pos++
	}
	return nil
}

// number consumes a number and returns its text, and whether it has neither fraction nor exponent.
func (d *decoder) number() (text []byte, integer bool, err error) {
	start := d.pos
	if d.pos < len(d.data) && d.data[d.pos] == '-' {
		d.pos++
	}
	if d.pos < len(d.data) && d.data[d.pos] == '0' {
		d.pos++
	} else if err := d.digits(); err != nil {
		return nil, false, err
	}
	integer = true
	if d.pos < len(d.data) && d.data[d.pos] == '.' {
		integer = false
		d.pos++
		if err := d.digits(); err != nil {
			return nil, false, err
		}
	}
	if d.pos < len(d.data) && d.data[d.pos]|0x20 == 'e' {
		integer = false
		d.pos++
		if d.pos < len(d.data) && (d.data[d.pos] == '+' || d.data[d.pos] == '-') {
			d.pos++
		}
		if err := d.digits(); err != nil {
			return nil, false, err
		}
	}
	return d.data[start:d.pos], integer, nil
}

// digits consumes one or more digits.
func (d *decoder) digits() error {
	start := d.pos
	for d.pos < len(d.data) && d.data[d.pos]-'0' <= 9 {
		d.pos++
	}
	if d.pos == start {
		return d.fail("")
	}
	return nil
}

// text consumes a string, after white space, and returns its value. That is a part of the input if
// it stands there as it is, else of scratch, and valid until the next call.
func (d *decoder) text() ([]byte, error) {
	if err := d.take('"'); err != nil {
		return nil, err
	}
	start := d.pos
	d.pos += plainPrefix(d.data[start:])
	if d.pos < len(d.data) && d.data[d.pos] == '"' {
		d.pos++
		return d.data[start : d.pos-1], nil
	}
	d.scratch = append(d.scratch[:0], d.data[start:d.pos]...)
	return d.rewrite()
}

// rewrite is the second half of text: it goes on where the first escape or byte beyond ASCII was found.
func (d *decoder) rewrite() ([]byte, error) {
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; {
		case c == '"':
			d.pos++
			return d.scratch, nil
		case c == '\\':
			if err := d.escape(); err != nil {
				return nil, err
			}
		case c >= utf8.RuneSelf:
			// Invalid bytes decode to U+FFFD of size 1.
			r, size := utf8.DecodeRune(d.data[d.pos:])
			d.scratch = utf8.AppendRune(d.scratch, r)
			d.pos += size
		case c < ' ':
			return nil, d.fail("control character in string")
		default:
			n := plainPrefix(d.data[d.pos:])
			d.scratch = append(d.scratch, d.data[d.pos:d.pos+n]...)
			d.pos += n
		}
	}
	return nil, d.fail("")
}

// unescaped maps the byte behind a backslash to what it stands for.
var unescaped = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

func (d *decoder) escape() error {
	d.pos++
	if d.pos == len(d.data) {
		return d.fail("")
	}
	c := d.data[d.pos]
	if b := unescaped[c]; b != 0 {
		d.scratch = append(d.scratch, b)
		d.pos++
		return nil
	}
	if c != 'u' {
		return d.fail("unknown escape")
	}
	start := d.pos - 1
	r, err := d.codeUnit()
	if err != nil {
		return err
	}
	if 0xD800 <= r && r < 0xE000 {
		var low rune
		if r < 0xDC00 && d.pos+1 < len(d.data) && d.data[d.pos] == '\\' && d.data[d.pos+1] == 'u' {
			d.pos++
			if low, err = d.codeUnit(); err != nil {
				return err
			}
		}
		if low < 0xDC00 || low >= 0xE000 {
			d.pos = start
			return d.fail("half a surrogate pair")
		}
		r = ((r-0xD800)<<10 | (low - 0xDC00)) + 0x10000
	}
	d.scratch = utf8.AppendRune(d.scratch, r)
	return nil
}

// codeUnit consumes u and four hexadecimal digits.
func (d *decoder) codeUnit() (r rune, err error) {
	d.pos++
	for range 4 {
		if d.pos == len(d.data) {
			return 0, d.fail("")
		}
		c := d.data[d.pos]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, d.fail("")
		}
		r = r<<4 | rune(c)
		d.pos++
	}
	return r, nil
}

// skip consumes one value of any kind.
func (d *decoder) skip() (err error) {
	switch c := d.peek(); c {
	case '"':
		_, err = d.text()
	case '{', '[':
		return d.skipAll(c)
	case 't':
		err = d.literal("true")
	case 'f':
		err = d.literal("false")
	case 'n':
		err = d.literal("null")
	default:
		_, _, err = d.number()
	}
	return err
}

// skipAll consumes an array or object.
func (d *decoder) skipAll(opening byte) error {
	if err := d.open(opening); err != nil {
		return err
	}
	closing := opening + 2 // '{' + 2 == '}', '[' + 2 == ']'
	for first := true; ; first = false {
		if more, err := d.more(closing, first); !more {
			return err
		}
		if opening == '{' {
			if _, err := d.text(); err != nil {
				return err
			}
			if err := d.take(':'); err != nil {
				return err
			}
		}
		if err := d.skip(); err != nil {
			return err
		}
	}
}

// end checks that nothing but white space is left.
func (d *decoder) end() error {
	if d.peek(); d.pos < len(d.data) {
		return d.fail("characters after the end of the value")
	}
	return nil
}

// checkSyntax returns a SyntaxError unless data is one JSON value.
func checkSyntax(data []byte) error {
	d := decoder{data: data}
	if err := d.skip(); err != nil {
		return err
	}
	return d.end()
}
