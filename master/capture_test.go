package master_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// record is a line of testdata/scheduler-api.jsonl: what a real framework and a real agent said to a
// master of Mesos 1.12, and what it answered.
type record struct {
	T         float64
	Stream    string // of a call
	Call      string
	CallBytes []byte `json:"call_bytes"`
	Opened    string // a stream
	Ended     string // a stream, by the framework
	On        string // stream of an event
	Event     string
	Status    int // of the last call
	Body      string
	FromAgent string `json:"from_agent"`
	ToAgent   string `json:"to_agent"`
	Bytes     []byte
}

// replay plays the framework's and the agent's parts of the capture and collects what our master says.
type replay struct {
	t       *testing.T
	sim     *loop.Sim
	master  *master.Master
	agent   *conn
	streams map[string]*recorded // by the id of the captured stream
	opening *recorded            // whose captured id is not known yet
	refused error                // the answer to the last call
	garbled bool                 // the last call can't be read: the transport refuses it
	ids     map[string][]*mesosproto.OfferID
	names   map[string]string // our stream ids to the captured ones
}

type recorded struct {
	id     string // ours
	events []*schedulerpb.Event
	held   map[string]*mesosproto.Offer // outstanding
	order  []string
}

func (s *recorded) Close() {}
func (s *recorded) Send(e *schedulerpb.Event) {
	switch e.GetType() {
	case schedulerpb.Event_OFFERS:
		for _, o := range e.Offers.Offers {
			s.held[o.Id.GetValue()] = o
			s.order = append(s.order, o.Id.GetValue())
		}
	case schedulerpb.Event_HEARTBEAT:
	default:
		s.events = append(s.events, e)
	}
}

// Our master tells a framework and an agent the same as the reference did, in the same order. Offers
// are another matter: ours come at other times, so only what is done with them is compared.
func TestTheMasterSaysWhatTheReferenceSaid(t *testing.T) {
	file, err := os.Open("testdata/scheduler-api.jsonl")
	require.NoError(t, err)
	defer file.Close()
	sim := loop.NewSim(1)
	m, err := master.New(master.Config{Loop: sim.Loop("master"), Info: &mesosproto.MasterInfo{
		Id: proto.String("debe1c13-8614-4cf7-a3d5-ed5290e66302"), Ip: proto.Uint32(16777343), Port: proto.Uint32(5050),
		Hostname: proto.String("master.example"),
	}})
	require.NoError(t, err)
	m.Start()
	sim.Advance(time.Second)
	start := sim.Now()
	r := &replay{t: t, sim: sim, master: m, streams: map[string]*recorded{}, ids: map[string][]*mesosproto.OfferID{}, names: map[string]string{}}
	r.agent = &conn{b: &bundle{t: t, sim: sim, master: m}, peer: "slave(1)@127.0.0.1:5051"}

	want := map[string][]string{} // by stream
	var wantAgent []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var x record
		require.NoError(t, json.Unmarshal(lines.Bytes(), &x))
		if d := start.Add(time.Duration(x.T * float64(time.Second))).Sub(sim.Now()); d > 0 {
			sim.Advance(d)
		}
		switch {
		case x.FromAgent != "":
			message := &messagespb.RegisterSlaveMessage{}
			if x.FromAgent == "RegisterSlaveMessage" {
				require.NoError(t, proto.Unmarshal(x.Bytes, message))
				m.Agents().Message(r.agent, message, func() {})
				sim.Advance(3 * time.Millisecond)
				break
			}
			m.Agents().Message(r.agent, decode(t, x.FromAgent, x.Bytes), func() {})
			sim.Settle()
		case x.ToAgent != "":
			wantAgent = append(wantAgent, describe(t, decode(t, x.ToAgent, x.Bytes)))
		case x.Call != "" || x.CallBytes != nil:
			r.call(x)
		case x.Opened != "":
			require.NotNil(t, r.opening)
			r.streams[x.Opened] = r.opening
			r.names[r.opening.id] = x.Opened
			r.opening = nil
		case x.Ended != "":
			m.Schedulers().Ended(r.streams[x.Ended])
			sim.Settle()
		case x.On != "":
			e := &schedulerpb.Event{}
			require.NoError(t, mesosjson.Unmarshal([]byte(x.Event), e))
			if e.GetType() != schedulerpb.Event_HEARTBEAT && e.GetType() != schedulerpb.Event_OFFERS {
				want[x.On] = append(want[x.On], describe(t, e))
			}
		case x.Status != 0:
			if r.garbled {
				break
			}
			if x.Status == 200 {
				require.NoError(t, r.refused)
				break
			}
			status, body := apierror.Scheduler.HTTP(r.refused)
			require.Equal(t, x.Status, status, "%s: %v", x.Body, r.refused)
			for ours, theirs := range r.names {
				body = strings.ReplaceAll(body, ours, theirs)
			}
			require.Equal(t, x.Body, body)
		}
	}
	require.NoError(t, lines.Err())
	for id, events := range want {
		var got []string
		for _, e := range r.streams[id].events {
			if e.GetType() != schedulerpb.Event_RESCIND {
				got = append(got, describe(t, e))
			}
		}
		require.Equal(t, strings.Join(events, "\n"), strings.Join(got, "\n"))
	}
	var got []string
	for _, x := range r.agent.got {
		got = append(got, describe(t, x))
	}
	require.Equal(t, strings.Join(wantAgent, "\n"), strings.Join(got, "\n"))
}

func decode(t *testing.T, name string, b []byte) proto.Message {
	kind, err := protoregistry.GlobalTypes.FindMessageByURL("mesos.internal." + name)
	require.NoError(t, err)
	m := kind.New().Interface()
	require.NoError(t, proto.Unmarshal(b, m))
	return m
}

// call sends a captured call, with our stream and our offers in the place of theirs.
func (r *replay) call(x record) {
	c := &schedulerpb.Call{}
	if x.Call != "" {
		r.garbled = mesosjson.Unmarshal([]byte(x.Call), c) != nil
	} else {
		r.garbled = proto.Unmarshal(x.CallBytes, c) != nil
	}
	r.refused = nil
	if r.garbled {
		return
	}
	if c.GetType() == schedulerpb.Call_SUBSCRIBE && c.Subscribe != nil {
		s := &recorded{held: map[string]*mesosproto.Offer{}}
		r.master.Schedulers().Subscribe(link.Caller{}, c, s, func(id string, err error) { s.id, r.refused = id, err })
		r.sim.Settle()
		if r.refused == nil {
			r.opening = s
		}
		return
	}
	from := link.Caller{StreamID: x.Stream}
	s := r.streams[x.Stream]
	if s != nil {
		from.StreamID = s.id
		if c.Accept != nil {
			c.Accept.OfferIds = r.offers(s, c.Accept.OfferIds)
		}
		if c.Decline != nil {
			c.Decline.OfferIds = r.offers(s, c.Decline.OfferIds)
		}
	}
	called := false
	r.master.Schedulers().Call(from, c, func(err error) { called = true; r.refused = err })
	r.sim.Settle()
	require.True(r.t, called, "%v", c)
}

// offers are those of ours that stand for captured ones: the first time all that we hold, then the same.
func (r *replay) offers(s *recorded, captured []*mesosproto.OfferID) (ours []*mesosproto.OfferID) {
	for _, id := range captured {
		key := id.GetValue()
		if strings.HasPrefix(key, "nosuch") {
			ours = append(ours, id)
			continue
		}
		if r.ids[key] == nil {
			role := ""
			for _, o := range s.order {
				if h := s.held[o]; h != nil && (role == "" || role == h.GetAllocationInfo().GetRole()) {
					role = h.GetAllocationInfo().GetRole()
					r.ids[key] = append(r.ids[key], h.Id)
					delete(s.held, o)
				}
			}
			require.NotEmpty(r.t, r.ids[key], "no offer for %s", key)
		}
		ours = append(ours, r.ids[key]...)
	}
	return ours
}

// describe prints a message without what must differ: times, the role that an offer happened to have,
// ids of offers, and the order of resources.
func describe(t *testing.T, m proto.Message) string {
	m = proto.Clone(m)
	if e, ok := m.(*schedulerpb.Event); ok {
		if s := e.GetUpdate().GetStatus(); s != nil && s.Uuid == nil {
			s.Timestamp = nil
			s.Message = proto.String(anyOrder(s.GetMessage()))
		}
	}
	if run, ok := m.(*messagespb.RunTaskMessage); ok {
		for _, r := range run.Task.Resources {
			r.AllocationInfo = nil
		}
	}
	b, err := mesosjson.Marshal(m)
	require.NoError(t, err)
	return string(m.ProtoReflect().Descriptor().Name()) + " " + string(b)
}

func anyOrder(text string) string {
	for _, role := range []string{"dev", "ops"} {
		text = strings.ReplaceAll(text, "(allocated: "+role+")", "")
	}
	const available, invalid = "more than available ", "with invalid offers: "
	if i := strings.Index(text, available); i >= 0 {
		i += len(available)
		list := strings.Split(text[i:], "; ")
		slices.Sort(list)
		text = text[:i] + strings.Join(list, "; ")
	}
	if i := strings.Index(text, invalid); i >= 0 {
		words := strings.Fields(text)
		for i, w := range words {
			if strings.Contains(w, "-O") {
				words[i] = "OFFER"
			}
		}
		text = strings.Join(words, " ")
	}
	return text
}
