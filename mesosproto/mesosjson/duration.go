package mesosjson

import (
	"math"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// durationUnits are those of Mesos' duration texts, in nanoseconds, and "s" as protobuf writes it.
// Source: Mesos 3rdparty/stout/include/stout/duration.hpp.
var durationUnits = map[string]float64{
	"ns": 1, "us": 1e3, "ms": 1e6, "secs": 1e9, "s": 1e9, "mins": 60e9, "hrs": 3600e9,
	"days": 86400e9, "weeks": 604800e9,
}

// duration decodes a text such as "1.5hrs" into a google.protobuf.Duration.
func (d *decoder) duration(m protoreflect.Message) error {
	text, err := d.text()
	if err != nil {
		return err
	}
	refused := &fieldError{
		before: "Failed to parse duration '" + clip(text) + "' for field",
		after:  ": expecting a number and one of ns, us, ms, secs, mins, hrs, days, weeks",
	}
	value := decoder{data: text}
	if _, _, err := value.number(); err != nil {
		return refused
	}
	unit, ok := durationUnits[strings.TrimSpace(string(text[value.pos:]))]
	if !ok {
		return refused
	}
	number := &field{kind: doubleKind}
	s, err := number.fromText(text[:value.pos], d.names)
	nanoseconds := math.Round(math.Float64frombits(s.n) * unit)
	if err != nil || math.Abs(nanoseconds) >= 1<<63 {
		return refused
	}
	fields := m.Descriptor().Fields()
	n := int64(nanoseconds)
	m.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(n/1e9))
	m.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(int32(n%1e9)))
	return nil
}
