package goldentest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// names pairs recorded ids and addresses with ours.
type names struct {
	ours, recorded map[string]string
	replacer       *strings.Replacer // recorded to ours; nil: to be made
}

// pair says that two names mean the same, for good.
func (n *names) pair(recorded, ours string) error {
	if known, ok := n.ours[recorded]; ok && known != ours {
		return fmt.Errorf("%q is %q here; it was %q before", recorded, ours, known)
	}
	if known, ok := n.recorded[ours]; ok && known != recorded {
		return fmt.Errorf("%q stands for %q here; it did for %q before", ours, recorded, known)
	}
	n.ours[recorded], n.recorded[ours] = ours, recorded
	n.replacer = nil
	return nil
}

// translate puts our names in the place of recorded ones, the longest first.
func (n *names) translate(text string) string {
	if n.replacer == nil {
		var pairs []string
		keys := slices.SortedFunc(maps.Keys(n.ours), func(a, b string) int {
			if len(a) != len(b) {
				return len(b) - len(a)
			}
			return strings.Compare(a, b)
		})
		for _, k := range keys {
			pairs = append(pairs, k, n.ours[k])
		}
		n.replacer = strings.NewReplacer(pairs...)
	}
	return n.replacer.Replace(text)
}

// The paths of what is not compared as it is.
var (
	ids    = regexp.MustCompile(`(\b(framework_id|agent_id|slave_id|container_id|offer_id|resource_version_uuid)\.value|\bframework_info\.id\.value|^offer\.id\.value|\buuid|master_info\.id)$`)
	times  = regexp.MustCompile(`\btimestamp$`)
	pids   = regexp.MustCompile(`\bexecutor_pid$`)
	ports  = regexp.MustCompile(`\b(address|master_info|agent_info|slave)\.port$`)
	hexes  = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	number = regexp.MustCompile(`-([OS])\d+$`)
	uuids  = regexp.MustCompile(`^[A-Za-z0-9+/]{22}==$`)
)

// shape is what must be equal of two ids.
func shape(id string) string {
	id = uuids.ReplaceAllString(id, "uuid")
	id = hexes.ReplaceAllString(id, "hex")
	id = number.ReplaceAllString(id, "-$1#")
	return regexp.MustCompile(`^hex-\d{4}$`).ReplaceAllString(id, "hex-####")
}

// differ is called for each difference: where it is, what was recorded (with our names), what came.
type differ func(path, want, got string)

// compare walks two JSON values of equal meaning.
func (n *names) compare(path string, want, got any, report differ) {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			report(path, text(want), text(got))
			return
		}
		a, b := slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(g))
		if !slices.Equal(a, b) {
			report(path+"{keys}", fmt.Sprint(a), fmt.Sprint(b))
		}
		for _, k := range a {
			if v, ok := g[k]; ok {
				n.compare(join(path, k), want[k], v, report)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			report(path, n.translate(text(want)), text(got))
			return
		}
		for i := range want {
			n.compare(fmt.Sprintf("%s[%d]", path, i), want[i], g[i], report)
		}
	case string:
		g, ok := got.(string)
		switch {
		case !ok:
			report(path, want, text(got))
		case ids.MatchString(path):
			if shape(want) != shape(g) {
				report(path, want, g)
			} else if err := n.pair(want, g); err != nil {
				report(path, want, err.Error())
			}
		case n.translate(want) != g:
			report(path, n.translate(want), g)
		}
	case json.Number:
		g, ok := got.(json.Number)
		switch {
		case !ok:
			report(path, want.String(), text(got))
		case times.MatchString(path), pids.MatchString(path):
		case ports.MatchString(path):
			if err := n.pair(":"+want.String(), ":"+g.String()); err != nil {
				report(path, want.String(), err.Error())
			}
		case want != g:
			report(path, want.String(), g.String())
		}
	default:
		if want != got {
			report(path, text(want), text(got))
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// parse reads JSON and keeps numbers as they are written.
func parse(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// tree is a message as JSON values: the fields that are set, and no others.
func tree(m protoreflect.Message) any {
	out := map[string]any{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList():
			list := []any{}
			for i := range v.List().Len() {
				list = append(list, leaf(f, v.List().Get(i)))
			}
			out[string(f.Name())] = list
		case f.IsMap():
			panic("no map in v1 messages: " + f.FullName())
		default:
			out[string(f.Name())] = leaf(f, v)
		}
		return true
	})
	if len(m.GetUnknown()) > 0 {
		out["unknown fields"] = base64.StdEncoding.EncodeToString(m.GetUnknown())
	}
	return out
}

func leaf(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return tree(v.Message())
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return string(e.Name())
		}
		return fmt.Sprint(v.Enum())
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case protoreflect.BoolKind:
		return v.Bool()
	case protoreflect.StringKind:
		return v.String()
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return json.Number(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	default:
		return json.Number(fmt.Sprint(v.Interface()))
	}
}

// translateMessage puts our names into a recorded message.
func (n *names) translateMessage(m proto.Message) {
	n.rename(m.ProtoReflect())
}

func (n *names) rename(m protoreflect.Message) {
	value := func(f protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
		switch f.Kind() {
		case protoreflect.MessageKind:
			n.rename(v.Message())
		case protoreflect.StringKind:
			return protoreflect.ValueOfString(n.translate(v.String()))
		case protoreflect.BytesKind:
			if ours, ok := n.ours[base64.StdEncoding.EncodeToString(v.Bytes())]; ok {
				if b, err := base64.StdEncoding.DecodeString(ours); err == nil {
					return protoreflect.ValueOfBytes(b)
				}
			}
		}
		return v
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.IsList() {
			for i := range v.List().Len() {
				v.List().Set(i, value(f, v.List().Get(i)))
			}
		} else {
			m.Set(f, value(f, v))
		}
		return true
	})
}
