package mesosjson

import (
	"bytes"
	"math"
	"strconv"
)

// scalar decodes one value of a field that holds no messages. It is not ok if there is nothing to
// set: null, or the name of an unknown enum value. s is valid until the next string is read.
func (d *decoder) scalar(f *field) (s scalar, ok bool, err error) {
	switch c := d.peek(); c {
	case 'n':
		return s, false, d.literal("null")
	case '"':
		text, err := d.text()
		if err != nil {
			return s, false, err
		}
		if f.kind == stringKind {
			return scalar{b: text}, true, nil
		}
		return d.texted(f, text)
	case 't', 'f':
		if f.kind != boolKind {
			return s, false, d.mismatch()
		}
		word := "true"
		if c == 'f' {
			word = "false"
		}
		return scalar{n: truth(c == 't')}, true, d.literal(word)
	case '{', '[':
		return s, false, d.mismatch()
	}
	if !f.kind.numeric() {
		return s, false, d.mismatch()
	}
	text, integer, err := d.number()
	if err != nil {
		return s, false, err
	}
	s, err = f.fromNumber(text, integer)
	return s, err == nil, err
}

func (k kind) numeric() bool { return int32Kind <= k && k <= doubleKind }

// texted decodes what stood between quotation marks. It is not ok for an unknown enum value of a
// field that is not required.
func (d *decoder) texted(f *field, text []byte) (s scalar, ok bool, err error) {
	if f.kind == bytesKind {
		// Decoding makes the text shorter, so it can be done in place, but not in the input.
		d.scratch = append(d.scratch[:0], text...)
		s.b, err = decodeBase64(d.scratch)
		return s, err == nil, err
	}
	if f.kind == enumKind {
		n, known := f.enum.numbers[d.names][string(text)]
		if !known && f.required {
			err = &fieldError{before: "Failed to find enum for '" + clip(text) + "' in field"}
		}
		return scalar{n: uint64(n)}, known, err
	}
	s, err = f.fromText(text, d.names)
	return s, err == nil, err
}

// fromText returns the string, boolean or number that a text stands for.
func (f *field) fromText(text []byte, names vocabulary) (s scalar, err error) {
	if f.kind == stringKind {
		return scalar{b: text}, nil
	}
	value := bytes.Trim(text, " \t\r\n")
	if f.kind == boolKind {
		switch string(value) {
		case "true":
			return scalar{n: 1}, nil
		case "false":
			return scalar{}, nil
		}
		return s, &fieldError{before: "Failed to parse '" + clip(text) + "' as a JSON boolean for field"}
	}
	if f.kind == doubleKind || f.kind == floatKind {
		switch string(value) {
		case "Infinity":
			return scalar{n: math.Float64bits(math.Inf(1))}, nil
		case "-Infinity":
			return scalar{n: math.Float64bits(math.Inf(-1))}, nil
		}
	}
	d := decoder{data: value}
	number, integer, err := d.number()
	if err != nil || d.pos < len(value) {
		return s, &fieldError{before: "Failed to parse '" + clip(text) + "' as a JSON number for field"}
	}
	return f.fromNumber(number, integer)
}

// fromNumber casts a number to the type of the field: fractions are cut off, integers keep their low
// bits. C++ leaves open what becomes of numbers beyond every 64-bit integer; here they are refused.
func (f *field) fromNumber(text []byte, integer bool) (s scalar, err error) {
	n, exact := parseInteger(text, integer)
	if f.kind == doubleKind || f.kind == floatKind {
		v := float64(n.magnitude)
		if n.negative {
			v = -v
		}
		if !exact {
			if v, err = strconv.ParseFloat(string(text), 64); err != nil {
				return s, outOfRange(text)
			}
		}
		if f.kind == floatKind && math.IsInf(float64(float32(v)), 0) {
			return s, outOfRange(text)
		}
		return scalar{n: math.Float64bits(v)}, nil
	}
	if !exact {
		v, err := strconv.ParseFloat(string(text), 64)
		if err != nil || v >= 1<<64 || v < -1<<63 {
			return s, outOfRange(text)
		}
		n = signed{magnitude: uint64(math.Abs(v)), negative: v < 0}
	}
	bits := n.magnitude
	if n.negative {
		if bits > 1<<63 {
			return s, outOfRange(text)
		}
		bits = -bits
	}
	switch f.kind {
	case int32Kind:
		bits = uint64(int32(bits))
	case uint32Kind:
		bits = uint64(uint32(bits))
	}
	return scalar{n: bits}, nil
}

type signed struct {
	magnitude uint64
	negative  bool
}

// parseInteger returns the value of a number written as an integer. It is not exact if it has a
// fraction or exponent or more than 64 bits.
func parseInteger(text []byte, integer bool) (n signed, exact bool) {
	if !integer {
		return n, false
	}
	if text[0] == '-' {
		n.negative = true
		text = text[1:]
	}
	if len(text) > 20 {
		return n, false
	}
	for _, c := range text {
		digit := uint64(c - '0')
		if n.magnitude > (math.MaxUint64-digit)/10 {
			return n, false
		}
		n.magnitude = n.magnitude*10 + digit
	}
	return n, true
}

func outOfRange(text []byte) error {
	return &fieldError{before: "Number " + clip(text) + " is out of range of field"}
}

// clip bounds what an error repeats of the input.
func clip(text []byte) string {
	const most = 64
	if len(text) <= most {
		return string(text)
	}
	return string(text[:most]) + "..."
}
