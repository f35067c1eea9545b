package mesosjson

import (
	"errors"

	"google.golang.org/protobuf/proto"
)

// Options vary the mapping. The zero value is the mapping of the v1 API.
type Options struct {
	// Legacy reads and writes the names of the v0 API: slave_id and slave_info for agent_id and
	// agent_info, SOURCE_SLAVE and REASON_SLAVE_… for SOURCE_AGENT and REASON_AGENT_…. These are all
	// the names that differ in messages that are seen in v0 JSON; v0, too, says AGENT_UPDATE,
	// MARK_AGENT_GONE or GetAgents.agents.
	Legacy bool

	// Infinities writes infinite doubles as "Infinity" and "-Infinity", as they are read, instead of
	// refusing them. TaskInfo.limits and Task.limits may hold infinity, which means no limit.
	Infinities bool
}

// V0 is the mapping with the names of the v0 API, for legacy endpoints.
var V0 = Options{Legacy: true}

// Marshal returns m as JSON; see the package comment for the mapping. Equal messages give equal bytes.
// It fails only for nil and for doubles that JSON can't hold, and names the field.
func Marshal(m proto.Message) ([]byte, error) { return Options{}.Append(nil, m) }

// Append is Marshal that appends to dst and returns the extended slice. After an error the bytes
// behind len(dst) are unspecified.
func Append(dst []byte, m proto.Message) ([]byte, error) { return Options{}.Append(dst, m) }

// Unmarshal replaces m by the message that data holds. It keeps no part of data. After an error, m is
// unspecified.
//
// Errors: a [*SyntaxError] if data is not JSON (the reference's "Failed to parse body into JSON"),
// otherwise what keeps it from being an m ("Failed to convert JSON into … protobuf"), with the path
// of the field.
func Unmarshal(data []byte, m proto.Message) error { return Options{}.Unmarshal(data, m) }

// Marshal is the function [Marshal] with these options.
func (o Options) Marshal(m proto.Message) ([]byte, error) { return o.Append(nil, m) }

// Append is the function [Append] with these options.
func (o Options) Append(dst []byte, m proto.Message) ([]byte, error) {
	r, p, err := rootOf(m)
	if err != nil {
		return dst, err
	}
	e := encoder{names: o.names(), infinities: o.Infinities}
	return e.message(dst, p, r)
}

// Unmarshal is the function [Unmarshal] with these options.
func (o Options) Unmarshal(data []byte, m proto.Message) error {
	r, p, err := rootOf(m)
	if err != nil {
		return err
	}
	proto.Reset(m)
	d := decoder{data: data, names: o.names()}
	err = d.root(p, r)
	if _, conversion := err.(*fieldError); conversion {
		// That data is no JSON at all is the more basic complaint, and has another text on the wire.
		if syntax := checkSyntax(data); syntax != nil {
			return syntax
		}
	}
	if err == nil && d.incomplete {
		err = missingFields(m.ProtoReflect(), o.names())
	}
	return err
}

func (o Options) names() vocabulary {
	if o.Legacy {
		return legacy
	}
	return v1
}

var errNil = errors.New("mesosjson: nil message")

// rootOf returns where m's fields are, and the plan for them.
func rootOf(m proto.Message) (record, *plan, error) {
	if m == nil {
		return record{}, nil, errNil
	}
	r := m.ProtoReflect()
	if !r.IsValid() {
		return record{}, nil, errNil
	}
	p := planOf(r)
	return p.record(r), p, nil
}
