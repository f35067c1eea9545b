package goldentest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/executorpb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func leafBytes(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// stream is a subscription. Its fields but the constant ones change in wait only.
type stream struct {
	player    *player
	executor  bool // executor API
	id        string
	framework string
	in        <-chan []byte

	seen    int              // events so far
	beats   int              // heartbeats among them
	pending []map[string]any // events to be compared
	over    bool

	offers map[string]any // ours that stand for no recorded one yet, by id
	order  []string       // of offers, oldest first
}

// decode makes JSON values of an event, in the encoding that it has.
func (s *stream) decode(at, text string, raw []byte) map[string]any {
	if raw == nil {
		v, err := parse([]byte(text))
		require.NoError(s.player.t, err, "%s: %s", at, text)
		return v.(map[string]any)
	}
	var e proto.Message = &schedulerpb.Event{}
	if s.executor {
		e = &executorpb.Event{}
	}
	require.NoError(s.player.t, proto.Unmarshal(raw, e), at)
	return tree(e.ProtoReflect()).(map[string]any)
}

// wait takes events until ok.
func (s *stream) wait(what string, ok func() bool) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !ok() {
		select {
		case e, more := <-s.in:
			if !more {
				s.over = true
				require.True(s.player.t, ok(), "%s: the stream has ended", what)
				return
			}
			s.take(what, e)
		case <-deadline.C:
			s.player.t.Fatalf("%s: it does not come; offers %v", what, s.offers)
		}
	}
}

// drain takes what has arrived.
func (s *stream) drain() {
	for {
		select {
		case e, more := <-s.in:
			if !more {
				return
			}
			s.take("at the end", e)
		default:
			return
		}
	}
}

func (s *stream) take(at string, raw []byte) {
	var e map[string]any
	if raw[0] == '{' {
		e = s.decode(at, string(raw), nil)
	} else {
		e = s.decode(at, "", raw)
	}
	s.seen++
	switch e["type"] {
	case "HEARTBEAT":
		s.beats++
	case "OFFERS":
		for _, o := range e["offers"].(map[string]any)["offers"].([]any) {
			id := o.(map[string]any)["id"].(map[string]any)["value"].(string)
			s.offers[id] = o
			s.order = append(s.order, id)
		}
	case "RESCIND":
		id := e["rescind"].(map[string]any)["offer_id"].(map[string]any)["value"].(string)
		if s.offers[id] == nil {
			s.pending = append(s.pending, e)
		}
		delete(s.offers, id)
		s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == id })
	default:
		s.pending = append(s.pending, e)
	}
}

// obtain gets an offer like the recorded one and compares all of it.
func (s *stream) obtain(at string, want map[string]any) {
	var others string
	for start, declined := time.Now(), 0; ; declined++ {
		require.Less(s.player.t, time.Since(start), patience, "%s: no offer of %s, but of %s", at, portion(want), others)
		s.wait(fmt.Sprintf("%s: an offer of %s (%d others declined)", at, portion(want), declined), func() bool { return len(s.order) > 0 })
		for i, id := range s.order {
			got := s.offers[id]
			if portion(got) != portion(want) {
				continue
			}
			delete(s.offers, id)
			s.order = slices.Delete(s.order, i, i+1)
			s.player.names.compare("offer", sorted(want), sorted(got), func(path, want, got string) {
				s.player.difference(at, "OFFERS "+path, want, got)
			})
			return
		}
		for _, id := range s.order {
			others = portion(s.offers[id])
			s.decline(at, id)
		}
		s.order, s.offers = nil, map[string]any{}
	}
}

// portion is what makes two offers alike: resources and their role.
func portion(offer any) string {
	o := offer.(map[string]any)
	var list []string
	for _, r := range o["resources"].([]any) {
		list = append(list, text(r))
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}

// sorted is an offer with its resources in an order: their own says nothing.
func sorted(offer any) any {
	out := map[string]any{}
	for k, v := range offer.(map[string]any) {
		if k == "resources" {
			list := slices.Clone(v.([]any))
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(text(a), text(b)) })
			v = list
		}
		out[k] = v
	}
	return out
}

// decline gives back an offer that the recorded client did not have.
func (s *stream) decline(at, id string) {
	t := s.player.t
	c, err := dial(s.player.cluster.Address())
	require.NoError(t, err)
	defer c.Close()
	body := fmt.Sprintf(`{"type":"DECLINE","framework_id":{"value":%q},"decline":{"offer_ids":[{"value":%q}],"filters":{"refuse_seconds":0}}}`, s.framework, id)
	require.NoError(t, c.send("POST /api/v1/scheduler HTTP/1.1", map[string][]string{
		"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Content-Length": nil, "Mesos-Stream-Id": {s.id},
	}, []byte(body), func(text string) string { return text }), at)
	r, err := c.receive()
	require.NoError(t, err, at)
	require.Equal(t, "HTTP/1.1 202 Accepted", r.status, "%s: %s", at, r.body)
}
