package schedulertest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto/messagespb"
)

// trace records what arrived where and when: as a hash of everything, for comparing runs, and the end of
// it for people, as text that is made only when somebody wants to read it.
type trace struct {
	sim       *loop.Sim
	hash      *xxhash.Digest
	buffer    []byte              // reused
	entries   []traceEntry        // at most maxEntries; when there are as many, the oldest is replaced
	next      int                 // counts all
	histories map[string]*history // of agents, by their names
	// mutated is called when a message was changed between sending and arrival.
	mutated func(from, to string, m proto.Message)
}

// maxEntries is how much of a trace is kept for people.
const maxEntries = 4096

// traceEntry is a message that arrived, or a note.
type traceEntry struct {
	at       loop.Instant
	from, to string
	m        proto.Message // nil: a note
	note     string
}

func newTrace(sim *loop.Sim) *trace {
	return &trace{sim: sim, hash: xxhash.New(), histories: map[string]*history{}}
}

func (t *trace) note(what string) {
	now := t.sim.Instant()
	t.mix(uint64(now), xxhash.Sum64String(what), 0)
	t.keep(traceEntry{at: now, note: what})
}

// arrived notes a message and checks that it is as it was when it was sent: senders and receivers keep
// messages, so none may change one.
//
// Pings, pongs and heartbeats count in the hash, but nobody wants to read them.
func (t *trace) arrived(l *lane, d delivery) {
	now := t.sim.Instant()
	t.mix(uint64(now), l.hash, d.hash)
	if quiet(d.m) {
		return
	}
	if !t.unchanged(l.from, d.m, d.hash) {
		t.mutated(l.from, l.to, d.m)
	}
	t.keep(traceEntry{at: now, from: l.from, to: l.to, m: d.m})
}

func (t *trace) mix(a, b, c uint64) {
	var record [24]byte
	binary.LittleEndian.PutUint64(record[:], a)
	binary.LittleEndian.PutUint64(record[8:], b)
	binary.LittleEndian.PutUint64(record[16:], c)
	t.hash.Write(record[:])
}

func (t *trace) keep(e traceEntry) {
	if len(t.entries) < maxEntries {
		t.entries = append(t.entries, e)
	} else {
		t.entries[t.next%maxEntries] = e
	}
	t.next++
}

// hashOf is the hash of a message that somebody sends: of its bytes in deterministic form, since its text
// varies from build to build, on purpose.
func (t *trace) hashOf(from string, m proto.Message) uint64 {
	switch m := m.(type) {
	case nil:
		return 0
	case *messagespb.PingSlaveMessage: // these two are most of all messages
		if m.GetConnected() {
			return 1
		}
		return 2
	case *messagespb.PongSlaveMessage:
		return 3
	case *messagespb.ReregisterSlaveMessage:
		return t.hashOfReturn(from, m)
	}
	return t.hashOfBytes(m)
}

func (t *trace) hashOfBytes(m proto.Message) uint64 {
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.MarshalAppend(t.buffer[:0], m)
	if err != nil {
		return xxhash.Sum64String(err.Error())
	}
	t.buffer = b
	return xxhash.Sum64(b)
}

// hashWay is the hash of a direction.
func hashWay(from, to string) uint64 { return xxhash.Sum64String(from + " > " + to) }

func (t *trace) sum() string { return fmt.Sprintf("%016x", t.hash.Sum64()) }

func (t *trace) text() string { return t.tail(maxEntries) }

// tail is the last n lines.
func (t *trace) tail(n int) string {
	var b strings.Builder
	kept := min(len(t.entries), n)
	for i := t.next - kept; i < t.next; i++ {
		e := t.entries[i%maxEntries]
		fmt.Fprintf(&b, "%12s  ", time.Duration(e.at).Round(time.Microsecond))
		if e.m == nil {
			b.WriteString(e.note)
		} else {
			fmt.Fprintf(&b, "%s > %s %s", e.from, e.to, describe(e.m))
		}
		if i+1 < t.next {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
