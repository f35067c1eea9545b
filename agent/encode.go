package agent

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// object writes a JSON object, the same bytes as encoding/json writes for a struct: the records that each
// task needs are written without reflection.
type object []byte

// newObject returns an empty object with room for a value of some bytes, and for all else size.
func newObject(value []byte, size int) object {
	return append(make(object, 0, base64.StdEncoding.EncodedLen(len(value))+size), '{')
}

func (o object) name(name string) object {
	if len(o) > 1 {
		o = append(o, ',')
	}
	o = append(o, '"')
	o = append(o, name...)
	return append(o, '"', ':')
}

func (o object) number(name string, n uint64) object { return strconv.AppendUint(o.name(name), n, 10) }

func (o object) flag(name string, is bool) object { return strconv.AppendBool(o.name(name), is) }

func (o object) bytes(name string, b []byte) object {
	o = o.name(name)
	if b == nil {
		return append(o, "null"...)
	}
	o = append(o, '"')
	o = base64.StdEncoding.AppendEncode(o, b)
	return append(o, '"')
}

func (o object) text(name, s string) object {
	o = o.name(name)
	for i := 0; i < len(s); i++ {
		if b := s[i]; b < ' ' || b > '~' || b == '"' || b == '\\' || b == '<' || b == '>' || b == '&' {
			quoted, _ := json.Marshal(s) // a string always encodes
			return append(o, quoted...)
		}
	}
	o = append(o, '"')
	o = append(o, s...)
	return append(o, '"')
}

func (o object) end() []byte { return append(o, '}') }

func (r *executorRecord) encode() []byte {
	return newObject(r.Info, 180+len(r.Container)+len(r.Sandbox)).
		number("Version", uint64(r.Version)).
		number("Seq", r.Seq).
		bytes("Info", r.Info).
		flag("Supervised", r.Supervised).
		text("Container", r.Container).
		text("Sandbox", r.Sandbox).
		flag("Launched", r.Launched).
		number("Pid", uint64(r.Pid)).
		flag("Subscribed", r.Subscribed).
		flag("Reported", r.Reported).
		flag("Ended", r.Ended).
		end()
}

func (r *taskRecord) encode() []byte {
	return newObject(r.Info, 85+len(r.Executor)).
		number("Version", uint64(r.Version)).
		number("Seq", r.Seq).
		text("Executor", r.Executor).
		bytes("Info", r.Info).
		number("Batch", r.Batch).
		end()
}

// acknowledged is the record of an update when it is acknowledged, made of the one before; nil of none.
func acknowledged(record []byte) []byte {
	before, found := bytes.CutSuffix(record, []byte("false}"))
	if !found {
		return nil
	}
	return append(append(make([]byte, 0, len(record)), before...), "true}"...)
}

func (r *updateRecord) encode() []byte {
	return newObject(r.Update, 45).
		number("Version", uint64(r.Version)).
		bytes("Update", r.Update).
		flag("Acked", r.Acked).
		end()
}
