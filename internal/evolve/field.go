package evolve

import "google.golang.org/protobuf/encoding/protowire"

// field is one field of an encoded message.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	raw   []byte // tag and value
	value []byte // the value alone, with its length if it has one
}

// eachField calls visit for the fields of an encoded message, in order, until it returns an error.
// The fields point into data.
func eachField(data []byte, visit func(field) error) error {
	for len(data) > 0 {
		num, typ, tagLen := protowire.ConsumeTag(data)
		if tagLen < 0 {
			return protowire.ParseError(tagLen)
		}
		valueLen := protowire.ConsumeFieldValue(num, typ, data[tagLen:])
		if valueLen < 0 {
			return protowire.ParseError(valueLen)
		}
		end := tagLen + valueLen
		if err := visit(field{num: num, typ: typ, raw: data[:end], value: data[tagLen:end]}); err != nil {
			return err
		}
		data = data[end:]
	}
	return nil
}

// bytes is the content of a field of protowire.BytesType.
func (f field) bytes() []byte {
	content, _ := protowire.ConsumeBytes(f.value)
	return content
}

// varint is the content of a field of protowire.VarintType.
func (f field) varint() uint64 {
	v, _ := protowire.ConsumeVarint(f.value)
	return v
}

// appendAs appends the field under another number.
func (f field) appendAs(out []byte, num protowire.Number) []byte {
	return append(protowire.AppendTag(out, num, f.typ), f.value...)
}
