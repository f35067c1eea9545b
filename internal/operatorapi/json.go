package operatorapi

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/mesosjson"
)

// JSON writes a JSON text. Commas come by themselves. The zero JSON is empty.
type JSON struct {
	b    []byte
	last byte // before b, if b is empty
}

// Bytes is the text so far.
func (j *JSON) Bytes() []byte { return j.b }

// comma writes a comma unless this is the first member or element.
func (j *JSON) comma() {
	last := j.last
	if n := len(j.b); n > 0 {
		last = j.b[n-1]
	}
	switch last {
	case 0, '{', '[', '(':
	default:
		j.b = append(j.b, ',')
	}
}

// Element begins an element of an array.
func (j *JSON) Element() { j.comma() }

// Key begins a member of an object.
func (j *JSON) Key(name string) {
	j.comma()
	j.b = append(mesosjson.AppendString(j.b, name), ':')
}

// Open and Close write a bracket.
func (j *JSON) Open(bracket byte)  { j.b = append(j.b, bracket) }
func (j *JSON) Close(bracket byte) { j.b = append(j.b, bracket) }

// Raw writes JSON as it is.
func (j *JSON) Raw(text string) { j.b = append(j.b, text...) }

// Text writes a string.
func (j *JSON) Text(s string) { j.b = mesosjson.AppendString(j.b, s) }

// Double writes a number with a decimal point.
func (j *JSON) Double(v float64) { j.b = appendDouble(j.b, v) }

// Message writes a message with the names of the v0 API.
func (j *JSON) Message(m proto.Message) {
	b, err := (mesosjson.Options{Legacy: true, Infinities: true}).Append(j.b, m)
	if err != nil { // not a number somewhere in it: JSON has no word for that
		b = append(j.b, "null"...)
	}
	j.b = b
}

// Field writes a member that is a string, and so on for the other types.
func (j *JSON) Field(name, value string) {
	j.Key(name)
	j.Text(value)
}

// OptionalField writes a member unless the value is empty.
func (j *JSON) OptionalField(name, value string) {
	if value != "" {
		j.Field(name, value)
	}
}

// BoolField writes a member.
func (j *JSON) BoolField(name string, value bool) {
	j.Key(name)
	j.b = strconv.AppendBool(j.b, value)
}

// IntField writes a member.
func (j *JSON) IntField(name string, value int64) {
	j.Key(name)
	j.b = strconv.AppendInt(j.b, value, 10)
}

// DoubleField writes a member.
func (j *JSON) DoubleField(name string, value float64) {
	j.Key(name)
	j.Double(value)
}

// TimeField writes a member: seconds since 1970, 0.0 for the zero time.
func (j *JSON) TimeField(name string, t time.Time) { j.DoubleField(name, Seconds(t)) }

// MessageField writes a member.
func (j *JSON) MessageField(name string, m proto.Message) {
	j.Key(name)
	j.Message(m)
}

// TextsField writes a member that is an array of strings.
func (j *JSON) TextsField(name string, list []string) {
	j.Key(name)
	j.Open('[')
	for _, s := range list {
		j.Element()
		j.Text(s)
	}
	j.Close(']')
}

// Seconds is a time as the v0 API shows it: seconds since 1970, 0 for the zero time.
func Seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

// appendDouble never writes an integer: consumers tell the two apart. JSON has no infinity, which a
// limit may be; it becomes a string, as the decoder of the v1 API reads it.
func appendDouble(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "null"...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return mesosjson.AppendDouble(dst, v)
}

// FlagsField writes the member flags, sorted.
func (j *JSON) FlagsField(flags map[string]string) {
	j.Key("flags")
	j.Open('{')
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		j.Field(name, flags[name])
	}
	j.Close('}')
}
